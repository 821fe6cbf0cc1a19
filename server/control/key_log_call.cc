#include "server/control/key_log_call.h"

#include <utility>

#include "proto/status/error.h"
#include "proto/status/rpc_status.h"
#include "server/base/secret.h"

namespace tlsd::control {
namespace {

constexpr size_t kBatchCount = 64;

}  // namespace

KeyLogCall* KeyLogCall::Start(absl::StatusOr<std::string> listener,
                              worker::KeyLog* key_log, net::EventLoop& loop) {
  const absl::Status status = listener.status();
  std::shared_ptr<KeyLogCall> call(new KeyLogCall(
      status.ok() ? *std::move(listener) : std::string(), key_log, loop));
  call->self_ = call;
  if (status.ok()) {
    call->PostStep(&KeyLogCall::Begin);
  } else {
    call->finished_ = true;
    call->Finish(ToRpcStatus(status));
  }
  return call.get();
}

KeyLogCall::KeyLogCall(std::string listener, worker::KeyLog* key_log,
                       net::EventLoop& loop)
    : listener_(std::move(listener)), key_log_(key_log), loop_(loop) {}

// gRPC's threads.

void KeyLogCall::OnWriteDone(bool ok) {
  PostStep(ok ? &KeyLogCall::OnSent : &KeyLogCall::OnSendFailed);
}

void KeyLogCall::OnCancel() { PostStep(&KeyLogCall::Leave); }

void KeyLogCall::OnDone() {
  std::shared_ptr<KeyLogCall> self = std::move(self_);
}

// Any thread.

void KeyLogCall::PostStep(void (KeyLogCall::*step)()) {
  loop_.Post([self = shared_from_this(), step] { ((*self).*step)(); });
}

// The loop's thread.

void KeyLogCall::Begin() {
  if (ended_) return;
  // Before `started` is sent, which promises what comes after it.
  subscription_ = key_log_->Subscribe(
      listener_, [this] { PostStep(&KeyLogCall::SendNext); });
  response_.mutable_started();
  Send();
}

void KeyLogCall::SendNext() {
  if (sending_ || ended_) return;
  if (unsent_.empty()) {
    worker::KeyLog::Batch batch = key_log_->Read(*subscription_, kBatchCount);
    unsent_.assign(batch.lines.begin(), batch.lines.end());
    if (batch.dropped_count > 0) {
      response_.mutable_gap()->set_dropped_count(batch.dropped_count);
      Send();
      return;
    }
  }
  if (!unsent_.empty()) SendLine();
}

void KeyLogCall::SendLine() {
  const std::shared_ptr<const worker::KeyLogLine> line =
      std::move(unsent_.front());
  unsent_.pop_front();
  response_.mutable_line()->set_line(line->line);
  response_.mutable_line()->set_connection(line->connection);
  Send();
}

void KeyLogCall::Send() {
  sending_ = true;
  StartWrite(&response_);
}

void KeyLogCall::OnSent() {
  WipeResponse();
  SendNext();
  FinishIfIdle();
}

void KeyLogCall::OnSendFailed() {
  WipeResponse();
  Leave();
}

void KeyLogCall::WipeResponse() {
  sending_ = false;
  if (response_.has_line()) {
    base::Wipe(*response_.mutable_line()->mutable_line());
  }
  response_.Clear();
}

void KeyLogCall::Leave() {
  ended_ = true;
  if (subscription_.has_value()) key_log_->Unsubscribe(*subscription_);
  subscription_.reset();
  unsent_.clear();
  FinishIfIdle();
}

void KeyLogCall::FinishIfIdle() {
  if (!ended_ || sending_ || finished_) return;
  finished_ = true;
  Finish(ToRpcStatus(MakeError(Reason::kCallCancelled, "the caller has left")));
}

}  // namespace tlsd::control
