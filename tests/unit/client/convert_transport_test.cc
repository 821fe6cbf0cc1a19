#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "client/convert.h"
#include "tests/unit/client/parse_text.h"

namespace tlsd::client {
namespace {

using testing::Parse;

TEST(ConvertTransportTest, CarriesProtectionsBothWays) {
  for (const auto& [protection, proto] :
       {std::pair{Protection::kTls, v1::PROTECTION_TLS},
        std::pair{Protection::kNone, v1::PROTECTION_NONE},
        std::pair{Protection::kDetect, v1::PROTECTION_DETECT}}) {
    EXPECT_EQ(ToProto(protection), proto);
    EXPECT_EQ(FromProto(proto), protection);
  }
  EXPECT_EQ(FromProto(v1::PROTECTION_UNSPECIFIED), Protection::kTls);
}

TEST(ConvertTransportTest, CarriesVersionsOfProxyHeadersBothWays) {
  for (const auto& [version, proto] :
       {std::pair{ProxyHeaderVersion::kNone,
                  v1::PROXY_HEADER_VERSION_UNSPECIFIED},
        std::pair{ProxyHeaderVersion::kVersion1, v1::PROXY_HEADER_VERSION_1},
        std::pair{ProxyHeaderVersion::kVersion2, v1::PROXY_HEADER_VERSION_2},
        std::pair{ProxyHeaderVersion::kVersion2Tls,
                  v1::PROXY_HEADER_VERSION_2_TLS},
        std::pair{ProxyHeaderVersion::kVersion2TlsCertificate,
                  v1::PROXY_HEADER_VERSION_2_TLS_CERTIFICATE}}) {
    EXPECT_EQ(ToProto(version), proto);
    EXPECT_EQ(FromProto(proto), version);
  }
  EXPECT_EQ(FromProto(static_cast<v1::ProxyHeaderVersion>(77)),
            ProxyHeaderVersion::kNone);
}

TEST(ConvertTransportTest, CarriesSocketOptionsBothWays) {
  const v1::SocketOptions proto =
      ToProto(SocketOptions{.idle_timeout = absl::Milliseconds(1500),
                            .keep_alive = absl::Seconds(60),
                            .delay_small_writes = true});

  EXPECT_EQ(proto.idle_timeout().nanos(), 500000000);
  EXPECT_EQ(proto.keep_alive().seconds(), 60);
  EXPECT_TRUE(proto.delay_small_writes());
  const SocketOptions options = FromProto(proto);
  EXPECT_EQ(options.idle_timeout, absl::Milliseconds(1500));
  EXPECT_EQ(options.keep_alive, absl::Seconds(60));
  EXPECT_TRUE(options.delay_small_writes);
}

TEST(ConvertTransportTest, LeavesSocketsAloneByDefault) {
  EXPECT_EQ(ToProto(SocketOptions{}).ByteSizeLong(), 0u);
  EXPECT_EQ(FromProto(v1::SocketOptions()).keep_alive, absl::ZeroDuration());
}

TEST(ConvertTransportTest, WritesTheOptionsOfAServer) {
  const v1::ServerOptions proto = ToProto(
      ServerOptions{.secure_context = "secureContexts/s",
                    .listener = "listeners/l",
                    .hooks = {{DecisionType::kVerifyPeer}},
                    .handshake_timeout = absl::Seconds(3),
                    .client_certificate_mode = ClientCertificateMode::kNone});

  EXPECT_EQ(proto.secure_context(), "secureContexts/s");
  EXPECT_EQ(proto.listener(), "listeners/l");
  ASSERT_EQ(proto.hooks_size(), 1);
  EXPECT_EQ(proto.hooks(0).type(), v1::DECISION_TYPE_VERIFY_PEER);
  EXPECT_EQ(proto.handshake_timeout().seconds(), 3);
  EXPECT_EQ(proto.client_certificate_mode(), v1::CLIENT_CERTIFICATE_MODE_NONE);
}

TEST(ConvertTransportTest, LeavesDefaultsOfAServerToTheDaemon) {
  EXPECT_EQ(ToProto(ServerOptions{}).ByteSizeLong(), 0u);
}

TEST(ConvertTransportTest, WritesTheIdleTimeoutOfAServer) {
  const v1::ServerOptions server = ToProto(
      ServerOptions{.socket_options = {.idle_timeout = absl::Seconds(5)}});
  EXPECT_EQ(server.socket_options().idle_timeout().seconds(), 5);
}

TEST(ConvertTransportTest, WritesTheRoleThatIsSet) {
  const v1::UpgradeRequest client = UpgradeRequest(
      "connections/c", {.client = ConnectOptions{.server_name = "a.test",
                                                 .timeout = absl::Seconds(2)}});
  const v1::UpgradeRequest server = UpgradeRequest(
      "connections/c",
      {.server = ServerOptions{.secure_context = "secureContexts/s"}});
  const v1::CreateSecurePairRequest pair =
      SecurePairRequest({.client = ConnectOptions{.server_name = "b.test"}});
  const v1::CreateSecurePairRequest server_pair =
      SecurePairRequest({.server = ServerOptions{.listener = "listeners/l"}});

  EXPECT_EQ(client.name(), "connections/c");
  EXPECT_EQ(client.client().server_name(), "a.test");
  EXPECT_EQ(client.client().timeout().seconds(), 2);
  // It may not be said here, though it is what is meant.
  EXPECT_EQ(client.client().protection(), v1::PROTECTION_UNSPECIFIED);
  EXPECT_EQ(server.server().secure_context(), "secureContexts/s");
  EXPECT_FALSE(server.has_client());
  EXPECT_EQ(pair.client().server_name(), "b.test");
  EXPECT_EQ(server_pair.server().listener(), "listeners/l");
  EXPECT_EQ(UpgradeRequest("c", {}).role_case(),
            v1::UpgradeRequest::ROLE_NOT_SET);
  EXPECT_EQ(SecurePairRequest({}).role_case(),
            v1::CreateSecurePairRequest::ROLE_NOT_SET);
}

TEST(ConvertTransportTest, ReadsTheForwardingThatItWrites) {
  const ForwardOptions forward = FromProto(ToProto(ForwardOptions{
      .upstream = {.address = "h:1",
                   .secure_context = "secureContexts/s",
                   .server_name = "a.test",
                   .expected_name = "b.test",
                   .verification = PeerVerification::kReport,
                   .skip_name_check = true,
                   .use_session_cache = true,
                   .request_ocsp = true,
                   .socket_options = {.keep_alive = absl::Seconds(9)},
                   .local_address = "127.0.0.1",
                   .renegotiation_limit =
                       RenegotiationLimit{.count = 1,
                                          .window = absl::Seconds(5)},
                   .ech_config_list = "ECH",
                   .timeout = absl::Seconds(4)},
      .send_proxy_header = ProxyHeaderVersion::kVersion2Tls}));

  EXPECT_EQ(forward.upstream.address, "h:1");
  EXPECT_EQ(forward.upstream.secure_context, "secureContexts/s");
  EXPECT_EQ(forward.upstream.server_name, "a.test");
  EXPECT_EQ(forward.upstream.expected_name, "b.test");
  EXPECT_EQ(forward.upstream.verification, PeerVerification::kReport);
  EXPECT_TRUE(forward.upstream.skip_name_check);
  EXPECT_TRUE(forward.upstream.use_session_cache);
  EXPECT_TRUE(forward.upstream.request_ocsp);
  EXPECT_EQ(forward.upstream.protection, Protection::kTls);
  EXPECT_EQ(forward.upstream.socket_options.keep_alive, absl::Seconds(9));
  EXPECT_EQ(forward.upstream.local_address, "127.0.0.1");
  ASSERT_TRUE(forward.upstream.renegotiation_limit.has_value());
  EXPECT_EQ(forward.upstream.renegotiation_limit->count, 1);
  EXPECT_EQ(forward.upstream.renegotiation_limit->window, absl::Seconds(5));
  EXPECT_EQ(forward.upstream.ech_config_list, "ECH");
  EXPECT_EQ(forward.upstream.timeout, absl::Seconds(4));
  EXPECT_EQ(forward.send_proxy_header, ProxyHeaderVersion::kVersion2Tls);
}

TEST(ConvertTransportTest, ReadsAForwardingThatSaysLittle) {
  const ForwardOptions forward = FromProto(Parse<v1::ForwardHandler>(R"pb(
    upstream { address: "unix:/s" protection: PROTECTION_NONE }
  )pb"));

  EXPECT_EQ(forward.upstream.address, "unix:/s");
  EXPECT_EQ(forward.upstream.protection, Protection::kNone);
  EXPECT_EQ(forward.upstream.verification, PeerVerification::kRequire);
  EXPECT_FALSE(forward.upstream.renegotiation_limit.has_value());
  EXPECT_EQ(forward.upstream.timeout, absl::Seconds(30));
  EXPECT_EQ(forward.send_proxy_header, ProxyHeaderVersion::kNone);
}

}  // namespace
}  // namespace tlsd::client
