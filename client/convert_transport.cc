// What lies below connections: protection, sockets, PROXY headers, and the
// roles of TLS over what exists.
#include <utility>

#include "client/convert.h"
#include "client/convert_fields.h"

namespace tlsd::client {
v1::Protection ToProto(Protection protection) {
  switch (protection) {
    case Protection::kTls:
      return v1::PROTECTION_TLS;
    case Protection::kNone:
      return v1::PROTECTION_NONE;
    case Protection::kDetect:
      return v1::PROTECTION_DETECT;
  }
  return v1::PROTECTION_UNSPECIFIED;
}

Protection FromProto(v1::Protection protection) {
  switch (protection) {
    case v1::PROTECTION_NONE:
      return Protection::kNone;
    case v1::PROTECTION_DETECT:
      return Protection::kDetect;
    default:
      return Protection::kTls;
  }
}

v1::ProxyHeaderVersion ToProto(ProxyHeaderVersion version) {
  return static_cast<v1::ProxyHeaderVersion>(version);
}

ProxyHeaderVersion FromProto(v1::ProxyHeaderVersion version) {
  return EnumFromProto(version, ProxyHeaderVersion::kVersion2TlsCertificate);
}

v1::SocketOptions ToProto(const SocketOptions& options) {
  v1::SocketOptions message;
  if (options.idle_timeout != absl::ZeroDuration()) {
    *message.mutable_idle_timeout() = ToProto(options.idle_timeout);
  }
  if (options.keep_alive != absl::ZeroDuration()) {
    *message.mutable_keep_alive() = ToProto(options.keep_alive);
  }
  message.set_delay_small_writes(options.delay_small_writes);
  return message;
}

SocketOptions FromProto(const v1::SocketOptions& options) {
  return {.idle_timeout = FromProto(options.idle_timeout()),
          .keep_alive = FromProto(options.keep_alive()),
          .delay_small_writes = options.delay_small_writes()};
}

v1::ServerOptions ToProto(const ServerOptions& options) {
  v1::ServerOptions message;
  message.set_secure_context(options.secure_context);
  message.set_listener(options.listener);
  *message.mutable_hooks() = ToProto(options.hooks);
  if (options.handshake_timeout != absl::ZeroDuration()) {
    *message.mutable_handshake_timeout() = ToProto(options.handshake_timeout);
  }
  if (options.client_certificate_mode.has_value()) {
    message.set_client_certificate_mode(
        ToProto(*options.client_certificate_mode));
  }
  if (v1::SocketOptions sockets = ToProto(options.socket_options);
      sockets.ByteSizeLong() > 0) {
    *message.mutable_socket_options() = std::move(sockets);
  }
  return message;
}

v1::ForwardHandler ToProto(const ForwardOptions& options) {
  v1::ForwardHandler message;
  *message.mutable_upstream() = ToProto(options.upstream);
  message.set_send_proxy_header(ToProto(options.send_proxy_header));
  return message;
}

ForwardOptions FromProto(const v1::ForwardHandler& forward) {
  const v1::ConnectRequest& from = forward.upstream();
  ForwardOptions options;
  ConnectOptions& upstream = options.upstream;
  upstream.address = from.address();
  upstream.secure_context = from.secure_context();
  upstream.server_name = from.server_name();
  upstream.expected_name = from.expected_name();
  upstream.verification = from.verification() == v1::PEER_VERIFICATION_REPORT
                              ? PeerVerification::kReport
                              : PeerVerification::kRequire;
  upstream.skip_name_check = from.skip_name_check();
  upstream.use_session_cache = from.use_session_cache();
  upstream.request_ocsp = from.request_ocsp();
  upstream.protection = FromProto(from.protection());
  upstream.socket_options = FromProto(from.socket_options());
  upstream.local_address = from.local_address();
  if (from.has_renegotiation_limit()) {
    upstream.renegotiation_limit = {
        .count = from.renegotiation_limit().count(),
        .window = FromProto(from.renegotiation_limit().window())};
  }
  upstream.ech_config_list = from.ech_config_list();
  if (from.has_timeout()) upstream.timeout = FromProto(from.timeout());
  options.send_proxy_header = FromProto(forward.send_proxy_header());
  return options;
}

v1::UpgradeRequest UpgradeRequest(const std::string& name,
                                  const RoleOptions& options) {
  v1::UpgradeRequest request;
  request.set_name(name);
  if (options.client.has_value()) {
    *request.mutable_client() = ToProto(*options.client);
  }
  if (options.server.has_value()) {
    *request.mutable_server() = ToProto(*options.server);
  }
  return request;
}

v1::CreateSecurePairRequest SecurePairRequest(const RoleOptions& options) {
  v1::CreateSecurePairRequest request;
  if (options.client.has_value()) {
    *request.mutable_client() = ToProto(*options.client);
  }
  if (options.server.has_value()) {
    *request.mutable_server() = ToProto(*options.server);
  }
  return request;
}

ProxyHeaderFacts FromProto(const v1::ProxyHeader& header) {
  ProxyHeaderFacts facts;
  facts.version = header.version();
  facts.is_local = header.is_local();
  facts.source = FromProto(header.source());
  facts.destination = FromProto(header.destination());
  for (const v1::ProxyField& field : header.fields()) {
    facts.fields.push_back({field.type(), field.value()});
  }
  return facts;
}

}  // namespace tlsd::client
