// Conversions between the messages of proto/tlsd/v1 and the plain structs of
// the library's public headers.
//
// This is internal to client/. Each function is total: it checks nothing (the
// daemon does) and turns what it does not know, e.g. an enumerator of a newer
// daemon, into the struct's zero value. Nothing here holds state.
#ifndef TLSD_CLIENT_CONVERT_H_
#define TLSD_CLIENT_CONVERT_H_

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/repeated_field.h>
#include <google/protobuf/timestamp.pb.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/connection_options.h"
#include "client/decision.h"
#include "client/decision_handler.h"
#include "client/event_stream.h"
#include "client/facts.h"
#include "client/hook.h"
#include "client/listener_options.h"
#include "client/secure_context_options.h"
#include "client/transport.h"
#include "tlsd/v1/admin_service.pb.h"
#include "tlsd/v1/certificate_service.pb.h"
#include "tlsd/v1/connection_controls.pb.h"
#include "tlsd/v1/connection_service.pb.h"
#include "tlsd/v1/decision_service.pb.h"
#include "tlsd/v1/encrypted_client_hello.pb.h"
#include "tlsd/v1/event_service.pb.h"
#include "tlsd/v1/listener_service.pb.h"
#include "tlsd/v1/secure_context_service.pb.h"
#include "tlsd/v1/secure_pair_service.pb.h"
#include "tlsd/v1/transport.pb.h"
#include "tlsd/v1/types.pb.h"

namespace tlsd::client {

// An infinite duration becomes the longest that protobuf allows.
google::protobuf::Duration ToProto(absl::Duration duration);
absl::Duration FromProto(const google::protobuf::Duration& duration);
absl::Time FromProto(const google::protobuf::Timestamp& time);

v1::TlsVersion ToProto(TlsVersion version);
TlsVersion FromProto(v1::TlsVersion version);
v1::ClientCertificateMode ToProto(ClientCertificateMode mode);
ClientCertificateMode FromProto(v1::ClientCertificateMode mode);
v1::EventType ToProto(EventType type);
EventType FromProto(v1::EventType type);
v1::DetachPolicy ToProto(DetachPolicy policy);
v1::Protection ToProto(Protection protection);
Protection FromProto(v1::Protection protection);
v1::ProxyHeaderVersion ToProto(ProxyHeaderVersion version);
ProxyHeaderVersion FromProto(v1::ProxyHeaderVersion version);
v1::DecisionType ToProto(DecisionType type);
google::protobuf::RepeatedPtrField<v1::Hook> ToProto(const Hooks& hooks);
Hooks FromProto(const google::protobuf::RepeatedPtrField<v1::Hook>& hooks);

v1::CreateSecureContextRequest ToProto(const SecureContextOptions& options);
// The mask names the fields that `update` sets, and the other form of protocols
// that have two.
v1::UpdateSecureContextRequest ToProto(const std::string& name,
                                       const SecureContextUpdate& update);
v1::CreateListenerRequest ToProto(const ListenerOptions& options);
v1::SocketOptions ToProto(const SocketOptions& options);
SocketOptions FromProto(const v1::SocketOptions& options);
v1::ConnectRequest ToProto(const ConnectOptions& options);
v1::ServerOptions ToProto(const ServerOptions& options);
// A session, early data and hooks have no place in what is forwarded, and the
// daemon tells none.
v1::ForwardHandler ToProto(const ForwardOptions& options);
ForwardOptions FromProto(const v1::ForwardHandler& forward);
v1::UpgradeRequest UpgradeRequest(const std::string& name,
                                  const RoleOptions& options);
v1::CreateSecurePairRequest SecurePairRequest(const RoleOptions& options);
v1::WatchEventsRequest ToProto(const WatchOptions& options);
v1::HandlerRegistration ToProto(const HandlerOptions& options);
v1::WaitDecisionRequest ToProto(const WaitDecisionOptions& options);
v1::DecisionAnswer ToProto(const std::string& decision, const Answer& answer);
v1::GetPeerCertificateRequest PeerCertificateRequest(const std::string& name,
                                                     ChainDetail detail);
void SetSource(const CertificateSource& source,
               v1::ParseCertificateRequest& request);
void SetSource(const CertificateSource& source,
               v1::CheckServerIdentityRequest& request);

SocketAddress FromProto(const v1::SocketAddress& address);
CertificateFacts FromProto(const v1::Certificate& certificate);
std::vector<CertificateFacts> FromProto(
    const google::protobuf::RepeatedPtrField<v1::Certificate>& certificates);
PeerCertificateFacts FromProto(const v1::GetPeerCertificateResponse& response);
ServerIdentityFacts FromProto(const v1::CheckServerIdentityResponse& response);
OwnCertificateFacts FromProto(const v1::OwnCertificate& own);
CertificateExpiry FromProto(const v1::CertificateExpiry& expiry);
OcspResponseFacts FromProto(const v1::OcspResponse& response);
HandshakeFacts FromProto(const v1::Handshake& handshake);
Failure FromProto(const v1::Failure& failure);
SessionFacts FromProto(const v1::GetSessionResponse& response);
ProxyHeaderFacts FromProto(const v1::ProxyHeader& header);
ChannelBindings FromProto(const v1::GetChannelBindingsResponse& response);
ConnectionFacts FromProto(const v1::Connection& connection);
ServerNameContext FromProto(const v1::ServerNameContext& context);
ListenerFacts FromProto(const v1::Listener& listener);
SecureContextFacts FromProto(const v1::SecureContext& context);
AlgorithmFacts FromProto(const v1::ListAlgorithmsResponse& response);
DaemonFacts FromProto(const v1::ServerInfo& info);
Event FromProto(const v1::Event& event);
Decision FromProto(const v1::Decision& decision);

// StatusFromProto returns the error that the daemon has told as a value. One
// with a reason of a newer daemon has no detail.
absl::Status StatusFromProto(const v1::Failure& failure);

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_CONVERT_H_
