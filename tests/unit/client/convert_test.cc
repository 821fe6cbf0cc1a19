#include "client/convert.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tlsd::client {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message));
  return message;
}

TEST(ConvertTest, CarriesDurationsBothWays) {
  const std::vector<absl::Duration> durations = {
      absl::ZeroDuration(), absl::Milliseconds(1500), absl::Nanoseconds(1),
      absl::Seconds(-3) - absl::Milliseconds(5), absl::Hours(1)};

  for (const absl::Duration duration : durations) {
    EXPECT_EQ(FromProto(ToProto(duration)), duration);
  }
}

TEST(ConvertTest, CutsAnInfiniteDurationAtTheLongestThatIsAllowed) {
  EXPECT_EQ(ToProto(absl::InfiniteDuration()).seconds(), 315576000000);
  EXPECT_EQ(ToProto(absl::InfiniteDuration()).nanos(), 0);
}

TEST(ConvertTest, CarriesVersionsModesAndEventTypesBothWays) {
  for (const TlsVersion version :
       {TlsVersion::kDefault, TlsVersion::kTls10, TlsVersion::kTls11,
        TlsVersion::kTls12, TlsVersion::kTls13}) {
    EXPECT_EQ(FromProto(ToProto(version)), version);
  }
  EXPECT_EQ(ToProto(TlsVersion::kTls13), v1::TLS_VERSION_TLS_1_3);
  for (const ClientCertificateMode mode :
       {ClientCertificateMode::kNone, ClientCertificateMode::kRequest,
        ClientCertificateMode::kRequire}) {
    EXPECT_EQ(FromProto(ToProto(mode)), mode);
  }
  for (const EventType type :
       {EventType::kListening, EventType::kClientError,
        EventType::kSecureConnect, EventType::kConnectionRejected}) {
    EXPECT_EQ(FromProto(ToProto(type)), type);
  }
  EXPECT_EQ(ToProto(EventType::kConnectionClosed),
            v1::EVENT_TYPE_CONNECTION_CLOSED);
}

TEST(ConvertTest, ReadsUnknownEnumeratorsOfANewerDaemonAsUnknown) {
  EXPECT_EQ(FromProto(static_cast<v1::TlsVersion>(77)), TlsVersion::kDefault);
  EXPECT_EQ(FromProto(static_cast<v1::EventType>(77)), EventType::kUnknown);
  v1::Connection connection;
  connection.set_state(static_cast<v1::Connection::State>(77));
  EXPECT_EQ(FromProto(connection).state, ConnectionState::kUnknown);
}

TEST(ConvertTest, WritesSecureContextOptions) {
  const v1::CreateSecureContextRequest request = ToProto(SecureContextOptions{
      .id = "web",
      .credentials = PemCredentials{.certificate_chain = "CHAIN",
                                    .private_key = "KEY",
                                    .passphrase = "secret",
                                    .allow_outside_validity = true},
      .trusted_pems = {"ROOT"},
      .trust_development = true,
      .min_version = TlsVersion::kTls13,
      .alpn_protocols = {"h2", "http/1.1"},
      .client_certificate_mode = ClientCertificateMode::kRequire});

  EXPECT_EQ(request.secure_context_id(), "web");
  const v1::SecureContext& context = request.secure_context();
  ASSERT_EQ(context.credentials_size(), 1);
  EXPECT_EQ(context.credentials(0).pem().certificate_chain(), "CHAIN");
  EXPECT_EQ(context.credentials(0).pem().private_key(), "KEY");
  EXPECT_EQ(context.credentials(0).pem().passphrase(), "secret");
  EXPECT_TRUE(context.credentials(0).pem().allow_outside_validity());
  EXPECT_THAT(context.trust_anchors().pems(), ElementsAre("ROOT"));
  EXPECT_TRUE(context.trust_anchors().development());
  EXPECT_FALSE(context.trust_anchors().system());
  EXPECT_EQ(context.min_version(), v1::TLS_VERSION_TLS_1_3);
  EXPECT_EQ(context.max_version(), v1::TLS_VERSION_UNSPECIFIED);
  EXPECT_THAT(context.alpn_protocols(), ElementsAre("h2", "http/1.1"));
  EXPECT_EQ(context.client_certificate_mode(),
            v1::CLIENT_CERTIFICATE_MODE_REQUIRE);
}

TEST(ConvertTest, LeavesTrustUnsetWhenNothingIsTrustedByName) {
  const v1::CreateSecureContextRequest request =
      ToProto(SecureContextOptions{});

  EXPECT_FALSE(request.secure_context().has_trust_anchors());
  EXPECT_EQ(request.secure_context().credentials_size(), 0);
}

TEST(ConvertTest, WritesDevelopmentCredentials) {
  const v1::CreateSecureContextRequest request = ToProto(SecureContextOptions{
      .credentials = DevelopmentCredentials{.server_names = {"a.test"}}});

  EXPECT_THAT(
      request.secure_context().credentials(0).development().server_names(),
      ElementsAre("a.test"));
}

TEST(ConvertTest, WritesListenerOptions) {
  const v1::CreateListenerRequest request =
      ToProto(ListenerOptions{.id = "l1",
                              .address = ":8443",
                              .secure_context = "secureContexts/web",
                              .handler = Handler::kEcho,
                              .handshake_timeout = absl::Seconds(7),
                              .max_connections = 5});

  EXPECT_EQ(request.listener_id(), "l1");
  EXPECT_EQ(request.listener().address(), ":8443");
  EXPECT_EQ(request.listener().secure_context(), "secureContexts/web");
  EXPECT_TRUE(request.listener().has_echo());
  EXPECT_EQ(request.listener().handshake_timeout().seconds(), 7);
  EXPECT_EQ(request.listener().max_connections(), 5);
}

TEST(ConvertTest, LeavesDefaultsOfAListenerToTheDaemon) {
  const v1::CreateListenerRequest request = ToProto(ListenerOptions{});

  EXPECT_TRUE(request.listener().has_stream());
  EXPECT_FALSE(request.listener().has_handshake_timeout());
}

TEST(ConvertTest, WritesConnectOptions) {
  const v1::ConnectRequest request =
      ToProto(ConnectOptions{.address = "unix:/x",
                             .secure_context = "secureContexts/c",
                             .server_name = "a.test",
                             .verification = PeerVerification::kReport,
                             .skip_name_check = true,
                             .timeout = absl::Seconds(2)});

  EXPECT_EQ(request.address(), "unix:/x");
  EXPECT_EQ(request.secure_context(), "secureContexts/c");
  EXPECT_EQ(request.server_name(), "a.test");
  EXPECT_EQ(request.verification(), v1::PEER_VERIFICATION_REPORT);
  EXPECT_TRUE(request.skip_name_check());
  EXPECT_EQ(request.timeout().seconds(), 2);
}

TEST(ConvertTest, VerifiesThePeerByDefault) {
  const v1::ConnectRequest request = ToProto(ConnectOptions{});

  EXPECT_EQ(request.verification(), v1::PEER_VERIFICATION_REQUIRE);
  EXPECT_FALSE(request.skip_name_check());
}

TEST(ConvertTest, WritesWatchOptions) {
  const v1::WatchEventsRequest request =
      ToProto(WatchOptions{.resume_token = "t",
                           .types = {EventType::kListening},
                           .subjects = {"listeners/a"},
                           .overflow_policy = OverflowPolicy::kDropOldest});

  EXPECT_EQ(request.resume_token(), "t");
  EXPECT_THAT(request.types(), ElementsAre(v1::EVENT_TYPE_LISTENING));
  EXPECT_THAT(request.subjects(), ElementsAre("listeners/a"));
  EXPECT_EQ(request.overflow_policy(), v1::OVERFLOW_POLICY_DROP_OLDEST);
}

TEST(ConvertTest, ReadsAConnection) {
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
    }
    authorized: true
    authorization_error: "E"
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
  EXPECT_TRUE(facts.authorized);
  EXPECT_EQ(facts.authorization_error, "E");
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

TEST(ConvertTest, ReadsWhatIsUnsetAsAbsent) {
  const ConnectionFacts facts = FromProto(v1::Connection());

  EXPECT_FALSE(facts.handshake.has_value());
  EXPECT_FALSE(facts.peer_certificate.has_value());
  EXPECT_FALSE(facts.create_time.has_value());
  EXPECT_FALSE(facts.failure.has_value());
}

TEST(ConvertTest, ReadsAListener) {
  const ListenerFacts facts = FromProto(Parse<v1::Listener>(R"pb(
    name: "listeners/l"
    address: ":0"
    secure_context: "secureContexts/s"
    echo {}
    handshake_timeout { seconds: 120 }
    max_connections: 9
    bound_address { family: "IPv6" address: "::" port: 4 }
    state: STATE_DRAINING
    connection_count: 1
    accepted_count: 2
    rejected_count: 3
    create_time { seconds: 5 }
    etag: "e"
  )pb"));

  EXPECT_EQ(facts.name, "listeners/l");
  EXPECT_EQ(facts.address, ":0");
  EXPECT_EQ(facts.secure_context, "secureContexts/s");
  EXPECT_EQ(facts.handler, Handler::kEcho);
  EXPECT_EQ(facts.handshake_timeout, absl::Minutes(2));
  EXPECT_EQ(facts.max_connections, 9);
  EXPECT_EQ(ToString(facts.bound_address), "[::]:4");
  EXPECT_EQ(facts.state, ListenerState::kDraining);
  EXPECT_EQ(facts.connection_count, 1);
  EXPECT_EQ(facts.accepted_count, 2);
  EXPECT_EQ(facts.rejected_count, 3);
  EXPECT_EQ(facts.create_time, absl::FromUnixSeconds(5));
  EXPECT_EQ(facts.etag, "e");
}

TEST(ConvertTest, ReadsASecureContext) {
  const SecureContextFacts facts = FromProto(Parse<v1::SecureContext>(R"pb(
    name: "secureContexts/s"
    credentials { certificates { subject: "CN=a" } }
    trust_anchors { system_path: "/etc/ssl" certificate_count: 3 }
    min_version: TLS_VERSION_TLS_1_2
    max_version: TLS_VERSION_TLS_1_3
    alpn_protocols: "h2"
    client_certificate_mode: CLIENT_CERTIFICATE_MODE_REQUEST
    expire_time { seconds: 7 }
    etag: "e"
  )pb"));

  EXPECT_EQ(facts.name, "secureContexts/s");
  ASSERT_EQ(facts.certificates.size(), 1u);
  EXPECT_EQ(facts.certificates[0].subject, "CN=a");
  EXPECT_TRUE(facts.trusts_system);
  EXPECT_FALSE(facts.trusts_development);
  EXPECT_EQ(facts.system_trust_path, "/etc/ssl");
  EXPECT_EQ(facts.trusted_certificate_count, 3);
  EXPECT_EQ(facts.min_version, TlsVersion::kTls12);
  EXPECT_EQ(facts.max_version, TlsVersion::kTls13);
  EXPECT_THAT(facts.alpn_protocols, ElementsAre("h2"));
  EXPECT_EQ(facts.client_certificate_mode, ClientCertificateMode::kRequest);
  EXPECT_EQ(facts.expire_time, absl::FromUnixSeconds(7));
  EXPECT_FALSE(facts.create_time.has_value());
  EXPECT_EQ(facts.etag, "e");
}

TEST(ConvertTest, ReadsTheDaemon) {
  const DaemonFacts facts = FromProto(Parse<v1::ServerInfo>(R"pb(
    version: "1"
    boringssl_revision: "b"
    grpc_version: "g"
    start_time { seconds: 1 }
    process_id: 2
    worker_count: 3
    secure_context_count: 4
    listener_count: 5
    connection_count: 6
    development_root: "PEM"
  )pb"));

  EXPECT_EQ(facts.version, "1");
  EXPECT_EQ(facts.boringssl_revision, "b");
  EXPECT_EQ(facts.grpc_version, "g");
  EXPECT_EQ(facts.start_time, absl::FromUnixSeconds(1));
  EXPECT_EQ(facts.process_id, 2);
  EXPECT_EQ(facts.worker_count, 3);
  EXPECT_EQ(facts.secure_context_count, 4);
  EXPECT_EQ(facts.listener_count, 5);
  EXPECT_EQ(facts.connection_count, 6);
  EXPECT_EQ(facts.development_root, "PEM");
}

TEST(ConvertTest, ReadsAnEvent) {
  const Event event = FromProto(Parse<v1::Event>(R"pb(
    resume_token: "t"
    time { seconds: 3 }
    subject: "connections/c"
    type: EVENT_TYPE_CLIENT_ERROR
    connection { name: "connections/c" }
  )pb"));

  EXPECT_EQ(event.resume_token, "t");
  EXPECT_EQ(event.time, absl::FromUnixSeconds(3));
  EXPECT_EQ(event.subject, "connections/c");
  EXPECT_EQ(event.type, EventType::kClientError);
  ASSERT_TRUE(event.connection.has_value());
  EXPECT_EQ(event.connection->name, "connections/c");
  EXPECT_FALSE(event.listener.has_value());
}

}  // namespace
}  // namespace tlsd::client
