#include "server/control/convert_transport.h"

#include "server/control/convert.h"
#include "server/control/fields.h"

namespace tlsd::control {
namespace {

v1::ProxyHeaderVersion VersionOf(conn::ForwardHeader header) {
  switch (header) {
    case conn::ForwardHeader::kNone:
      return v1::PROXY_HEADER_VERSION_UNSPECIFIED;
    case conn::ForwardHeader::kVersion1:
      return v1::PROXY_HEADER_VERSION_1;
    case conn::ForwardHeader::kVersion2:
      return v1::PROXY_HEADER_VERSION_2;
    case conn::ForwardHeader::kVersion2Tls:
      return v1::PROXY_HEADER_VERSION_2_TLS;
    case conn::ForwardHeader::kVersion2TlsCertificate:
      return v1::PROXY_HEADER_VERSION_2_TLS_CERTIFICATE;
  }
  return v1::PROXY_HEADER_VERSION_UNSPECIFIED;
}

// What concerns TLS.
void TlsToProto(const worker::ForwardOptions& options,
                v1::ConnectRequest& proto) {
  const conn::ConnectionOptions& connection = options.upstream.connection;
  const tls::EngineOptions& engine = connection.engine;
  proto.set_secure_context(connection.secure_context_name);
  proto.set_server_name(engine.server_name);
  proto.set_verification(engine.verification == tls::PeerVerification::kRequire
                             ? v1::PEER_VERIFICATION_REQUIRE
                             : v1::PEER_VERIFICATION_REPORT);
  proto.set_skip_name_check(engine.skip_name_check);
  proto.set_expected_name(engine.expected_name);
  proto.set_request_ocsp(engine.request_ocsp);
  proto.set_use_session_cache(!options.upstream.session_key.empty());
  proto.set_ech_config_list(engine.ech_config_list);
  v1::RenegotiationLimit& limit = *proto.mutable_renegotiation_limit();
  limit.set_count(connection.renegotiation_limit.count);
  ToProto(connection.renegotiation_limit.window, *limit.mutable_window());
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
  proto.set_address(std::string(address.ip()));
  proto.set_port(address.port);
  proto.set_path(ToText(std::string(address.path())));
}

v1::Protection ToProto(conn::Protection protection) {
  switch (protection) {
    case conn::Protection::kTls:
      return v1::PROTECTION_TLS;
    case conn::Protection::kNone:
      return v1::PROTECTION_NONE;
    case conn::Protection::kDetect:
      return v1::PROTECTION_DETECT;
  }
  return v1::PROTECTION_UNSPECIFIED;
}

void ToProto(const conn::SocketOptions& options, v1::SocketOptions& proto) {
  if (options.idle_timeout != absl::InfiniteDuration()) {
    ToProto(options.idle_timeout, *proto.mutable_idle_timeout());
  }
  if (options.socket.keep_alive != absl::ZeroDuration()) {
    ToProto(options.socket.keep_alive, *proto.mutable_keep_alive());
  }
  proto.set_delay_small_writes(options.socket.delay_small_writes);
}

void ToProto(const net::ProxyHeader& header, v1::ProxyHeader& proto) {
  proto.set_version(header.version);
  proto.set_is_local(header.is_local);
  if (!header.is_local) {
    ToProto(header.source, *proto.mutable_source());
    ToProto(header.destination, *proto.mutable_destination());
  }
  for (const net::ProxyField& field : header.fields) {
    v1::ProxyField& added = *proto.add_fields();
    added.set_type(field.type);
    added.set_value(field.value);
  }
}

void ToProto(const worker::ForwardOptions& options, v1::ForwardHandler& proto) {
  const worker::DialOptions& dial = options.upstream;
  v1::ConnectRequest& upstream = *proto.mutable_upstream();
  upstream.set_address(dial.endpoint.ToString());
  upstream.set_protection(ToProto(dial.connection.protection));
  ToProto(dial.connection.socket_options, *upstream.mutable_socket_options());
  ToProto(dial.connection.handshake_timeout, *upstream.mutable_timeout());
  if (dial.local_address.family != net::SocketAddress::Family::kNone) {
    upstream.set_local_address(dial.local_address.ToString());
  }
  if (dial.connection.protection != conn::Protection::kNone) {
    TlsToProto(options, upstream);
  }
  proto.set_send_proxy_header(VersionOf(options.header));
}

}  // namespace tlsd::control
