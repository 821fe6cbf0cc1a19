// BenchHandler answers what the handshakes of a BenchDaemon ask, as a program
// would that does little: it picks a context, staples a response, accepts
// peers, signs, and keeps sessions in a client::SessionStore.
//
// Its answers come from a thread of gRPC. One thread owns it.
#ifndef TLSD_TESTS_BENCH_BENCH_HANDLER_H_
#define TLSD_TESTS_BENCH_BENCH_HANDLER_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "client/decision_handler.h"
#include "client/session_store.h"
#include "tests/bench/bench_daemon.h"

namespace tlsd::bench {

class BenchHandler {
 public:
  // Start returns when questions come; its store keeps `session_count_max`.
  static absl::StatusOr<std::unique_ptr<BenchHandler>> Start(
      const BenchDaemon& daemon, int session_count_max);

  client::SessionStore& sessions() { return sessions_; }

  // TakeWays returns how long CLIENT_HELLO questions were on their way here,
  // of those that came since the last call.
  std::vector<absl::Duration> TakeWays();

  // Check fails if the daemon did not use an answer, or the handler has ended.
  absl::Status Check() const;

 private:
  explicit BenchHandler(int session_count_max);
  client::Answerers MakeAnswerers();
  void OnClientHello(const client::Decision& decision);
  void OnFailure(const absl::Status& error);

  const std::string ocsp_response_;
  client::SessionStore sessions_;
  mutable absl::Mutex mutex_;
  std::vector<absl::Duration> ways_ ABSL_GUARDED_BY(mutex_);
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  // Last: it ends before what its answers use.
  std::optional<client::DecisionHandler> handler_;
};

}  // namespace tlsd::bench

#endif  // TLSD_TESTS_BENCH_BENCH_HANDLER_H_
