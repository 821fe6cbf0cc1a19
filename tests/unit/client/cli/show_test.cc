#include "client/cli/show.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>

namespace tlsd::client::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kNow = absl::FromUnixSeconds(1000000);

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message));
  return message;
}

constexpr char kConnection[] = R"pb(
  name: "connections/c"
  role: ROLE_CLIENT
  state: STATE_OPEN
  remote_address { family: "IPv4" address: "127.0.0.1" port: 443 }
  handshake {
    protocol: "TLSv1.3"
    cipher: "X"
    cipher_standard_name: "TLS_X"
    group: "X25519"
    server_name: "a.test"
  }
  authorized: true
  peer_certificate { subject: "CN=a.test" issuer: "CN=root" }
  cleartext_bytes_received: 2048
  cleartext_bytes_sent: 5
  create_time { seconds: 999988 }
)pb";

TEST(ShowTest, ShowsTheDaemon) {
  const std::string text = ServerInfoBlock(Parse<v1::ServerInfo>(R"pb(
                                             version: "0.1.0"
                                             start_time { seconds: 992800 }
                                             process_id: 7
                                             worker_count: 2
                                             listener_count: 1
                                           )pb"),
                                           "unix:/x", kNow)
                               .Format(ColourMode::kOff);

  EXPECT_THAT(text, AllOf(HasSubstr("tlsd 0.1.0\n"), HasSubstr("unix:/x"),
                          HasSubstr("up               2h\n"),
                          HasSubstr("listeners        1\n")));
}

TEST(ShowTest, SummarizesAConnection) {
  EXPECT_EQ(ConnectionSummary(Parse<v1::Connection>(kConnection))
                .Format(ColourMode::kOff),
            "connected to 127.0.0.1:443 as connections/c\n"
            "  protocol     TLSv1.3\n"
            "  cipher       TLS_X\n"
            "  group        X25519\n"
            "  server name  a.test\n"
            "  peer         CN=a.test, issued by CN=root\n"
            "  authorized   yes\n");
}

TEST(ShowTest, SaysWhyAPeerIsNotAuthorized) {
  v1::Connection connection = Parse<v1::Connection>(kConnection);
  connection.set_authorized(false);
  connection.set_authorization_error("CERT_HAS_EXPIRED");

  const std::string text =
      ConnectionSummary(connection).Format(ColourMode::kOn);

  EXPECT_THAT(text, HasSubstr("\x1b[31mno: CERT_HAS_EXPIRED\x1b[0m"));
}

TEST(ShowTest, SaysThatAClientWasNotAskedForACertificate) {
  v1::Connection connection = Parse<v1::Connection>(kConnection);
  connection.set_role(v1::ROLE_SERVER);
  connection.set_authorized(false);
  connection.clear_peer_certificate();

  EXPECT_THAT(ConnectionSummary(connection).Format(ColourMode::kOff),
              AllOf(HasSubstr("accepted 127.0.0.1:443"),
                    HasSubstr("authorized   not asked\n")));
}

TEST(ShowTest, ListsConnections) {
  v1::ListConnectionsResponse list;
  *list.add_connections() = Parse<v1::Connection>(kConnection);
  v1::Connection& failed = *list.add_connections();
  failed.set_name("connections/d");
  failed.set_state(v1::Connection::STATE_CLOSED);
  failed.mutable_failure()->set_reason("PEER_ALERT");

  const std::string text = ConnectionTable(list, kNow).Format(ColourMode::kOff);

  EXPECT_THAT(text, HasSubstr("connections/c  open    client  127.0.0.1:443  "
                              "TLSv1.3   a.test       yes         2.0 KiB  "
                              "5 B  12s\n"));
  EXPECT_THAT(text, HasSubstr("connections/d  failed"));
}

TEST(ShowTest, ShowsAConnection) {
  EXPECT_THAT(ConnectionBlock(Parse<v1::Connection>(kConnection), kNow)
                  .Format(ColourMode::kOff),
              AllOf(HasSubstr("cleartext    2.0 KiB in, 5 B out\n"),
                    HasSubstr("role         client\n"),
                    HasSubstr("age          12s\n")));
}

TEST(ShowTest, ShowsListeners) {
  const v1::Listener listener = Parse<v1::Listener>(R"pb(
    name: "listeners/l"
    secure_context: "secureContexts/web"
    echo {}
    state: STATE_ACTIVE
    max_connections: 10
    connection_count: 2
    accepted_count: 3
    handshake_timeout { seconds: 120 }
    bound_address { family: "IPv6" address: "::" port: 8443 }
  )pb");
  v1::ListListenersResponse list;
  *list.add_listeners() = listener;

  EXPECT_THAT(ListenerBlock(listener, kNow).Format(ColourMode::kOff),
              AllOf(HasSubstr("[::]:8443\n"), HasSubstr("2m\n"),
                    HasSubstr("2 open, 3 accepted, 0 rejected; at most 10")));
  EXPECT_THAT(ListenerTable(list, kNow).Format(ColourMode::kOff),
              HasSubstr("listeners/l  active  [::]:8443  web      echo     "
                        "2     3         -\n"));
}

TEST(ShowTest, ShowsSecureContexts) {
  const v1::SecureContext context = Parse<v1::SecureContext>(R"pb(
    name: "secureContexts/web"
    credentials {
      certificates {
        subject: "CN=web"
        issuer: "CN=root"
        subject_alternative_names: "DNS:web"
        public_key: "EC P-256"
      }
    }
    trust_anchors { development: true certificate_count: 1 }
    min_version: TLS_VERSION_TLS_1_2
    max_version: TLS_VERSION_TLS_1_3
    alpn_protocols: "h2"
    client_certificate_mode: CLIENT_CERTIFICATE_MODE_REQUEST
    expire_time { seconds: 1086400 }
  )pb");
  v1::ListSecureContextsResponse list;
  *list.add_secure_contexts() = context;

  EXPECT_THAT(SecureContextBlock(context, kNow).Format(ColourMode::kOff),
              AllOf(HasSubstr("1 certificate, development authority\n"),
                    HasSubstr("1.2 to 1.3\n"), HasSubstr("request\n"),
                    HasSubstr("in 1d\n"), Not(HasSubstr("fingerprint"))));
  EXPECT_THAT(SecureContextTable(list, kNow).Format(ColourMode::kOn),
              HasSubstr("\x1b[33min 1d\x1b[0m"));
}

TEST(ShowTest, ListsCipherSuites) {
  v1::ListAlgorithmsResponse algorithms;
  v1::CipherSuite& suite = *algorithms.add_cipher_suites();
  suite.set_name("A");
  suite.set_standard_name("TLS_A");
  suite.set_min_version(v1::TLS_VERSION_TLS_1_3);
  suite.set_max_version(v1::TLS_VERSION_TLS_1_3);
  suite.set_strength_bits(128);

  EXPECT_THAT(CipherSuiteTable(algorithms).Format(ColourMode::kOff),
              HasSubstr("A             TLS_A          1.3  128\n"));
}

TEST(ShowTest, WritesALineForEachEvent) {
  v1::Event event;
  event.set_subject("connections/c");
  event.set_type(v1::EVENT_TYPE_SECURE_CONNECT);
  *event.mutable_connection() = Parse<v1::Connection>(kConnection);

  EXPECT_THAT(EventLine(event, ColourMode::kOff),
              AllOf(HasSubstr("secure connect       connections/c"),
                    HasSubstr("127.0.0.1:443  TLSv1.3  TLS_X  authorized\n")));

  event.set_type(v1::EVENT_TYPE_CLIENT_ERROR);
  event.mutable_connection()->mutable_failure()->set_message("bad\x1b alert");

  EXPECT_THAT(EventLine(event, ColourMode::kOff),
              AllOf(HasSubstr("client error"), HasSubstr("bad\\x1b alert\n")));
}

}  // namespace
}  // namespace tlsd::client::cli
