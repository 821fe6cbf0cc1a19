// What ConnectionService does to connections besides carrying their cleartext.
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "proto/status/rpc_status.h"
#include "server/base/names.h"
#include "server/base/status_macros.h"
#include "server/control/connection_options.h"
#include "server/control/connection_service.h"
#include "server/control/convert.h"
#include "server/worker/pipe.h"

namespace tlsd::control {
namespace {

absl::StatusOr<tls::KeyingMaterial> ReadMaterial(
    const v1::ExportKeyingMaterialRequest& request) {
  if (request.without_context() && !request.context().empty()) {
    return FieldError(Reason::kFieldsConflict, "without_context", "true",
                      "either context or without_context");
  }
  if (request.length() < 0) {
    return FieldError(Reason::kFieldInvalid, "length",
                      absl::StrCat(request.length()), "1 to 4096");
  }
  tls::KeyingMaterial material;
  material.label = request.label();
  if (!request.without_context()) material.context = request.context();
  material.length = static_cast<size_t>(request.length());
  return material;
}

void SetBindings(const tls::ChannelBindings& bindings,
                 v1::GetChannelBindingsResponse& proto) {
  proto.set_finished(bindings.finished);
  proto.set_peer_finished(bindings.peer_finished);
  proto.set_tls_unique(bindings.tls_unique);
  proto.set_tls_exporter(bindings.tls_exporter);
  proto.set_tls_server_end_point(bindings.tls_server_end_point);
}

}  // namespace

grpc::ServerUnaryReactor* ConnectionService::Upgrade(
    grpc::CallbackServerContext* /*context*/, const v1::UpgradeRequest* request,
    v1::Connection* response) {
  const std::shared_ptr<UnaryCall> call = UnaryCall::Start();
  absl::Status status =
      base::CheckName("name", base::kConnections, request->name());
  absl::StatusOr<conn::ConnectionOptions> options =
      options_.ReadRole(*request, listeners_);
  status.Update(options.status());
  if (!status.ok()) {
    call->Answer(status);
    return call.get();
  }
  const std::string name =
      pool_.Upgrade(request->name(), *std::move(options),
                    AnswerWithNewConnection(call, response));
  call->OnGiveUp(std::nullopt, [this, name](const absl::Status& /*reason*/) {
    pool_.CancelConnect(name);
  });
  return call.get();
}

grpc::ServerUnaryReactor* ConnectionService::Pipe(
    grpc::CallbackServerContext* /*context*/, const v1::PipeRequest* request,
    v1::Connection* response) {
  const std::shared_ptr<UnaryCall> call = UnaryCall::Start();
  absl::Status status =
      base::CheckName("name", base::kConnections, request->name());
  status.Update(base::CheckName("peer", base::kConnections, request->peer()));
  if (!status.ok()) {
    call->Answer(status);
    return call.get();
  }
  worker::Pipe(pool_, request->name(), request->peer(),
               [call, response](absl::StatusOr<conn::ConnectionFacts> facts) {
                 if (!call->Claim()) return;
                 if (facts.ok()) ToProto(*facts, *response);
                 call->Finish(ToRpcStatus(facts.status()));
               });
  return call.get();
}

grpc::ServerUnaryReactor* ConnectionService::SetSocketOptions(
    grpc::CallbackServerContext* /*context*/,
    const v1::SetSocketOptionsRequest* request, v1::Connection* response) {
  const absl::StatusOr<conn::SocketOptions> options =
      ReadSocketOptions("socket_options", request->socket_options());
  return VisitAndAnswer(
      request->name(),
      [options](conn::Connection& connection) -> absl::Status {
        TLSD_RETURN_IF_ERROR(options.status());
        TLSD_RETURN_IF_ERROR(connection.CheckNotClosed());
        connection.SetSocketOptions(*options);
        return absl::OkStatus();
      },
      response);
}

grpc::ServerUnaryReactor* ConnectionService::SetMaxSendFragment(
    grpc::CallbackServerContext* /*context*/,
    const v1::SetMaxSendFragmentRequest* request, v1::Connection* response) {
  return VisitAndAnswer(
      request->name(),
      [size = request->size()](conn::Connection& connection) -> absl::Status {
        TLSD_ASSIGN_OR_RETURN(tls::TlsEngine * engine, connection.OpenEngine());
        if (size < 0) {
          return FieldError(Reason::kFieldInvalid, "size", absl::StrCat(size),
                            "512 to 16384");
        }
        return engine->SetMaxSendFragment(static_cast<size_t>(size));
      },
      response);
}

grpc::ServerUnaryReactor* ConnectionService::ExportKeyingMaterial(
    grpc::CallbackServerContext* /*context*/,
    const v1::ExportKeyingMaterialRequest* request,
    v1::ExportKeyingMaterialResponse* response) {
  const absl::StatusOr<tls::KeyingMaterial> material = ReadMaterial(*request);
  return VisitAndTell(
      request->name(),
      [material, response](conn::Connection& connection) -> absl::Status {
        TLSD_RETURN_IF_ERROR(material.status());
        TLSD_ASSIGN_OR_RETURN(tls::TlsEngine * engine, connection.OpenEngine());
        TLSD_ASSIGN_OR_RETURN(*response->mutable_keying_material(),
                              engine->ExportKeyingMaterial(*material));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ConnectionService::GetChannelBindings(
    grpc::CallbackServerContext* /*context*/,
    const v1::GetChannelBindingsRequest* request,
    v1::GetChannelBindingsResponse* response) {
  return VisitAndTell(
      request->name(),
      [response](conn::Connection& connection) -> absl::Status {
        TLSD_ASSIGN_OR_RETURN(tls::TlsEngine * engine, connection.OpenEngine());
        TLSD_ASSIGN_OR_RETURN(const tls::ChannelBindings bindings,
                              engine->GetChannelBindings());
        SetBindings(bindings, *response);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ConnectionService::UpdateKeys(
    grpc::CallbackServerContext* /*context*/,
    const v1::UpdateKeysRequest* request, v1::Connection* response) {
  return VisitAndAnswer(
      request->name(),
      [request_peer = request->request_peer()](conn::Connection& connection) {
        return connection.UpdateKeys(request_peer);
      },
      response);
}

grpc::ServerUnaryReactor* ConnectionService::Renegotiate(
    grpc::CallbackServerContext* /*context*/,
    const v1::RenegotiateRequest* request,
    v1::RenegotiateResponse* /*response*/) {
  return VisitAndTell(request->name(), [](conn::Connection& connection) {
    return MakeError(
        Reason::kRenegotiationUnsupported,
        "the TLS library cannot begin a renegotiation, and TLS 1.3 has none; "
        "for fresh keys call UpdateKeys (TLS 1.3), to ask for a certificate "
        "answer the CLIENT_HELLO decision with a client_certificate_mode, or "
        "connect again",
        {{"connection", connection.name()}});
  });
}

}  // namespace tlsd::control
