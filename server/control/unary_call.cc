#include "server/control/unary_call.h"

#include <utility>

#include "absl/time/clock.h"
#include "proto/status/error.h"
#include "proto/status/rpc_status.h"

namespace tlsd::control {

std::shared_ptr<UnaryCall> UnaryCall::Start() {
  std::shared_ptr<UnaryCall> call(new UnaryCall);
  call->self_ = call;
  return call;
}

void UnaryCall::Answer(const absl::Status& status) {
  if (Claim()) Finish(ToRpcStatus(status));
}

void UnaryCall::OnGiveUp(std::optional<absl::Duration> timeout,
                         GiveUp give_up) {
  bool cancelled = false;
  {
    absl::MutexLock lock(&mutex_);
    // Kept after the end, `give_up` would keep what it holds for ever.
    if (done_) return;
    give_up_ = std::move(give_up);
    cancelled = cancelled_;
    if (timeout.has_value() && !cancelled) {
      alarm_ = std::make_unique<grpc::Alarm>();
      alarm_->Set(absl::ToChronoTime(absl::Now() + *timeout),
                  [self = shared_from_this()](bool fired) {
                    if (!fired) return;
                    self->CallGiveUp(MakeError(
                        Reason::kWaitTimeout,
                        "nothing happened in the time given; nothing is lost"));
                  });
    }
  }
  if (cancelled) OnCancel();
}

void UnaryCall::OnUndelivered(TakeBack take_back) {
  absl::MutexLock lock(&mutex_);
  take_back_ = std::move(take_back);
}

void UnaryCall::OnCancel() {
  {
    absl::MutexLock lock(&mutex_);
    cancelled_ = true;
  }
  CallGiveUp(MakeError(Reason::kCallCancelled, "the caller has left"));
}

void UnaryCall::CallGiveUp(const absl::Status& reason) {
  GiveUp give_up;
  {
    absl::MutexLock lock(&mutex_);
    give_up = std::exchange(give_up_, nullptr);
  }
  if (give_up) std::move(give_up)(reason);
}

void UnaryCall::OnDone() {
  std::unique_ptr<grpc::Alarm> alarm;
  GiveUp give_up;
  TakeBack take_back;
  bool delivered = true;
  {
    absl::MutexLock lock(&mutex_);
    done_ = true;
    delivered = !cancelled_;
    alarm = std::move(alarm_);
    give_up = std::exchange(give_up_, nullptr);
    take_back = std::exchange(take_back_, nullptr);
  }
  if (alarm != nullptr) alarm->Cancel();
  // gRPC says that a call was cancelled if it could not send the answer.
  if (take_back && !delivered) std::move(take_back)();
  // Last: it may be the last reference.
  std::shared_ptr<UnaryCall> self = std::move(self_);
}

grpc::ServerUnaryReactor* FinishNow(grpc::CallbackServerContext* context,
                                    const absl::Status& status) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToRpcStatus(status));
  return reactor;
}

}  // namespace tlsd::control
