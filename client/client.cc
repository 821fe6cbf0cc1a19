#include "client/client.h"

#include <utility>

#include "client/control_channel.h"
#include "client/convert.h"
#include "client/list_all.h"
#include "client/role.h"

namespace tlsd::client {

Client::Client(std::shared_ptr<ControlChannel> channel)
    : channel_(std::move(channel)) {}

absl::StatusOr<Client> Client::Open(absl::string_view address) {
  absl::StatusOr<std::shared_ptr<ControlChannel>> channel =
      ControlChannel::Open(address);
  if (!channel.ok()) return channel.status();
  Client client(*std::move(channel));
  const absl::StatusOr<DaemonFacts> facts = client.GetDaemonFacts();
  if (!facts.ok()) return facts.status();
  return client;
}

Client Client::Over(std::shared_ptr<ControlChannel> channel) {
  return Client(std::move(channel));
}

absl::StatusOr<DaemonFacts> Client::GetDaemonFacts() const {
  const absl::StatusOr<v1::ServerInfo> info =
      channel_->Call(&v1::AdminService::Stub::GetServerInfo,
                     v1::GetServerInfoRequest(), kCallTimeout);
  if (!info.ok()) return info.status();
  return FromProto(*info);
}

absl::StatusOr<SecureContext> Client::CreateSecureContext(
    const SecureContextOptions& options) const {
  const absl::StatusOr<v1::SecureContext> context =
      channel_->Call(&v1::SecureContextService::Stub::CreateSecureContext,
                     ToProto(options), kCallTimeout);
  if (!context.ok()) return context.status();
  return SecureContext(channel_, FromProto(*context));
}

absl::StatusOr<SecureContextFacts> Client::ValidateSecureContext(
    const SecureContextOptions& options) const {
  v1::CreateSecureContextRequest request = ToProto(options);
  request.set_validate_only(true);
  const absl::StatusOr<v1::SecureContext> context =
      channel_->Call(&v1::SecureContextService::Stub::CreateSecureContext,
                     request, kCallTimeout);
  if (!context.ok()) return context.status();
  return FromProto(*context);
}

absl::StatusOr<SecureContext> Client::GetSecureContext(
    const std::string& name) const {
  v1::GetSecureContextRequest request;
  request.set_name(name);
  const absl::StatusOr<v1::SecureContext> context = channel_->Call(
      &v1::SecureContextService::Stub::GetSecureContext, request, kCallTimeout);
  if (!context.ok()) return context.status();
  return SecureContext(channel_, FromProto(*context));
}

absl::StatusOr<std::vector<SecureContext>> Client::ListSecureContexts() const {
  std::vector<SecureContext> contexts;
  const absl::Status listed = ListAll(
      *channel_, &v1::SecureContextService::Stub::ListSecureContexts,
      v1::ListSecureContextsRequest(),
      [&](const v1::ListSecureContextsResponse& page) {
        for (const v1::SecureContext& context : page.secure_contexts()) {
          contexts.push_back(SecureContext(channel_, FromProto(context)));
        }
      });
  if (!listed.ok()) return listed;
  return contexts;
}

absl::StatusOr<SecureContext> Client::UpdateSecureContext(
    const std::string& name, const SecureContextUpdate& update) const {
  const absl::StatusOr<v1::SecureContext> context =
      channel_->Call(&v1::SecureContextService::Stub::UpdateSecureContext,
                     ToProto(name, update), kCallTimeout);
  if (!context.ok()) return context.status();
  return SecureContext(channel_, FromProto(*context));
}

absl::StatusOr<AlgorithmFacts> Client::ListAlgorithms() const {
  const absl::StatusOr<v1::ListAlgorithmsResponse> response =
      channel_->Call(&v1::SecureContextService::Stub::ListAlgorithms,
                     v1::ListAlgorithmsRequest(), kCallTimeout);
  if (!response.ok()) return response.status();
  return FromProto(*response);
}

absl::StatusOr<Listener> Client::Listen(const ListenerOptions& options) const {
  const absl::StatusOr<v1::Listener> listener =
      channel_->Call(&v1::ListenerService::Stub::CreateListener,
                     ToProto(options), kCallTimeout);
  if (!listener.ok()) return listener.status();
  return Listener(channel_, FromProto(*listener));
}

absl::StatusOr<Listener> Client::GetListener(const std::string& name) const {
  v1::GetListenerRequest request;
  request.set_name(name);
  const absl::StatusOr<v1::Listener> listener = channel_->Call(
      &v1::ListenerService::Stub::GetListener, request, kCallTimeout);
  if (!listener.ok()) return listener.status();
  return Listener(channel_, FromProto(*listener));
}

absl::StatusOr<std::vector<Listener>> Client::ListListeners() const {
  std::vector<Listener> listeners;
  const absl::Status listed = ListAll(
      *channel_, &v1::ListenerService::Stub::ListListeners,
      v1::ListListenersRequest(), [&](const v1::ListListenersResponse& page) {
        for (const v1::Listener& listener : page.listeners()) {
          listeners.push_back(Listener(channel_, FromProto(listener)));
        }
      });
  if (!listed.ok()) return listed;
  return listeners;
}

absl::StatusOr<Connection> Client::Connect(
    const ConnectOptions& options) const {
  const absl::StatusOr<v1::Connection> connection =
      channel_->Call(&v1::ConnectionService::Stub::Connect, ToProto(options),
                     options.timeout + kAnswerGrace);
  if (!connection.ok()) return connection.status();
  return Connection::AttachNew(channel_, connection->name(),
                               options.detach_policy);
}

absl::StatusOr<DetachedConnection> Client::ConnectDetached(
    const ConnectOptions& options) const {
  const absl::StatusOr<v1::Connection> connection =
      channel_->Call(&v1::ConnectionService::Stub::Connect, ToProto(options),
                     options.timeout + kAnswerGrace);
  if (!connection.ok()) return connection.status();
  return DetachedConnection(channel_, connection->name(),
                            options.detach_policy);
}

absl::StatusOr<SecurePair> Client::CreateSecurePair(
    const RoleOptions& options) const {
  absl::StatusOr<DetachedSecurePair> pair = CreateDetachedSecurePair(options);
  if (!pair.ok()) return pair.status();
  absl::StatusOr<Connection> cleartext = pair->cleartext.Attach();
  if (!cleartext.ok()) return cleartext.status();
  absl::StatusOr<Connection> encrypted = pair->encrypted.Attach();
  if (!encrypted.ok()) return encrypted.status();
  return SecurePair{*std::move(cleartext), *std::move(encrypted)};
}

absl::StatusOr<DetachedSecurePair> Client::CreateDetachedSecurePair(
    const RoleOptions& options) const {
  const absl::Status checked = CheckRole(options);
  if (!checked.ok()) return checked;
  const absl::StatusOr<v1::SecurePair> pair =
      channel_->Call(&v1::SecurePairService::Stub::CreateSecurePair,
                     SecurePairRequest(options), kCallTimeout);
  if (!pair.ok()) return pair.status();
  const DetachPolicy policy = PolicyOf(options);
  return DetachedSecurePair{
      DetachedConnection(channel_, pair->cleartext().name(), policy),
      DetachedConnection(channel_, pair->encrypted().name(), policy)};
}

absl::Status Client::Pipe(DetachedConnection& one,
                          DetachedConnection& other) const {
  v1::PipeRequest request;
  request.set_name(one.name());
  request.set_peer(other.name());
  const absl::Status piped =
      channel_->Call(&v1::ConnectionService::Stub::Pipe, request, kCallTimeout)
          .status();
  if (!piped.ok()) return piped;
  one.Release();
  other.Release();
  return absl::OkStatus();
}

absl::StatusOr<DetachedConnection> Client::GetDetached(
    const std::string& name, DetachPolicy policy) const {
  const absl::StatusOr<ConnectionControls> controls = GetControls(name);
  if (!controls.ok()) return controls.status();
  return DetachedConnection(channel_, name, policy);
}

absl::StatusOr<ConnectionControls> Client::GetControls(
    const std::string& name) const {
  ConnectionControls controls(channel_, name);
  const absl::StatusOr<ConnectionFacts> facts = controls.GetFacts();
  if (!facts.ok()) return facts.status();
  return controls;
}

absl::StatusOr<Connection> Client::Attach(const std::string& name,
                                          DetachPolicy policy) const {
  return Connection::Attach(channel_, name, policy);
}

absl::StatusOr<std::vector<ConnectionFacts>> Client::ListConnections(
    const std::string& listener) const {
  v1::ListConnectionsRequest request;
  request.set_listener(listener);
  std::vector<ConnectionFacts> connections;
  const absl::Status listed =
      ListAll(*channel_, &v1::ConnectionService::Stub::ListConnections, request,
              [&](const v1::ListConnectionsResponse& page) {
                for (const v1::Connection& connection : page.connections()) {
                  connections.push_back(FromProto(connection));
                }
              });
  if (!listed.ok()) return listed;
  return connections;
}

absl::StatusOr<PeerCertificateFacts> Client::GetPeerCertificate(
    const std::string& connection, ChainDetail detail) const {
  const absl::StatusOr<v1::GetPeerCertificateResponse> response =
      channel_->Call(&v1::ConnectionService::Stub::GetPeerCertificate,
                     PeerCertificateRequest(connection, detail), kCallTimeout);
  if (!response.ok()) return response.status();
  return FromProto(*response);
}

absl::StatusOr<std::vector<CertificateFacts>> Client::ParseCertificates(
    const CertificateSource& source) const {
  v1::ParseCertificateRequest request;
  SetSource(source, request);
  const absl::StatusOr<v1::ParseCertificateResponse> response = channel_->Call(
      &v1::CertificateService::Stub::ParseCertificate, request, kCallTimeout);
  if (!response.ok()) return response.status();
  return FromProto(response->certificates());
}

absl::StatusOr<ServerIdentityFacts> Client::CheckServerIdentity(
    const std::string& server_name, const CertificateSource& source) const {
  v1::CheckServerIdentityRequest request;
  request.set_server_name(server_name);
  SetSource(source, request);
  const absl::StatusOr<v1::CheckServerIdentityResponse> response =
      channel_->Call(&v1::CertificateService::Stub::CheckServerIdentity,
                     request, kCallTimeout);
  if (!response.ok()) return response.status();
  return FromProto(*response);
}

absl::StatusOr<std::vector<OwnCertificateFacts>> Client::ListOwnCertificates(
    absl::Duration ends_within) const {
  v1::ListOwnCertificatesRequest request;
  if (ends_within != absl::InfiniteDuration()) {
    *request.mutable_ends_within() = ToProto(ends_within);
  }
  std::vector<OwnCertificateFacts> certificates;
  const absl::Status listed =
      ListAll(*channel_, &v1::CertificateService::Stub::ListOwnCertificates,
              request, [&](const v1::ListOwnCertificatesResponse& page) {
                for (const v1::OwnCertificate& own : page.own_certificates()) {
                  certificates.push_back(FromProto(own));
                }
              });
  if (!listed.ok()) return listed;
  return certificates;
}

absl::StatusOr<TrustedCertificatesFacts> Client::ListTrustedCertificates(
    const std::string& secure_context) const {
  v1::ListTrustedCertificatesRequest request;
  request.set_secure_context(secure_context);
  TrustedCertificatesFacts trusted;
  const absl::Status listed =
      ListAll(*channel_, &v1::CertificateService::Stub::ListTrustedCertificates,
              request, [&](const v1::ListTrustedCertificatesResponse& page) {
                for (const v1::Certificate& certificate : page.certificates()) {
                  trusted.certificates.push_back(FromProto(certificate));
                }
                trusted.system_path = page.system_path();
              });
  if (!listed.ok()) return listed;
  return trusted;
}

absl::StatusOr<EventStream> Client::Watch(const WatchOptions& options) const {
  return EventStream::Open(channel_, options);
}

absl::StatusOr<DecisionHandler> Client::HandleDecisions(
    const HandlerOptions& options, Answerers answerers) const {
  return DecisionHandler::Open(channel_, options, std::move(answerers));
}

absl::StatusOr<Decision> Client::WaitDecision(
    const WaitDecisionOptions& options) const {
  // The daemon keeps the time, and the call gets longer: were the call to end
  // first, it could end just when the daemon had handed out a decision.
  const absl::StatusOr<v1::Decision> decision =
      channel_->Call(&v1::DecisionService::Stub::WaitDecision, ToProto(options),
                     options.timeout + kAnswerGrace);
  if (!decision.ok()) return decision.status();
  return FromProto(*decision);
}

absl::Status Client::ResolveDecision(const std::string& decision,
                                     const Answer& answer) const {
  v1::ResolveDecisionRequest request;
  *request.mutable_answer() = ToProto(decision, answer);
  return channel_
      ->Call(&v1::DecisionService::Stub::ResolveDecision, request, kCallTimeout)
      .status();
}

absl::StatusOr<std::vector<Decision>> Client::ListDecisions() const {
  std::vector<Decision> decisions;
  const absl::Status listed = ListAll(
      *channel_, &v1::DecisionService::Stub::ListDecisions,
      v1::ListDecisionsRequest(), [&](const v1::ListDecisionsResponse& page) {
        for (const v1::Decision& decision : page.decisions()) {
          decisions.push_back(FromProto(decision));
        }
      });
  if (!listed.ok()) return listed;
  return decisions;
}

absl::StatusOr<KeyLogStream> Client::WatchKeyLog(
    const std::string& listener) const {
  return KeyLogStream::Open(channel_, listener);
}

}  // namespace tlsd::client
