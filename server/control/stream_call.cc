#include "server/control/stream_call.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "proto/status/rpc_status.h"
#include "server/base/names.h"
#include "server/conn/connection.h"
#include "server/control/cleartext.h"
#include "server/control/convert.h"

namespace tlsd::control {
namespace {

// Of cleartext, in one message to the caller.
constexpr size_t kMessageBytesMax = 64 * 1024;
// While so much of what the caller has sent is held, no more is read from it;
// nor if it waits in so many pieces.
constexpr size_t kHeldBytesMax = 256 * 1024;
constexpr size_t kInboxPiecesMax = 256;
// While so much waits for the caller, no more is taken from the connection; nor
// if it waits in so many pieces: in the connection they lie together.
constexpr size_t kOutboxBytesMax = 256 * 1024;
constexpr size_t kOutboxPiecesMax = 256;
// The worker is woken to fill the outbox when it is down to this.
constexpr size_t kOutboxBytesLow = 128 * 1024;

}  // namespace

bool StreamCall::Outbox::has_room() const {
  return cleartext_size < kOutboxBytesMax &&
         cleartext.size() < kOutboxPiecesMax && !message.Valid();
}

grpc::ByteBuffer StreamCall::Outbox::TakeMessage() {
  if (cleartext_size == 0) return std::exchange(message, {});
  const Slices payload = TakeFront(cleartext, kMessageBytesMax);
  cleartext_size -= SizeOf(payload);
  return MakeDataMessage(payload);
}

StreamCall* StreamCall::Start(worker::WorkerPool& pool,
                              grpc::CallbackServerContext& context) {
  std::shared_ptr<StreamCall> call(new StreamCall(pool, context));
  call->self_ = call;
  call->StartRead(&call->request_);
  return call.get();
}

// gRPC's threads.

void StreamCall::OnReadDone(bool ok) {
  if (worker_.load() == nullptr) {
    if (ok) {
      Attach();
    } else {
      Finish(ToRpcStatus(StreamMessageError("no message")));
    }
    return;
  }
  Slices cleartext;
  absl::Status fault;
  if (ok) fault = ReadCleartext(request_, cleartext);
  request_.Clear();
  // gRPC may say so here first, and OnCancel come later.
  const bool is_cancelled = !ok && context_.IsCancelled();
  if (is_cancelled) cancelled_ = true;
  bool must_wake = false;
  {
    absl::MutexLock lock(&mutex_);
    is_reading_ = false;
    const size_t size = SizeOf(cleartext);
    inbox_.cleartext_size += size;
    inbox_.held_size += size;
    inbox_.cleartext.insert(inbox_.cleartext.end(),
                            std::make_move_iterator(cleartext.begin()),
                            std::make_move_iterator(cleartext.end()));
    inbox_.is_half_closed = !ok && !is_cancelled;
    inbox_.fault = std::move(fault);
    // First, for the worker may take the processor at once.
    ReadOn();
    must_wake = MustWake();
  }
  if (must_wake) PostOnWoken();
}

void StreamCall::ReadOn() {
  if (is_reading_ || is_finished_ || inbox_.has_ended() ||
      inbox_.held_size >= kHeldBytesMax ||
      inbox_.cleartext.size() >= kInboxPiecesMax) {
    return;
  }
  is_reading_ = true;
  StartRead(&request_);
}

void StreamCall::OnWriteDone(bool ok) {
  response_.Clear();
  bool must_send = false;
  bool must_wake = false;
  {
    absl::MutexLock lock(&mutex_);
    is_sending_ = false;
    has_send_failed_ = !ok;
    must_send = ok && PrepareNext();
    const bool can_fill = awaits_room_ && outbox_.has_room() &&
                          outbox_.cleartext_size <= kOutboxBytesLow;
    const bool is_all_sent = awaits_sent_ && !is_sending_;
    must_wake = (!ok || can_fill || is_all_sent) && MustWake();
  }
  if (must_send) StartWrite(&response_);
  if (must_wake) PostOnWoken();
}

bool StreamCall::PrepareNext() {
  if (is_sending_) return false;
  response_ = outbox_.TakeMessage();
  is_sending_ = response_.Valid();
  return is_sending_;
}

void StreamCall::OnCancel() {
  cancelled_ = true;
  if (worker_.load() != nullptr) Wake();
}

void StreamCall::OnDone() {
  // The last reference goes where nothing of the call can run any more.
  std::shared_ptr<StreamCall> self = std::move(self_);
}

void StreamCall::Wake() {
  bool must_wake = false;
  {
    absl::MutexLock lock(&mutex_);
    must_wake = MustWake();
  }
  if (must_wake) PostOnWoken();
}

void StreamCall::PostOnWoken() {
  worker_.load()->Post([self = shared_from_this()] { self->OnWoken(); });
}

void StreamCall::Attach() {
  const absl::StatusOr<v1::StreamRequest> request = ReadStreamRequest(request_);
  request_.Clear();
  if (!request.ok()) {
    Finish(ToRpcStatus(request.status()));
  } else if (!request->has_attach()) {
    Finish(ToRpcStatus(StreamMessageError("a message before attach")));
  } else {
    AttachTo(request->attach());
  }
}

void StreamCall::AttachTo(const v1::StreamAttach& attach) {
  const absl::Status named = base::CheckName(
      "attach.connection", base::kConnections, attach.connection());
  if (!named.ok()) {
    Finish(ToRpcStatus(named));
    return;
  }
  name_ = attach.connection();
  as_text_ = attach.as_text();
  switch (attach.detach_policy()) {
    case v1::DETACH_POLICY_UNSPECIFIED:
    case v1::DETACH_POLICY_CLOSE:
      break;
    case v1::DETACH_POLICY_KEEP:
      keep_ = true;
      break;
    default:
      Finish(
          ToRpcStatus(FieldError(Reason::kFieldInvalid, "attach.detach_policy",
                                 absl::StrCat(attach.detach_policy()),
                                 "DETACH_POLICY_CLOSE or _KEEP")));
      return;
  }
  pool_.Visit(name_, [self = shared_from_this()](
                         absl::StatusOr<conn::Connection*> connection) {
    absl::Status status = connection.status();
    if (status.ok()) {
      const absl::StatusOr<conn::StreamSink*> sink =
          conn::StreamSink::Of(**connection);
      status =
          sink.ok() ? (*sink)->Claim(conn::Direction::kBoth) : sink.status();
      if (status.ok()) self->sink_ = *sink;
    }
    if (status.ok()) {
      self->OnAttached(**connection);
    } else {
      self->Finish(ToRpcStatus(status));
    }
  });
}

// The worker's thread.

void StreamCall::OnAttached(conn::Connection& connection) {
  connection_ = &connection;
  sink_->OnGone([this] {
    connection_ = nullptr;
    sink_ = nullptr;
  });
  sink_->OnClosed([this] { EndIfClosed(); });
  worker_ = &pool_.worker(*worker::WorkerIndex(name_));
  v1::StreamResponse response;
  ToProto(connection.facts(), *response.mutable_attached());
  Send(response);
  {
    absl::MutexLock lock(&mutex_);
    is_reading_ = false;
    ReadOn();
  }
  ReadNext();
  // If the caller left before there was a worker, OnCancel could not wake it.
  if (cancelled_) Leave();
}

void StreamCall::OnWoken() {
  bool has_send_failed = false;
  {
    absl::MutexLock lock(&mutex_);
    is_woken_ = false;
    has_send_failed = has_send_failed_;
  }
  if (cancelled_ || has_send_failed) Leave();
  Seal();
  ReadNext();
  if (has_ended_) {
    End(status_);
  } else {
    EndIfDone();
  }
}

void StreamCall::Seal() {
  if (is_sealing_ || has_ended_ || write_ended_) return;
  bool is_half_closed = false;
  absl::Status fault;
  {
    absl::MutexLock lock(&mutex_);
    sealing_ = std::exchange(inbox_.cleartext, {});
    inbox_.held_size = std::exchange(inbox_.cleartext_size, 0);
    is_half_closed = inbox_.is_half_closed;
    fault = inbox_.fault;
  }
  if (sealing_.empty()) {
    if (!fault.ok()) {
      Abandon(fault);
    } else if (is_half_closed) {
      ShutDown();
    }
    return;
  }
  if (connection_ == nullptr) {
    OnWriteFailed(conn::ConnectionClosedError());
    return;
  }
  for (const grpc::Slice& slice : sealing_) {
    pieces_.emplace_back(slice.begin(), slice.size());
  }
  is_sealing_ = true;
  sink_->WritePieces(*connection_, pieces_, /*shut_down=*/false,
                     [self = shared_from_this()](const absl::Status& status) {
                       self->OnSealed(status);
                     });
}

void StreamCall::OnSealed(const absl::Status& status) {
  is_sealing_ = false;
  // With the memory that they lie in.
  sealing_ = {};
  pieces_ = {};
  if (!status.ok()) {
    OnWriteFailed(status);
    return;
  }
  {
    absl::MutexLock lock(&mutex_);
    inbox_.held_size = inbox_.cleartext_size;
    ReadOn();
  }
  Seal();
}

void StreamCall::ShutDown() {
  // A caller that has left has not half-closed.
  if (cancelled_) return;
  write_ended_ = true;
  if (connection_ == nullptr) {
    EndIfDone();
    return;
  }
  sink_->WritePieces(*connection_, {}, /*shut_down=*/true,
                     [self = shared_from_this()](const absl::Status& status) {
                       if (status.ok()) {
                         self->EndIfDone();
                       } else {
                         self->OnWriteFailed(status);
                       }
                     });
}

void StreamCall::OnWriteFailed(const absl::Status& status) {
  // What arrived before the connection ended is delivered first; then reading
  // finds the same end.
  if (!read_ended_ && connection_ != nullptr &&
      connection_->state() == conn::ConnectionState::kClosed) {
    // Unless it is a clean end: then this is how the call ends.
    write_ended_ = true;
    write_status_ = status;
    return;
  }
  Abandon(status);
}

void StreamCall::ReadNext() {
  if (awaits_cleartext_ || has_ended_ || read_ended_) return;
  if (connection_ == nullptr) {
    End(conn::ConnectionClosedError());
    return;
  }
  {
    absl::MutexLock lock(&mutex_);
    awaits_room_ = !outbox_.has_room();
    if (awaits_room_) return;
  }
  awaits_cleartext_ = true;
  sink_->ReadQueue(*connection_, [self = shared_from_this()](
                                     absl::StatusOr<base::ByteQueue*> queue) {
    self->OnRead(std::move(queue));
  });
}

void StreamCall::OnRead(absl::StatusOr<base::ByteQueue*> queue) {
  awaits_cleartext_ = false;
  if (!queue.ok()) {
    End(queue.status());
    return;
  }
  if ((*queue)->empty()) {
    read_ended_ = true;
    v1::StreamResponse response;
    response.mutable_end();
    Send(response);
    EndIfDone();
    EndIfClosed();
    return;
  }
  if (as_text_) {
    v1::StreamResponse response;
    SetCleartext((*queue)->TakeText(kMessageBytesMax), as_text_, response);
    Send(response);
  } else {
    bool must_send = false;
    {
      absl::MutexLock lock(&mutex_);
      outbox_.cleartext_size += TakeSlices(
          **queue, kOutboxBytesMax - outbox_.cleartext_size, outbox_.cleartext);
      must_send = PrepareNext();
    }
    if (must_send) StartWrite(&response_);
  }
  ReadNext();
}

void StreamCall::Send(const v1::StreamResponse& response) {
  bool must_send = false;
  {
    absl::MutexLock lock(&mutex_);
    outbox_.message = MakeMessage(response);
    must_send = PrepareNext();
  }
  if (must_send) StartWrite(&response_);
}

void StreamCall::Leave() {
  Abandon(MakeError(Reason::kCallCancelled, "the caller has left"));
}

void StreamCall::Abandon(const absl::Status& reason) {
  if (has_ended_) return;
  conn::Connection* const connection = connection_;
  conn::StreamSink* const sink = sink_;
  End(reason);
  if (connection == nullptr) return;
  sink->CancelRead(reason);
  sink->CancelWrite(reason);
  if (!keep_) connection->Close();
}

void StreamCall::EndIfDone() {
  if (has_ended_ || !read_ended_ || !write_ended_) return;
  {
    absl::MutexLock lock(&mutex_);
    awaits_sent_ = is_sending_;
    if (awaits_sent_) return;
  }
  End(write_status_);
}

void StreamCall::EndIfClosed() {
  if (has_ended_ || !read_ended_ || write_ended_ || is_sealing_ ||
      connection_ == nullptr ||
      connection_->state() != conn::ConnectionState::kClosed) {
    return;
  }
  const absl::Status& failure = connection_->failure();
  Abandon(failure.ok() ? conn::ConnectionClosedError() : failure);
}

void StreamCall::End(const absl::Status& status) {
  if (!has_ended_) {
    has_ended_ = true;
    status_ = status;
    connection_ = nullptr;
    if (sink_ != nullptr) {
      std::exchange(sink_, nullptr)->Release(conn::Direction::kBoth);
    }
  }
  {
    absl::MutexLock lock(&mutex_);
    awaits_sent_ = is_sending_;
    if (is_sending_ || is_finished_) return;
    is_finished_ = true;
  }
  Finish(ToRpcStatus(status_));
}

}  // namespace tlsd::control
