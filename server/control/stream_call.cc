#include "server/control/stream_call.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "proto/status/rpc_status.h"
#include "server/base/names.h"
#include "server/conn/connection.h"
#include "server/conn/stream_sink.h"
#include "server/control/cleartext.h"
#include "server/control/convert.h"

namespace tlsd::control {
namespace {

constexpr size_t kMessageBytesMax = 64 * 1024;
constexpr size_t kRequestBytesMax = 1 << 20;

absl::Status MessageError(absl::string_view got) {
  return FieldError(Reason::kStreamMessageInvalid, "message", got,
                    "first attach, then data or text of at most 1 MiB");
}

}  // namespace

StreamCall* StreamCall::Start(worker::WorkerPool& pool) {
  std::shared_ptr<StreamCall> call(new StreamCall(pool));
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
      Finish(ToRpcStatus(MessageError("no message")));
    }
    return;
  }
  PostStep(ok ? &StreamCall::WriteNext : &StreamCall::ShutDown);
}

void StreamCall::OnWriteDone(bool ok) {
  PostStep(ok ? &StreamCall::OnSent : &StreamCall::OnSendFailed);
}

void StreamCall::OnCancel() {
  cancelled_ = true;
  if (worker_.load() != nullptr) PostStep(&StreamCall::Leave);
}

void StreamCall::OnDone() {
  // The last reference goes where nothing of the call can run any more.
  std::shared_ptr<StreamCall> self = std::move(self_);
}

void StreamCall::PostStep(void (StreamCall::*step)()) {
  worker_.load()->Post(
      [self = shared_from_this(), step] { ((*self).*step)(); });
}

void StreamCall::Attach() {
  if (!request_.has_attach()) {
    Finish(ToRpcStatus(MessageError("a message before attach")));
    return;
  }
  const v1::StreamAttach& attach = request_.attach();
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
  worker_ = &pool_.worker(*worker::WorkerIndex(name_));
  ToProto(connection.facts(), *response_.mutable_attached());
  Send();
  StartRead(&request_);
  // If the caller left before there was a worker, OnCancel could not post.
  if (cancelled_) Leave();
}

conn::Connection* StreamCall::FindConnection() {
  return worker_.load()->Find(name_);
}

void StreamCall::WriteNext() {
  if (ended_) return;
  std::string bytes;
  if (request_.has_data()) {
    bytes = std::move(*request_.mutable_data());
  } else if (request_.has_text()) {
    bytes = std::move(*request_.mutable_text());
  } else {
    Abandon(MessageError(request_.has_attach() ? "a second attach"
                                               : "an empty message"));
    return;
  }
  if (bytes.size() > kRequestBytesMax) {
    Abandon(MessageError(absl::StrCat(bytes.size(), " bytes")));
    return;
  }
  conn::Connection* connection = FindConnection();
  if (connection == nullptr) {
    OnWritten(MakeError(Reason::kConnectionClosed, "the connection has ended"));
    return;
  }
  sink_->Write(*connection, std::move(bytes), /*shut_down=*/false,
               [self = shared_from_this()](absl::Status status) {
                 self->OnWritten(status);
                 if (status.ok()) self->StartRead(&self->request_);
               });
}

void StreamCall::ShutDown() {
  // A caller that has left has not half-closed.
  if (ended_ || cancelled_) return;
  write_ended_ = true;
  conn::Connection* connection = FindConnection();
  if (connection == nullptr) {
    EndIfDone();
    return;
  }
  sink_->Write(*connection, "", /*shut_down=*/true,
               [self = shared_from_this()](absl::Status status) {
                 self->OnWritten(status);
               });
}

void StreamCall::OnWritten(const absl::Status& status) {
  if (status.ok()) {
    EndIfDone();
    return;
  }
  // What arrived before the connection ended is delivered first; then reading
  // finds the same end.
  conn::Connection* connection = FindConnection();
  if (!read_ended_ && connection != nullptr &&
      connection->state() == conn::ConnectionState::kClosed) {
    // Unless it is a clean end: then this is how the call ends.
    write_ended_ = true;
    write_status_ = status;
    return;
  }
  Abandon(status);
}

void StreamCall::ReadNext() {
  conn::Connection* connection = FindConnection();
  if (connection == nullptr) {
    End(MakeError(Reason::kConnectionClosed, "the connection has ended"));
    return;
  }
  sink_->Read(*connection, kMessageBytesMax,
              [self = shared_from_this()](
                  absl::StatusOr<conn::StreamSink::Cleartext> read) {
                self->OnRead(std::move(read));
              });
}

void StreamCall::OnRead(absl::StatusOr<conn::StreamSink::Cleartext> read) {
  if (!read.ok()) {
    End(read.status());
    return;
  }
  response_.Clear();
  if (read->end) {
    read_ended_ = true;
    response_.mutable_end();
  } else {
    SetCleartext(std::move(read->bytes), as_text_, response_);
  }
  Send();
}

void StreamCall::Send() {
  sending_ = true;
  StartWrite(&response_);
}

void StreamCall::OnSent() {
  sending_ = false;
  if (ended_) {
    End(status_);
  } else if (read_ended_) {
    EndIfDone();
  } else {
    ReadNext();
  }
}

void StreamCall::OnSendFailed() {
  sending_ = false;
  Leave();
  End(status_);
}

void StreamCall::Leave() {
  Abandon(MakeError(Reason::kCallCancelled, "the caller has left"));
}

void StreamCall::Abandon(const absl::Status& reason) {
  if (ended_) return;
  End(reason);
  conn::Connection* connection = FindConnection();
  if (connection == nullptr) return;
  sink_->CancelRead(reason);
  sink_->CancelWrite(reason);
  if (!keep_) connection->Close();
}

void StreamCall::EndIfDone() {
  if (read_ended_ && write_ended_ && !sending_) End(write_status_);
}

void StreamCall::End(const absl::Status& status) {
  if (!ended_) {
    ended_ = true;
    status_ = status;
    if (FindConnection() != nullptr) sink_->Release(conn::Direction::kBoth);
  }
  if (sending_ || finished_) return;
  finished_ = true;
  Finish(ToRpcStatus(status_));
}

}  // namespace tlsd::control
