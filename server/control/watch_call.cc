#include "server/control/watch_call.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "proto/status/rpc_status.h"
#include "server/control/convert.h"

namespace tlsd::control {
namespace {

constexpr size_t kBatchCount = 64;

}  // namespace

WatchCall* WatchCall::Start(absl::StatusOr<WatchOptions> options,
                            worker::EventHub& events) {
  const absl::Status status = options.status();
  std::shared_ptr<WatchCall> call(new WatchCall(
      status.ok() ? *std::move(options) : WatchOptions(), events));
  call->self_ = call;
  if (status.ok()) {
    call->PostStep(&WatchCall::Begin);
  } else {
    // A caller that leaves meanwhile must not end it again.
    call->finished_ = true;
    call->Finish(ToRpcStatus(status));
  }
  return call.get();
}

WatchCall::WatchCall(WatchOptions options, worker::EventHub& events)
    : options_(std::move(options)), events_(events) {}

// gRPC's threads.

void WatchCall::OnWriteDone(bool ok) {
  PostStep(ok ? &WatchCall::OnSent : &WatchCall::OnSendFailed);
}

void WatchCall::OnCancel() { PostStep(&WatchCall::Leave); }

void WatchCall::OnDone() { std::shared_ptr<WatchCall> self = std::move(self_); }

void WatchCall::PostStep(void (WatchCall::*step)()) {
  events_.loop().Post([self = shared_from_this(), step] { ((*self).*step)(); });
}

// The hub's thread.

void WatchCall::Begin() {
  if (ended_) return;
  lag_max_ = kLagMax + events_.newest_cursor() - options_.cursor;
  subscription_ = events_.Subscribe([this] { SendNext(); });
  SendBookmark();
}

void WatchCall::SendNext() {
  if (sending_ || ended_) return;
  if (unsent_.empty() && !ReadBatch()) return;
  if (!unsent_.empty()) {
    SendEvent();
  } else if (bookmark_timer_ == nullptr) {
    bookmark_timer_ = events_.loop().After(options_.bookmark_interval, [this] {
      bookmark_timer_.reset();
      if (!sending_ && !ended_) SendBookmark();
    });
  }
}

bool WatchCall::ReadBatch() {
  const uint64_t lag = events_.newest_cursor() - options_.cursor;
  if (lag > lag_max_) {
    Overflow(lag, lag - kLagMax);
    return false;
  }
  lag_max_ = std::min(lag_max_, kLagMax + lag);
  worker::EventHub::Batch batch =
      events_.Read(options_.cursor, options_.filter, kBatchCount);
  if (batch.lost_count > 0) {
    // One that resumed at the end of the ring, which has moved on since.
    Overflow(lag, batch.lost_count);
    return false;
  }
  options_.cursor = batch.cursor;
  unsent_.assign(batch.events.begin(), batch.events.end());
  return true;
}

void WatchCall::Overflow(uint64_t lag, uint64_t dropped_count) {
  if (!options_.drop_oldest) {
    End(MakeError(Reason::kConsumerTooSlow,
                  absl::StrCat("the watcher is ", lag,
                               " events behind; resume with the newest token"),
                  {{"resume_token", events_.ToToken(options_.cursor)},
                   {"lag", absl::StrCat(lag)}}));
    return;
  }
  response_.mutable_gap()->set_dropped_count(
      static_cast<int64_t>(dropped_count));
  options_.cursor += dropped_count;
  Send();
}

void WatchCall::SendEvent() {
  const std::shared_ptr<const worker::Event> event = std::move(unsent_.front());
  unsent_.pop_front();
  ToProto(*event, events_.ToToken(event->sequence), *response_.mutable_event());
  Send();
}

void WatchCall::SendBookmark() {
  response_.mutable_bookmark()->set_resume_token(
      events_.ToToken(options_.cursor));
  Send();
}

void WatchCall::Send() {
  sending_ = true;
  bookmark_timer_.reset();
  StartWrite(&response_);
}

void WatchCall::OnSent() {
  sending_ = false;
  response_.Clear();
  if (ended_) {
    End(status_);
  } else {
    SendNext();
  }
}

void WatchCall::OnSendFailed() {
  sending_ = false;
  Leave();
}

void WatchCall::Leave() {
  End(MakeError(Reason::kCallCancelled, "the caller has left"));
}

void WatchCall::End(const absl::Status& status) {
  if (!ended_) {
    ended_ = true;
    status_ = status;
    if (subscription_.has_value()) events_.Unsubscribe(*subscription_);
    bookmark_timer_.reset();
  }
  if (sending_ || finished_) return;
  finished_ = true;
  Finish(ToRpcStatus(status_));
}

}  // namespace tlsd::control
