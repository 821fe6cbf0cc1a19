#include "client/cli/show.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/client/cli/sample_connection.h"
#include "tests/unit/client/parse_text.h"

namespace tlsd::client::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Parse;

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

TEST(ShowTest, ShowsWhatServerNamesAndHooksAreForIfThereAreAny) {
  v1::Listener listener;
  listener.set_name("listeners/l");
  const std::string plain =
      ListenerBlock(listener, kNow).Format(ColourMode::kOff);
  EXPECT_THAT(plain, Not(HasSubstr("server names")));
  EXPECT_THAT(plain, Not(HasSubstr("hook")));

  listener.set_context_count(2);
  EXPECT_THAT(ListenerBlock(listener, kNow).Format(ColourMode::kOff),
              HasSubstr("2 contexts\n"));
  listener.set_strict_server_names(true);
  listener.add_hooks()->set_type(v1::DECISION_TYPE_CLIENT_HELLO);
  EXPECT_THAT(ListenerBlock(listener, kNow).Format(ColourMode::kOff),
              AllOf(HasSubstr("2 contexts; others are turned away\n"),
                    HasSubstr("client-hello\n")));
}

TEST(ShowTest, ShowsContextsByName) {
  v1::ListContextsResponse list;
  list.add_contexts()->set_server_name("*.a.test");
  list.mutable_contexts(0)->set_secure_context("secureContexts/web");

  EXPECT_EQ(ServerNameTable(list).Format(ColourMode::kOff),
            "SERVER NAME  CONTEXT\n"
            "*.a.test     web\n");
}

TEST(ShowTest, WritesALineForEachEvent) {
  v1::Event event;
  event.set_subject("connections/c");
  event.set_type(v1::EVENT_TYPE_SECURE_CONNECT);
  *event.mutable_connection() = SampleConnection();

  EXPECT_THAT(EventLine(event, ColourMode::kOff),
              AllOf(HasSubstr("secure connect          connections/c"),
                    HasSubstr("127.0.0.1:443  TLSv1.3  TLS_X  authorized\n")));

  event.set_type(v1::EVENT_TYPE_CLIENT_ERROR);
  event.mutable_connection()->mutable_failure()->set_message("bad\x1b alert");

  EXPECT_THAT(EventLine(event, ColourMode::kOff),
              AllOf(HasSubstr("client error"), HasSubstr("bad\\x1b alert\n")));
}

TEST(ShowTest, ShowsWhatWaitsAndWhetherSecretsAreTold) {
  v1::ServerInfo info;
  const std::string plain =
      ServerInfoBlock(info, "unix:/x", kNow).Format(ColourMode::kOff);
  EXPECT_THAT(plain, Not(HasSubstr("decisions")));
  EXPECT_THAT(plain, Not(HasSubstr("key log")));

  info.set_pending_decision_count(3);
  info.set_key_log_enabled(true);
  EXPECT_THAT(ServerInfoBlock(info, "unix:/x", kNow).Format(ColourMode::kOff),
              AllOf(HasSubstr("3 wait for an answer\n"), HasSubstr("on\n")));
}

TEST(ShowTest, WritesWhatAServerHasStapled) {
  v1::Event event;
  event.set_type(v1::EVENT_TYPE_OCSP_RESPONSE);
  *event.mutable_connection() = SampleConnection();
  event.mutable_connection()->mutable_ocsp_response()->set_response_status(
      "unauthorized");
  EXPECT_THAT(EventLine(event, ColourMode::kOff),
              AllOf(HasSubstr("ocsp response"),
                    HasSubstr("127.0.0.1:443  unauthorized\n")));

  event.set_type(v1::EVENT_TYPE_SESSION);
  EXPECT_THAT(EventLine(event, ColourMode::kOff),
              AllOf(HasSubstr("session  "), HasSubstr("TLSv1.3"),
                    Not(HasSubstr("unauthorized"))));
}

TEST(ShowTest, WritesWhichCertificatesAContextHasNow) {
  const v1::Event event = Parse<v1::Event>(R"pb(
    subject: "secureContexts/web"
    type: EVENT_TYPE_SECURE_CONTEXT_UPDATED
    secure_context {
      credentials { certificates { subject: "CN=a" } }
      credentials {}
      credentials { certificates { subject: "CN=b" } }
    }
  )pb");

  EXPECT_THAT(EventLine(event, ColourMode::kOff),
              AllOf(HasSubstr("secure context updated  secureContexts/web"),
                    HasSubstr("  CN=a  CN=b\n")));
}

TEST(ShowTest, WritesWhenACertificateEnds) {
  v1::Event event = Parse<v1::Event>(R"pb(
    subject: "secureContexts/web"
    type: EVENT_TYPE_CERTIFICATE_EXPIRING
    certificate_expiry {
      certificate { subject: "CN=a" }
      time_left { seconds: 259200 }
    }
  )pb");

  EXPECT_THAT(EventLine(event, ColourMode::kOn),
              AllOf(HasSubstr("\x1b[33mcertificate expiring  \x1b[0m"),
                    HasSubstr("CN=a  ends in 3d\n")));

  event.mutable_certificate_expiry()->mutable_time_left()->set_seconds(-7200);

  EXPECT_THAT(EventLine(event, ColourMode::kOn),
              AllOf(HasSubstr("\x1b[31mcertificate expiring  \x1b[0m"),
                    HasSubstr("CN=a  ended 2h ago\n")));
}

TEST(ShowTest, ShowsWhatLiesBelowAListener) {
  const v1::Listener listener = Parse<v1::Listener>(R"pb(
    name: "listeners/l"
    protection: PROTECTION_DETECT
    forward { upstream { address: "h:1" } }
    accept_proxy_header: true
    socket_options { idle_timeout { seconds: 9 } }
    ipv6_only: true
    backlog: 7
  )pb");
  v1::Listener plain;
  plain.set_protection(v1::PROTECTION_NONE);

  EXPECT_THAT(
      ListenerBlock(listener, kNow).Format(ColourMode::kOff),
      AllOf(HasSubstr("TLS if the first byte says so, else none\n"),
            HasSubstr("forward\n"), HasSubstr("h:1, TLS\n"),
            HasSubstr("required\n"), HasSubstr("idle timeout 9s\n"),
            HasSubstr("not taken\n"), HasSubstr("backlog            7\n")));
  EXPECT_THAT(ListenerBlock(plain, kNow).Format(ColourMode::kOff),
              HasSubstr("none: connections are plain\n"));
  EXPECT_THAT(ListenerBlock(v1::Listener(), kNow).Format(ColourMode::kOff),
              AllOf(Not(HasSubstr("protection")), Not(HasSubstr("upstream")),
                    Not(HasSubstr("PROXY")), Not(HasSubstr("sockets")),
                    Not(HasSubstr("IPv4")), Not(HasSubstr("backlog"))));
}

TEST(ShowTest, WritesThatAConnectionIsPlainOrWasRenegotiated) {
  v1::Event event;
  event.set_subject("connections/c");
  event.set_type(v1::EVENT_TYPE_CONNECTION);
  event.mutable_connection()->mutable_open_time()->set_seconds(1);
  event.mutable_connection()->set_carrier("connections/d");

  EXPECT_THAT(EventLine(event, ColourMode::kOn),
              AllOf(HasSubstr("\x1b[32mconnection  "),
                    HasSubstr("over connections/d  plain\n")));

  event.set_type(v1::EVENT_TYPE_RENEGOTIATED);
  *event.mutable_connection() = SampleConnection();
  EXPECT_THAT(EventLine(event, ColourMode::kOn),
              AllOf(HasSubstr("\x1b[33mrenegotiated  "),
                    HasSubstr("127.0.0.1:443  TLSv1.3")));
}

}  // namespace
}  // namespace tlsd::client::cli
