// What the programs here have in common: how one that speaks gRPC begins, and
// how one that serves knows its end. The main thread calls them.
#ifndef TLSD_TESTS_BENCH_GRPC_GRPC_PROGRAM_H_
#define TLSD_TESTS_BENCH_GRPC_GRPC_PROGRAM_H_

#include "absl/status/status.h"

namespace tlsd::bench {

// BeginGrpc comes before all that speaks gRPC. The threads of the program keep
// to `processor`; -1: to none.
absl::Status BeginGrpc(int processor);

// AwaitEndOfInput waits until standard input ends.
void AwaitEndOfInput();

}  // namespace tlsd::bench

#endif  // TLSD_TESTS_BENCH_GRPC_GRPC_PROGRAM_H_
