// openssl s_client against listeners of the daemon.
#include <csignal>

#include "absl/strings/str_cat.h"
#include "tests/interop/interop_fixture.h"

namespace tlsd::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class OpensslClientTest : public InteropTest {
 protected:
  // -brief writes facts to standard error, and cleartext alone to standard
  // output.
  static Command SClient(const v1::Listener& listener) {
    return {"openssl",
            "s_client",
            "-connect",
            AddressOf(listener),
            IsTls13() ? "-tls1_3" : "-tls1_2",
            "-CAfile",
            CertificateFile(RootIdentity()),
            "-verify_return_error",
            "-servername",
            "localhost",
            "-alpn",
            "http/1.1"};
  }
  static Command Brief(const v1::Listener& listener) {
    return Plus(SClient(listener), {"-brief"});
  }
  static Command Showing(const TestIdentity& identity) {
    return {"-cert",       CertificateFile(identity),
            "-key",        KeyFile(identity),
            "-cert_chain", CertificateFile(IntermediateIdentity())};
  }

  // Echo sends `text` and waits until it is back.
  static void Echo(Subprocess& peer, absl::string_view text) {
    ASSERT_THAT(peer.Write(text), IsOk());
    ASSERT_THAT(peer.WaitForOutput(text), IsOk());
  }
};

INSTANTIATE_IN_BOTH_VERSIONS(OpensslClientTest);

TEST_P(OpensslClientTest, SpeaksWithEveryKindOfKey) {
  for (const TestIdentity* identity :
       {&ServerIdentity(), &RsaServerIdentity(), &Ed25519ServerIdentity()}) {
    const v1::Listener listener = ServeEcho(ServerContext(*identity));
    ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(Brief(listener)));

    Echo(*peer, "1 hello\n");

    EXPECT_THAT(peer->error_output(),
                HasSubstr(absl::StrCat("Protocol version: ", Protocol())));
    EXPECT_THAT(peer->error_output(), HasSubstr("Verification: OK"));
  }
}

TEST_P(OpensslClientTest, GetsAMebibyteBackAndClosesCleanly) {
  const v1::Listener listener = ServeEcho(ServerContext());
  auto watch = Watch(listener.name());
  ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(Brief(listener)));

  Echo(*peer, Mebibyte());
  peer->CloseInput();

  ASSERT_OK_AND_ASSIGN(const int exit_code, peer->Wait());
  EXPECT_EQ(exit_code, 0) << peer->error_output();
  EXPECT_EQ(peer->output(), Mebibyte());
  const v1::Connection closed =
      NextConnection(*watch, v1::EVENT_TYPE_CONNECTION_CLOSED);
  EXPECT_FALSE(closed.has_failure()) << closed.failure().ShortDebugString();
  EXPECT_TRUE(closed.peer_closed());
  EXPECT_EQ(closed.cleartext_bytes_received(), Mebibyte().size());
  EXPECT_EQ(closed.cleartext_bytes_sent(), Mebibyte().size());
}

TEST_P(OpensslClientTest, IsFoundTruncatedWhenItIsKilled) {
  const v1::Listener listener = ServeEcho(ServerContext());
  auto watch = Watch(listener.name());
  ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(Brief(listener)));
  Echo(*peer, "1 hello\n");

  peer->Signal(SIGKILL);

  EXPECT_THAT(NextConnection(*watch, v1::EVENT_TYPE_CONNECTION_CLOSED),
              EndedFor(Reason::kTlsTruncated));
}

TEST_P(OpensslClientTest, SeesACleanEndAndNoneOfAReset) {
  const v1::Listener listener = ServeStream(ServerContext());
  for (const bool is_clean : {true, false}) {
    ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(Brief(listener)));
    ASSERT_OK_AND_ASSIGN(const v1::Connection connection,
                         Accept(listener.name()));
    ASSERT_THAT(Write(connection, "1 bye\n"), IsOk());
    ASSERT_THAT(peer->WaitForOutput("1 bye\n"), IsOk());

    if (is_clean) {
      v1::CloseRequest request;
      request.set_name(connection.name());
      ASSERT_THAT(client().Call(request), IsOk());
    } else {
      v1::ResetRequest request;
      request.set_name(connection.name());
      ASSERT_THAT(client().Call(request), IsOk());
    }

    ASSERT_THAT(peer->Wait(), IsOk());
    const auto says_it_was_cut = HasSubstr("CONNECTION CLOSED BY SERVER");
    if (is_clean) {
      EXPECT_THAT(peer->error_output(), Not(says_it_was_cut));
    } else {
      EXPECT_THAT(peer->error_output(), says_it_was_cut);
    }
  }
}

TEST_P(OpensslClientTest, IsHeardAboutServerNameAndAlpn) {
  const v1::Listener listener = ServeEcho(ServerContext());
  auto watch = Watch(listener.name());
  ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(SClient(listener)));

  const v1::Connection connection =
      NextConnection(*watch, v1::EVENT_TYPE_SECURE_CONNECTION);

  EXPECT_EQ(connection.handshake().protocol(), Protocol());
  EXPECT_EQ(connection.handshake().server_name(), "localhost");
  EXPECT_EQ(connection.handshake().alpn_protocol(), "http/1.1");
  EXPECT_THAT(peer->WaitForOutput("ALPN protocol: http/1.1"), IsOk());
}

TEST_P(OpensslClientTest, IsRefusedWithoutACommonAlpnProtocol) {
  const v1::Listener listener = ServeEcho(ServerContext());
  auto watch = Watch(listener.name());

  ASSERT_OK_AND_ASSIGN(auto peer,
                       StartPeer(Plus(Brief(listener), {"-alpn", "spdy/1"})));

  EXPECT_THAT(NextConnection(*watch, v1::EVENT_TYPE_CLIENT_ERROR),
              EndedFor(Reason::kNoApplicationProtocol));
  EXPECT_THAT(peer->WaitForErrorOutput("no application protocol"), IsOk());
}

TEST_P(OpensslClientTest, IsAuthorizedByItsCertificate) {
  const v1::Listener listener =
      ServeEcho(AskingContext(v1::CLIENT_CERTIFICATE_MODE_REQUIRE));
  auto watch = Watch(listener.name());

  ASSERT_OK_AND_ASSIGN(
      auto peer, StartPeer(Plus(Brief(listener), Showing(ClientIdentity()))));

  Echo(*peer, "1 hello\n");
  const v1::Connection connection =
      NextConnection(*watch, v1::EVENT_TYPE_SECURE_CONNECTION);
  EXPECT_TRUE(connection.authorized()) << connection.authorization_error();
  EXPECT_THAT(connection.peer_certificate().subject(), HasSubstr("client"));
}

TEST_P(OpensslClientTest, IsRefusedWithoutACertificate) {
  const v1::Listener listener =
      ServeEcho(AskingContext(v1::CLIENT_CERTIFICATE_MODE_REQUIRE));
  auto watch = Watch(listener.name());

  ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(Brief(listener)));

  EXPECT_THAT(NextConnection(*watch, v1::EVENT_TYPE_CLIENT_ERROR),
              EndedFor(Reason::kPeerCertificateRequired));
  // RFC 8446 section 4.4.2.4; RFC 5246 section 7.4.6.
  EXPECT_THAT(peer->WaitForErrorOutput(IsTls13() ? "alert certificate required"
                                                 : "alert handshake failure"),
              IsOk());
}

TEST_P(OpensslClientTest, IsRefusedWithAStrangersCertificate) {
  const v1::Listener listener =
      ServeEcho(AskingContext(v1::CLIENT_CERTIFICATE_MODE_REQUIRE));
  auto watch = Watch(listener.name());

  ASSERT_OK_AND_ASSIGN(
      auto peer, StartPeer(Plus(Brief(listener),
                                {"-cert", CertificateFile(StrangerIdentity()),
                                 "-key", KeyFile(StrangerIdentity())})));

  EXPECT_THAT(NextConnection(*watch, v1::EVENT_TYPE_CLIENT_ERROR),
              EndedFor(Reason::kPeerCertificateUntrusted));
  EXPECT_THAT(peer->WaitForErrorOutput("alert unknown ca"), IsOk());
}

TEST_P(OpensslClientTest, RefusesAServerItDoesNotTrust) {
  const v1::Listener listener = ServeEcho(ServerContext());
  auto watch = Watch(listener.name());

  ASSERT_OK_AND_ASSIGN(
      auto peer,
      StartPeer(Plus(Brief(listener),
                     {"-CAfile", CertificateFile(OtherRootIdentity())})));

  EXPECT_THAT(NextConnection(*watch, v1::EVENT_TYPE_CLIENT_ERROR),
              EndedWithAlert("unknown_ca"));
}

TEST_P(OpensslClientTest, ResumesItsSessionAndIsAuthorizedAnew) {
  const v1::Listener listener =
      ServeEcho(AskingContext(v1::CLIENT_CERTIFICATE_MODE_REQUIRE));
  const std::string session = UnusedPath();
  auto watch = Watch(listener.name());
  for (const bool resumes : {false, true}) {
    ASSERT_OK_AND_ASSIGN(
        auto peer,
        StartPeer(Plus(Plus(SClient(listener), Showing(ClientIdentity())),
                       {resumes ? "-sess_in" : "-sess_out", session})));
    // A ticket of TLS 1.3 comes before the echo.
    Echo(*peer, "1 hello\n");

    const v1::Connection connection =
        NextConnection(*watch, v1::EVENT_TYPE_SECURE_CONNECTION);
    EXPECT_EQ(connection.handshake().resumed(), resumes);
    EXPECT_TRUE(connection.authorized()) << connection.authorization_error();
    EXPECT_THAT(
        peer->output(),
        HasSubstr(absl::StrCat(resumes ? "Reused, " : "New, ", Protocol())));
  }
}

TEST_P(OpensslClientTest, DoesNotResumeUnderAnotherPolicy) {
  const std::string session = UnusedPath();
  for (const auto mode : {v1::CLIENT_CERTIFICATE_MODE_NONE,
                          v1::CLIENT_CERTIFICATE_MODE_REQUEST}) {
    const bool is_first = mode == v1::CLIENT_CERTIFICATE_MODE_NONE;
    const v1::Listener listener = ServeEcho(AskingContext(mode));
    auto watch = Watch(listener.name());
    ASSERT_OK_AND_ASSIGN(
        auto peer,
        StartPeer(Plus(SClient(listener),
                       {is_first ? "-sess_out" : "-sess_in", session})));
    Echo(*peer, "1 hello\n");

    const v1::Connection connection =
        NextConnection(*watch, v1::EVENT_TYPE_SECURE_CONNECTION);
    EXPECT_FALSE(connection.handshake().resumed());
    EXPECT_FALSE(connection.authorized());
    EXPECT_THAT(peer->output(), HasSubstr("New, "));
  }
}

}  // namespace
}  // namespace tlsd::testing
