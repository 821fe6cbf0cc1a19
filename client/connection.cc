#include "client/connection.h"

#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "client/control_channel.h"
#include "client/convert.h"
#include "client/stream_call.h"
#include "proto/status/error.h"

namespace tlsd::client {
namespace {

using BidiReactor =
    grpc::ClientBidiReactor<v1::StreamRequest, v1::StreamResponse>;

absl::Status EndedError() {
  return MakeError(Reason::kConnectionClosed,
                   "the connection has ended; reading tells why");
}

}  // namespace

// Stream is the call under a Connection: StreamCall reads, this class writes.
class Connection::Stream final
    : public StreamCall<BidiReactor, v1::StreamResponse> {
 public:
  using StreamCall::StreamCall;

  ~Stream() override {
    if (started_) End();
  }

  absl::Status Attach(const std::string& name, DetachPolicy policy) {
    channel().stub<v1::ConnectionService::Stub>().async()->Stream(&context(),
                                                                  this);
    started_ = true;
    Start();
    v1::StreamRequest request;
    request.mutable_attach()->set_connection(name);
    request.mutable_attach()->set_detach_policy(ToProto(policy));
    // If this fails, reading tells why.
    Send(std::move(request)).IgnoreError();
    absl::StatusOr<std::optional<v1::StreamResponse>> answer =
        Next(absl::Now() + kCallTimeout);
    if (!answer.ok()) return answer.status();
    if (!answer->has_value() || !(*answer)->has_attached()) {
      return MakeError(Reason::kInternal,
                       "the first answer of a stream is not `attached`");
    }
    facts_ = FromProto((*answer)->attached());
    return absl::OkStatus();
  }

  const ConnectionFacts& facts() const { return facts_; }

  // Send hands over one message and waits until gRPC has taken it.
  absl::Status Send(v1::StreamRequest request) {
    absl::MutexLock turn(&write_turn_);
    if (is_shut_down_) {
      return MakeError(Reason::kWriteAfterShutdown,
                       "cleartext after close_notify");
    }
    outgoing_ = std::move(request);
    return Perform([this] { StartWrite(&outgoing_); });
  }

  // SendEnd half-closes the stream, once.
  absl::Status SendEnd() {
    absl::MutexLock turn(&write_turn_);
    if (is_shut_down_) return absl::OkStatus();
    is_shut_down_ = true;
    return Perform([this] { StartWritesDone(); });
  }

  absl::StatusOr<std::string> Receive(absl::Time deadline) {
    while (!peer_has_ended()) {
      absl::StatusOr<std::optional<v1::StreamResponse>> message =
          Next(deadline);
      if (!message.ok()) return message.status();
      // The call ends with OK only when both sides have.
      if (!message->has_value() || (*message)->has_end()) {
        absl::MutexLock lock(&end_mutex_);
        peer_has_ended_ = true;
      } else if (!(*message)->data().empty()) {
        return std::move(*(*message)->mutable_data());
      }
    }
    return "";
  }

 private:
  void OnWriteDone(bool ok) override { WriteEnded(ok); }
  void OnWritesDoneDone(bool ok) override { WriteEnded(ok); }

  void WriteEnded(bool ok) {
    absl::MutexLock lock(&write_mutex_);
    is_writing_ = false;
    write_ok_ = ok;
  }

  // Perform starts one write and waits for its end.
  template <typename StartOperation>
  absl::Status Perform(StartOperation start_operation) {
    if (!BeginOperation()) return EndedError();
    {
      absl::MutexLock lock(&write_mutex_);
      is_writing_ = true;
    }
    start_operation();
    EndOperation();
    absl::MutexLock lock(&write_mutex_);
    write_mutex_.Await(absl::Condition(
        +[](bool* is_writing) { return !*is_writing; }, &is_writing_));
    return write_ok_ ? absl::OkStatus() : EndedError();
  }

  bool peer_has_ended() {
    absl::MutexLock lock(&end_mutex_);
    return peer_has_ended_;
  }

  bool started_ = false;
  ConnectionFacts facts_;

  // Held through a write, so that another waits its turn.
  absl::Mutex write_turn_;
  v1::StreamRequest outgoing_ ABSL_GUARDED_BY(write_turn_);
  bool is_shut_down_ ABSL_GUARDED_BY(write_turn_) = false;

  absl::Mutex write_mutex_;
  bool is_writing_ ABSL_GUARDED_BY(write_mutex_) = false;
  bool write_ok_ ABSL_GUARDED_BY(write_mutex_) = false;

  absl::Mutex end_mutex_;
  bool peer_has_ended_ ABSL_GUARDED_BY(end_mutex_) = false;
};

absl::StatusOr<Connection> Connection::Attach(
    std::shared_ptr<ControlChannel> channel, const std::string& name,
    DetachPolicy policy) {
  auto stream = std::make_unique<Stream>(channel);
  const absl::Status attached = stream->Attach(name, policy);
  if (!attached.ok()) return attached;
  return Connection(std::move(channel), std::move(stream));
}

absl::StatusOr<Connection> Connection::AttachNew(
    std::shared_ptr<ControlChannel> channel, const std::string& name,
    DetachPolicy policy) {
  absl::StatusOr<Connection> connection = Attach(channel, name, policy);
  if (!connection.ok()) {
    v1::CloseRequest request;
    request.set_name(name);
    channel->Call(&v1::ConnectionService::Stub::Close, request, kCallTimeout)
        .IgnoreError();
  }
  return connection;
}

Connection::Connection(std::shared_ptr<ControlChannel> channel,
                       std::unique_ptr<Stream> stream)
    : ConnectionControls(std::move(channel), stream->facts().name),
      stream_(std::move(stream)) {}
Connection::Connection(Connection&& other) noexcept = default;
Connection& Connection::operator=(Connection&& other) noexcept = default;
Connection::~Connection() = default;

const ConnectionFacts& Connection::facts() const { return stream_->facts(); }

absl::Status Connection::Write(absl::string_view cleartext) {
  while (!cleartext.empty()) {
    const absl::string_view piece =
        cleartext.substr(0, kWrittenMessageBytesMax);
    v1::StreamRequest request;
    request.set_data(piece.data(), piece.size());
    const absl::Status sent = stream_->Send(std::move(request));
    if (!sent.ok()) return sent;
    cleartext.remove_prefix(piece.size());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Connection::Read(absl::Duration timeout) {
  return stream_->Receive(absl::Now() + timeout);
}

absl::Status Connection::Shutdown() { return stream_->SendEnd(); }

absl::Status Connection::WaitForEnd(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (true) {
    const absl::StatusOr<std::optional<v1::StreamResponse>> message =
        stream_->Next(deadline);
    if (!message.ok()) return message.status();
    if (!message->has_value()) return absl::OkStatus();
  }
}

absl::Status Connection::Close(absl::Duration linger) {
  if (linger > absl::ZeroDuration()) {
    // If this fails the call has ended, and waiting for the end tells why.
    stream_->SendEnd().IgnoreError();
    const absl::Status ended = WaitForEnd(linger);
    if (HasReason(ended, Reason::kTlsTruncated)) return absl::OkStatus();
    if (!HasReason(ended, Reason::kWaitTimeout)) return ended;
  }
  v1::CloseRequest request;
  request.set_name(name());
  return channel()
      ->Call(&v1::ConnectionService::Stub::Close, request, kCallTimeout)
      .status();
}

void Connection::Cancel() { stream_->Cancel(); }

}  // namespace tlsd::client
