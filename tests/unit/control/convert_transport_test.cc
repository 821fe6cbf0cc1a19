#include "server/control/convert_transport.h"

#include <memory>

#include "gtest/gtest.h"
#include "tests/testing/engine_pair.h"

namespace tlsd::control {
namespace {

using conn::ForwardHeader;

net::SocketAddress Address(const std::string& ip, uint16_t port) {
  net::SocketAddress address;
  address.family = net::SocketAddress::Family::kIpv4;
  address.text = ip;
  address.port = port;
  return address;
}

TEST(ConvertTransportTest, TellsProtections) {
  EXPECT_EQ(ToProto(conn::Protection::kTls), v1::PROTECTION_TLS);
  EXPECT_EQ(ToProto(conn::Protection::kNone), v1::PROTECTION_NONE);
  EXPECT_EQ(ToProto(conn::Protection::kDetect), v1::PROTECTION_DETECT);
}

TEST(ConvertTransportTest, LeavesOutSocketOptionsThatAreNotSet) {
  v1::SocketOptions proto;
  ToProto(conn::SocketOptions(), proto);
  EXPECT_FALSE(proto.has_idle_timeout());
  EXPECT_FALSE(proto.has_keep_alive());
  EXPECT_FALSE(proto.delay_small_writes());
}

TEST(ConvertTransportTest, TellsSocketOptions) {
  conn::SocketOptions options;
  options.idle_timeout = absl::Seconds(5);
  options.socket.keep_alive = absl::Seconds(60);
  options.socket.delay_small_writes = true;
  v1::SocketOptions proto;
  ToProto(options, proto);
  EXPECT_EQ(proto.idle_timeout().seconds(), 5);
  EXPECT_EQ(proto.keep_alive().seconds(), 60);
  EXPECT_TRUE(proto.delay_small_writes());
}

TEST(ConvertTransportTest, TellsProxyHeaders) {
  net::ProxyHeader header;
  header.source = Address("192.0.2.1", 1);
  header.destination = Address("192.0.2.2", 2);
  header.fields = {{0xe0, "custom"}};
  v1::ProxyHeader proto;
  ToProto(header, proto);
  EXPECT_EQ(proto.version(), 2);
  EXPECT_EQ(proto.source().address(), "192.0.2.1");
  EXPECT_EQ(proto.destination().port(), 2);
  ASSERT_EQ(proto.fields_size(), 1);
  EXPECT_EQ(proto.fields(0).type(), 0xe0);
  EXPECT_EQ(proto.fields(0).value(), "custom");
}

TEST(ConvertTransportTest, TellsNoAddressesOfALocalHeader) {
  net::ProxyHeader header;
  header.is_local = true;
  v1::ProxyHeader proto;
  ToProto(header, proto);
  EXPECT_TRUE(proto.is_local());
  EXPECT_FALSE(proto.has_source());
}

worker::ForwardOptions Forward() {
  worker::ForwardOptions options;
  options.upstream.endpoint.host = "a.test";
  options.upstream.endpoint.port = 443;
  options.upstream.local_address = Address("192.0.2.9", 0);
  options.upstream.connection.secure_context_name = "secureContexts/a";
  options.upstream.connection.engine.server_name = "b.test";
  options.upstream.connection.handshake_timeout = absl::Seconds(7);
  options.upstream.session_key = "key";
  return options;
}

TEST(ConvertTransportTest, TellsForwards) {
  v1::ForwardHandler proto;
  ToProto(Forward(), proto);
  const v1::ConnectRequest& upstream = proto.upstream();
  EXPECT_EQ(upstream.address(), "a.test:443");
  EXPECT_EQ(upstream.protection(), v1::PROTECTION_TLS);
  EXPECT_EQ(upstream.secure_context(), "secureContexts/a");
  EXPECT_EQ(upstream.server_name(), "b.test");
  EXPECT_EQ(upstream.timeout().seconds(), 7);
  EXPECT_TRUE(upstream.use_session_cache());
  EXPECT_EQ(upstream.renegotiation_limit().count(), 3);
  EXPECT_NE(upstream.local_address(), "");
}

TEST(ConvertTransportTest, TellsNothingOfTlsForAPlainForward) {
  worker::ForwardOptions options = Forward();
  options.upstream.connection.protection = conn::Protection::kNone;
  v1::ForwardHandler proto;
  ToProto(options, proto);
  EXPECT_EQ(proto.upstream().protection(), v1::PROTECTION_NONE);
  EXPECT_EQ(proto.upstream().server_name(), "");
  EXPECT_FALSE(proto.upstream().has_renegotiation_limit());
}

TEST(ConvertTransportTest, TellsWhichHeaderIsSent) {
  for (const auto& [header, version] :
       {std::pair{ForwardHeader::kNone, v1::PROXY_HEADER_VERSION_UNSPECIFIED},
        {ForwardHeader::kVersion1, v1::PROXY_HEADER_VERSION_1},
        {ForwardHeader::kVersion2, v1::PROXY_HEADER_VERSION_2},
        {ForwardHeader::kVersion2Tls, v1::PROXY_HEADER_VERSION_2_TLS},
        {ForwardHeader::kVersion2TlsCertificate,
         v1::PROXY_HEADER_VERSION_2_TLS_CERTIFICATE}}) {
    worker::ForwardOptions options = Forward();
    options.header = header;
    v1::ForwardHandler proto;
    ToProto(options, proto);
    EXPECT_EQ(proto.send_proxy_header(), version);
  }
}

}  // namespace
}  // namespace tlsd::control
