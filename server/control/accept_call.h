// AcceptCall is one Accept: it takes names from a listener's queue until it has
// a connection that nobody else has taken. It may have ended, and still hold
// what came before.
//
// It lives as long as something waits for it. Its steps run on whatever thread
// brings the next name.
#ifndef TLSD_SERVER_CONTROL_ACCEPT_CALL_H_
#define TLSD_SERVER_CONTROL_ACCEPT_CALL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/control/unary_call.h"
#include "server/worker/listener.h"
#include "server/worker/worker_pool.h"
#include "tlsd/v1/connection_service.pb.h"

namespace tlsd::control {

class AcceptCall final : public std::enable_shared_from_this<AcceptCall> {
 public:
  // Start answers `call` with the next connection of `listener`, or with
  // HANDLER_MISMATCH, LISTENER_CLOSING, or WAIT_TIMEOUT after `wait`.
  static void Start(std::shared_ptr<UnaryCall> call,
                    std::shared_ptr<worker::Listener> listener,
                    worker::WorkerPool& pool,
                    std::optional<absl::Duration> wait,
                    v1::Connection* response);

 private:
  AcceptCall(std::shared_ptr<UnaryCall> call,
             std::shared_ptr<worker::Listener> listener,
             worker::WorkerPool& pool, v1::Connection* response);

  // Next waits for a name, but not any more once the call was given up.
  void Next();
  void GiveUp(const absl::Status& reason);
  void OnName(absl::StatusOr<std::string> name);
  void Take(const std::string& name,
            absl::StatusOr<conn::Connection*> connection);
  // GiveBack offers a connection again that the caller did not get.
  void GiveBack(const std::string& name);

  const std::shared_ptr<UnaryCall> call_;
  const std::shared_ptr<worker::Listener> listener_;
  worker::WorkerPool& pool_;
  v1::Connection* const response_;
  absl::Mutex mutex_;
  int64_t ticket_ ABSL_GUARDED_BY(mutex_) = 0;
  // Why nobody waits any more; OK as long as somebody does.
  absl::Status given_up_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tlsd::control

#endif  // TLSD_SERVER_CONTROL_ACCEPT_CALL_H_
