#include "server/control/convert.h"

#include <optional>
#include <string>
#include <variant>

#include "absl/strings/escaping.h"
#include "proto/status/error.h"
#include "server/base/utf8.h"
#include "server/control/fields.h"

namespace tlsd::control {
namespace {

// Else the functions below would hide those of the header.
using control::ToProto;

// A string of a proto that is not UTF-8 would make the message unreadable. What
// peers choose, e.g. the path of their unix socket, may be any bytes.
std::string ToText(const std::string& bytes) {
  return base::IsValidUtf8(bytes) ? bytes : absl::CHexEscape(bytes);
}

v1::ClientCertificateMode ToProto(tls::ClientCertificateMode mode) {
  switch (mode) {
    case tls::ClientCertificateMode::kNone:
      return v1::CLIENT_CERTIFICATE_MODE_NONE;
    case tls::ClientCertificateMode::kRequest:
      return v1::CLIENT_CERTIFICATE_MODE_REQUEST;
    case tls::ClientCertificateMode::kRequire:
      return v1::CLIENT_CERTIFICATE_MODE_REQUIRE;
  }
  return v1::CLIENT_CERTIFICATE_MODE_UNSPECIFIED;
}

v1::Listener::State ToProto(worker::ListenerState state) {
  switch (state) {
    case worker::ListenerState::kActive:
      return v1::Listener::STATE_ACTIVE;
    case worker::ListenerState::kDraining:
      return v1::Listener::STATE_DRAINING;
    case worker::ListenerState::kClosed:
      return v1::Listener::STATE_CLOSED;
  }
  return v1::Listener::STATE_UNSPECIFIED;
}

v1::Connection::State ToProto(conn::ConnectionState state) {
  switch (state) {
    case conn::ConnectionState::kHandshaking:
      return v1::Connection::STATE_HANDSHAKING;
    case conn::ConnectionState::kOpen:
      return v1::Connection::STATE_OPEN;
    case conn::ConnectionState::kClosed:
      return v1::Connection::STATE_CLOSED;
  }
  return v1::Connection::STATE_UNSPECIFIED;
}

v1::EventType ToProto(worker::EventType type) {
  switch (type) {
    case worker::EventType::kListening:
      return v1::EVENT_TYPE_LISTENING;
    case worker::EventType::kSecureConnection:
      return v1::EVENT_TYPE_SECURE_CONNECTION;
    case worker::EventType::kClientError:
      return v1::EVENT_TYPE_CLIENT_ERROR;
    case worker::EventType::kSecureConnect:
      return v1::EVENT_TYPE_SECURE_CONNECT;
    case worker::EventType::kConnectionClosed:
      return v1::EVENT_TYPE_CONNECTION_CLOSED;
    case worker::EventType::kListenerClosed:
      return v1::EVENT_TYPE_LISTENER_CLOSED;
    case worker::EventType::kConnectionRejected:
      return v1::EVENT_TYPE_CONNECTION_REJECTED;
  }
  return v1::EVENT_TYPE_UNSPECIFIED;
}

void ToProto(const tls::HandshakeFacts& facts, v1::Handshake& proto) {
  proto.set_version(ToProto(facts.version));
  proto.set_protocol(facts.protocol);
  proto.set_cipher(facts.cipher);
  proto.set_cipher_standard_name(facts.cipher_standard_name);
  proto.set_group(facts.group);
  proto.set_alpn_protocol(facts.alpn_protocol);
  proto.set_server_name(facts.server_name);
  proto.set_resumed(facts.resumed);
}

void ToProto(const absl::Status& failure, v1::Failure& proto) {
  proto.set_message(ToText(std::string(failure.message())));
  const std::optional<ErrorDetail> detail = GetErrorDetail(failure);
  if (!detail.has_value()) return;
  proto.set_reason(std::string(GetReasonInfo(detail->reason).name));
  for (const auto& [key, value] : detail->metadata) {
    (*proto.mutable_metadata())[key] = ToText(value);
  }
}

}  // namespace

void ToProto(const net::SocketAddress& address, v1::SocketAddress& proto) {
  switch (address.family) {
    case net::SocketAddress::Family::kNone:
      break;
    case net::SocketAddress::Family::kIpv4:
      proto.set_family("IPv4");
      break;
    case net::SocketAddress::Family::kIpv6:
      proto.set_family("IPv6");
      break;
    case net::SocketAddress::Family::kUnix:
      proto.set_family("unix");
      break;
  }
  proto.set_address(address.ip);
  proto.set_port(address.port);
  proto.set_path(ToText(address.path));
}

v1::TlsVersion ToProto(tls::TlsVersion version) {
  switch (version) {
    case tls::TlsVersion::kTls10:
      return v1::TLS_VERSION_TLS_1_0;
    case tls::TlsVersion::kTls11:
      return v1::TLS_VERSION_TLS_1_1;
    case tls::TlsVersion::kTls12:
      return v1::TLS_VERSION_TLS_1_2;
    case tls::TlsVersion::kTls13:
      return v1::TLS_VERSION_TLS_1_3;
  }
  return v1::TLS_VERSION_UNSPECIFIED;
}

void ToProto(const tls::CertificateFacts& facts, v1::Certificate& proto) {
  proto.set_subject(facts.subject);
  proto.set_issuer(facts.issuer);
  for (const std::string& name : facts.subject_alternative_names) {
    proto.add_subject_alternative_names(name);
  }
  ToProto(facts.not_before, *proto.mutable_not_before_time());
  ToProto(facts.not_after, *proto.mutable_not_after_time());
  proto.set_serial_number(facts.serial_number);
  proto.set_sha256_fingerprint(facts.sha256_fingerprint);
  proto.set_public_key(facts.public_key);
  proto.set_der(facts.der);
}

void ToProto(const worker::ContextRecord& record, v1::SecureContext& proto) {
  const tls::SecureContextOptions& options = record.options;
  const tls::SecureContextFacts& facts = record.secure_context->facts();
  proto.set_name(record.name);
  for (size_t i = 0; i < options.credentials.size(); ++i) {
    v1::Credentials& credentials = *proto.add_credentials();
    const tls::CredentialsOptions& source = options.credentials[i];
    if (const auto* pem = std::get_if<tls::PemCredentials>(&source)) {
      credentials.mutable_pem()->set_certificate_chain(pem->certificate_chain);
      credentials.mutable_pem()->set_allow_outside_validity(
          pem->allow_outside_validity);
    } else {
      const auto& names = std::get<tls::DevelopmentCredentials>(source);
      *credentials.mutable_development()->mutable_server_names() = {
          names.server_names.begin(), names.server_names.end()};
    }
    for (const tls::CertificateFacts& certificate :
         facts.certificate_chains[i]) {
      ToProto(certificate, *credentials.add_certificates());
    }
  }
  v1::TrustAnchors& anchors = *proto.mutable_trust_anchors();
  *anchors.mutable_pems() = {options.trust_anchors.pems.begin(),
                             options.trust_anchors.pems.end()};
  anchors.set_system(options.trust_anchors.system);
  anchors.set_development(options.trust_anchors.development);
  anchors.set_system_path(facts.system_trust_path);
  anchors.set_certificate_count(facts.trust_anchor_count);
  proto.set_min_version(ToProto(options.min_version));
  proto.set_max_version(ToProto(options.max_version));
  *proto.mutable_alpn_protocols() = {options.alpn_protocols.begin(),
                                     options.alpn_protocols.end()};
  proto.set_client_certificate_mode(ToProto(options.client_certificate_mode));
  if (facts.expire_time.has_value()) {
    ToProto(*facts.expire_time, *proto.mutable_expire_time());
  }
  ToProto(record.create_time, *proto.mutable_create_time());
  proto.set_etag(record.etag);
}

void ToProto(const worker::ListenerFacts& facts, v1::Listener& proto) {
  proto.set_name(facts.name);
  proto.set_address(facts.address);
  proto.set_secure_context(facts.secure_context);
  if (facts.handler == worker::Handler::kEcho) {
    proto.mutable_echo();
  } else {
    proto.mutable_stream();
  }
  ToProto(facts.handshake_timeout, *proto.mutable_handshake_timeout());
  proto.set_max_connections(static_cast<int32_t>(facts.connection_count_max));
  ToProto(facts.bound_address, *proto.mutable_bound_address());
  proto.set_state(ToProto(facts.state));
  proto.set_connection_count(facts.connection_count);
  proto.set_accepted_count(facts.accepted_count);
  proto.set_rejected_count(facts.rejected_count);
  ToProto(facts.create_time, *proto.mutable_create_time());
  proto.set_etag(facts.etag);
}

void ToProto(const conn::ConnectionFacts& facts, v1::Connection& proto) {
  proto.set_name(facts.name);
  proto.set_role(facts.role == tls::Role::kClient ? v1::ROLE_CLIENT
                                                  : v1::ROLE_SERVER);
  proto.set_state(ToProto(facts.state));
  proto.set_listener(facts.listener);
  proto.set_secure_context(facts.secure_context);
  ToProto(facts.local_address, *proto.mutable_local_address());
  ToProto(facts.remote_address, *proto.mutable_remote_address());
  if (facts.handshake != nullptr) {
    const tls::HandshakeFacts& handshake = *facts.handshake;
    ToProto(handshake, *proto.mutable_handshake());
    proto.set_authorized(handshake.authorized);
    proto.set_authorization_error(handshake.authorization_error);
    if (handshake.peer_certificate != nullptr) {
      ToProto(*handshake.peer_certificate, *proto.mutable_peer_certificate());
    }
  } else if (!facts.server_name.empty()) {
    proto.mutable_handshake()->set_server_name(facts.server_name);
  }
  proto.set_cleartext_bytes_received(facts.cleartext_bytes_received);
  proto.set_cleartext_bytes_sent(facts.cleartext_bytes_sent);
  proto.set_wire_bytes_received(facts.wire_bytes_received);
  proto.set_wire_bytes_sent(facts.wire_bytes_sent);
  proto.set_peer_closed(facts.peer_closed);
  proto.set_shut_down(facts.shut_down);
  ToProto(facts.create_time, *proto.mutable_create_time());
  if (facts.open_time != absl::InfiniteFuture()) {
    ToProto(facts.open_time, *proto.mutable_open_time());
  }
  if (facts.close_time != absl::InfiniteFuture()) {
    ToProto(facts.close_time, *proto.mutable_close_time());
  }
  if (!facts.failure.ok()) ToProto(facts.failure, *proto.mutable_failure());
}

void ToProto(const worker::Event& event, const std::string& resume_token,
             v1::Event& proto) {
  proto.set_resume_token(resume_token);
  ToProto(event.time, *proto.mutable_time());
  proto.set_subject(event.subject());
  proto.set_type(ToProto(event.type));
  if (const auto* listener =
          std::get_if<worker::ListenerFacts>(&event.payload)) {
    ToProto(*listener, *proto.mutable_listener());
    return;
  }
  v1::Connection& connection = *proto.mutable_connection();
  ToProto(std::get<conn::ConnectionFacts>(event.payload), connection);
  // Watchers that want it ask for the connection.
  if (connection.has_peer_certificate()) {
    connection.mutable_peer_certificate()->clear_der();
  }
}

}  // namespace tlsd::control
