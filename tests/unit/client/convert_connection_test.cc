#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "client/convert.h"
#include "tests/unit/client/parse_text.h"

namespace tlsd::client {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using testing::Parse;

TEST(ConvertConnectionTest, WritesConnectOptions) {
  const v1::ConnectRequest request =
      ToProto(ConnectOptions{.address = "unix:/x",
                             .secure_context = "secureContexts/c",
                             .server_name = "a.test",
                             .expected_name = "b.test",
                             .verification = PeerVerification::kReport,
                             .skip_name_check = true,
                             .hooks = {{DecisionType::kVerifyPeer}},
                             .session = "S",
                             .use_session_cache = true,
                             .request_ocsp = true,
                             .timeout = absl::Seconds(2)});

  EXPECT_EQ(request.address(), "unix:/x");
  EXPECT_EQ(request.secure_context(), "secureContexts/c");
  EXPECT_EQ(request.server_name(), "a.test");
  EXPECT_EQ(request.expected_name(), "b.test");
  EXPECT_EQ(request.verification(), v1::PEER_VERIFICATION_REPORT);
  EXPECT_TRUE(request.skip_name_check());
  ASSERT_EQ(request.hooks_size(), 1);
  EXPECT_EQ(request.hooks(0).type(), v1::DECISION_TYPE_VERIFY_PEER);
  EXPECT_EQ(request.session(), "S");
  EXPECT_TRUE(request.use_session_cache());
  EXPECT_TRUE(request.request_ocsp());
  EXPECT_EQ(request.timeout().seconds(), 2);
}

TEST(ConvertConnectionTest, VerifiesThePeerByDefault) {
  const v1::ConnectRequest request = ToProto(ConnectOptions{});

  EXPECT_EQ(request.verification(), v1::PEER_VERIFICATION_REQUIRE);
  EXPECT_FALSE(request.skip_name_check());
  EXPECT_EQ(request.expected_name(), "");
}

TEST(ConvertConnectionTest, AsksForNothingMoreByDefault) {
  const v1::ConnectRequest request = ToProto(ConnectOptions{});

  EXPECT_EQ(request.hooks_size(), 0);
  EXPECT_EQ(request.session(), "");
  EXPECT_FALSE(request.use_session_cache());
  EXPECT_FALSE(request.request_ocsp());
}

TEST(ConvertConnectionTest, ReadsWhatAServerHasStapledAndWhetherToComeBack) {
  const ConnectionFacts facts = FromProto(Parse<v1::Connection>(R"pb(
    ocsp_response { der: "O" }
    has_session: true
  )pb"));

  EXPECT_EQ(facts.ocsp_response->der, "O");
  EXPECT_TRUE(facts.has_session);
  EXPECT_FALSE(FromProto(v1::Connection()).ocsp_response.has_value());
  EXPECT_FALSE(FromProto(v1::Connection()).has_session);
}

TEST(ConvertConnectionTest, ReadsASession) {
  const SessionFacts facts = FromProto(Parse<v1::GetSessionResponse>(R"pb(
    session: "S"
    single_use: true
    create_time { seconds: 1 }
    expire_time { seconds: 2 }
  )pb"));

  EXPECT_EQ(facts.session, "S");
  EXPECT_TRUE(facts.single_use);
  EXPECT_EQ(facts.create_time, absl::FromUnixSeconds(1));
  EXPECT_EQ(facts.expire_time, absl::FromUnixSeconds(2));
  EXPECT_FALSE(FromProto(v1::GetSessionResponse()).expire_time.has_value());
}

TEST(ConvertConnectionTest, AsksForThePeersCertificateWithOrWithoutItsChain) {
  EXPECT_EQ(PeerCertificateRequest("connections/c", ChainDetail::kChain).name(),
            "connections/c");
  EXPECT_TRUE(PeerCertificateRequest("c", ChainDetail::kChain).detailed());
  EXPECT_FALSE(
      PeerCertificateRequest("c", ChainDetail::kCertificateOnly).detailed());
}

TEST(ConvertConnectionTest, ReadsAConnection) {
  const ConnectionFacts facts = FromProto(Parse<v1::Connection>(R"pb(
    name: "connections/c"
    role: ROLE_SERVER
    state: STATE_CLOSED
    listener: "listeners/l"
    secure_context: "secureContexts/s"
    local_address { family: "IPv4" address: "127.0.0.1" port: 1 }
    remote_address { family: "unix" path: "/p" }
    handshake {
      version: TLS_VERSION_TLS_1_3
      protocol: "TLSv1.3"
      cipher: "C"
      cipher_standard_name: "S"
      group: "X25519"
      alpn_protocol: "h2"
      server_name: "a.test"
      resumed: true
      npn_protocol: "spdy/2"
      cipher_version: "TLSv1/SSLv3"
      cipher_min_version: "TLSv1.2"
      peer_signature_algorithm: "ed25519"
      shared_signature_algorithms: "a1"
      shared_signature_algorithms: "a2"
      certificate_requested: true
      own_certificate_sha256: "AB:CD"
    }
    authorized: true
    authorization_error: "E"
    authorization_error_code: 18
    authorization_error_text: "self signed"
    encrypted: true
    peer_certificate {
      subject: "CN=p"
      issuer: "CN=i"
      subject_alternative_names: "DNS:a.test"
      not_before_time { seconds: 1 }
      not_after_time { seconds: 2 }
      serial_number: "0A"
      sha256_fingerprint: "FF"
      public_key: "EC P-256"
      der: "D"
    }
    cleartext_bytes_received: 1
    cleartext_bytes_sent: 2
    wire_bytes_received: 3
    wire_bytes_sent: 4
    peer_closed: true
    shut_down: true
    create_time { seconds: 10 nanos: 5 }
    open_time { seconds: 11 }
    close_time { seconds: 12 }
    failure {
      reason: "PEER_ALERT"
      message: "m"
      metadata { key: "alert" value: "unknown_ca" }
    }
  )pb"));

  EXPECT_EQ(facts.name, "connections/c");
  EXPECT_EQ(facts.role, Role::kServer);
  EXPECT_EQ(facts.state, ConnectionState::kClosed);
  EXPECT_EQ(facts.listener, "listeners/l");
  EXPECT_EQ(facts.secure_context, "secureContexts/s");
  EXPECT_EQ(ToString(facts.local_address), "127.0.0.1:1");
  EXPECT_EQ(ToString(facts.remote_address), "unix:/p");
  ASSERT_TRUE(facts.handshake.has_value());
  EXPECT_EQ(facts.handshake->version, TlsVersion::kTls13);
  EXPECT_EQ(facts.handshake->protocol, "TLSv1.3");
  EXPECT_EQ(facts.handshake->cipher, "C");
  EXPECT_EQ(facts.handshake->cipher_standard_name, "S");
  EXPECT_EQ(facts.handshake->group, "X25519");
  EXPECT_EQ(facts.handshake->alpn_protocol, "h2");
  EXPECT_EQ(facts.handshake->server_name, "a.test");
  EXPECT_TRUE(facts.handshake->resumed);
  EXPECT_EQ(facts.handshake->npn_protocol, "spdy/2");
  EXPECT_EQ(facts.handshake->cipher_version, "TLSv1/SSLv3");
  EXPECT_EQ(facts.handshake->cipher_min_version, "TLSv1.2");
  EXPECT_EQ(facts.handshake->peer_signature_algorithm, "ed25519");
  EXPECT_THAT(facts.handshake->shared_signature_algorithms,
              ElementsAre("a1", "a2"));
  EXPECT_TRUE(facts.handshake->certificate_requested);
  EXPECT_EQ(facts.handshake->own_certificate_sha256, "AB:CD");
  EXPECT_TRUE(facts.authorized);
  EXPECT_EQ(facts.authorization_error, "E");
  EXPECT_EQ(facts.authorization_error_code, 18);
  EXPECT_EQ(facts.authorization_error_text, "self signed");
  EXPECT_TRUE(facts.encrypted);
  ASSERT_TRUE(facts.peer_certificate.has_value());
  EXPECT_EQ(facts.peer_certificate->subject, "CN=p");
  EXPECT_EQ(facts.peer_certificate->issuer, "CN=i");
  EXPECT_THAT(facts.peer_certificate->subject_alternative_names,
              ElementsAre("DNS:a.test"));
  EXPECT_EQ(facts.peer_certificate->not_after_time, absl::FromUnixSeconds(2));
  EXPECT_EQ(facts.peer_certificate->serial_number, "0A");
  EXPECT_EQ(facts.peer_certificate->sha256_fingerprint, "FF");
  EXPECT_EQ(facts.peer_certificate->public_key, "EC P-256");
  EXPECT_EQ(facts.peer_certificate->der, "D");
  EXPECT_EQ(facts.cleartext_bytes_received, 1);
  EXPECT_EQ(facts.cleartext_bytes_sent, 2);
  EXPECT_EQ(facts.wire_bytes_received, 3);
  EXPECT_EQ(facts.wire_bytes_sent, 4);
  EXPECT_TRUE(facts.peer_closed);
  EXPECT_TRUE(facts.shut_down);
  EXPECT_EQ(facts.create_time,
            absl::FromUnixSeconds(10) + absl::Nanoseconds(5));
  EXPECT_EQ(facts.open_time, absl::FromUnixSeconds(11));
  EXPECT_EQ(facts.close_time, absl::FromUnixSeconds(12));
  ASSERT_TRUE(facts.failure.has_value());
  EXPECT_EQ(facts.failure->reason, "PEER_ALERT");
  EXPECT_EQ(facts.failure->message, "m");
  EXPECT_THAT(facts.failure->metadata,
              ElementsAre(Pair("alert", "unknown_ca")));
}

TEST(ConvertConnectionTest, ReadsWhatIsUnsetAsAbsent) {
  const ConnectionFacts facts = FromProto(v1::Connection());

  EXPECT_FALSE(facts.handshake.has_value());
  EXPECT_FALSE(facts.peer_certificate.has_value());
  EXPECT_FALSE(facts.create_time.has_value());
  EXPECT_FALSE(facts.failure.has_value());
  EXPECT_FALSE(facts.encrypted);
  EXPECT_FALSE(FromProto(v1::Handshake()).certificate_requested);
}

TEST(ConvertConnectionTest, WritesWhatAClientSaysOfItsTransport) {
  const v1::ConnectRequest request = ToProto(ConnectOptions{
      .address = "h:1",
      .socket_options = {.idle_timeout = absl::Seconds(7)},
      .local_address = "127.0.0.1",
      .renegotiation_limit =
          RenegotiationLimit{.count = 0, .window = absl::Minutes(1)},
      .early_data = "GET",
      .ech_config_list = "ECH"});

  EXPECT_EQ(request.socket_options().idle_timeout().seconds(), 7);
  EXPECT_EQ(request.local_address(), "127.0.0.1");
  ASSERT_TRUE(request.has_renegotiation_limit());
  EXPECT_EQ(request.renegotiation_limit().count(), 0);
  EXPECT_EQ(request.renegotiation_limit().window().seconds(), 60);
  EXPECT_EQ(request.early_data(), "GET");
  EXPECT_EQ(request.ech_config_list(), "ECH");
}

TEST(ConvertConnectionTest, LeavesDefaultsOfTheTransportToTheDaemon) {
  const v1::ConnectRequest request = ToProto(ConnectOptions{});

  EXPECT_EQ(request.protection(), v1::PROTECTION_UNSPECIFIED);
  EXPECT_EQ(request.socket_options().ByteSizeLong(), 0u);
  EXPECT_EQ(request.local_address(), "");
  EXPECT_FALSE(request.has_renegotiation_limit());
  EXPECT_EQ(request.early_data(), "");
  EXPECT_EQ(request.ech_config_list(), "");
}

TEST(ConvertConnectionTest, SaysNothingOfTlsForAPlainConnection) {
  v1::ConnectRequest request =
      ToProto(ConnectOptions{.protection = Protection::kNone});
  EXPECT_EQ(request.protection(), v1::PROTECTION_NONE);
  request.clear_protection();
  request.clear_timeout();
  request.clear_socket_options();
  EXPECT_EQ(request.ByteSizeLong(), 0u);

  // What does not fit is for the daemon to refuse.
  EXPECT_EQ(ToProto(ConnectOptions{.verification = PeerVerification::kReport,
                                   .protection = Protection::kNone})
                .verification(),
            v1::PEER_VERIFICATION_REPORT);
}

TEST(ConvertConnectionTest, ReadsWhatLiesBelowAConnection) {
  const ConnectionFacts facts = FromProto(Parse<v1::Connection>(R"pb(
    carrier: "connections/a"
    piped_with: "connections/b"
    upstream: "h:1"
    proxy_header {
      version: 2
      is_local: true
      source { family: "IPv4" address: "192.0.2.1" port: 1 }
      destination { family: "IPv4" address: "192.0.2.2" port: 2 }
      fields { type: 1 value: "h2" }
    }
    proxy_address { family: "IPv4" address: "192.0.2.3" port: 3 }
    max_send_fragment: 512
    socket_options {
      idle_timeout { seconds: 4 }
      keep_alive { seconds: 5 }
      delay_small_writes: true
    }
    early_bytes_received: 6
    renegotiation_count: 7
    handshake { early_data: EARLY_DATA_REJECTED ech_accepted: true }
  )pb"));

  EXPECT_EQ(facts.carrier, "connections/a");
  EXPECT_EQ(facts.piped_with, "connections/b");
  EXPECT_EQ(facts.upstream, "h:1");
  ASSERT_TRUE(facts.proxy_header.has_value());
  EXPECT_EQ(facts.proxy_header->version, 2);
  EXPECT_TRUE(facts.proxy_header->is_local);
  EXPECT_EQ(ToString(facts.proxy_header->source), "192.0.2.1:1");
  EXPECT_EQ(ToString(facts.proxy_header->destination), "192.0.2.2:2");
  ASSERT_EQ(facts.proxy_header->fields.size(), 1u);
  EXPECT_EQ(facts.proxy_header->fields[0].type, 1);
  EXPECT_EQ(facts.proxy_header->fields[0].value, "h2");
  EXPECT_EQ(ToString(facts.proxy_address), "192.0.2.3:3");
  EXPECT_EQ(facts.max_send_fragment, 512);
  EXPECT_EQ(facts.socket_options.idle_timeout, absl::Seconds(4));
  EXPECT_EQ(facts.socket_options.keep_alive, absl::Seconds(5));
  EXPECT_TRUE(facts.socket_options.delay_small_writes);
  EXPECT_EQ(facts.early_bytes_received, 6);
  EXPECT_EQ(facts.renegotiation_count, 7);
  EXPECT_EQ(facts.handshake->early_data, EarlyData::kRejected);
  EXPECT_TRUE(facts.handshake->ech_accepted);
}

TEST(ConvertConnectionTest, ReadsNothingBelowAConnectionThatSaysNothing) {
  const ConnectionFacts facts = FromProto(v1::Connection());

  EXPECT_EQ(facts.carrier, "");
  EXPECT_FALSE(facts.proxy_header.has_value());
  EXPECT_EQ(ToString(facts.proxy_address), "");
  EXPECT_EQ(facts.socket_options.idle_timeout, absl::ZeroDuration());
  EXPECT_EQ(facts.max_send_fragment, 0);
  EXPECT_EQ(FromProto(v1::Handshake()).early_data, EarlyData::kNone);
  EXPECT_FALSE(FromProto(v1::Handshake()).ech_accepted);
}

TEST(ConvertConnectionTest, ReadsChannelBindings) {
  const ChannelBindings bindings =
      FromProto(Parse<v1::GetChannelBindingsResponse>(R"pb(
        finished: "1"
        peer_finished: "2"
        tls_unique: "3"
        tls_exporter: "4"
        tls_server_end_point: "5"
      )pb"));

  EXPECT_EQ(bindings.finished, "1");
  EXPECT_EQ(bindings.peer_finished, "2");
  EXPECT_EQ(bindings.tls_unique, "3");
  EXPECT_EQ(bindings.tls_exporter, "4");
  EXPECT_EQ(bindings.tls_server_end_point, "5");
  EXPECT_EQ(FromProto(v1::GetChannelBindingsResponse()).finished, "");
}

}  // namespace
}  // namespace tlsd::client
