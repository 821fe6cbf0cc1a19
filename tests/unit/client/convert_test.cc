#include "client/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/client/parse_text.h"

namespace tlsd::client {
namespace {

using ::testing::ElementsAre;
using testing::Parse;

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
        EventType::kSecureConnect, EventType::kConnectionRejected,
        EventType::kSecureContextUpdated, EventType::kCertificateExpiring,
        EventType::kConnection, EventType::kRenegotiated}) {
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

TEST(ConvertTest, WritesListenerOptions) {
  const v1::CreateListenerRequest request =
      ToProto(ListenerOptions{.id = "l1",
                              .address = ":8443",
                              .secure_context = "secureContexts/web",
                              .handler = Handler::kEcho,
                              .handshake_timeout = absl::Seconds(7),
                              .max_connections = 5,
                              .contexts = {{"a.test", "secureContexts/a"},
                                           {"*.test", "secureContexts/b"}},
                              .strict_server_names = true,
                              .hooks = {{DecisionType::kVerifyPeer}}});

  EXPECT_EQ(request.listener_id(), "l1");
  EXPECT_EQ(request.listener().address(), ":8443");
  EXPECT_EQ(request.listener().secure_context(), "secureContexts/web");
  EXPECT_TRUE(request.listener().has_echo());
  EXPECT_EQ(request.listener().handshake_timeout().seconds(), 7);
  EXPECT_EQ(request.listener().max_connections(), 5);
  ASSERT_EQ(request.contexts_size(), 2);
  EXPECT_EQ(request.contexts(0).server_name(), "a.test");
  EXPECT_EQ(request.contexts(0).secure_context(), "secureContexts/a");
  EXPECT_EQ(request.contexts(1).server_name(), "*.test");
  EXPECT_TRUE(request.listener().strict_server_names());
  ASSERT_EQ(request.listener().hooks_size(), 1);
  EXPECT_EQ(request.listener().hooks(0).type(), v1::DECISION_TYPE_VERIFY_PEER);
}

TEST(ConvertTest, WritesHooks) {
  const auto protos =
      ToProto(Hooks{{DecisionType::kClientHello, absl::Seconds(2),
                     WithoutAnswer::kFail, true},
                    {DecisionType::kOcspStaple, absl::ZeroDuration(),
                     WithoutAnswer::kContinue},
                    {DecisionType::kSign}});

  ASSERT_EQ(protos.size(), 3);
  EXPECT_EQ(protos[0].type(), v1::DECISION_TYPE_CLIENT_HELLO);
  EXPECT_EQ(protos[0].timeout().seconds(), 2);
  EXPECT_EQ(protos[0].without_answer(), v1::Hook::WITHOUT_ANSWER_FAIL);
  EXPECT_TRUE(protos[0].skip_without_handler());
  EXPECT_EQ(protos[1].type(), v1::DECISION_TYPE_OCSP_STAPLE);
  EXPECT_FALSE(protos[1].has_timeout());
  EXPECT_EQ(protos[1].without_answer(), v1::Hook::WITHOUT_ANSWER_CONTINUE);
  EXPECT_FALSE(protos[1].skip_without_handler());
  EXPECT_EQ(protos[2].type(), v1::DECISION_TYPE_SIGN);
  EXPECT_EQ(protos[2].without_answer(), v1::Hook::WITHOUT_ANSWER_UNSPECIFIED);
}

TEST(ConvertTest, ReadsTheHooksThatItWrites) {
  for (const auto& [type, number] :
       {std::pair{DecisionType::kClientHello, v1::DECISION_TYPE_CLIENT_HELLO},
        std::pair{DecisionType::kOcspStaple, v1::DECISION_TYPE_OCSP_STAPLE},
        std::pair{DecisionType::kSessionLookup,
                  v1::DECISION_TYPE_SESSION_LOOKUP},
        std::pair{DecisionType::kSessionStore, v1::DECISION_TYPE_SESSION_STORE},
        std::pair{DecisionType::kVerifyPeer, v1::DECISION_TYPE_VERIFY_PEER},
        std::pair{DecisionType::kSign, v1::DECISION_TYPE_SIGN}}) {
    const auto protos =
        ToProto(Hooks{{type, absl::Milliseconds(1500), WithoutAnswer::kFail,
                       /*skip_without_handler=*/true}});
    ASSERT_EQ(protos.size(), 1);
    EXPECT_EQ(protos[0].type(), number);

    const Hooks hooks = FromProto(protos);

    ASSERT_EQ(hooks.size(), 1u);
    EXPECT_EQ(hooks[0].type, type);
    EXPECT_EQ(hooks[0].timeout, absl::Milliseconds(1500));
    EXPECT_EQ(hooks[0].without_answer, WithoutAnswer::kFail);
    EXPECT_TRUE(hooks[0].skip_without_handler);
  }
  google::protobuf::RepeatedPtrField<v1::Hook> newer;
  newer.Add()->set_type(static_cast<v1::DecisionType>(77));
  EXPECT_EQ(FromProto(newer)[0].type, DecisionType::kUnknown);
}

TEST(ConvertTest, WritesWhatAListenerSaysOfItsTransport) {
  const v1::CreateListenerRequest request = ToProto(
      ListenerOptions{.address = "[::]:25",
                      .protection = Protection::kDetect,
                      .socket_options = {.idle_timeout = absl::Seconds(9)},
                      .accept_proxy_header = true,
                      .backlog = 7,
                      .ipv6_only = true});

  EXPECT_EQ(request.listener().protection(), v1::PROTECTION_DETECT);
  EXPECT_EQ(request.listener().socket_options().idle_timeout().seconds(), 9);
  EXPECT_TRUE(request.listener().accept_proxy_header());
  EXPECT_EQ(request.listener().backlog(), 7);
  EXPECT_TRUE(request.listener().ipv6_only());
  EXPECT_TRUE(request.listener().has_stream());
}

TEST(ConvertTest, ForwardsWhereItIsToldWhereTo) {
  const v1::CreateListenerRequest request = ToProto(ListenerOptions{
      .forward = ForwardOptions{
          .upstream = {.address = "h:1", .protection = Protection::kNone},
          .send_proxy_header = ProxyHeaderVersion::kVersion1}});
  // The daemon says what is missing here.
  const v1::CreateListenerRequest nowhere =
      ToProto(ListenerOptions{.handler = Handler::kForward});

  EXPECT_EQ(request.listener().forward().upstream().address(), "h:1");
  EXPECT_EQ(request.listener().forward().upstream().protection(),
            v1::PROTECTION_NONE);
  EXPECT_EQ(request.listener().forward().send_proxy_header(),
            v1::PROXY_HEADER_VERSION_1);
  EXPECT_TRUE(nowhere.listener().has_forward());
  EXPECT_FALSE(nowhere.listener().forward().has_upstream());
}

TEST(ConvertTest, ReadsWhatLiesBelowAListener) {
  const ListenerFacts facts = FromProto(Parse<v1::Listener>(R"pb(
    protection: PROTECTION_NONE
    forward {
      upstream { address: "h:1" }
      send_proxy_header: PROXY_HEADER_VERSION_2
    }
    socket_options { keep_alive { seconds: 3 } }
    accept_proxy_header: true
    backlog: 4
    ipv6_only: true
  )pb"));
  const ListenerFacts plain = FromProto(v1::Listener());

  EXPECT_EQ(facts.protection, Protection::kNone);
  EXPECT_EQ(facts.handler, Handler::kForward);
  ASSERT_TRUE(facts.forward.has_value());
  EXPECT_EQ(facts.forward->upstream.address, "h:1");
  EXPECT_EQ(facts.forward->send_proxy_header, ProxyHeaderVersion::kVersion2);
  EXPECT_EQ(facts.socket_options.keep_alive, absl::Seconds(3));
  EXPECT_TRUE(facts.accept_proxy_header);
  EXPECT_EQ(facts.backlog, 4);
  EXPECT_TRUE(facts.ipv6_only);
  EXPECT_EQ(plain.protection, Protection::kTls);
  EXPECT_EQ(plain.handler, Handler::kStream);
  EXPECT_FALSE(plain.forward.has_value());
  EXPECT_FALSE(plain.accept_proxy_header);
}

TEST(ConvertTest, LeavesDefaultsOfAListenerToTheDaemon) {
  const v1::CreateListenerRequest request = ToProto(ListenerOptions{});

  EXPECT_TRUE(request.listener().has_stream());
  EXPECT_FALSE(request.listener().has_handshake_timeout());
  EXPECT_FALSE(request.listener().strict_server_names());
  EXPECT_EQ(request.listener().hooks_size(), 0);
  EXPECT_EQ(request.contexts_size(), 0);
  EXPECT_EQ(request.listener().protection(), v1::PROTECTION_TLS);
  EXPECT_EQ(request.listener().socket_options().ByteSizeLong(), 0u);
  EXPECT_FALSE(request.listener().accept_proxy_header());
  EXPECT_EQ(request.listener().backlog(), 0);
  EXPECT_FALSE(request.listener().ipv6_only());
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
    strict_server_names: true
    hooks { type: DECISION_TYPE_SIGN }
    context_count: 6
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
  EXPECT_TRUE(facts.strict_server_names);
  EXPECT_EQ(facts.context_count, 6);
  ASSERT_EQ(facts.hooks.size(), 1u);
  EXPECT_EQ(facts.hooks[0].type, DecisionType::kSign);
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
  EXPECT_FALSE(event.secure_context.has_value());
  EXPECT_FALSE(event.certificate_expiry.has_value());
}

TEST(ConvertTest, ReadsTheEventsOfContextsAndCertificates) {
  const Event updated = FromProto(Parse<v1::Event>(R"pb(
    type: EVENT_TYPE_SECURE_CONTEXT_UPDATED
    secure_context { name: "secureContexts/s" etag: "e2" }
  )pb"));
  const Event expiring = FromProto(Parse<v1::Event>(R"pb(
    type: EVENT_TYPE_CERTIFICATE_EXPIRING
    certificate_expiry {
      secure_context: "secureContexts/s"
      certificate { subject: "CN=s" }
      time_left { seconds: -5 }
    }
  )pb"));

  EXPECT_EQ(updated.type, EventType::kSecureContextUpdated);
  ASSERT_TRUE(updated.secure_context.has_value());
  EXPECT_EQ(updated.secure_context->etag, "e2");
  EXPECT_FALSE(updated.connection.has_value());
  EXPECT_EQ(expiring.type, EventType::kCertificateExpiring);
  ASSERT_TRUE(expiring.certificate_expiry.has_value());
  EXPECT_EQ(expiring.certificate_expiry->secure_context, "secureContexts/s");
  EXPECT_EQ(expiring.certificate_expiry->certificate.subject, "CN=s");
  EXPECT_EQ(expiring.certificate_expiry->time_left, absl::Seconds(-5));
}

TEST(ConvertTest, ReadsWhatWaitsAndWhetherSecretsAreTold) {
  const DaemonFacts facts = FromProto(
      Parse<v1::ServerInfo>("pending_decision_count: 3 key_log_enabled: true"));

  EXPECT_EQ(facts.pending_decision_count, 3);
  EXPECT_TRUE(facts.key_log_enabled);
  EXPECT_FALSE(FromProto(v1::ServerInfo()).key_log_enabled);
}

TEST(ConvertTest, CarriesEachTypeOfEventBothWays) {
  for (int number = 1; v1::EventType_IsValid(number); ++number) {
    const auto type = static_cast<v1::EventType>(number);
    EXPECT_EQ(ToProto(FromProto(type)), type);
  }
  EXPECT_EQ(FromProto(static_cast<v1::EventType>(99)), EventType::kUnknown);
}

}  // namespace
}  // namespace tlsd::client
