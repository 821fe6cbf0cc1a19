// Connections, and what is asked of them.
#include "client/convert.h"
#include "client/convert_fields.h"

namespace tlsd::client {
namespace {

// ReadTransport reads what lies below and beside a connection.
void ReadTransport(const v1::Connection& connection, ConnectionFacts& facts) {
  facts.carrier = connection.carrier();
  facts.piped_with = connection.piped_with();
  facts.upstream = connection.upstream();
  if (connection.has_proxy_header()) {
    facts.proxy_header = FromProto(connection.proxy_header());
  }
  facts.proxy_address = FromProto(connection.proxy_address());
  facts.socket_options = FromProto(connection.socket_options());
  facts.max_send_fragment = connection.max_send_fragment();
  facts.early_bytes_received = connection.early_bytes_received();
  facts.renegotiation_count = connection.renegotiation_count();
}

}  // namespace

v1::ConnectRequest ToProto(const ConnectOptions& options) {
  v1::ConnectRequest request;
  request.set_address(options.address);
  request.set_secure_context(options.secure_context);
  request.set_server_name(options.server_name);
  // A plain connection has no peer to verify, and takes nothing that says so.
  if (options.verification == PeerVerification::kReport) {
    request.set_verification(v1::PEER_VERIFICATION_REPORT);
  } else if (options.protection != Protection::kNone) {
    request.set_verification(v1::PEER_VERIFICATION_REQUIRE);
  }
  request.set_expected_name(options.expected_name);
  request.set_skip_name_check(options.skip_name_check);
  *request.mutable_timeout() = ToProto(options.timeout);
  *request.mutable_hooks() = ToProto(options.hooks);
  request.set_session(options.session);
  request.set_use_session_cache(options.use_session_cache);
  request.set_request_ocsp(options.request_ocsp);
  // TLS is what is meant without it, also where it may not be said.
  if (options.protection != Protection::kTls) {
    request.set_protection(ToProto(options.protection));
  }
  *request.mutable_socket_options() = ToProto(options.socket_options);
  request.set_local_address(options.local_address);
  if (options.renegotiation_limit.has_value()) {
    v1::RenegotiationLimit& limit = *request.mutable_renegotiation_limit();
    limit.set_count(options.renegotiation_limit->count);
    *limit.mutable_window() = ToProto(options.renegotiation_limit->window);
  }
  request.set_early_data(options.early_data);
  request.set_ech_config_list(options.ech_config_list);
  return request;
}

v1::GetPeerCertificateRequest PeerCertificateRequest(const std::string& name,
                                                     ChainDetail detail) {
  v1::GetPeerCertificateRequest request;
  request.set_name(name);
  request.set_detailed(detail == ChainDetail::kChain);
  return request;
}

SocketAddress FromProto(const v1::SocketAddress& address) {
  return {address.family(), address.address(), address.port(), address.path()};
}

HandshakeFacts FromProto(const v1::Handshake& handshake) {
  HandshakeFacts facts;
  facts.version = FromProto(handshake.version());
  facts.protocol = handshake.protocol();
  facts.cipher = handshake.cipher();
  facts.cipher_standard_name = handshake.cipher_standard_name();
  facts.cipher_version = handshake.cipher_version();
  facts.cipher_min_version = handshake.cipher_min_version();
  facts.group = handshake.group();
  facts.alpn_protocol = handshake.alpn_protocol();
  facts.npn_protocol = handshake.npn_protocol();
  facts.server_name = handshake.server_name();
  facts.resumed = handshake.resumed();
  facts.peer_signature_algorithm = handshake.peer_signature_algorithm();
  facts.shared_signature_algorithms =
      Strings(handshake.shared_signature_algorithms());
  facts.certificate_requested = handshake.certificate_requested();
  facts.own_certificate_sha256 = handshake.own_certificate_sha256();
  facts.early_data =
      EnumFromProto(handshake.early_data(), EarlyData::kRejected);
  facts.ech_accepted = handshake.ech_accepted();
  return facts;
}

Failure FromProto(const v1::Failure& failure) {
  return {failure.reason(),
          failure.message(),
          {failure.metadata().begin(), failure.metadata().end()}};
}

SessionFacts FromProto(const v1::GetSessionResponse& response) {
  return {response.session(), response.single_use(),
          TimeIf(response.has_create_time(), response.create_time()),
          TimeIf(response.has_expire_time(), response.expire_time())};
}

ChannelBindings FromProto(const v1::GetChannelBindingsResponse& response) {
  return {response.finished(), response.peer_finished(), response.tls_unique(),
          response.tls_exporter(), response.tls_server_end_point()};
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
  facts.authorization_error_code = connection.authorization_error_code();
  facts.authorization_error_text = connection.authorization_error_text();
  facts.encrypted = connection.encrypted();
  if (connection.has_peer_certificate()) {
    facts.peer_certificate = FromProto(connection.peer_certificate());
  }
  if (connection.has_ocsp_response()) {
    facts.ocsp_response = FromProto(connection.ocsp_response());
  }
  facts.has_session = connection.has_session();
  facts.cleartext_bytes_received = connection.cleartext_bytes_received();
  facts.cleartext_bytes_sent = connection.cleartext_bytes_sent();
  facts.wire_bytes_received = connection.wire_bytes_received();
  facts.wire_bytes_sent = connection.wire_bytes_sent();
  facts.peer_closed = connection.peer_closed();
  facts.shut_down = connection.shut_down();
  ReadTransport(connection, facts);
  facts.create_time =
      TimeIf(connection.has_create_time(), connection.create_time());
  facts.open_time = TimeIf(connection.has_open_time(), connection.open_time());
  facts.close_time =
      TimeIf(connection.has_close_time(), connection.close_time());
  if (connection.has_failure()) facts.failure = FromProto(connection.failure());
  return facts;
}

}  // namespace tlsd::client
