// The daemon as a client of openssl s_server.
#include <csignal>

#include "absl/strings/str_cat.h"
#include "tests/interop/interop_fixture.h"

namespace tlsd::testing {
namespace {

using ::testing::HasSubstr;

class OpensslServerTest : public InteropTest {
 protected:
  static Command SServer(const TestIdentity& identity = ServerIdentity()) {
    return {"openssl",
            "s_server",
            "-accept",
            "127.0.0.1:0",
            IsTls13() ? "-tls1_3" : "-tls1_2",
            "-naccept",
            "1",
            "-cert",
            CertificateFile(identity),
            "-key",
            KeyFile(identity),
            "-cert_chain",
            CertificateFile(IntermediateIdentity()),
            "-alpn",
            "h2,http/1.1"};
  }
  static Command AskingForCertificate() {
    return Plus(SServer(), {"-Verify", "2", "-verify_return_error", "-CAfile",
                            CertificateFile(RootIdentity())});
  }
  static v1::SecureContext ContextOf(const TestIdentity& identity) {
    v1::SecureContext context = ClientContext();
    *context.add_credentials() = PemOf(identity);
    return context;
  }

  static absl::StatusOr<v1::Connection> ConnectTo(
      Subprocess& peer, const v1::SecureContext& context = ClientContext()) {
    const absl::StatusOr<int> port = NumberAfter(peer, "ACCEPT 127.0.0.1:");
    if (!port.ok()) return port.status();
    return InteropTest::ConnectTo(*port, context);
  }
};

INSTANTIATE_IN_BOTH_VERSIONS(OpensslServerTest);

TEST_P(OpensslServerTest, SpeaksWithEveryKindOfKey) {
  for (const TestIdentity* identity :
       {&ServerIdentity(), &RsaServerIdentity(), &Ed25519ServerIdentity()}) {
    ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(SServer(*identity)));

    ASSERT_OK_AND_ASSIGN(const v1::Connection connection, ConnectTo(*peer));

    EXPECT_TRUE(connection.authorized());
    EXPECT_EQ(connection.handshake().protocol(), Protocol());
    EXPECT_THAT(Write(connection, "1 hello\n"), IsOk());
    EXPECT_THAT(peer->WaitForOutput("1 hello\n"), IsOk());
  }
}

TEST_P(OpensslServerTest, CarriesAMebibyteBothWays) {
  ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(SServer()));
  ASSERT_OK_AND_ASSIGN(const v1::Connection connection, ConnectTo(*peer));
  auto stream = Attach(connection);

  ASSERT_TRUE(stream->SendData(Mebibyte()));
  EXPECT_THAT(peer->WaitForOutput(Mebibyte()), IsOk());

  ASSERT_THAT(peer->Write(Mebibyte()), IsOk());
  EXPECT_TRUE(stream->ReceiveBytes(Mebibyte().size()) == Mebibyte());
}

TEST_P(OpensslServerTest, ChoosesAlpn) {
  ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(SServer()));

  ASSERT_OK_AND_ASSIGN(const v1::Connection connection, ConnectTo(*peer));

  EXPECT_EQ(connection.handshake().alpn_protocol(), "http/1.1");
  EXPECT_THAT(peer->WaitForOutput("ALPN protocols selected: http/1.1"), IsOk());
}

TEST_P(OpensslServerTest, HearsTheServerName) {
  const TestIdentity& identity = ServerIdentity();
  // It chooses another certificate by the name, and that one comes without its
  // intermediate.
  ASSERT_OK_AND_ASSIGN(
      auto peer,
      StartPeer(Plus(SServer(WrongNameServerIdentity()),
                     {"-servername", "localhost", "-cert2",
                      CertificateFile(identity), "-key2", KeyFile(identity)})));
  v1::SecureContext context = ClientContext();
  context.mutable_trust_anchors()->add_pems(
      IntermediateIdentity().CertificatePem());

  ASSERT_OK_AND_ASSIGN(const v1::Connection connection,
                       ConnectTo(*peer, context));

  EXPECT_EQ(connection.handshake().server_name(), "localhost");
  EXPECT_THAT(peer->WaitForOutput("Hostname in TLS extension: \"localhost\""),
              IsOk());
}

TEST_P(OpensslServerTest, IsSeenToCloseCleanly) {
  // With -rev it gives each line back in reverse, and closes on CLOSE.
  ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(Plus(SServer(), {"-rev"})));
  ASSERT_OK_AND_ASSIGN(const v1::Connection connection, ConnectTo(*peer));
  auto stream = Attach(connection);

  ASSERT_TRUE(stream->SendData("1 hello\n"));
  EXPECT_EQ(stream->ReceiveBytes(8), "olleh 1\n");
  ASSERT_TRUE(stream->SendData("CLOSE\n"));

  EXPECT_EQ(stream->ReceiveAll(), "");
  EXPECT_TRUE(stream->has_end());
  stream->HalfClose();
  EXPECT_THAT(stream->Finish(), IsOk());
}

TEST_P(OpensslServerTest, IsFoundTruncatedWhenItEndsWithoutCloseNotify) {
  ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(SServer()));
  ASSERT_OK_AND_ASSIGN(const v1::Connection connection, ConnectTo(*peer));
  ASSERT_THAT(peer->Write("1 hello\n"), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::ReadResponse read, Read(connection));
  ASSERT_EQ(read.data(), "1 hello\n");

  // Q closes the socket at once.
  ASSERT_THAT(peer->Write("Q\n"), IsOk());

  EXPECT_THAT(Read(connection), FailsWith(Reason::kTlsTruncated));
  EXPECT_THAT(AwaitClosed(connection), EndedFor(Reason::kTlsTruncated));
}

TEST_P(OpensslServerTest, AcceptsTheDaemonsCertificate) {
  ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(AskingForCertificate()));

  ASSERT_OK_AND_ASSIGN(const v1::Connection connection,
                       ConnectTo(*peer, ContextOf(ClientIdentity())));

  ASSERT_THAT(Write(connection, "1 hello\n"), IsOk());
  EXPECT_THAT(peer->WaitForOutput("1 hello\n"), IsOk());
  EXPECT_THAT(peer->output(), HasSubstr("Client certificate"));
}

TEST_P(OpensslServerTest, RefusesADaemonWithoutACertificate) {
  ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(AskingForCertificate()));

  const absl::StatusOr<v1::Connection> connection = ConnectTo(*peer);

  if (!IsTls13()) {
    EXPECT_THAT(connection, FailsWith(Reason::kPeerAlert));
    EXPECT_EQ(MetadataOf(connection.status(), "alert"), "handshake_failure");
    return;
  }
  // RFC 8446 section 4.4.4: the client is done before the server judges it.
  ASSERT_THAT(connection, IsOk());
  const absl::StatusOr<v1::ReadResponse> read = Read(*connection);
  EXPECT_THAT(read, FailsWith(Reason::kPeerAlert));
  EXPECT_EQ(MetadataOf(read.status(), "alert"), "certificate_required");
}

TEST_P(OpensslServerTest, RefusesADaemonWithAStrangersCertificate) {
  ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(AskingForCertificate()));

  const absl::StatusOr<v1::Connection> connection =
      ConnectTo(*peer, ContextOf(StrangerIdentity()));

  const absl::Status status =
      IsTls13() ? Read(*connection).status() : connection.status();
  EXPECT_THAT(status, FailsWith(Reason::kPeerAlert));
  EXPECT_EQ(MetadataOf(status, "alert"), "unknown_ca");
}

TEST_P(OpensslServerTest, IsRefusedIfItsRootIsUnknown) {
  ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(SServer(SelfSignedIdentity())));

  EXPECT_THAT(ConnectTo(*peer), FailsWith(Reason::kPeerCertificateUntrusted));

  EXPECT_THAT(peer->WaitForErrorOutput("alert unknown ca"), IsOk());
}

TEST_P(OpensslServerTest, IsRefusedIfItHasAnotherName) {
  ASSERT_OK_AND_ASSIGN(auto peer,
                       StartPeer(SServer(WrongNameServerIdentity())));

  EXPECT_THAT(ConnectTo(*peer),
              FailsWith(Reason::kPeerCertificateNameMismatch));

  EXPECT_THAT(peer->WaitForErrorOutput("alert bad certificate"), IsOk());
}

TEST_P(OpensslServerTest, IsRefusedIfItsCertificateHasExpired) {
  ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(SServer(ExpiredServerIdentity())));

  EXPECT_THAT(ConnectTo(*peer), FailsWith(Reason::kPeerCertificateExpired));

  EXPECT_THAT(peer->WaitForErrorOutput("alert certificate expired"), IsOk());
}

TEST_P(OpensslServerTest, FailsWithoutACommonVersion) {
  ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(SServer()));
  v1::SecureContext context = ClientContext();
  const v1::TlsVersion other =
      IsTls13() ? v1::TLS_VERSION_TLS_1_2 : v1::TLS_VERSION_TLS_1_3;
  context.set_min_version(other);
  context.set_max_version(other);

  const absl::StatusOr<v1::Connection> connection = ConnectTo(*peer, context);

  EXPECT_THAT(connection, FailsWith(Reason::kPeerAlert));
  EXPECT_EQ(MetadataOf(connection.status(), "alert"), "protocol_version");
}

}  // namespace
}  // namespace tlsd::testing
