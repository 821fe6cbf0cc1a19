#include "tests/unit/client/fake_daemon.h"

#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>

#include "proto/status/rpc_status.h"

namespace tlsd::testing {
namespace {

template <typename Request, typename Response>
grpc::Status Answer(const UnaryHandler<Request, Response>& handler,
                    const Request* request, Response* response) {
  if (!handler) return grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "");
  return ToRpcStatus(handler(*request, *response));
}

}  // namespace

SocketFolder::SocketFolder() : path_("/tmp/tlsd-XXXXXX") {
  if (mkdtemp(path_.data()) == nullptr) abort();
}

SocketFolder::~SocketFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

// Services is the gRPC side of a FakeDaemon.
class FakeDaemon::Services {
 public:
  explicit Services(Handlers& on)
      : admin(on),
        contexts(on),
        certificates(on),
        listeners(on),
        connections(on),
        pairs(on),
        events(on),
        decisions(on),
        key_logs(on) {}

  struct Admin final : v1::AdminService::Service {
    explicit Admin(Handlers& handlers) : on(handlers) {}
    grpc::Status GetServerInfo(grpc::ServerContext*,
                               const v1::GetServerInfoRequest* request,
                               v1::ServerInfo* response) override {
      return Answer(on.get_server_info, request, response);
    }
    Handlers& on;
  };

  struct Contexts final : v1::SecureContextService::Service {
    explicit Contexts(Handlers& handlers) : on(handlers) {}
    grpc::Status CreateSecureContext(
        grpc::ServerContext*, const v1::CreateSecureContextRequest* request,
        v1::SecureContext* response) override {
      return Answer(on.create_secure_context, request, response);
    }
    grpc::Status GetSecureContext(grpc::ServerContext*,
                                  const v1::GetSecureContextRequest* request,
                                  v1::SecureContext* response) override {
      return Answer(on.get_secure_context, request, response);
    }
    grpc::Status UpdateSecureContext(
        grpc::ServerContext*, const v1::UpdateSecureContextRequest* request,
        v1::SecureContext* response) override {
      return Answer(on.update_secure_context, request, response);
    }
    grpc::Status DeleteSecureContext(
        grpc::ServerContext*, const v1::DeleteSecureContextRequest* request,
        google::protobuf::Empty* response) override {
      return Answer(on.delete_secure_context, request, response);
    }
    grpc::Status RotateTicketKeys(
        grpc::ServerContext*, const v1::RotateTicketKeysRequest* request,
        v1::RotateTicketKeysResponse* response) override {
      return Answer(on.rotate_ticket_keys, request, response);
    }
    grpc::Status RotateEchKeys(grpc::ServerContext*,
                               const v1::RotateEchKeysRequest* request,
                               v1::RotateEchKeysResponse* response) override {
      return Answer(on.rotate_ech_keys, request, response);
    }
    grpc::Status SetOcspResponse(grpc::ServerContext*,
                                 const v1::SetOcspResponseRequest* request,
                                 v1::SecureContext* response) override {
      return Answer(on.set_ocsp_response, request, response);
    }
    grpc::Status ListAlgorithms(grpc::ServerContext*,
                                const v1::ListAlgorithmsRequest* request,
                                v1::ListAlgorithmsResponse* response) override {
      return Answer(on.list_algorithms, request, response);
    }
    grpc::Status ListSecureContexts(
        grpc::ServerContext*, const v1::ListSecureContextsRequest* request,
        v1::ListSecureContextsResponse* response) override {
      return Answer(on.list_secure_contexts, request, response);
    }
    Handlers& on;
  };

  struct Certificates final : v1::CertificateService::Service {
    explicit Certificates(Handlers& handlers) : on(handlers) {}
    grpc::Status ParseCertificate(
        grpc::ServerContext*, const v1::ParseCertificateRequest* request,
        v1::ParseCertificateResponse* response) override {
      return Answer(on.parse_certificate, request, response);
    }
    grpc::Status CheckServerIdentity(
        grpc::ServerContext*, const v1::CheckServerIdentityRequest* request,
        v1::CheckServerIdentityResponse* response) override {
      return Answer(on.check_server_identity, request, response);
    }
    grpc::Status ListOwnCertificates(
        grpc::ServerContext*, const v1::ListOwnCertificatesRequest* request,
        v1::ListOwnCertificatesResponse* response) override {
      return Answer(on.list_own_certificates, request, response);
    }
    grpc::Status ListTrustedCertificates(
        grpc::ServerContext*, const v1::ListTrustedCertificatesRequest* request,
        v1::ListTrustedCertificatesResponse* response) override {
      return Answer(on.list_trusted_certificates, request, response);
    }
    Handlers& on;
  };

  struct Listeners final : v1::ListenerService::Service {
    explicit Listeners(Handlers& handlers) : on(handlers) {}
    grpc::Status CreateListener(grpc::ServerContext*,
                                const v1::CreateListenerRequest* request,
                                v1::Listener* response) override {
      return Answer(on.create_listener, request, response);
    }
    grpc::Status DeleteListener(grpc::ServerContext*,
                                const v1::DeleteListenerRequest* request,
                                v1::Listener* response) override {
      return Answer(on.delete_listener, request, response);
    }
    grpc::Status ListListeners(grpc::ServerContext*,
                               const v1::ListListenersRequest* request,
                               v1::ListListenersResponse* response) override {
      return Answer(on.list_listeners, request, response);
    }
    grpc::Status AddContext(grpc::ServerContext*,
                            const v1::AddContextRequest* request,
                            v1::Listener* response) override {
      return Answer(on.add_context, request, response);
    }
    grpc::Status RemoveContext(grpc::ServerContext*,
                               const v1::RemoveContextRequest* request,
                               v1::Listener* response) override {
      return Answer(on.remove_context, request, response);
    }
    grpc::Status ListContexts(grpc::ServerContext*,
                              const v1::ListContextsRequest* request,
                              v1::ListContextsResponse* response) override {
      return Answer(on.list_contexts, request, response);
    }
    Handlers& on;
  };

  struct Connections final : v1::ConnectionService::Service {
    explicit Connections(Handlers& handlers) : on(handlers) {}
    grpc::Status Connect(grpc::ServerContext*,
                         const v1::ConnectRequest* request,
                         v1::Connection* response) override {
      return Answer(on.connect, request, response);
    }
    grpc::Status Accept(grpc::ServerContext*, const v1::AcceptRequest* request,
                        v1::Connection* response) override {
      return Answer(on.accept, request, response);
    }
    grpc::Status GetConnection(grpc::ServerContext*,
                               const v1::GetConnectionRequest* request,
                               v1::Connection* response) override {
      return Answer(on.get_connection, request, response);
    }
    grpc::Status Read(grpc::ServerContext*, const v1::ReadRequest* request,
                      v1::ReadResponse* response) override {
      return Answer(on.read, request, response);
    }
    grpc::Status Write(grpc::ServerContext*, const v1::WriteRequest* request,
                       v1::WriteResponse* response) override {
      return Answer(on.write, request, response);
    }
    grpc::Status ListConnections(
        grpc::ServerContext*, const v1::ListConnectionsRequest* request,
        v1::ListConnectionsResponse* response) override {
      return Answer(on.list_connections, request, response);
    }
    grpc::Status GetPeerCertificate(
        grpc::ServerContext*, const v1::GetPeerCertificateRequest* request,
        v1::GetPeerCertificateResponse* response) override {
      return Answer(on.get_peer_certificate, request, response);
    }
    grpc::Status GetSession(grpc::ServerContext*,
                            const v1::GetSessionRequest* request,
                            v1::GetSessionResponse* response) override {
      return Answer(on.get_session, request, response);
    }
    grpc::Status GetTlsTicket(grpc::ServerContext*,
                              const v1::GetTlsTicketRequest* request,
                              v1::GetTlsTicketResponse* response) override {
      return Answer(on.get_tls_ticket, request, response);
    }
    grpc::Status Close(grpc::ServerContext*, const v1::CloseRequest* request,
                       v1::Connection* response) override {
      return Answer(on.close, request, response);
    }
    grpc::Status Reset(grpc::ServerContext*, const v1::ResetRequest* request,
                       v1::Connection* response) override {
      return Answer(on.reset, request, response);
    }
    grpc::Status Upgrade(grpc::ServerContext*,
                         const v1::UpgradeRequest* request,
                         v1::Connection* response) override {
      return Answer(on.upgrade, request, response);
    }
    grpc::Status Pipe(grpc::ServerContext*, const v1::PipeRequest* request,
                      v1::Connection* response) override {
      return Answer(on.pipe, request, response);
    }
    grpc::Status SetSocketOptions(grpc::ServerContext*,
                                  const v1::SetSocketOptionsRequest* request,
                                  v1::Connection* response) override {
      return Answer(on.set_socket_options, request, response);
    }
    grpc::Status SetMaxSendFragment(
        grpc::ServerContext*, const v1::SetMaxSendFragmentRequest* request,
        v1::Connection* response) override {
      return Answer(on.set_max_send_fragment, request, response);
    }
    grpc::Status ExportKeyingMaterial(
        grpc::ServerContext*, const v1::ExportKeyingMaterialRequest* request,
        v1::ExportKeyingMaterialResponse* response) override {
      return Answer(on.export_keying_material, request, response);
    }
    grpc::Status GetChannelBindings(
        grpc::ServerContext*, const v1::GetChannelBindingsRequest* request,
        v1::GetChannelBindingsResponse* response) override {
      return Answer(on.get_channel_bindings, request, response);
    }
    grpc::Status UpdateKeys(grpc::ServerContext*,
                            const v1::UpdateKeysRequest* request,
                            v1::Connection* response) override {
      return Answer(on.update_keys, request, response);
    }
    grpc::Status Renegotiate(grpc::ServerContext*,
                             const v1::RenegotiateRequest* request,
                             v1::RenegotiateResponse* response) override {
      return Answer(on.renegotiate, request, response);
    }
    grpc::Status Stream(grpc::ServerContext*,
                        CleartextStream* stream) override {
      v1::StreamRequest first;
      if (!on.stream || !stream->Read(&first)) {
        return grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "");
      }
      v1::StreamResponse attached;
      attached.mutable_attached()->set_name(first.attach().connection());
      attached.mutable_attached()->set_authorized(true);
      stream->Write(attached);
      return ToRpcStatus(on.stream(first.attach(), *stream));
    }
    Handlers& on;
  };

  struct Pairs final : v1::SecurePairService::Service {
    explicit Pairs(Handlers& handlers) : on(handlers) {}
    grpc::Status CreateSecurePair(grpc::ServerContext*,
                                  const v1::CreateSecurePairRequest* request,
                                  v1::SecurePair* response) override {
      return Answer(on.create_secure_pair, request, response);
    }
    Handlers& on;
  };

  struct Events final : v1::EventService::Service {
    explicit Events(Handlers& handlers) : on(handlers) {}
    grpc::Status ListEvents(grpc::ServerContext*,
                            const v1::ListEventsRequest* request,
                            v1::ListEventsResponse* response) override {
      return Answer(on.list_events, request, response);
    }
    grpc::Status WatchEvents(
        grpc::ServerContext* context, const v1::WatchEventsRequest* request,
        grpc::ServerWriter<v1::WatchEventsResponse>* writer) override {
      if (!on.watch_events) {
        return grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "");
      }
      return ToRpcStatus(on.watch_events(*request, *context, *writer));
    }
    Handlers& on;
  };

  struct Decisions final : v1::DecisionService::Service {
    explicit Decisions(Handlers& handlers) : on(handlers) {}
    grpc::Status HandleDecisions(grpc::ServerContext*,
                                 DecisionStream* stream) override {
      v1::HandleDecisionsRequest first;
      if (!on.handle_decisions || !stream->Read(&first)) {
        return grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "");
      }
      // It may be replaced while it runs.
      const auto handle = on.handle_decisions;
      return ToRpcStatus(handle(first.registration(), *stream));
    }
    grpc::Status WaitDecision(grpc::ServerContext*,
                              const v1::WaitDecisionRequest* request,
                              v1::Decision* response) override {
      return Answer(on.wait_decision, request, response);
    }
    grpc::Status ResolveDecision(
        grpc::ServerContext*, const v1::ResolveDecisionRequest* request,
        v1::ResolveDecisionResponse* response) override {
      return Answer(on.resolve_decision, request, response);
    }
    grpc::Status ListDecisions(grpc::ServerContext*,
                               const v1::ListDecisionsRequest* request,
                               v1::ListDecisionsResponse* response) override {
      return Answer(on.list_decisions, request, response);
    }
    Handlers& on;
  };

  struct KeyLogs final : v1::KeyLogService::Service {
    explicit KeyLogs(Handlers& handlers) : on(handlers) {}
    grpc::Status WatchKeyLog(
        grpc::ServerContext* context, const v1::WatchKeyLogRequest* request,
        grpc::ServerWriter<v1::WatchKeyLogResponse>* writer) override {
      if (!on.watch_key_log) {
        return grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "");
      }
      return ToRpcStatus(on.watch_key_log(*request, *context, *writer));
    }
    Handlers& on;
  };

  Admin admin;
  Contexts contexts;
  Certificates certificates;
  Listeners listeners;
  Connections connections;
  Pairs pairs;
  Events events;
  Decisions decisions;
  KeyLogs key_logs;
};

FakeDaemon::FakeDaemon()
    : address_("unix:" + folder_.path() + "/control"),
      services_(std::make_unique<Services>(on)) {
  on.get_server_info = [](const v1::GetServerInfoRequest&,
                          v1::ServerInfo& info) {
    info.set_version("9.9.9");
    return absl::OkStatus();
  };
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address_, grpc::InsecureServerCredentials());
  builder.RegisterService(&services_->admin);
  builder.RegisterService(&services_->contexts);
  builder.RegisterService(&services_->certificates);
  builder.RegisterService(&services_->listeners);
  builder.RegisterService(&services_->connections);
  builder.RegisterService(&services_->pairs);
  builder.RegisterService(&services_->events);
  builder.RegisterService(&services_->decisions);
  builder.RegisterService(&services_->key_logs);
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) abort();
}

FakeDaemon::~FakeDaemon() {
  server_->Shutdown(std::chrono::system_clock::now());
}

v1::StreamResponse Data(const std::string& cleartext) {
  v1::StreamResponse response;
  response.set_data(cleartext);
  return response;
}

v1::StreamResponse End() {
  v1::StreamResponse response;
  response.mutable_end();
  return response;
}

std::string ReadAll(CleartextStream& stream) {
  std::string all;
  v1::StreamRequest request;
  while (stream.Read(&request)) all += request.data();
  return all;
}

}  // namespace tlsd::testing
