// MessageLoad sends messages over streams of gRPC to a server that gives them
// back, and compares. It speaks the contract's `Stream`, without a connection
// to attach to: the server is raw_echo_server, and shows what gRPC alone costs.
//
// As mode it knows kRoundTrips, one message under way on each stream, and
// kEcho, several.
//
// One thread owns it; gRPC's threads do the work.
#ifndef TLSD_TESTS_BENCH_GRPC_MESSAGE_LOAD_H_
#define TLSD_TESTS_BENCH_GRPC_MESSAGE_LOAD_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "tests/bench/load/interval.h"
#include "tests/bench/load/options.h"
#include "tests/bench/load/result.h"
#include "tlsd/v1/connection_service.grpc.pb.h"

namespace tlsd::bench {

struct MessageOptions {
  // "unix:/path" or "127.0.0.1:port".
  std::string target;
  // Messages that are under way at once on each stream.
  int outstanding = 1;
  // A connection stands for a stream. Of the rest it uses mode, size, the times
  // and cpu_of.
  load::Options base = {};
};

class MessageLoad {
 public:
  explicit MessageLoad(const MessageOptions& options);
  ~MessageLoad();

  // Run fails if any stream does, or if a wrong byte comes back.
  absl::StatusOr<load::Result> Run();

 private:
  class Call;

  void Start();
  // Drive returns when the interval is over.
  absl::Status Drive();
  // Wait waits for a failure, at most for `time`, and returns it.
  absl::Status Wait(absl::Duration time);
  void OnPhase(load::Interval::Phase phase);
  absl::Status CheckProgress();
  void End();

  // From gRPC's threads.
  void OnFirstAnswer();
  void OnDone(const absl::Status& status);

  const MessageOptions options_;
  load::Interval interval_;
  std::unique_ptr<v1::ConnectionService::Stub> stub_;
  std::vector<std::unique_ptr<Call>> calls_;
  // Of calls, as the interval begins and as it ends.
  std::vector<int64_t> before_;
  std::vector<int64_t> moved_;
  // When something was last seen to arrive, and how much by then.
  absl::Duration last_progress_;
  int64_t last_total_ = 0;

  absl::Mutex mutex_;
  int answering_count_ ABSL_GUARDED_BY(mutex_) = 0;
  int open_count_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tlsd::bench

#endif  // TLSD_TESTS_BENCH_GRPC_MESSAGE_LOAD_H_
