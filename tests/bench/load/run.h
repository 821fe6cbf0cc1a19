// The whole of a load, from its options to its result.
#ifndef TLSD_TESTS_BENCH_LOAD_RUN_H_
#define TLSD_TESTS_BENCH_LOAD_RUN_H_

#include "absl/status/statusor.h"
#include "tests/bench/load/options.h"
#include "tests/bench/load/result.h"

namespace tlsd::bench::load {

// Run does what `options`, which are complete, ask for. It fails if anything
// does: a wrong byte, the end of a connection, silence, or full handshakes
// where resumed ones were asked for.
absl::StatusOr<Result> Run(const Options& options);

}  // namespace tlsd::bench::load

#endif  // TLSD_TESTS_BENCH_LOAD_RUN_H_
