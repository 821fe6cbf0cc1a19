#include "server/control/convert.h"

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/escaping.h"
#include "proto/status/error.h"
#include "server/base/utf8.h"
#include "server/control/fields.h"
#include "server/control/hooks.h"
#include "server/control/secure_context_options.h"

namespace tlsd::control {
namespace {

// Else the functions below would hide those of the header.
using control::ToProto;

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
    case worker::EventType::kSecureContextUpdated:
      return v1::EVENT_TYPE_SECURE_CONTEXT_UPDATED;
    case worker::EventType::kCertificateExpiring:
      return v1::EVENT_TYPE_CERTIFICATE_EXPIRING;
    case worker::EventType::kSession:
      return v1::EVENT_TYPE_SESSION;
    case worker::EventType::kOcspResponse:
      return v1::EVENT_TYPE_OCSP_RESPONSE;
    case worker::EventType::kConnection:
      return v1::EVENT_TYPE_CONNECTION;
    case worker::EventType::kRenegotiated:
      return v1::EVENT_TYPE_RENEGOTIATED;
  }
  return v1::EVENT_TYPE_UNSPECIFIED;
}

v1::EarlyData ToProto(tls::EarlyData early_data) {
  switch (early_data) {
    case tls::EarlyData::kNone:
      return v1::EARLY_DATA_UNSPECIFIED;
    case tls::EarlyData::kAccepted:
      return v1::EARLY_DATA_ACCEPTED;
    case tls::EarlyData::kRejected:
      return v1::EARLY_DATA_REJECTED;
  }
  return v1::EARLY_DATA_UNSPECIFIED;
}

void ToProto(const std::vector<std::string>& texts,
             google::protobuf::RepeatedPtrField<std::string>& proto) {
  proto.Assign(texts.begin(), texts.end());
}

// The same for what callers have given as bytes.
void TextsToProto(const std::vector<std::string>& texts,
                  google::protobuf::RepeatedPtrField<std::string>& proto) {
  proto.Clear();
  for (const std::string& text : texts) *proto.Add() = ToText(text);
}

void ToProto(const std::vector<tls::NameAttribute>& attributes,
             google::protobuf::RepeatedPtrField<v1::NameAttribute>& proto) {
  for (const tls::NameAttribute& attribute : attributes) {
    v1::NameAttribute& added = *proto.Add();
    added.set_type(attribute.type);
    added.set_value(attribute.value);
  }
}

void ToProto(const tls::HandshakeFacts& facts, v1::Handshake& proto) {
  proto.set_version(ToProto(facts.version));
  proto.set_protocol(facts.protocol);
  proto.set_cipher(facts.cipher);
  proto.set_cipher_standard_name(facts.cipher_standard_name);
  proto.set_group(facts.group);
  proto.set_alpn_protocol(ToText(facts.alpn_protocol));
  proto.set_server_name(facts.server_name);
  proto.set_resumed(facts.resumed);
  proto.set_npn_protocol(ToText(facts.npn_protocol));
  // The module's documentation promises it, whatever the suite.
  proto.set_cipher_version("TLSv1/SSLv3");
  proto.set_cipher_min_version(facts.cipher_min_version);
  proto.set_peer_signature_algorithm(
      std::string(facts.peer_signature_algorithm));
  for (const absl::string_view algorithm : facts.shared_signature_algorithms) {
    proto.add_shared_signature_algorithms(std::string(algorithm));
  }
  proto.set_early_data(ToProto(facts.early_data));
  proto.set_ech_accepted(facts.ech_accepted);
  proto.set_certificate_requested(facts.certificate_requested);
  proto.set_own_certificate_sha256(facts.own_certificate_sha256);
}

// What events are told about. Watchers that want a certificate or PEM itself
// ask for it.
void PayloadToProto(const worker::ListenerFacts& facts, v1::Event& proto) {
  ToProto(facts, *proto.mutable_listener());
}

void PayloadToProto(const conn::ConnectionFacts& facts, v1::Event& proto) {
  v1::Connection& connection = *proto.mutable_connection();
  ToProto(facts, connection);
  if (connection.has_peer_certificate()) {
    connection.mutable_peer_certificate()->clear_der();
  }
}

void PayloadToProto(const worker::ContextFacts& facts, v1::Event& proto) {
  v1::SecureContext& context = *proto.mutable_secure_context();
  ToProto(facts, context);
  for (v1::Credentials& credentials : *context.mutable_credentials()) {
    for (v1::Certificate& certificate : *credentials.mutable_certificates()) {
      certificate.clear_der();
    }
  }
}

void PayloadToProto(const worker::CertificateExpiry& expiry, v1::Event& proto) {
  v1::CertificateExpiry& to = *proto.mutable_certificate_expiry();
  to.set_secure_context(expiry.secure_context);
  ToProto(expiry.certificate, *to.mutable_certificate());
  to.mutable_certificate()->clear_der();
  ToProto(expiry.time_left, *to.mutable_time_left());
}

void AddressesToProto(const conn::ConnectionFacts& facts,
                      v1::Connection& proto) {
  constexpr auto kNone = net::SocketAddress::Family::kNone;
  if (facts.local_address.family != kNone) {
    ToProto(facts.local_address, *proto.mutable_local_address());
  }
  if (facts.remote_address.family != kNone) {
    ToProto(facts.remote_address, *proto.mutable_remote_address());
  }
  if (facts.proxy == nullptr) return;
  ToProto(facts.proxy->header, *proto.mutable_proxy_header());
  if (facts.proxy->address.family != kNone) {
    ToProto(facts.proxy->address, *proto.mutable_proxy_address());
  }
}

}  // namespace

std::string ToText(const std::string& bytes) {
  return base::IsValidUtf8(bytes) ? bytes : absl::CHexEscape(bytes);
}

v1::Role ToProto(tls::Role role) {
  return role == tls::Role::kClient ? v1::ROLE_CLIENT : v1::ROLE_SERVER;
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

void ToProto(const tls::OcspResponseFacts& facts, v1::OcspResponse& proto) {
  proto.set_der(facts.der);
  proto.set_response_status(facts.response_status);
  proto.set_certificate_status(facts.certificate_status);
  proto.set_serial_number(facts.serial_number);
  if (facts.produced_time.has_value()) {
    ToProto(*facts.produced_time, *proto.mutable_produced_time());
  }
  if (facts.this_update_time.has_value()) {
    ToProto(*facts.this_update_time, *proto.mutable_this_update_time());
  }
  if (facts.next_update_time.has_value()) {
    ToProto(*facts.next_update_time, *proto.mutable_next_update_time());
  }
  if (facts.revocation_time.has_value()) {
    ToProto(*facts.revocation_time, *proto.mutable_revocation_time());
  }
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

void ToProto(const tls::CertificateFacts& facts, v1::Certificate& proto) {
  proto.set_subject(facts.subject);
  proto.set_issuer(facts.issuer);
  ToProto(facts.subject_attributes, *proto.mutable_subject_attributes());
  ToProto(facts.issuer_attributes, *proto.mutable_issuer_attributes());
  ToProto(facts.subject_alternative_names,
          *proto.mutable_subject_alternative_names());
  ToProto(facts.not_before, *proto.mutable_not_before_time());
  ToProto(facts.not_after, *proto.mutable_not_after_time());
  proto.set_valid_from(facts.valid_from);
  proto.set_valid_to(facts.valid_to);
  proto.set_serial_number(facts.serial_number);
  proto.set_sha1_fingerprint(facts.sha1_fingerprint);
  proto.set_sha256_fingerprint(facts.sha256_fingerprint);
  proto.set_sha512_fingerprint(facts.sha512_fingerprint);
  proto.set_public_key(facts.public_key);
  proto.set_public_key_type(facts.public_key_type);
  proto.set_public_key_bits(facts.public_key_bits);
  proto.set_curve(facts.curve);
  proto.set_asn1_curve(facts.asn1_curve);
  proto.set_modulus(facts.modulus);
  proto.set_exponent(facts.exponent);
  proto.set_public_key_der(facts.public_key_der);
  proto.set_public_key_pin(facts.public_key_pin);
  ToProto(facts.key_usages, *proto.mutable_key_usages());
  ToProto(facts.extended_key_usages, *proto.mutable_extended_key_usages());
  ToProto(facts.extended_key_usage_oids,
          *proto.mutable_extended_key_usage_oids());
  proto.set_is_authority(facts.is_authority);
  proto.set_signature_algorithm(facts.signature_algorithm);
  ToProto(facts.ocsp_urls, *proto.mutable_ocsp_urls());
  ToProto(facts.issuer_urls, *proto.mutable_issuer_urls());
  ToProto(facts.revocation_list_urls, *proto.mutable_revocation_list_urls());
  proto.set_der(facts.der);
}

void ToProto(const worker::ContextFacts& context, v1::SecureContext& proto) {
  const tls::SecureContextFacts& facts = context.facts;
  ToProto(context.options, proto);
  proto.set_name(context.name);
  for (int i = 0; i < proto.credentials_size(); ++i) {
    for (const tls::CertificateFacts& certificate :
         facts.certificate_chains[static_cast<size_t>(i)]) {
      ToProto(certificate, *proto.mutable_credentials(i)->add_certificates());
    }
    const tls::OcspResponseFacts& staple =
        context.staples[static_cast<size_t>(i)];
    if (staple.der.empty()) continue;
    ToProto(staple,
            *proto.mutable_credentials(i)->mutable_stapled_ocsp_response());
  }
  v1::TrustAnchors& anchors = *proto.mutable_trust_anchors();
  anchors.set_system_path(facts.system_trust_path);
  anchors.set_certificate_count(facts.trust_anchor_count);
  // What is in force, however it was asked for.
  if (context.options.secure_protocol.empty()) {
    proto.set_min_version(ToProto(facts.min_version));
    proto.set_max_version(ToProto(facts.max_version));
  }
  ToProto(facts.groups, *proto.mutable_groups());
  TextsToProto(facts.alpn_protocols, *proto.mutable_alpn_protocols());
  proto.clear_alpn_protocols_wire();
  TextsToProto(facts.npn_protocols, *proto.mutable_npn_protocols());
  proto.clear_npn_protocols_wire();
  ToProto(facts.effective_ciphers, *proto.mutable_effective_ciphers());
  ToProto(facts.ignored_cipher_tokens, *proto.mutable_ignored_cipher_tokens());
  ToProto(facts.warnings, *proto.mutable_warnings());
  if (facts.expire_time.has_value()) {
    ToProto(*facts.expire_time, *proto.mutable_expire_time());
  }
  ToProto(context.create_time, *proto.mutable_create_time());
  ToProto(context.update_time, *proto.mutable_update_time());
  proto.set_ech_config_list(context.ech_config_list);
  proto.set_etag(context.etag);
}

void ToProto(const worker::ListenerFacts& facts, v1::Listener& proto) {
  proto.set_name(facts.name);
  proto.set_address(facts.address);
  proto.set_secure_context(facts.secure_context);
  switch (facts.handler) {
    case worker::Handler::kEcho:
      proto.mutable_echo();
      break;
    case worker::Handler::kStream:
      proto.mutable_stream();
      break;
    case worker::Handler::kForward:
      ToProto(*facts.forward, *proto.mutable_forward());
      break;
  }
  proto.set_protection(ToProto(facts.protection));
  ToProto(facts.socket_options, *proto.mutable_socket_options());
  proto.set_accept_proxy_header(facts.accept_proxy_header);
  proto.set_backlog(facts.backlog);
  proto.set_ipv6_only(facts.ipv6_only);
  ToProto(facts.handshake_timeout, *proto.mutable_handshake_timeout());
  proto.set_max_connections(static_cast<int32_t>(facts.connection_count_max));
  ToProto(facts.bound_address, *proto.mutable_bound_address());
  proto.set_state(ToProto(facts.state));
  proto.set_connection_count(facts.connection_count);
  proto.set_accepted_count(facts.accepted_count);
  proto.set_rejected_count(facts.rejected_count);
  ToProto(facts.create_time, *proto.mutable_create_time());
  proto.set_etag(facts.etag);
  proto.set_strict_server_names(facts.strict_server_names);
  ToProto(facts.hooks, proto.mutable_hooks());
  proto.set_context_count(static_cast<int32_t>(facts.context_count));
}

void ToProto(const conn::ConnectionFacts& facts, v1::Connection& proto) {
  proto.set_name(facts.name);
  proto.set_role(ToProto(facts.role));
  proto.set_state(ToProto(facts.state));
  proto.set_listener(facts.listener);
  proto.set_secure_context(facts.secure_context);
  AddressesToProto(facts, proto);
  if (facts.handshake != nullptr) {
    const tls::HandshakeFacts& handshake = *facts.handshake;
    ToProto(handshake, *proto.mutable_handshake());
    proto.set_authorized(handshake.authorized);
    proto.set_authorization_error(handshake.authorization_error);
    proto.set_authorization_error_code(handshake.authorization_error_code);
    proto.set_authorization_error_text(handshake.authorization_error_text);
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
  proto.set_encrypted(facts.encrypted);
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
  if (facts.ocsp_response != nullptr) {
    ToProto(*facts.ocsp_response, *proto.mutable_ocsp_response());
  }
  proto.set_has_session(facts.has_session);
  proto.set_carrier(facts.carrier);
  proto.set_piped_with(facts.piped_with);
  proto.set_upstream(facts.upstream);
  proto.set_max_send_fragment(static_cast<int32_t>(facts.max_send_fragment));
  ToProto(facts.socket_options, *proto.mutable_socket_options());
  proto.set_early_bytes_received(facts.early_bytes_received);
  proto.set_renegotiation_count(facts.renegotiation_count);
}

void ToProto(const worker::Event& event, const std::string& resume_token,
             v1::Event& proto) {
  proto.set_resume_token(resume_token);
  ToProto(event.time, *proto.mutable_time());
  proto.set_subject(event.subject());
  proto.set_type(ToProto(event.type));
  std::visit([&](const auto& payload) { PayloadToProto(*payload, proto); },
             event.payload);
}

}  // namespace tlsd::control
