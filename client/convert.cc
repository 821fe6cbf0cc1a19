#include "client/convert.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace tlsd::client {
namespace {

// google/protobuf/duration.proto: about 10000 years.
constexpr int64_t kDurationSecondsMax = 315576000000;

// EnumFromProto serves enums whose numbers are those of the proto.
template <typename To, typename From>
To EnumFromProto(From value, To last) {
  const int number = static_cast<int>(value);
  return number < 0 || number > static_cast<int>(last)
             ? To{}
             : static_cast<To>(number);
}

template <typename Message>
std::optional<absl::Time> TimeIf(bool is_set, const Message& time) {
  if (!is_set) return std::nullopt;
  return FromProto(time);
}

template <typename Repeated>
std::vector<std::string> Strings(const Repeated& field) {
  return {field.begin(), field.end()};
}

void SetCredentials(const PemCredentials& pem, v1::SecureContext& context) {
  v1::PemCredentials& to = *context.add_credentials()->mutable_pem();
  to.set_certificate_chain(pem.certificate_chain);
  to.set_private_key(pem.private_key);
  to.set_passphrase(pem.passphrase);
  to.set_allow_outside_validity(pem.allow_outside_validity);
}

void SetCredentials(const DevelopmentCredentials& development,
                    v1::SecureContext& context) {
  v1::DevelopmentCredentials& to =
      *context.add_credentials()->mutable_development();
  to.mutable_server_names()->Add(development.server_names.begin(),
                                 development.server_names.end());
}

void SetCredentials(std::monostate, v1::SecureContext&) {}

}  // namespace

google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration result;
  const absl::Duration longest = absl::Seconds(kDurationSecondsMax);
  duration = std::clamp(duration, -longest, longest);
  result.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  result.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
  return result;
}

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) +
         absl::Nanoseconds(duration.nanos());
}

absl::Time FromProto(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) +
         absl::Nanoseconds(time.nanos());
}

v1::TlsVersion ToProto(TlsVersion version) {
  return static_cast<v1::TlsVersion>(version);
}

TlsVersion FromProto(v1::TlsVersion version) {
  return EnumFromProto(version, TlsVersion::kTls13);
}

v1::ClientCertificateMode ToProto(ClientCertificateMode mode) {
  switch (mode) {
    case ClientCertificateMode::kNone:
      return v1::CLIENT_CERTIFICATE_MODE_NONE;
    case ClientCertificateMode::kRequest:
      return v1::CLIENT_CERTIFICATE_MODE_REQUEST;
    case ClientCertificateMode::kRequire:
      return v1::CLIENT_CERTIFICATE_MODE_REQUIRE;
  }
  return v1::CLIENT_CERTIFICATE_MODE_UNSPECIFIED;
}

ClientCertificateMode FromProto(v1::ClientCertificateMode mode) {
  switch (mode) {
    case v1::CLIENT_CERTIFICATE_MODE_REQUEST:
      return ClientCertificateMode::kRequest;
    case v1::CLIENT_CERTIFICATE_MODE_REQUIRE:
      return ClientCertificateMode::kRequire;
    default:
      return ClientCertificateMode::kNone;
  }
}

// kEventsDropped is a message of its own on the wire.
v1::EventType ToProto(EventType type) {
  return type == EventType::kEventsDropped ? v1::EVENT_TYPE_UNSPECIFIED
                                           : static_cast<v1::EventType>(type);
}

EventType FromProto(v1::EventType type) {
  return EnumFromProto(type, EventType::kConnectionRejected);
}

v1::DetachPolicy ToProto(DetachPolicy policy) {
  return policy == DetachPolicy::kKeep ? v1::DETACH_POLICY_KEEP
                                       : v1::DETACH_POLICY_CLOSE;
}

v1::CreateSecureContextRequest ToProto(const SecureContextOptions& options) {
  v1::CreateSecureContextRequest request;
  request.set_secure_context_id(options.id);
  v1::SecureContext& context = *request.mutable_secure_context();
  std::visit(
      [&](const auto& credentials) { SetCredentials(credentials, context); },
      options.credentials);
  if (!options.trusted_pems.empty() || options.trust_system ||
      options.trust_development) {
    v1::TrustAnchors& anchors = *context.mutable_trust_anchors();
    anchors.mutable_pems()->Add(options.trusted_pems.begin(),
                                options.trusted_pems.end());
    anchors.set_system(options.trust_system);
    anchors.set_development(options.trust_development);
  }
  context.set_min_version(ToProto(options.min_version));
  context.set_max_version(ToProto(options.max_version));
  context.mutable_alpn_protocols()->Add(options.alpn_protocols.begin(),
                                        options.alpn_protocols.end());
  context.set_client_certificate_mode(ToProto(options.client_certificate_mode));
  return request;
}

v1::CreateListenerRequest ToProto(const ListenerOptions& options) {
  v1::CreateListenerRequest request;
  request.set_listener_id(options.id);
  v1::Listener& listener = *request.mutable_listener();
  listener.set_address(options.address);
  listener.set_secure_context(options.secure_context);
  if (options.handler == Handler::kEcho) {
    listener.mutable_echo();
  } else {
    listener.mutable_stream();
  }
  if (options.handshake_timeout != absl::ZeroDuration()) {
    *listener.mutable_handshake_timeout() = ToProto(options.handshake_timeout);
  }
  listener.set_max_connections(options.max_connections);
  return request;
}

v1::ConnectRequest ToProto(const ConnectOptions& options) {
  v1::ConnectRequest request;
  request.set_address(options.address);
  request.set_secure_context(options.secure_context);
  request.set_server_name(options.server_name);
  request.set_verification(options.verification == PeerVerification::kReport
                               ? v1::PEER_VERIFICATION_REPORT
                               : v1::PEER_VERIFICATION_REQUIRE);
  request.set_skip_name_check(options.skip_name_check);
  *request.mutable_timeout() = ToProto(options.timeout);
  return request;
}

v1::WatchEventsRequest ToProto(const WatchOptions& options) {
  v1::WatchEventsRequest request;
  request.set_resume_token(options.resume_token);
  for (const EventType type : options.types) request.add_types(ToProto(type));
  request.mutable_subjects()->Add(options.subjects.begin(),
                                  options.subjects.end());
  request.set_overflow_policy(options.overflow_policy ==
                                      OverflowPolicy::kDropOldest
                                  ? v1::OVERFLOW_POLICY_DROP_OLDEST
                                  : v1::OVERFLOW_POLICY_DISCONNECT);
  return request;
}

SocketAddress FromProto(const v1::SocketAddress& address) {
  return {address.family(), address.address(), address.port(), address.path()};
}

CertificateFacts FromProto(const v1::Certificate& certificate) {
  CertificateFacts facts;
  facts.subject = certificate.subject();
  facts.issuer = certificate.issuer();
  facts.subject_alternative_names =
      Strings(certificate.subject_alternative_names());
  facts.not_before_time =
      TimeIf(certificate.has_not_before_time(), certificate.not_before_time());
  facts.not_after_time =
      TimeIf(certificate.has_not_after_time(), certificate.not_after_time());
  facts.serial_number = certificate.serial_number();
  facts.sha256_fingerprint = certificate.sha256_fingerprint();
  facts.public_key = certificate.public_key();
  facts.der = certificate.der();
  return facts;
}

HandshakeFacts FromProto(const v1::Handshake& handshake) {
  HandshakeFacts facts;
  facts.version = FromProto(handshake.version());
  facts.protocol = handshake.protocol();
  facts.cipher = handshake.cipher();
  facts.cipher_standard_name = handshake.cipher_standard_name();
  facts.group = handshake.group();
  facts.alpn_protocol = handshake.alpn_protocol();
  facts.server_name = handshake.server_name();
  facts.resumed = handshake.resumed();
  return facts;
}

Failure FromProto(const v1::Failure& failure) {
  return {failure.reason(),
          failure.message(),
          {failure.metadata().begin(), failure.metadata().end()}};
}

ConnectionFacts FromProto(const v1::Connection& connection) {
  ConnectionFacts facts;
  facts.name = connection.name();
  facts.role = EnumFromProto(connection.role(), Role::kServer);
  facts.state = EnumFromProto(connection.state(), ConnectionState::kClosed);
  facts.listener = connection.listener();
  facts.secure_context = connection.secure_context();
  facts.local_address = FromProto(connection.local_address());
  facts.remote_address = FromProto(connection.remote_address());
  if (connection.has_handshake()) {
    facts.handshake = FromProto(connection.handshake());
  }
  facts.authorized = connection.authorized();
  facts.authorization_error = connection.authorization_error();
  if (connection.has_peer_certificate()) {
    facts.peer_certificate = FromProto(connection.peer_certificate());
  }
  facts.cleartext_bytes_received = connection.cleartext_bytes_received();
  facts.cleartext_bytes_sent = connection.cleartext_bytes_sent();
  facts.wire_bytes_received = connection.wire_bytes_received();
  facts.wire_bytes_sent = connection.wire_bytes_sent();
  facts.peer_closed = connection.peer_closed();
  facts.shut_down = connection.shut_down();
  facts.create_time =
      TimeIf(connection.has_create_time(), connection.create_time());
  facts.open_time = TimeIf(connection.has_open_time(), connection.open_time());
  facts.close_time =
      TimeIf(connection.has_close_time(), connection.close_time());
  if (connection.has_failure()) facts.failure = FromProto(connection.failure());
  return facts;
}

ListenerFacts FromProto(const v1::Listener& listener) {
  ListenerFacts facts;
  facts.name = listener.name();
  facts.address = listener.address();
  facts.secure_context = listener.secure_context();
  facts.handler = listener.has_echo() ? Handler::kEcho : Handler::kStream;
  facts.handshake_timeout = FromProto(listener.handshake_timeout());
  facts.max_connections = listener.max_connections();
  facts.bound_address = FromProto(listener.bound_address());
  facts.state = EnumFromProto(listener.state(), ListenerState::kClosed);
  facts.connection_count = listener.connection_count();
  facts.accepted_count = listener.accepted_count();
  facts.rejected_count = listener.rejected_count();
  facts.create_time =
      TimeIf(listener.has_create_time(), listener.create_time());
  facts.etag = listener.etag();
  return facts;
}

SecureContextFacts FromProto(const v1::SecureContext& context) {
  SecureContextFacts facts;
  facts.name = context.name();
  for (const v1::Credentials& credentials : context.credentials()) {
    for (const v1::Certificate& certificate : credentials.certificates()) {
      facts.certificates.push_back(FromProto(certificate));
    }
  }
  const v1::TrustAnchors& anchors = context.trust_anchors();
  facts.trusts_system = anchors.system() || !anchors.system_path().empty();
  facts.trusts_development = anchors.development();
  facts.system_trust_path = anchors.system_path();
  facts.trusted_certificate_count = anchors.certificate_count();
  facts.min_version = FromProto(context.min_version());
  facts.max_version = FromProto(context.max_version());
  facts.alpn_protocols = Strings(context.alpn_protocols());
  facts.client_certificate_mode = FromProto(context.client_certificate_mode());
  facts.expire_time = TimeIf(context.has_expire_time(), context.expire_time());
  facts.create_time = TimeIf(context.has_create_time(), context.create_time());
  facts.etag = context.etag();
  return facts;
}

DaemonFacts FromProto(const v1::ServerInfo& info) {
  DaemonFacts facts;
  facts.version = info.version();
  facts.boringssl_revision = info.boringssl_revision();
  facts.grpc_version = info.grpc_version();
  facts.start_time = TimeIf(info.has_start_time(), info.start_time());
  facts.process_id = info.process_id();
  facts.worker_count = info.worker_count();
  facts.secure_context_count = info.secure_context_count();
  facts.listener_count = info.listener_count();
  facts.connection_count = info.connection_count();
  facts.development_root = info.development_root();
  return facts;
}

Event FromProto(const v1::Event& event) {
  Event result;
  result.resume_token = event.resume_token();
  result.time = FromProto(event.time());
  result.subject = event.subject();
  result.type = FromProto(event.type());
  if (event.has_listener()) result.listener = FromProto(event.listener());
  if (event.has_connection()) result.connection = FromProto(event.connection());
  return result;
}

}  // namespace tlsd::client
