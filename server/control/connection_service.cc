#include "server/control/connection_service.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "proto/status/error.h"
#include "proto/status/rpc_status.h"
#include "server/base/names.h"
#include "server/base/status_macros.h"
#include "server/control/accept_call.h"
#include "server/control/cleartext.h"
#include "server/control/convert.h"
#include "server/control/fields.h"
#include "server/control/hooks.h"
#include "server/control/stream_call.h"

namespace tlsd::control {
namespace {

constexpr absl::Duration kTimeoutMax = absl::Hours(1);
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
                                " was accepted by a listener; only clients "
                                "have sessions to resume"),
                   {{"connection", connection.name()}});
}

absl::Status SetPeerCertificate(const conn::ConnectionFacts& facts,
                                bool detailed,
                                v1::GetPeerCertificateResponse& response) {
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
    worker::WorkerPool& pool, worker::ContextTable& contexts,
    worker::ListenerTable& listeners,
    std::shared_ptr<const tls::SecureContext> default_context)
    : pool_(pool),
      contexts_(contexts),
      listeners_(listeners),
      default_context_(std::move(default_context)) {}

absl::StatusOr<worker::DialOptions> ConnectionService::ToDialOptions(
    const v1::ConnectRequest& request) const {
  worker::DialOptions options;
  if (request.address().empty()) return FieldRequired("address");
  TLSD_ASSIGN_OR_RETURN(options.endpoint,
                        net::ParseEndpoint("address", request.address()));
  if (!options.endpoint.is_unix() &&
      (options.endpoint.host.empty() || options.endpoint.port == 0)) {
    return FieldError(Reason::kAddressInvalid, "address", request.address(),
                      "a host and a port of 1 to 65535, or unix:/path");
  }
  std::string etag;
  options.secure_context = default_context_;
  if (!request.secure_context().empty()) {
    TLSD_RETURN_IF_ERROR(base::CheckName(
        "secure_context", base::kSecureContexts, request.secure_context()));
    TLSD_ASSIGN_OR_RETURN(
        const std::shared_ptr<const worker::ContextRecord> record,
        contexts_.Get(request.secure_context()));
    options.secure_context_name = record->name;
    options.secure_context = record->secure_context;
    etag = record->etag;
  }
  options.engine.server_name = request.server_name().empty()
                                   ? options.endpoint.host
                                   : request.server_name();
  options.engine.skip_name_check = request.skip_name_check();
  options.engine.expected_name = request.expected_name();
  options.engine.request_ocsp = request.request_ocsp();
  options.engine.session = request.session();
  if (request.use_session_cache()) {
    if (!request.session().empty()) {
      return FieldError(Reason::kFieldsConflict, "use_session_cache", "true",
                        "either session or use_session_cache");
    }
    // A session is of one configuration, asked for by one name, at one place.
    options.session_key =
        absl::StrJoin({options.secure_context_name, etag,
                       options.engine.server_name, request.address()},
                      "\n");
  }
  TLSD_ASSIGN_OR_RETURN(options.engine.hooks,
                        ToHooks("hooks", request.hooks(), HookPlace::kConnect));
  switch (request.verification()) {
    case v1::PEER_VERIFICATION_UNSPECIFIED:
    case v1::PEER_VERIFICATION_REQUIRE:
      options.engine.verification = tls::PeerVerification::kRequire;
      break;
    case v1::PEER_VERIFICATION_REPORT:
      options.engine.verification = tls::PeerVerification::kReport;
      break;
    default:
      return FieldError(Reason::kFieldInvalid, "verification",
                        absl::StrCat(request.verification()),
                        "PEER_VERIFICATION_REQUIRE or _REPORT");
  }
  if (request.has_timeout()) {
    TLSD_ASSIGN_OR_RETURN(options.timeout,
                          ToDuration("timeout", request.timeout(),
                                     absl::Milliseconds(1), kTimeoutMax));
  }
  return options;
}

grpc::ServerUnaryReactor* ConnectionService::Connect(
    grpc::CallbackServerContext* /*context*/, const v1::ConnectRequest* request,
    v1::Connection* response) {
  const std::shared_ptr<UnaryCall> call = UnaryCall::Start();
  absl::StatusOr<worker::DialOptions> options = ToDialOptions(*request);
  if (!options.ok()) {
    call->Answer(options.status());
    return call.get();
  }
  const std::string name = pool_.Connect(
      *std::move(options),
      [this, call, response](absl::StatusOr<conn::ConnectionFacts> facts) {
        if (!call->Claim()) return;
        if (facts.ok()) {
          ToProto(*facts, *response);
          // Nobody would know its name.
          call->OnUndelivered(
              [this, name = facts->name] { CloseByName(name); });
        }
        call->Finish(ToRpcStatus(facts.status()));
      });
  call->OnGiveUp(std::nullopt, [this, name](const absl::Status& /*reason*/) {
    pool_.CancelConnect(name);
  });
  return call.get();
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

grpc::ServerUnaryReactor* ConnectionService::GetPeerCertificate(
    grpc::CallbackServerContext* /*context*/,
    const v1::GetPeerCertificateRequest* request,
    v1::GetPeerCertificateResponse* response) {
  const std::shared_ptr<UnaryCall> call = UnaryCall::Start();
  if (const absl::Status status = CheckConnectionName(request->name());
      !status.ok()) {
    call->Answer(status);
    return call.get();
  }
  pool_.Visit(
      request->name(), [call, response, detailed = request->detailed()](
                           absl::StatusOr<conn::Connection*> connection) {
        if (!call->Claim()) return;
        absl::Status status = connection.status();
        if (status.ok()) {
          status =
              SetPeerCertificate((*connection)->facts(), detailed, *response);
        }
        call->Finish(ToRpcStatus(status));
      });
  return call.get();
}

template <typename Response>
grpc::ServerUnaryReactor* ConnectionService::AnswerSession(
    const std::string& name, Response* response,
    void (*answer)(const tls::ClientSession& session, Response& response)) {
  const std::shared_ptr<UnaryCall> call = UnaryCall::Start();
  if (const absl::Status status = CheckConnectionName(name); !status.ok()) {
    call->Answer(status);
    return call.get();
  }
  pool_.Visit(name, [call, response,
                     answer](absl::StatusOr<conn::Connection*> connection) {
    if (!call->Claim()) return;
    absl::Status status = connection.status();
    if (status.ok()) status = CheckIsClient(**connection);
    if (status.ok()) {
      const std::optional<tls::ClientSession> session =
          (*connection)->session();
      if (session.has_value()) answer(*session, *response);
    }
    call->Finish(ToRpcStatus(status));
  });
  return call.get();
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
      [](conn::Connection& connection) { return connection.Shutdown(); },
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

grpc::ServerBidiReactor<v1::StreamRequest, v1::StreamResponse>*
ConnectionService::Stream(grpc::CallbackServerContext* /*context*/) {
  return StreamCall::Start(pool_);
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
          GetStreamSink(**connection);
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
          GetStreamSink(**connection);
      if (sink.ok()) ((*sink)->*cancel)(reason);
    });
  });
}

}  // namespace tlsd::control
