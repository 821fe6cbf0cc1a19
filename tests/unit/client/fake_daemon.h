// FakeDaemon answers the calls of a client under test, as each test tells it.
//
// It is a real gRPC server on a unix socket of its own, without TLS, rules or
// memory: a call whose handler is not set fails with UNIMPLEMENTED. Set the
// handlers before the client calls; they run on gRPC's threads. It belongs to
// the test that made it.
#ifndef TLSD_TESTS_UNIT_CLIENT_FAKE_DAEMON_H_
#define TLSD_TESTS_UNIT_CLIENT_FAKE_DAEMON_H_

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "tlsd/v1/admin_service.grpc.pb.h"
#include "tlsd/v1/certificate_service.grpc.pb.h"
#include "tlsd/v1/connection_service.grpc.pb.h"
#include "tlsd/v1/decision_service.grpc.pb.h"
#include "tlsd/v1/event_service.grpc.pb.h"
#include "tlsd/v1/key_log_service.grpc.pb.h"
#include "tlsd/v1/listener_service.grpc.pb.h"
#include "tlsd/v1/secure_context_service.grpc.pb.h"
#include "tlsd/v1/secure_pair_service.grpc.pb.h"

namespace tlsd::testing {

// SocketFolder is a new folder with a path short enough for unix sockets,
// removed with all that is in it at the end.
class SocketFolder {
 public:
  SocketFolder();
  SocketFolder(const SocketFolder&) = delete;
  SocketFolder& operator=(const SocketFolder&) = delete;
  ~SocketFolder();

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

template <typename Request, typename Response>
using UnaryHandler = std::function<absl::Status(const Request&, Response&)>;

using CleartextStream =
    grpc::ServerReaderWriter<v1::StreamResponse, v1::StreamRequest>;
using DecisionStream = grpc::ServerReaderWriter<v1::HandleDecisionsResponse,
                                                v1::HandleDecisionsRequest>;

// Handlers is what the daemon does.
struct Handlers {
  UnaryHandler<v1::GetServerInfoRequest, v1::ServerInfo> get_server_info;
  UnaryHandler<v1::CreateSecureContextRequest, v1::SecureContext>
      create_secure_context;
  UnaryHandler<v1::GetSecureContextRequest, v1::SecureContext>
      get_secure_context;
  UnaryHandler<v1::ListSecureContextsRequest, v1::ListSecureContextsResponse>
      list_secure_contexts;
  UnaryHandler<v1::UpdateSecureContextRequest, v1::SecureContext>
      update_secure_context;
  UnaryHandler<v1::DeleteSecureContextRequest, google::protobuf::Empty>
      delete_secure_context;
  UnaryHandler<v1::RotateTicketKeysRequest, v1::RotateTicketKeysResponse>
      rotate_ticket_keys;
  UnaryHandler<v1::RotateEchKeysRequest, v1::RotateEchKeysResponse>
      rotate_ech_keys;
  UnaryHandler<v1::SetOcspResponseRequest, v1::SecureContext> set_ocsp_response;
  UnaryHandler<v1::ListAlgorithmsRequest, v1::ListAlgorithmsResponse>
      list_algorithms;
  UnaryHandler<v1::ParseCertificateRequest, v1::ParseCertificateResponse>
      parse_certificate;
  UnaryHandler<v1::CheckServerIdentityRequest, v1::CheckServerIdentityResponse>
      check_server_identity;
  UnaryHandler<v1::ListOwnCertificatesRequest, v1::ListOwnCertificatesResponse>
      list_own_certificates;
  UnaryHandler<v1::ListTrustedCertificatesRequest,
               v1::ListTrustedCertificatesResponse>
      list_trusted_certificates;
  UnaryHandler<v1::CreateListenerRequest, v1::Listener> create_listener;
  UnaryHandler<v1::DeleteListenerRequest, v1::Listener> delete_listener;
  UnaryHandler<v1::ListListenersRequest, v1::ListListenersResponse>
      list_listeners;
  UnaryHandler<v1::AddContextRequest, v1::Listener> add_context;
  UnaryHandler<v1::RemoveContextRequest, v1::Listener> remove_context;
  UnaryHandler<v1::ListContextsRequest, v1::ListContextsResponse> list_contexts;
  UnaryHandler<v1::ConnectRequest, v1::Connection> connect;
  UnaryHandler<v1::AcceptRequest, v1::Connection> accept;
  UnaryHandler<v1::GetConnectionRequest, v1::Connection> get_connection;
  UnaryHandler<v1::ListConnectionsRequest, v1::ListConnectionsResponse>
      list_connections;
  UnaryHandler<v1::GetPeerCertificateRequest, v1::GetPeerCertificateResponse>
      get_peer_certificate;
  UnaryHandler<v1::GetSessionRequest, v1::GetSessionResponse> get_session;
  UnaryHandler<v1::GetTlsTicketRequest, v1::GetTlsTicketResponse>
      get_tls_ticket;
  UnaryHandler<v1::ReadRequest, v1::ReadResponse> read;
  UnaryHandler<v1::WriteRequest, v1::WriteResponse> write;
  UnaryHandler<v1::CloseRequest, v1::Connection> close;
  UnaryHandler<v1::ResetRequest, v1::Connection> reset;
  UnaryHandler<v1::UpgradeRequest, v1::Connection> upgrade;
  UnaryHandler<v1::PipeRequest, v1::Connection> pipe;
  UnaryHandler<v1::SetSocketOptionsRequest, v1::Connection> set_socket_options;
  UnaryHandler<v1::SetMaxSendFragmentRequest, v1::Connection>
      set_max_send_fragment;
  UnaryHandler<v1::ExportKeyingMaterialRequest,
               v1::ExportKeyingMaterialResponse>
      export_keying_material;
  UnaryHandler<v1::GetChannelBindingsRequest, v1::GetChannelBindingsResponse>
      get_channel_bindings;
  UnaryHandler<v1::UpdateKeysRequest, v1::Connection> update_keys;
  UnaryHandler<v1::RenegotiateRequest, v1::RenegotiateResponse> renegotiate;
  UnaryHandler<v1::CreateSecurePairRequest, v1::SecurePair> create_secure_pair;
  UnaryHandler<v1::ListEventsRequest, v1::ListEventsResponse> list_events;
  UnaryHandler<v1::WaitDecisionRequest, v1::Decision> wait_decision;
  UnaryHandler<v1::ResolveDecisionRequest, v1::ResolveDecisionResponse>
      resolve_decision;
  UnaryHandler<v1::ListDecisionsRequest, v1::ListDecisionsResponse>
      list_decisions;
  // Called when `registration` has come, and before it is answered.
  std::function<absl::Status(const v1::HandlerRegistration&, DecisionStream&)>
      handle_decisions;
  // Called after `attach` was answered with `attached`.
  std::function<absl::Status(const v1::StreamAttach&, CleartextStream&)> stream;
  std::function<absl::Status(const v1::WatchEventsRequest&,
                             grpc::ServerContext&,
                             grpc::ServerWriter<v1::WatchEventsResponse>&)>
      watch_events;
  std::function<absl::Status(const v1::WatchKeyLogRequest&,
                             grpc::ServerContext&,
                             grpc::ServerWriter<v1::WatchKeyLogResponse>&)>
      watch_key_log;
};

class FakeDaemon {
 public:
  FakeDaemon();
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;
  // Ends all calls first.
  ~FakeDaemon();

  // address returns "unix:/path".
  const std::string& address() const { return address_; }

  // Handlers begin with a GetServerInfo that answers version "9.9.9".
  Handlers on;

 private:
  class Services;

  SocketFolder folder_;
  std::string address_;
  std::unique_ptr<Services> services_;
  std::unique_ptr<grpc::Server> server_;
};

// Data returns a message of a stream with this cleartext.
v1::StreamResponse Data(const std::string& cleartext);

// End returns the message that says that the peer has ended.
v1::StreamResponse End();

// ReadAll returns what the client sends until it half-closes or is gone.
std::string ReadAll(CleartextStream& stream);

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_UNIT_CLIENT_FAKE_DAEMON_H_
