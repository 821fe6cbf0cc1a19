// StreamEcho takes every connection of a listener of tlsd, and gives back each
// message of its stream, as a user of the contract does with generated code:
// the other half of what raw_echo_server does.
//
// One thread owns it; gRPC's threads do the work.
#ifndef TLSD_TESTS_BENCH_GRPC_STREAM_ECHO_H_
#define TLSD_TESTS_BENCH_GRPC_STREAM_ECHO_H_

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "tlsd/v1/connection_service.grpc.pb.h"

namespace tlsd::bench {

class StreamEcho {
 public:
  // It works on `listener` of the daemon at `control`. With `spoils` it changes
  // the first byte of each message, to see that a load notices.
  StreamEcho(const std::string& control, std::string listener, bool spoils);

  // All calls must have ended: see WaitForEnd.
  ~StreamEcho() = default;

  // Start begins to take connections.
  void Start();
  // WaitForEnd waits until every stream has ended; the listener must be closed.
  void WaitForEnd();

 private:
  class Stream;

  // Accept asks for the next connection.
  void Accept();
  void OnCallBegin();
  void OnCallEnd();

  const std::string listener_;
  const bool spoils_;
  // Two, because a connection to a daemon has so many calls at most.
  std::unique_ptr<v1::ConnectionService::Stub> acceptor_;
  std::unique_ptr<v1::ConnectionService::Stub> streams_;

  absl::Mutex mutex_;
  int call_count_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace tlsd::bench

#endif  // TLSD_TESTS_BENCH_GRPC_STREAM_ECHO_H_
