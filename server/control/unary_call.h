// UnaryCall is one unary RPC that is answered later, from any thread, and that
// the caller may give up in the meantime.
//
// It keeps itself alive until gRPC is done with it; others share it. The first
// answer wins. It knows no service.
#ifndef TLSD_SERVER_CONTROL_UNARY_CALL_H_
#define TLSD_SERVER_CONTROL_UNARY_CALL_H_

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace tlsd::control {

class UnaryCall final : public grpc::ServerUnaryReactor,
                        public std::enable_shared_from_this<UnaryCall> {
 public:
  // Start returns a call; the RPC's handler returns `get()` of it to gRPC.
  static std::shared_ptr<UnaryCall> Start();

  // Claim returns true to the first who asks: that one fills the response and
  // calls Finish, and nobody else does.
  bool Claim() { return !claimed_.exchange(true); }
  bool claimed() const { return claimed_; }

  // Answer finishes the call with `status`, unless somebody else does.
  void Answer(const absl::Status& status);

  // OnGiveUp calls `give_up` at most once: with WAIT_TIMEOUT after `timeout`,
  // or with CALL_CANCELLED when the caller has left, maybe at once. `give_up`
  // sees to it that the call is answered.
  using GiveUp = absl::AnyInvocable<void(const absl::Status& reason) &&>;
  void OnGiveUp(std::optional<absl::Duration> timeout, GiveUp give_up);

  // OnUndelivered calls `take_back` if the caller has left before the answer
  // could be sent, so that what it gives away is not lost. Only who has claimed
  // the call may call it, before Finish.
  using TakeBack = absl::AnyInvocable<void() &&>;
  void OnUndelivered(TakeBack take_back);

 private:
  UnaryCall() = default;
  void OnCancel() override;
  void OnDone() override;
  void CallGiveUp(const absl::Status& reason);

  std::atomic<bool> claimed_{false};
  std::shared_ptr<UnaryCall> self_;
  absl::Mutex mutex_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  GiveUp give_up_ ABSL_GUARDED_BY(mutex_);
  TakeBack take_back_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::Alarm> alarm_ ABSL_GUARDED_BY(mutex_);
};

// FinishNow answers an RPC whose work is done.
grpc::ServerUnaryReactor* FinishNow(grpc::CallbackServerContext* context,
                                    const absl::Status& status);

}  // namespace tlsd::control

#endif  // TLSD_SERVER_CONTROL_UNARY_CALL_H_
