#include "client/cli/tlsctl.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "proto/status/error.h"
#include "tests/unit/client/cli/tlsctl_fixture.h"
#include "tests/unit/client/fake_daemon.h"

namespace tlsd::client::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST_F(TlsctlTest, ShowsTheDaemonAsTextAndAsJson) {
  EXPECT_THAT(Run("status").out, StartsWith("tlsd 9.9.9\n"));
  EXPECT_THAT(Run("-o json status").out, HasSubstr("\"version\": \"9.9.9\""));
  EXPECT_EQ(Run("status").code, ExitCode::kOk);
}

TEST_F(TlsctlTest, TakesGlobalOptionsAfterTheVerbToo) {
  EXPECT_THAT(Run("status -o json").out, HasSubstr("\"version\""));
  EXPECT_THAT(Run("status --address " + daemon_.address()).out,
              HasSubstr("9.9.9"));
}

TEST_F(TlsctlTest, SaysHowToGoOnWhenThereIsNoDaemon) {
  testing::SocketFolder folder;
  const std::string address = "unix:" + folder.path() + "/none";

  const Outcome outcome = Run("status -s " + address);

  EXPECT_EQ(outcome.code, ExitCode::kUnreachable);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(
      outcome.err,
      "tlsctl: no tlsd answers at " + address +
          ": No such file or directory\n  start it: tlsd --control=" + address +
          ", or say where it is: tlsctl --address ADDRESS, "
          "TLSD_ADDRESS=ADDRESS\n");
}

TEST_F(TlsctlTest, FindsTheDefaultAddress) {
  EXPECT_EQ(DefaultAddress(), "unix:/run/user/1/tlsd/tlsd.sock");
  unsetenv("XDG_RUNTIME_DIR");
  EXPECT_EQ(DefaultAddress(), "unix:/run/tlsd/tlsd.sock");
}

TEST_F(TlsctlTest, ExitsWithUsageOnABadCommandLine) {
  for (const char* line : {"",
                           "nonsense",
                           "status extra",
                           "context",
                           "context create --cert x",
                           "context create --dev --cert x --key y",
                           "listen :0",
                           "status --timeout 5",
                           "status --timeout -5s",
                           "status -o yaml",
                           "events --type nonsense",
                           "events --limit 0",
                           "completion tcsh",
                           "connection",
                           "connection session",
                           "decide",
                           "decide wait --type nonsense",
                           "keylog --limit 0",
                           "context create --min-version 1.4",
                           "status -s example.com:1",
                           "close echo",
                           "close secureContexts/a",
                           "help nonsense",
                           "connect h:1 --expected-name a --skip-name-check",
                           "cert",
                           "cert show",
                           "cert check a.pem",
                           "certs --within -1",
                           "certs --within soon",
                           "context update",
                           "context update web",
                           "context update web --default nonsense"}) {
    const Outcome outcome = Run(line);

    EXPECT_EQ(outcome.code, ExitCode::kUsage) << line;
    EXPECT_NE(outcome.err, "") << line;
  }
}

TEST_F(TlsctlTest, HelpsWithTheExitCodesAndWithEachVerb) {
  EXPECT_THAT(Run("--help").out, HasSubstr("3  the daemon cannot be reached"));
  EXPECT_EQ(Run("--help").code, ExitCode::kOk);
  EXPECT_EQ(Run("help").out, Run("--help").out);
  EXPECT_THAT(Run("help context create").out,
              AllOf(HasSubstr("--alpn"), HasSubstr("--passphrase-file")));
}

// Lines with every verb, and every kind of option.
constexpr const char* kLinesOfEveryVerb[] = {
    "status",
    "context create web --dev --dev-name a --alpn h2,http/1.1",
    "context create --cert no.pem --key none.pem --ca no.pem",
    "context create --cert a --key b --passphrase-file c --pfx d.pfx "
    "--ticket-keys none --dh-params none --crl none --check",
    "context update web --cert a --key b --ciphers HIGH --check",
    "context update web --default ciphers",
    "certs",
    "certs --within 14",
    "cert show a.pem",
    "cert show a.der",
    "cert check a.pem a.test",
    "cert peer c-1 --chain",
    "cert trusted",
    "cert trusted web",
    "context show web",
    "context list",
    "context delete web --force",
    "context algorithms",
    "listen :0 -c web --echo --id l1",
    "listeners",
    "listeners l1",
    "connect h:1 -k -n a.test --expected-name b.test",
    "connect h:1 --session-in none --session-out none --request-ocsp "
    "--hook verify-peer",
    "connect h:1 --session-cache",
    "connection session c-1 --out none",
    "connection ticket c-1",
    "context create --remote-cert a --ocsp-response none --hook sign",
    "context rotate-ticket-keys web --key none",
    "context set-ocsp web --ocsp-response no.der",
    "context rotate-ech-keys web public.test --out none",
    "context create --early-data --ech-config none --ech-key none",
    "listen :0 --plain --forward h:1 --send-proxy v1",
    "connect h:1 --plain --detach",
    "connection read c-1",
    "connection write c-1 --text x",
    "connection upgrade c-1 -n a.test",
    "connection pipe c-1 c-2",
    "connection attach c-1",
    "connection socket-options c-1 --idle-timeout 5m",
    "connection set-max-send-fragment c-1 512",
    "connection export c-1 --label x --length 32",
    "connection bindings c-1",
    "connection update-keys c-1",
    "connection renegotiate c-1",
    "pair create --server -c web",
    "decide list",
    "decide wait --type sign --about listeners/l",
    "decide resolve d-1 --signature none",
    "decide resolve d-1 --reject --alert certificate_revoked",
    "keylog --listener l1 --out none",
    "accept l1",
    "conns",
    "conns c-1",
    "events",
    "events -f --type listening --about listeners/l",
    "events --type session --type ocsp-response",
    "events --type connection --type renegotiated",
    "close listeners/l1 --drain 5s",
    "close connections/c-1",
    "reset c-1"};

TEST_F(TlsctlTest, PrintsAGrpcLineForEveryVerbAndDoesNothing) {
  daemon_.on = testing::Handlers();
  for (const char* line : kLinesOfEveryVerb) {
    const Outcome outcome = Run(std::string(line) + " --print-grpc");

    ASSERT_EQ(outcome.code, ExitCode::kOk) << line << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("grpcurl -plaintext -d ")) << line;
    const std::string first = outcome.out.substr(0, outcome.out.find('\n'));
    std::string method = first.substr(first.rfind(' ') + 1);
    std::replace(method.begin(), method.end(), '/', '.');
    EXPECT_NE(
        google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(
            method),
        nullptr)
        << first;
  }
}

TEST_F(TlsctlTest, PrintsTheRequestThatItWouldSend) {
  EXPECT_THAT(Run("listen :0 -c web --echo --handshake-timeout 1500ms "
                  "--print-grpc")
                  .out,
              HasSubstr("'{\"listener\":{\"address\":\":0\",\"secureContext\":"
                        "\"secureContexts/web\",\"echo\":{},"
                        "\"handshakeTimeout\":\"1.500s\"}}'"));
  EXPECT_THAT(Run("connect h:1 -k --timeout 2s --print-grpc").out,
              HasSubstr("'{\"address\":\"h:1\",\"verification\":\"PEER_"
                        "VERIFICATION_REPORT\",\"timeout\":\"2s\"}'"));
}

TEST_F(TlsctlTest, CreatesAContext) {
  v1::CreateSecureContextRequest seen;
  daemon_.on.create_secure_context = [&](const auto& request, auto& context) {
    seen = request;
    context = request.secure_context();
    context.set_name("secureContexts/web");
    return absl::OkStatus();
  };

  const Outcome outcome =
      Run("context create web --dev --dev-name a.test --dev-name b.test "
          "--trust-dev "
          "--client-cert require --min-version 1.3 --alpn h2,http/1.1");

  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  EXPECT_THAT(outcome.out, StartsWith("secureContexts/web\n"));
  EXPECT_EQ(seen.secure_context_id(), "web");
  const v1::SecureContext& context = seen.secure_context();
  EXPECT_THAT(context.credentials(0).development().server_names(),
              ElementsAre("a.test", "b.test"));
  EXPECT_TRUE(context.trust_anchors().development());
  EXPECT_EQ(context.client_certificate_mode(),
            v1::CLIENT_CERTIFICATE_MODE_REQUIRE);
  EXPECT_EQ(context.min_version(), v1::TLS_VERSION_TLS_1_3);
  EXPECT_THAT(context.alpn_protocols(), ElementsAre("h2", "http/1.1"));
}

TEST_F(TlsctlTest, NamesAFileThatItCannotRead) {
  const Outcome outcome = Run("context create --cert /none.pem --key /none");

  EXPECT_EQ(outcome.code, ExitCode::kUsage);
  EXPECT_THAT(outcome.err, HasSubstr("/none.pem"));
}

TEST_F(TlsctlTest, TellsAnErrorOfTheDaemonAndTheNextStep) {
  daemon_.on.create_listener = [](const auto&, auto&) {
    return MakeError(Reason::kContextNotFound, "no secureContexts/web\x1b");
  };

  const Outcome outcome = Run("listen :0 --context web");

  EXPECT_EQ(outcome.code, ExitCode::kNotFound);
  EXPECT_EQ(outcome.err,
            "tlsctl: no secureContexts/web\\x1b [CONTEXT_NOT_FOUND]\n"
            "  list the contexts: tlsctl context list\n");
}

TEST_F(TlsctlTest, ListsAllPagesAsOne) {
  daemon_.on.list_connections = [](const auto& request, auto& page) {
    const bool is_first = request.page_token().empty();
    page.add_connections()->set_name(is_first ? "connections/a"
                                              : "connections/b");
    if (is_first) page.set_next_page_token("next");
    return absl::OkStatus();
  };

  EXPECT_THAT(Run("conns").out,
              AllOf(HasSubstr("connections/a"), HasSubstr("connections/b")));
  EXPECT_THAT(Run("conns -o json").out,
              AllOf(HasSubstr("connections/a"), HasSubstr("connections/b"),
                    HasSubstr("\"nextPageToken\": \"\"")));
}

TEST_F(TlsctlTest, ClosesWhatTheNameSays) {
  std::string closed;
  daemon_.on.close = [&](const auto& request, auto& connection) {
    closed = request.name();
    connection.set_name(request.name());
    return absl::OkStatus();
  };
  daemon_.on.delete_listener = [&](const auto& request, auto& listener) {
    closed = request.name();
    EXPECT_EQ(request.drain_timeout().seconds(), 5);
    listener.set_name(request.name());
    return absl::OkStatus();
  };

  EXPECT_EQ(Run("close connections/c").out, "closed connections/c\n");
  EXPECT_EQ(closed, "connections/c");
  EXPECT_EQ(Run("close listeners/l --drain 5s").out, "closed listeners/l\n");
  EXPECT_EQ(closed, "listeners/l");
}

TEST_F(TlsctlTest, ColoursOnATerminalUnlessToldNotTo) {
  EXPECT_THAT(Run("status", ColourMode::kOn).out, HasSubstr("\x1b["));
  EXPECT_THAT(Run("status --no-color", ColourMode::kOn).out,
              Not(HasSubstr("\x1b[")));
  setenv("NO_COLOR", "1", 1);
  EXPECT_THAT(Run("status", ColourMode::kOn).out, Not(HasSubstr("\x1b[")));
}

// ServeConnect makes Connect answer with `connection`, and its stream end.
void ServeConnect(const v1::Connection& connection, testing::Handlers& on) {
  on.connect = [connection](const auto&, auto& response) {
    response = connection;
    return absl::OkStatus();
  };
  on.stream = [](const v1::StreamAttach&, testing::CleartextStream& stream) {
    stream.Write(testing::Data("hello"));
    testing::ReadAll(stream);
    stream.Write(testing::End());
    return absl::OkStatus();
  };
}

TEST_F(TlsctlTest, ConnectsAndSummarizesOnStderr) {
  v1::Connection connection;
  connection.set_name("connections/c");
  connection.set_authorized(true);
  connection.mutable_handshake()->set_protocol("TLSv1.3");
  ServeConnect(connection, daemon_.on);

  const Outcome outcome = Run("connect localhost:1");

  EXPECT_EQ(outcome.code, ExitCode::kOk);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("TLSv1.3"), HasSubstr("authorized  yes"),
                    HasSubstr("closed: 0 B sent, 5 B received")));
  EXPECT_EQ(Run("connect localhost:1 -q").err, "");
}

TEST_F(TlsctlTest, ExitsWithOneWhenTheServerIsNotAuthorized) {
  v1::Connection connection;
  connection.set_name("connections/c");
  connection.set_authorization_error("CERT_HAS_EXPIRED");
  ServeConnect(connection, daemon_.on);

  const Outcome outcome = Run("connect localhost:1 --insecure");

  EXPECT_EQ(outcome.code, ExitCode::kTlsFailed);
  EXPECT_THAT(outcome.err, HasSubstr("CERT_HAS_EXPIRED"));
}

TEST_F(TlsctlTest, SaysWhyTheServerIsNotAuthorizedInWords) {
  v1::Connection connection;
  connection.set_name("connections/c");
  connection.mutable_handshake()->set_protocol("TLSv1.2");
  connection.set_authorization_error("CERT_HAS_EXPIRED");
  connection.set_authorization_error_text("certificate has expired");
  ServeConnect(connection, daemon_.on);

  const Outcome outcome = Run("connect localhost:1 --insecure -q");

  EXPECT_EQ(outcome.code, ExitCode::kTlsFailed);
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("the server is not authorized"),
                    HasSubstr("CERT_HAS_EXPIRED (certificate has expired)")));
  EXPECT_THAT(Run("connect localhost:1 -k").err, Not(HasSubstr("peer name")));
}

TEST_F(TlsctlTest, ExitsWithOneWhenTheHandshakeRefusesTheServer) {
  daemon_.on.connect = [](const v1::ConnectRequest& request, v1::Connection&) {
    EXPECT_EQ(request.verification(), v1::PEER_VERIFICATION_UNSPECIFIED);
    return MakeError(Reason::kPeerCertificateRevoked, "revoked");
  };

  const Outcome outcome = Run("connect localhost:1");

  EXPECT_EQ(outcome.code, ExitCode::kTlsFailed);
  EXPECT_THAT(outcome.err, HasSubstr("PEER_CERTIFICATE_REVOKED"));
}

TEST_F(TlsctlTest, SaysWhichNameItHasVerified) {
  v1::Connection connection;
  connection.set_name("connections/c");
  connection.set_authorized(true);
  connection.mutable_handshake()->set_protocol("TLSv1.3");
  ServeConnect(connection, daemon_.on);

  EXPECT_THAT(Run("connect a.test:1").err, HasSubstr("peer name   a.test\n"));
  EXPECT_THAT(Run("connect [::1]:1").err, HasSubstr("peer name   ::1\n"));
  EXPECT_THAT(Run("connect unix:/x -n b.test").err,
              HasSubstr("peer name   b.test\n"));
  EXPECT_THAT(Run("connect a.test:1 -n b.test --expected-name c.test").err,
              HasSubstr("peer name   c.test\n"));
  EXPECT_THAT(Run("connect a.test:1 --skip-name-check").err,
              Not(HasSubstr("peer name")));
  EXPECT_THAT(Run("connect unix:/x").err, Not(HasSubstr("peer name")));
}

TEST_F(TlsctlTest, AsksForOneNameAndExpectsAnother) {
  v1::ConnectRequest seen;
  daemon_.on.connect = [&](const v1::ConnectRequest& request, v1::Connection&) {
    seen = request;
    return MakeError(Reason::kConnectRefused, "refused");
  };

  Run("connect a.test:1 -n b.test --expected-name c.test");

  EXPECT_EQ(seen.server_name(), "b.test");
  EXPECT_EQ(seen.expected_name(), "c.test");
}

TEST_F(TlsctlTest, ExitsWithFiveWhenNobodyComes) {
  daemon_.on.accept = [](const v1::AcceptRequest& request, v1::Connection&) {
    EXPECT_EQ(request.timeout().nanos(), 1000000);
    return MakeError(Reason::kWaitTimeout, "nobody came");
  };

  EXPECT_EQ(Run("accept l1 --timeout 1ms").code, ExitCode::kTimeout);
}

TEST_F(TlsctlTest, ListsEventsOneALine) {
  daemon_.on.list_events = [](const v1::ListEventsRequest& request,
                              v1::ListEventsResponse& response) {
    if (request.resume_token() == "end") return absl::OkStatus();
    response.add_events()->set_subject("listeners/a");
    response.add_events()->set_subject("listeners/b");
    response.set_next_resume_token("end");
    return absl::OkStatus();
  };

  const std::vector<std::string> lines =
      absl::StrSplit(Run("events -o json").out, '\n', absl::SkipEmpty());

  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[0], HasSubstr("\"subject\":\"listeners/a\""));
  EXPECT_THAT(Run("events --limit 1").out, Not(HasSubstr("listeners/b")));
}

TEST_F(TlsctlTest, FollowsEventsUntilTheLimit) {
  daemon_.on.watch_events =
      [](const v1::WatchEventsRequest& request, grpc::ServerContext& context,
         grpc::ServerWriter<v1::WatchEventsResponse>& writer) {
        EXPECT_THAT(request.types(), ElementsAre(v1::EVENT_TYPE_LISTENING));
        v1::WatchEventsResponse response;
        response.mutable_bookmark()->set_resume_token("t");
        writer.Write(response);
        response.mutable_event()->set_subject("listeners/a");
        while (!context.IsCancelled()) writer.Write(response);
        return absl::OkStatus();
      };

  const Outcome outcome = Run("events --follow --type listening --limit 2");

  EXPECT_EQ(outcome.code, ExitCode::kOk);
  EXPECT_THAT(outcome.err, HasSubstr("watching"));
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 2);
}

TEST_F(TlsctlTest, ExitsWithFiveWhenFollowingTakesTooLong) {
  daemon_.on.watch_events =
      [](const v1::WatchEventsRequest&, grpc::ServerContext& context,
         grpc::ServerWriter<v1::WatchEventsResponse>& writer) {
        while (!context.IsCancelled()) {
          if (!writer.Write(v1::WatchEventsResponse())) break;
        }
        return MakeError(Reason::kCallCancelled, "gone");
      };

  EXPECT_EQ(Run("events --follow --timeout 20ms").code, ExitCode::kTimeout);
}

TEST_F(TlsctlTest, CompletesItsOwnVerbs) {
  EXPECT_THAT(
      Run("completion bash").out,
      AllOf(HasSubstr("\"tlsctl context create\""),
            HasSubstr("--passphrase-file"), HasSubstr("none request require"),
            HasSubstr("\"tlsctl context update\""), HasSubstr("--allow-name"),
            HasSubstr("\"tlsctl cert check\""), HasSubstr("--within"),
            HasSubstr("secure-context-updated certificate-expiring"),
            HasSubstr("trust_anchors revocation_lists peer_rules")));
  EXPECT_THAT(Run("completion zsh").out, StartsWith("#compdef tlsctl\n"));
  EXPECT_THAT(Run("completion fish").out, HasSubstr("complete -c tlsctl"));
}

}  // namespace
}  // namespace tlsd::client::cli
