// The daemon, and a peer with openssl that wants to renegotiate (TLS 1.2).
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/interop/interop_fixture.h"

namespace tlsd::testing {
namespace {

using ::testing::Not;

class OpensslRenegotiationTest : public InteropTest {
 protected:
  // ConnectToServer connects to openssl s_server, which tells all messages.
  void ConnectToServer(const v1::SecureContext& context = ClientContext(),
                       std::optional<int> limit = std::nullopt) {
    const TestIdentity& identity = ServerIdentity();
    ASSERT_OK_AND_ASSIGN(
        peer, StartPeer({"openssl", "s_server", "-accept", "127.0.0.1:0",
                         "-tls1_2", "-msg", "-cert", CertificateFile(identity),
                         "-key", KeyFile(identity), "-cert_chain",
                         CertificateFile(IntermediateIdentity()), "-CAfile",
                         CertificateFile(RootIdentity())}));
    ASSERT_OK_AND_ASSIGN(const int port,
                         NumberAfter(*peer, "ACCEPT 127.0.0.1:"));
    watch = Watch("");
    v1::ConnectRequest request;
    request.set_address(absl::StrCat("127.0.0.1:", port));
    request.set_server_name("localhost");
    request.set_secure_context(NewContext(context));
    if (limit) request.mutable_renegotiation_limit()->set_count(*limit);
    ASSERT_OK_AND_ASSIGN(connection, client().Call(request));
  }

  // Renegotiate makes the server ask, and waits until it is answered; with "R"
  // the server wants a certificate too.
  v1::Connection Renegotiate(absl::string_view command = "r\n") {
    EXPECT_THAT(peer->Write(command), IsOk());
    const absl::StatusOr<v1::Event> event =
        watch->WaitFor(v1::EVENT_TYPE_RENEGOTIATED, connection.name());
    EXPECT_THAT(event, IsOk());
    return event.ok() ? event->connection() : v1::Connection();
  }

  void ExpectDataBothWays(absl::string_view what) {
    const std::string sent = absl::StrCat("1 ", what, "\n");
    ASSERT_THAT(Write(connection, sent), IsOk());
    ASSERT_THAT(peer->WaitForOutput(sent), IsOk());
    const std::string answered = absl::StrCat("2 ", what, "\n");
    ASSERT_THAT(peer->Write(answered), IsOk());
    std::string received;
    while (received.size() < answered.size()) {
      ASSERT_OK_AND_ASSIGN(const v1::ReadResponse read, Read(connection));
      ASSERT_FALSE(read.end());
      received += read.data();
    }
    EXPECT_EQ(received, answered);
  }

  // ExpectRefused makes the server ask, and expects that it may not.
  void ExpectRefused() {
    ASSERT_THAT(peer->Write("r\n"), IsOk());
    EXPECT_THAT(Read(connection), FailsWith(Reason::kRenegotiationLimit));
    EXPECT_THAT(AwaitClosed(connection), EndedFor(Reason::kRenegotiationLimit));
    EXPECT_THAT(peer->WaitForOutput("fatal no_renegotiation"), IsOk());
  }

  std::unique_ptr<Subprocess> peer;
  std::unique_ptr<EventWatch> watch;
  v1::Connection connection;
};

// TLS 1.3 has no renegotiation that one could ask for.
INSTANTIATE_TEST_SUITE_P(, OpensslRenegotiationTest,
                         ::testing::Values(v1::TLS_VERSION_TLS_1_2),
                         VersionName);

TEST_P(OpensslRenegotiationTest, IsAnsweredThreeTimes) {
  ASSERT_NO_FATAL_FAILURE(ConnectToServer());
  ASSERT_NO_FATAL_FAILURE(ExpectDataBothWays("before"));
  for (int count = 1; count <= 3; ++count) {
    EXPECT_EQ(Renegotiate().renegotiation_count(), count);
    ASSERT_NO_FATAL_FAILURE(ExpectDataBothWays(absl::StrCat("after ", count)));
  }

  ASSERT_NO_FATAL_FAILURE(ExpectRefused());
  ASSERT_OK_AND_ASSIGN(const v1::Connection ended, Get(connection));
  EXPECT_EQ(ended.renegotiation_count(), 3);
}

TEST_P(OpensslRenegotiationTest, IsAnsweredAsOftenAsTheCallerSays) {
  ASSERT_NO_FATAL_FAILURE(ConnectToServer(ClientContext(), 1));
  EXPECT_EQ(Renegotiate().renegotiation_count(), 1);
  ASSERT_NO_FATAL_FAILURE(ExpectDataBothWays("after"));

  ExpectRefused();
}

TEST_P(OpensslRenegotiationTest, IsRefusedAtOnceWithALimitOfZero) {
  ASSERT_NO_FATAL_FAILURE(ConnectToServer(ClientContext(), 0));
  ASSERT_NO_FATAL_FAILURE(ExpectDataBothWays("before"));

  ASSERT_NO_FATAL_FAILURE(ExpectRefused());
  ASSERT_OK_AND_ASSIGN(const v1::Connection ended, Get(connection));
  EXPECT_EQ(ended.renegotiation_count(), 0);
}

// What servers renegotiate for.
TEST_P(OpensslRenegotiationTest, ShowsACertificateThatIsAskedFor) {
  v1::SecureContext context = ClientContext();
  *context.add_credentials() = PemOf(ClientIdentity());
  ASSERT_NO_FATAL_FAILURE(ConnectToServer(context));
  EXPECT_THAT(peer->output(), Not(::testing::HasSubstr("CertificateVerify")));

  EXPECT_EQ(Renegotiate("R\n").renegotiation_count(), 1);

  EXPECT_THAT(peer->WaitForOutput("CertificateVerify"), IsOk());
  ExpectDataBothWays("after");
}

TEST_P(OpensslRenegotiationTest, CarriesDataThatCrossesIt) {
  ASSERT_NO_FATAL_FAILURE(ConnectToServer());
  auto stream = Attach(connection);
  ASSERT_TRUE(stream->SendData(Mebibyte()));
  EXPECT_EQ(Renegotiate().renegotiation_count(), 1);
  ASSERT_TRUE(stream->SendData("1 last\n"));
  EXPECT_THAT(peer->WaitForOutput("1 last\n"), IsOk());
}

TEST_P(OpensslRenegotiationTest, IsRefusedToClients) {
  const v1::Listener listener = ServeEcho(ServerContext());
  auto events = Watch(listener.name());
  for (const bool tries : {true, false}) {
    ASSERT_OK_AND_ASSIGN(auto client,
                         StartPeer({"openssl", "s_client", "-connect",
                                    AddressOf(listener), "-tls1_2", "-msg"}));
    ASSERT_THAT(client->Write("1 before\n"), IsOk());
    ASSERT_THAT(client->WaitForOutput("1 before\n"), IsOk());

    ASSERT_THAT(client->Write(tries ? "R\n" : "Q\n"), IsOk());

    const v1::Connection ended =
        NextConnection(*events, v1::EVENT_TYPE_CONNECTION_CLOSED);
    if (!tries) {
      EXPECT_FALSE(ended.has_failure()) << ended.failure().ShortDebugString();
      continue;
    }
    EXPECT_THAT(ended, EndedFor(Reason::kRenegotiationRefused));
    EXPECT_EQ(ended.failure().metadata().at("alert_sent"), "no_renegotiation");
    EXPECT_THAT(client->WaitForOutput("fatal no_renegotiation"), IsOk());
  }
}

}  // namespace
}  // namespace tlsd::testing
