#include "proto/rpc/callback_waker.h"

#include <utility>

#include "absl/base/attributes.h"
#include "absl/time/clock.h"

namespace tlsd::rpc {

std::shared_ptr<CallbackWaker> CallbackWaker::Shared() {
  ABSL_CONST_INIT static absl::Mutex mutex(absl::kConstInit);
  static std::weak_ptr<CallbackWaker> shared;
  absl::MutexLock lock(&mutex);
  std::shared_ptr<CallbackWaker> waker = shared.lock();
  if (waker == nullptr) {
    waker = std::make_shared<CallbackWaker>(kPeriod);
    shared = waker;
  }
  return waker;
}

CallbackWaker::CallbackWaker(absl::Duration period,
                             std::function<void()> on_wake)
    : period_(period),
      on_wake_(std::move(on_wake)),
      stub_(grpc::CreateChannel("", nullptr)) {
  absl::MutexLock lock(&mutex_);
  SetAlarm();
}

CallbackWaker::~CallbackWaker() {
  absl::MutexLock lock(&mutex_);
  must_stop_ = true;
  if (alarm_ != nullptr) alarm_->Cancel();
  mutex_.Await(absl::Condition(&has_stopped_));
}

void CallbackWaker::SetAlarm() {
  alarm_ = std::make_unique<grpc::Alarm>();
  alarm_->Set(absl::ToChronoTime(absl::Now() + period_),
              [this](bool is_due) { OnAlarm(is_due); });
}

void CallbackWaker::OnAlarm(bool is_due) {
  {
    absl::MutexLock lock(&mutex_);
    if (!is_due || must_stop_) {
      has_stopped_ = true;
      return;
    }
  }
  // The alarm itself would be called back on another thread.
  call_.emplace();
  const grpc::Slice nothing;
  call_->request = grpc::ByteBuffer(&nothing, 1);
  stub_.UnaryCall(&call_->context, "/wake", {}, &call_->request,
                  &call_->response,
                  [this](const grpc::Status&) { OnCallEnded(); });
}

void CallbackWaker::OnCallEnded() {
  if (on_wake_) on_wake_();
  absl::MutexLock lock(&mutex_);
  if (must_stop_) {
    has_stopped_ = true;
  } else {
    SetAlarm();
  }
}

}  // namespace tlsd::rpc
