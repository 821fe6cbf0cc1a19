#include "server/control/accept_call.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/conn/stream_sink.h"
#include "server/control/convert.h"

namespace tlsd::control {

void AcceptCall::Start(std::shared_ptr<UnaryCall> call,
                       std::shared_ptr<worker::Listener> listener,
                       worker::WorkerPool& pool,
                       std::optional<absl::Duration> wait,
                       v1::Connection* response) {
  if (listener->options().handler != worker::Handler::kStream) {
    const std::string& name = listener->options().name;
    call->Answer(MakeError(Reason::kHandlerMismatch,
                           absl::StrCat(name,
                                        " has not the handler `stream`, "
                                        "whose connections wait"),
                           {{"listener", name}}));
    return;
  }
  std::shared_ptr<AcceptCall> accept(
      new AcceptCall(call, std::move(listener), pool, response));
  accept->Next();
  call->OnGiveUp(
      wait, [accept](const absl::Status& reason) { accept->GiveUp(reason); });
}

AcceptCall::AcceptCall(std::shared_ptr<UnaryCall> call,
                       std::shared_ptr<worker::Listener> listener,
                       worker::WorkerPool& pool, v1::Connection* response)
    : call_(std::move(call)),
      listener_(std::move(listener)),
      pool_(pool),
      response_(response) {}

void AcceptCall::Next() {
  const int64_t ticket = listener_->accept_queue().Wait(
      [self = shared_from_this()](absl::StatusOr<std::string> name) {
        self->OnName(std::move(name));
      });
  absl::Status given_up;
  {
    absl::MutexLock lock(&mutex_);
    // A name may have come meanwhile, and been no good: then there is a newer
    // one.
    ticket_ = std::max(ticket_, ticket);
    given_up = given_up_;
  }
  // GiveUp did not know this ticket.
  if (!given_up.ok()) listener_->accept_queue().Cancel(ticket, given_up);
}

void AcceptCall::GiveUp(const absl::Status& reason) {
  int64_t ticket = 0;
  {
    absl::MutexLock lock(&mutex_);
    given_up_ = reason;
    ticket = ticket_;
  }
  // This answers the call, unless it has a name in its hand: then Take does, so
  // that "0s" finds what waits.
  listener_->accept_queue().Cancel(ticket, reason);
}

void AcceptCall::OnName(absl::StatusOr<std::string> name) {
  if (!name.ok()) {
    call_->Answer(name.status());
    return;
  }
  pool_.Visit(*name, [self = shared_from_this(), name = *name](
                         absl::StatusOr<conn::Connection*> connection) {
    self->Take(name, connection);
  });
}

void AcceptCall::Take(const std::string& name,
                      absl::StatusOr<conn::Connection*> connection) {
  if (call_->claimed()) {
    listener_->accept_queue().PutBack(name);
    return;
  }
  const absl::StatusOr<conn::StreamSink*> sink =
      connection.ok() ? conn::StreamSink::Of(**connection)
                      : connection.status();
  if (!sink.ok() || (*sink)->taken()) {
    Next();
    return;
  }
  if (!call_->Claim()) {
    listener_->accept_queue().PutBack(name);
    return;
  }
  (*sink)->MarkTaken();
  call_->OnUndelivered(
      [self = shared_from_this(), name] { self->GiveBack(name); });
  ToProto((*connection)->facts(), *response_);
  call_->Finish(grpc::Status::OK);
}

void AcceptCall::GiveBack(const std::string& name) {
  pool_.Visit(name, [self = shared_from_this(),
                     name](absl::StatusOr<conn::Connection*> connection) {
    if (!connection.ok()) return;
    const absl::StatusOr<conn::StreamSink*> sink =
        conn::StreamSink::Of(**connection);
    if (!sink.ok()) return;
    (*sink)->UnmarkTaken();
    self->listener_->accept_queue().PutBack(name);
  });
}

}  // namespace tlsd::control
