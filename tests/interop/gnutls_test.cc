// gnutls-cli and gnutls-serv.
#include <csignal>

#include "absl/strings/str_cat.h"
#include "tests/interop/interop_fixture.h"

namespace tlsd::testing {
namespace {

using ::testing::HasSubstr;

class GnutlsTest : public InteropTest {
 protected:
  static Command VersionAnd(const Command& command) {
    return Plus(command,
                {"--priority", absl::StrCat("NORMAL:-VERS-ALL:+VERS-TLS1.",
                                            IsTls13() ? "3" : "2")});
  }
  // Facts go to the log file, so that standard output has cleartext alone.
  static Command GnutlsCli(const v1::Listener& listener,
                           absl::string_view log_file) {
    return VersionAnd(
        {"gnutls-cli", "--port", absl::StrCat(listener.bound_address().port()),
         "--x509cafile", CertificateFile(RootIdentity()), "--sni-hostname",
         "localhost", "--verify-hostname", "localhost", "--alpn", "http/1.1",
         "--logfile", std::string(log_file), "127.0.0.1"});
  }
  static Command Showing(const TestIdentity& identity) {
    return {"--x509certfile", ChainFile(identity), "--x509keyfile",
            KeyFile(identity)};
  }
  static Command GnutlsServ(const TestIdentity& identity = ServerIdentity()) {
    return VersionAnd(
        Plus({"gnutls-serv", "--port", "0", "--echo", "--alpn", "http/1.1"},
             Showing(identity)));
  }
  // gnutls-serv takes port 0 and does not say what it got; it also listens on
  // all interfaces, as it cannot be told an address.
  static absl::StatusOr<v1::Connection> ConnectTo(
      Subprocess& peer, const v1::SecureContext& context = ClientContext()) {
    const absl::Status listening = peer.WaitForErrorOutput("port 0...done");
    if (!listening.ok()) return listening;
    const absl::StatusOr<int> port = ListeningPort(peer);
    if (!port.ok()) return port.status();
    return InteropTest::ConnectTo(*port, context);
  }
};

INSTANTIATE_IN_BOTH_VERSIONS(GnutlsTest);

TEST_P(GnutlsTest, ClientSpeaksWithEveryKindOfKey) {
  for (const TestIdentity* identity :
       {&ServerIdentity(), &RsaServerIdentity(), &Ed25519ServerIdentity()}) {
    const v1::Listener listener = ServeEcho(ServerContext(*identity));
    ASSERT_OK_AND_ASSIGN(auto peer,
                         StartPeer(GnutlsCli(listener, UnusedPath())));

    ASSERT_THAT(peer->Write("hello\n"), IsOk());

    EXPECT_THAT(peer->WaitForOutput("hello\n"), IsOk());
  }
}

TEST_P(GnutlsTest, ClientGetsAMebibyteBackAndClosesCleanly) {
  const v1::Listener listener = ServeEcho(ServerContext());
  auto watch = Watch(listener.name());
  ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(GnutlsCli(listener, UnusedPath())));

  ASSERT_THAT(peer->Write(Mebibyte()), IsOk());
  peer->CloseInput();

  ASSERT_OK_AND_ASSIGN(const int exit_code, peer->Wait());
  EXPECT_EQ(exit_code, 0) << peer->error_output();
  EXPECT_TRUE(peer->output() == Mebibyte());
  const v1::Connection closed =
      NextConnection(*watch, v1::EVENT_TYPE_CONNECTION_CLOSED);
  EXPECT_FALSE(closed.has_failure()) << closed.failure().ShortDebugString();
  EXPECT_EQ(closed.handshake().protocol(), Protocol());
  EXPECT_EQ(closed.handshake().server_name(), "localhost");
  EXPECT_EQ(closed.handshake().alpn_protocol(), "http/1.1");
}

TEST_P(GnutlsTest, ClientIsFoundTruncatedWhenItIsKilled) {
  const v1::Listener listener = ServeEcho(ServerContext());
  auto watch = Watch(listener.name());
  ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(GnutlsCli(listener, UnusedPath())));
  ASSERT_THAT(peer->Write("hello\n"), IsOk());
  ASSERT_THAT(peer->WaitForOutput("hello\n"), IsOk());

  peer->Signal(SIGKILL);

  EXPECT_THAT(NextConnection(*watch, v1::EVENT_TYPE_CONNECTION_CLOSED),
              EndedFor(Reason::kTlsTruncated));
}

TEST_P(GnutlsTest, ClientIsAuthorizedByItsCertificate) {
  const v1::Listener listener =
      ServeEcho(AskingContext(v1::CLIENT_CERTIFICATE_MODE_REQUIRE));
  auto watch = Watch(listener.name());

  ASSERT_OK_AND_ASSIGN(auto peer,
                       StartPeer(Plus(GnutlsCli(listener, UnusedPath()),
                                      Showing(ClientIdentity()))));

  EXPECT_TRUE(
      NextConnection(*watch, v1::EVENT_TYPE_SECURE_CONNECTION).authorized());
}

TEST_P(GnutlsTest, ClientRefusesAServerItDoesNotTrust) {
  const v1::Listener listener = ServeEcho(ServerContext());
  auto watch = Watch(listener.name());

  ASSERT_OK_AND_ASSIGN(
      auto peer,
      StartPeer(Plus(GnutlsCli(listener, UnusedPath()),
                     {"--x509cafile", CertificateFile(OtherRootIdentity())})));

  ASSERT_OK_AND_ASSIGN(const int exit_code, peer->Wait());
  EXPECT_NE(exit_code, 0);
  EXPECT_THAT(NextConnection(*watch, v1::EVENT_TYPE_CLIENT_ERROR),
              EndedFor(Reason::kPeerAlert));
}

TEST_P(GnutlsTest, ClientResumesItsSession) {
  const v1::Listener listener = ServeEcho(ServerContext());
  auto watch = Watch(listener.name());

  // It connects, disconnects, and resumes.
  ASSERT_OK_AND_ASSIGN(auto peer,
                       StartPeer(Plus(GnutlsCli(listener, UnusedPath()),
                                      {"--resume", "--waitresumption"})));

  for (const bool resumes : {false, true}) {
    const v1::Connection connection =
        NextConnection(*watch, v1::EVENT_TYPE_SECURE_CONNECTION);
    EXPECT_EQ(connection.handshake().resumed(), resumes);
  }
}

TEST_P(GnutlsTest, ServerSpeaksWithEveryKindOfKey) {
  for (const TestIdentity* identity :
       {&ServerIdentity(), &RsaServerIdentity(), &Ed25519ServerIdentity()}) {
    ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(GnutlsServ(*identity)));

    ASSERT_OK_AND_ASSIGN(const v1::Connection connection, ConnectTo(*peer));

    EXPECT_TRUE(connection.authorized());
    EXPECT_EQ(connection.handshake().protocol(), Protocol());
    EXPECT_EQ(connection.handshake().alpn_protocol(), "http/1.1");
  }
}

TEST_P(GnutlsTest, ServerGivesAMebibyteBackAndIsFoundTruncatedWhenKilled) {
  ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(GnutlsServ()));
  ASSERT_OK_AND_ASSIGN(const v1::Connection connection, ConnectTo(*peer));
  auto stream = Attach(connection);
  auto received =
      InBackground([&] { return stream->ReceiveBytes(Mebibyte().size()); });

  ASSERT_TRUE(stream->SendData(Mebibyte()));

  EXPECT_TRUE(received.get() == Mebibyte());
  peer->Signal(SIGKILL);
  EXPECT_THAT(stream->Finish(), FailsWith(Reason::kTlsTruncated));
}

TEST_P(GnutlsTest, ServerClosesCleanlyWhenTheDaemonDoes) {
  ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(GnutlsServ()));
  ASSERT_OK_AND_ASSIGN(const v1::Connection connection, ConnectTo(*peer));
  auto stream = Attach(connection);

  stream->HalfClose();

  EXPECT_EQ(stream->ReceiveAll(), "");
  EXPECT_TRUE(stream->has_end());
  EXPECT_THAT(stream->Finish(), IsOk());
}

TEST_P(GnutlsTest, ServerAcceptsTheDaemonsCertificate) {
  ASSERT_OK_AND_ASSIGN(
      auto peer,
      StartPeer(Plus(GnutlsServ(),
                     {"--require-client-cert", "--verify-client-cert",
                      "--x509cafile", CertificateFile(RootIdentity())})));
  v1::SecureContext context = ClientContext();
  *context.add_credentials() = PemOf(ClientIdentity());

  ASSERT_OK_AND_ASSIGN(const v1::Connection connection,
                       ConnectTo(*peer, context));

  EXPECT_THAT(Write(connection, "hello\n"), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::ReadResponse read, Read(connection));
  EXPECT_EQ(read.data(), "hello\n");
}

TEST_P(GnutlsTest, ServerIsRefusedIfItsRootIsUnknown) {
  ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(GnutlsServ(SelfSignedIdentity())));

  EXPECT_THAT(ConnectTo(*peer), FailsWith(Reason::kPeerCertificateUntrusted));

  EXPECT_THAT(peer->WaitForErrorOutput("fatal alert has been received"),
              IsOk());
}

}  // namespace
}  // namespace tlsd::testing
