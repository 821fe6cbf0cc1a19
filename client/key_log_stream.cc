#include "client/key_log_stream.h"

#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "client/control_channel.h"
#include "client/stream_call.h"
#include "proto/status/error.h"

namespace tlsd::client {

// Watch is the call under a KeyLogStream.
class KeyLogStream::Watch final
    : public StreamCall<grpc::ClientReadReactor<v1::WatchKeyLogResponse>,
                        v1::WatchKeyLogResponse> {
 public:
  Watch(std::shared_ptr<ControlChannel> channel, const std::string& listener)
      : StreamCall(std::move(channel)) {
    request_.set_listener(listener);
  }

  ~Watch() override {
    if (started_) End();
  }

  // Open returns when the watch is on.
  absl::Status Open() {
    this->channel().stub<v1::KeyLogService::Stub>().async()->WatchKeyLog(
        &context(), &request_, this);
    started_ = true;
    Start();
    const absl::StatusOr<std::optional<v1::WatchKeyLogResponse>> first =
        StreamCall::Next(absl::Now() + kCallTimeout);
    if (!first.ok()) return first.status();
    if (!first->has_value() || !(*first)->has_started()) {
      return MakeError(Reason::kInternal,
                       "the first message of a key log is not `started`");
    }
    return absl::OkStatus();
  }

  absl::StatusOr<KeyLogEntry> NextEntry(absl::Time deadline) {
    while (true) {
      const absl::StatusOr<std::optional<v1::WatchKeyLogResponse>> message =
          StreamCall::Next(deadline);
      if (!message.ok()) return message.status();
      if (!message->has_value()) {
        return MakeError(Reason::kShuttingDown, "the daemon ended the watch");
      }
      const v1::WatchKeyLogResponse& response = **message;
      if (response.has_line()) {
        return KeyLogEntry{response.line().line(), response.line().connection(),
                           0};
      }
      if (response.has_gap()) {
        return KeyLogEntry{"", "", response.gap().dropped_count()};
      }
    }
  }

 private:
  bool started_ = false;
  v1::WatchKeyLogRequest request_;
};

absl::StatusOr<KeyLogStream> KeyLogStream::Open(
    std::shared_ptr<ControlChannel> channel, const std::string& listener) {
  auto watch = std::make_unique<Watch>(std::move(channel), listener);
  const absl::Status opened = watch->Open();
  if (!opened.ok()) return opened;
  return KeyLogStream(std::move(watch));
}

KeyLogStream::KeyLogStream(std::unique_ptr<Watch> watch)
    : watch_(std::move(watch)) {}
KeyLogStream::KeyLogStream(KeyLogStream&& other) noexcept = default;
KeyLogStream& KeyLogStream::operator=(KeyLogStream&& other) noexcept = default;
KeyLogStream::~KeyLogStream() = default;

absl::StatusOr<KeyLogEntry> KeyLogStream::Next(absl::Duration timeout) {
  return watch_->NextEntry(absl::Now() + timeout);
}

void KeyLogStream::Cancel() { watch_->Cancel(); }

}  // namespace tlsd::client
