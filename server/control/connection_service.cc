#include "server/control/connection_service.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "proto/status/rpc_status.h"
#include "server/base/names.h"
#include "server/base/status_macros.h"
#include "server/control/accept_call.h"
#include "server/control/cleartext.h"
#include "server/control/convert.h"
#include "server/control/fields.h"
#include "server/control/stream_call.h"

namespace tlsd::control {
namespace {

// A call may wait for as long as its deadline lets it.
constexpr absl::Duration kWaitMax = absl::Hours(24 * 365);
constexpr int32_t kReadBytesMax = 64 * 1024;
constexpr size_t kWriteBytesMax = 1 << 20;

void AnswerFacts(UnaryCall& call, v1::Connection* response,
                 const absl::StatusOr<conn::ConnectionFacts>& facts) {
  if (!call.Claim()) return;
  if (facts.ok()) ToProto(*facts, *response);
  call.Finish(ToRpcStatus(facts.status()));
}

// How long a call may wait; nothing if its request does not say.
template <typename Request>
absl::StatusOr<std::optional<absl::Duration>> ToWait(const Request& request) {
  if (!request.has_timeout()) return std::optional<absl::Duration>();
  TLSD_ASSIGN_OR_RETURN(
      const absl::Duration wait,
      ToDuration("timeout", request.timeout(), absl::ZeroDuration(), kWaitMax));
  return std::optional<absl::Duration>(wait);
}

absl::Status CheckConnectionName(const std::string& name) {
  return base::CheckName("name", base::kConnections, name);
}

absl::Status CheckIsClient(const conn::Connection& connection) {
  if (connection.role() == tls::Role::kClient) return absl::OkStatus();
  return MakeError(Reason::kRoleMismatch,
                   absl::StrCat(connection.name(),
                                " plays the server; only clients have "
                                "sessions to resume"),
                   {{"connection", connection.name()}});
}

absl::Status SetPeerCertificate(const conn::ConnectionFacts& facts,
                                bool detailed,
                                v1::GetPeerCertificateResponse& response) {
  if (!facts.encrypted) {
    return MakeError(Reason::kProtectionMismatch,
                     facts.name + " is plain; nobody shows a certificate",
                     {{"connection", facts.name}});
  }
  if (facts.handshake == nullptr) {
    return MakeError(Reason::kHandshakeNotComplete,
                     "the peer's certificate is known once the handshake is "
                     "complete",
                     {{"connection", facts.name}});
  }
  const tls::HandshakeFacts& handshake = *facts.handshake;
  if (handshake.peer_certificate == nullptr) return absl::OkStatus();
  ToProto(*handshake.peer_certificate, *response.mutable_certificate());
  if (!detailed) return absl::OkStatus();
  for (const auto& certificate : handshake.peer_chain) {
    ToProto(*certificate, *response.add_chain());
  }
  for (const auto& certificate : handshake.peer_certificates_sent) {
    ToProto(*certificate, *response.add_sent());
  }
  return absl::OkStatus();
}

}  // namespace

ConnectionService::ConnectionService(
    worker::WorkerPool& pool, const worker::ContextTable& contexts,
    worker::ListenerTable& listeners,
    std::shared_ptr<const tls::SecureContext> default_context)
    : pool_(pool),
      listeners_(listeners),
      options_(contexts, std::move(default_context)) {}

grpc::ServerUnaryReactor* ConnectionService::Connect(
    grpc::CallbackServerContext* /*context*/, const v1::ConnectRequest* request,
    v1::Connection* response) {
  const std::shared_ptr<UnaryCall> call = UnaryCall::Start();
  absl::StatusOr<worker::DialOptions> options = options_.ReadConnect(*request);
  if (!options.ok()) {
    call->Answer(options.status());
    return call.get();
  }
  const std::string name = pool_.Connect(
      *std::move(options), AnswerWithNewConnection(call, response));
  call->OnGiveUp(std::nullopt, [this, name](const absl::Status& /*reason*/) {
    pool_.CancelConnect(name);
  });
  return call.get();
}

worker::Worker::ConnectDone ConnectionService::AnswerWithNewConnection(
    const std::shared_ptr<UnaryCall>& call, v1::Connection* response) {
  return [this, call, response](absl::StatusOr<conn::ConnectionFacts> facts) {
    if (!call->Claim()) return;
    if (facts.ok()) {
      ToProto(*facts, *response);
      // Nobody would know its name.
      call->OnUndelivered([this, name = facts->name] { CloseByName(name); });
    }
    call->Finish(ToRpcStatus(facts.status()));
  };
}

void ConnectionService::CloseByName(const std::string& name) {
  pool_.Visit(name, [](absl::StatusOr<conn::Connection*> connection) {
    if (connection.ok()) (*connection)->Close();
  });
}

grpc::ServerUnaryReactor* ConnectionService::Accept(
    grpc::CallbackServerContext* /*context*/, const v1::AcceptRequest* request,
    v1::Connection* response) {
  const std::shared_ptr<UnaryCall> call = UnaryCall::Start();
  absl::Status status =
      base::CheckName("listener", base::kListeners, request->listener());
  absl::StatusOr<std::optional<absl::Duration>> wait = ToWait(*request);
  status.Update(wait.status());
  absl::StatusOr<std::shared_ptr<worker::Listener>> listener =
      status.ok() ? listeners_.Get(request->listener()) : status;
  if (!listener.ok()) {
    call->Answer(listener.status());
    return call.get();
  }
  AcceptCall::Start(call, *std::move(listener), pool_, *wait, response);
  return call.get();
}

grpc::ServerUnaryReactor* ConnectionService::VisitAndAnswer(
    const std::string& name, Act act, v1::Connection* response) {
  const std::shared_ptr<UnaryCall> call = UnaryCall::Start();
  if (const absl::Status status = CheckConnectionName(name); !status.ok()) {
    call->Answer(status);
    return call.get();
  }
  pool_.Visit(name, [call, response, act = std::move(act)](
                        absl::StatusOr<conn::Connection*> connection) mutable {
    absl::Status status = connection.status();
    if (status.ok()) status = std::move(act)(**connection);
    if (!status.ok()) {
      call->Answer(status);
    } else {
      AnswerFacts(*call, response, (*connection)->facts());
    }
  });
  return call.get();
}

grpc::ServerUnaryReactor* ConnectionService::GetConnection(
    grpc::CallbackServerContext* /*context*/,
    const v1::GetConnectionRequest* request, v1::Connection* response) {
  return VisitAndAnswer(
      request->name(), [](conn::Connection&) { return absl::OkStatus(); },
      response);
}

grpc::ServerUnaryReactor* ConnectionService::VisitAndTell(
    const std::string& name, Act act) {
  const std::shared_ptr<UnaryCall> call = UnaryCall::Start();
  if (const absl::Status status = CheckConnectionName(name); !status.ok()) {
    call->Answer(status);
    return call.get();
  }
  pool_.Visit(name, [call, act = std::move(act)](
                        absl::StatusOr<conn::Connection*> connection) mutable {
    // Before the response is touched.
    if (!call->Claim()) return;
    absl::Status status = connection.status();
    if (status.ok()) status = std::move(act)(**connection);
    call->Finish(ToRpcStatus(status));
  });
  return call.get();
}

grpc::ServerUnaryReactor* ConnectionService::GetPeerCertificate(
    grpc::CallbackServerContext* /*context*/,
    const v1::GetPeerCertificateRequest* request,
    v1::GetPeerCertificateResponse* response) {
  return VisitAndTell(
      request->name(),
      [response, detailed = request->detailed()](conn::Connection& connection) {
        return SetPeerCertificate(connection.facts(), detailed, *response);
      });
}

template <typename Response>
grpc::ServerUnaryReactor* ConnectionService::AnswerSession(
    const std::string& name, Response* response,
    void (*answer)(const tls::ClientSession& session, Response& response)) {
  return VisitAndTell(
      name, [response, answer](conn::Connection& connection) -> absl::Status {
        TLSD_RETURN_IF_ERROR(CheckIsClient(connection));
        const std::optional<tls::ClientSession> session = connection.session();
        if (session.has_value()) answer(*session, *response);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ConnectionService::GetSession(
    grpc::CallbackServerContext* /*context*/,
    const v1::GetSessionRequest* request, v1::GetSessionResponse* response) {
  return AnswerSession<v1::GetSessionResponse>(
      request->name(), response,
      [](const tls::ClientSession& session, v1::GetSessionResponse& proto) {
        proto.set_session(session.data);
        proto.set_single_use(session.single_use);
        ToProto(session.create_time, *proto.mutable_create_time());
        ToProto(session.expire_time, *proto.mutable_expire_time());
      });
}

grpc::ServerUnaryReactor* ConnectionService::GetTlsTicket(
    grpc::CallbackServerContext* /*context*/,
    const v1::GetTlsTicketRequest* request,
    v1::GetTlsTicketResponse* response) {
  return AnswerSession<v1::GetTlsTicketResponse>(
      request->name(), response,
      [](const tls::ClientSession& session, v1::GetTlsTicketResponse& proto) {
        proto.set_ticket(session.ticket);
      });
}

grpc::ServerUnaryReactor* ConnectionService::Shutdown(
    grpc::CallbackServerContext* /*context*/,
    const v1::ShutdownRequest* request, v1::Connection* response) {
  return VisitAndAnswer(
      request->name(),
      [](conn::Connection& connection) -> absl::Status {
        // The end of what another connection says is not the caller's to tell.
        if (connection.is_joined()) {
          return MakeError(Reason::kConnectionAttached,
                           connection.name() +
                               " is joined; its ends are those of the other "
                               "side",
                           {{"connection", connection.name()}});
        }
        return connection.Shutdown();
      },
      response);
}

grpc::ServerUnaryReactor* ConnectionService::Close(
    grpc::CallbackServerContext* /*context*/, const v1::CloseRequest* request,
    v1::Connection* response) {
  return VisitAndAnswer(
      request->name(),
      [](conn::Connection& connection) {
        connection.Close();
        return absl::OkStatus();
      },
      response);
}

grpc::ServerUnaryReactor* ConnectionService::Reset(
    grpc::CallbackServerContext* /*context*/, const v1::ResetRequest* request,
    v1::Connection* response) {
  return VisitAndAnswer(
      request->name(),
      [](conn::Connection& connection) {
        connection.Reset();
        return absl::OkStatus();
      },
      response);
}

grpc::ServerUnaryReactor* ConnectionService::ListConnections(
    grpc::CallbackServerContext* /*context*/,
    const v1::ListConnectionsRequest* request,
    v1::ListConnectionsResponse* response) {
  const std::shared_ptr<UnaryCall> call = UnaryCall::Start();
  const absl::StatusOr<size_t> page_size = ToPageSize(request->page_size());
  absl::StatusOr<std::string> after = FromPageToken(request->page_token());
  absl::Status status = page_size.status();
  status.Update(after.status());
  if (!request->listener().empty()) {
    status.Update(
        base::CheckName("listener", base::kListeners, request->listener()));
  }
  if (!status.ok()) {
    call->Answer(status);
    return call.get();
  }
  worker::Worker::ListOptions options;
  options.after = *std::move(after);
  // One more than asked tells whether there is a next page.
  options.count_max = *page_size + 1;
  options.listener = request->listener();
  options.closed = request->show_closed();
  pool_.List(options, [call, response, page_size = *page_size](
                          std::vector<conn::ConnectionFacts> facts) {
    if (!call->Claim()) return;
    for (size_t i = 0; i < facts.size() && i < page_size; ++i) {
      ToProto(facts[i], *response->add_connections());
    }
    if (facts.size() > page_size) {
      response->set_next_page_token(ToPageToken(facts[page_size - 1].name));
    }
    call->Finish(grpc::Status::OK);
  });
  return call.get();
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>*
ConnectionService::Stream(grpc::CallbackServerContext* context) {
  return StreamCall::Start(pool_, *context);
}

grpc::ServerUnaryReactor* ConnectionService::Read(
    grpc::CallbackServerContext* /*context*/, const v1::ReadRequest* request,
    v1::ReadResponse* response) {
  const std::shared_ptr<UnaryCall> call = UnaryCall::Start();
  absl::Status status = CheckConnectionName(request->name());
  const absl::StatusOr<std::optional<absl::Duration>> wait = ToWait(*request);
  status.Update(wait.status());
  if (request->max_bytes() < 0 || request->max_bytes() > kReadBytesMax) {
    status.Update(FieldError(Reason::kFieldInvalid, "max_bytes",
                             absl::StrCat(request->max_bytes()),
                             "1 to 65536; unset means 65536"));
  }
  if (!status.ok()) {
    call->Answer(status);
    return call.get();
  }
  const size_t size_max = static_cast<size_t>(
      request->max_bytes() == 0 ? kReadBytesMax : request->max_bytes());
  CarryCleartext(
      call, request->name(), *wait,
      [call, response, size_max, as_text = request->as_text()](
          conn::Connection& connection, conn::StreamSink& sink) {
        TLSD_RETURN_IF_ERROR(sink.Claim(conn::Direction::kRead));
        sink.Read(connection, size_max,
                  [call, response, as_text,
                   &sink](absl::StatusOr<conn::StreamSink::Cleartext> read) {
                    sink.Release(conn::Direction::kRead);
                    if (!call->Claim()) return;
                    if (read.ok() && read->end) response->set_end(true);
                    if (read.ok() && !read->end) {
                      SetCleartext(std::move(read->bytes), as_text, *response);
                    }
                    call->Finish(ToRpcStatus(read.status()));
                  });
        return absl::OkStatus();
      },
      &conn::StreamSink::CancelRead);
  return call.get();
}

grpc::ServerUnaryReactor* ConnectionService::Write(
    grpc::CallbackServerContext* /*context*/, const v1::WriteRequest* request,
    v1::WriteResponse* /*response*/) {
  const std::shared_ptr<UnaryCall> call = UnaryCall::Start();
  absl::Status status = CheckConnectionName(request->name());
  const std::string& bytes =
      request->has_text() ? request->text() : request->data();
  if (status.ok() && bytes.empty() && !request->shut_down()) {
    status = FieldRequired("data, text or shut_down");
  }
  if (status.ok() && bytes.size() > kWriteBytesMax) {
    status = FieldError(Reason::kFieldInvalid, "data",
                        absl::StrCat(bytes.size(), " bytes"),
                        absl::StrCat("at most ", kWriteBytesMax, " bytes"));
  }
  if (!status.ok()) {
    call->Answer(status);
    return call.get();
  }
  CarryCleartext(
      call, request->name(), std::nullopt,
      [call, bytes, shut_down = request->shut_down()](
          conn::Connection& connection, conn::StreamSink& sink) {
        TLSD_RETURN_IF_ERROR(sink.Claim(conn::Direction::kWrite));
        sink.Write(connection, bytes, shut_down,
                   [call, &sink](absl::Status written) {
                     sink.Release(conn::Direction::kWrite);
                     call->Answer(written);
                   });
        return absl::OkStatus();
      },
      &conn::StreamSink::CancelWrite);
  return call.get();
}

void ConnectionService::CarryCleartext(
    const std::shared_ptr<UnaryCall>& call, const std::string& name,
    std::optional<absl::Duration> wait, StartOnSink start,
    void (conn::StreamSink::*cancel)(const absl::Status&)) {
  pool_.Visit(name, [call, start = std::move(start)](
                        absl::StatusOr<conn::Connection*> connection) mutable {
    absl::Status status = connection.status();
    if (status.ok()) {
      const absl::StatusOr<conn::StreamSink*> sink =
          conn::StreamSink::Of(**connection);
      status =
          sink.ok() ? std::move(start)(**connection, **sink) : sink.status();
    }
    if (!status.ok()) call->Answer(status);
  });
  call->OnGiveUp(wait, [this, call, name, cancel](const absl::Status& reason) {
    pool_.Visit(name, [call, reason,
                       cancel](absl::StatusOr<conn::Connection*> connection) {
      // As long as the call is not answered, what waits is its own.
      if (call->claimed() || !connection.ok()) return;
      const absl::StatusOr<conn::StreamSink*> sink =
          conn::StreamSink::Of(**connection);
      if (sink.ok()) ((*sink)->*cancel)(reason);
    });
  });
}

}  // namespace tlsd::control
