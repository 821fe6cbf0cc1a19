// Node's tls module, as client and as server.
#include <csignal>

#include "absl/strings/str_cat.h"
#include "tests/interop/interop_fixture.h"

namespace tlsd::testing {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

using Options = std::vector<std::pair<std::string, std::string>>;

class NodeTest : public InteropTest {
 protected:
  static std::string Version() {
    return absl::StrCat("\"version\":\"", Protocol(), "\"");
  }
  // Script runs one of the two files of this folder.
  static Command Script(absl::string_view file, const Options& options) {
    std::string json = Version();
    for (const auto& [name, value] : options) {
      absl::StrAppend(&json, ",\"", name, "\":\"", value, "\"");
    }
    return {"node", absl::StrCat("tests/interop/", file),
            absl::StrCat("{", json, "}")};
  }
  static Command NodeClient(const v1::Listener& listener,
                            const Options& options = {}) {
    Options all = {
        {"port", absl::StrCat(listener.bound_address().port())},
        {"ca", CertificateFile(RootIdentity())},
    };
    all.insert(all.end(), options.begin(), options.end());
    return Script("node_client.js", all);
  }
  static Options FilesOf(const TestIdentity& identity) {
    return {{"cert", ChainFile(identity)}, {"key", KeyFile(identity)}};
  }
  static Command NodeServer(const TestIdentity& identity = ServerIdentity(),
                            const Options& more = {}) {
    Options options = FilesOf(identity);
    options.insert(options.end(), more.begin(), more.end());
    return Script("node_server.js", options);
  }
  static absl::StatusOr<v1::Connection> ConnectTo(
      Subprocess& peer, const v1::SecureContext& context = ClientContext()) {
    const absl::StatusOr<int> port = NumberAfter(peer, "port ");
    if (!port.ok()) return port.status();
    return InteropTest::ConnectTo(*port, context);
  }
};

INSTANTIATE_IN_BOTH_VERSIONS(NodeTest);

TEST_P(NodeTest, ClientSpeaksWithEveryKindOfKey) {
  for (const TestIdentity* identity :
       {&ServerIdentity(), &RsaServerIdentity(), &Ed25519ServerIdentity()}) {
    const v1::Listener listener = ServeEcho(ServerContext(*identity));
    ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(NodeClient(listener)));

    ASSERT_THAT(peer->Write("hello"), IsOk());

    EXPECT_THAT(peer->WaitForOutput("hello"), IsOk());
    EXPECT_THAT(peer->error_output(), HasSubstr("\"authorized\":true"));
    EXPECT_THAT(peer->error_output(), HasSubstr("\"alpn\":\"http/1.1\""));
  }
}

TEST_P(NodeTest, ClientGetsAMebibyteBackAndClosesCleanly) {
  const v1::Listener listener = ServeEcho(ServerContext());
  auto watch = Watch(listener.name());
  ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(NodeClient(listener)));

  ASSERT_THAT(peer->Write(Mebibyte()), IsOk());
  peer->CloseInput();

  ASSERT_OK_AND_ASSIGN(const int exit_code, peer->Wait());
  EXPECT_EQ(exit_code, 0);
  EXPECT_TRUE(peer->output() == Mebibyte());
  EXPECT_THAT(peer->error_output(), HasSubstr("{\"ended\":true}"));
  const v1::Connection closed =
      NextConnection(*watch, v1::EVENT_TYPE_CONNECTION_CLOSED);
  EXPECT_FALSE(closed.has_failure()) << closed.failure().ShortDebugString();
  EXPECT_EQ(closed.handshake().server_name(), "localhost");
  EXPECT_EQ(closed.handshake().alpn_protocol(), "http/1.1");
}

TEST_P(NodeTest, ClientIsFoundTruncatedWhenItIsKilled) {
  const v1::Listener listener = ServeEcho(ServerContext());
  auto watch = Watch(listener.name());
  ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(NodeClient(listener)));
  ASSERT_THAT(peer->Write("hello"), IsOk());
  ASSERT_THAT(peer->WaitForOutput("hello"), IsOk());

  peer->Signal(SIGKILL);

  EXPECT_THAT(NextConnection(*watch, v1::EVENT_TYPE_CONNECTION_CLOSED),
              EndedFor(Reason::kTlsTruncated));
}

TEST_P(NodeTest, ClientIsAuthorizedByItsCertificate) {
  const v1::Listener listener =
      ServeEcho(AskingContext(v1::CLIENT_CERTIFICATE_MODE_REQUIRE));
  auto watch = Watch(listener.name());

  ASSERT_OK_AND_ASSIGN(
      auto peer, StartPeer(NodeClient(listener, FilesOf(ClientIdentity()))));

  EXPECT_TRUE(
      NextConnection(*watch, v1::EVENT_TYPE_SECURE_CONNECTION).authorized());
  EXPECT_THAT(peer->WaitForErrorOutput("\"authorized\":true"), IsOk());
}

TEST_P(NodeTest, ClientIsRefusedWithoutACertificate) {
  const v1::Listener listener =
      ServeEcho(AskingContext(v1::CLIENT_CERTIFICATE_MODE_REQUIRE));
  auto watch = Watch(listener.name());

  ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(NodeClient(listener)));

  EXPECT_THAT(NextConnection(*watch, v1::EVENT_TYPE_CLIENT_ERROR),
              EndedFor(Reason::kPeerCertificateRequired));
  EXPECT_THAT(peer->WaitForErrorOutput(
                  IsTls13() ? "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED"
                            : "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE"),
              IsOk());
}

TEST_P(NodeTest, ClientRefusesAServerItDoesNotTrust) {
  const v1::Listener listener = ServeEcho(ServerContext());
  auto watch = Watch(listener.name());

  ASSERT_OK_AND_ASSIGN(
      auto peer,
      StartPeer(NodeClient(listener,
                           {{"ca", CertificateFile(OtherRootIdentity())}})));

  EXPECT_THAT(peer->WaitForErrorOutput("UNABLE_TO_"), IsOk());
  // Node judges when its handshake is complete, then drops the socket without
  // an alert: in TLS 1.3 perhaps before its last flight has left.
  EXPECT_THAT(NextEnd(*watch), AnyOf(EndedFor(Reason::kTlsTruncated),
                                     EndedFor(Reason::kTransportReset)));
}

TEST_P(NodeTest, ClientResumesItsSessionAndIsAuthorizedAnew) {
  const v1::Listener listener =
      ServeEcho(AskingContext(v1::CLIENT_CERTIFICATE_MODE_REQUIRE));
  const std::string session = UnusedPath();
  auto watch = Watch(listener.name());
  for (const bool resumes : {false, true}) {
    Options options = FilesOf(ClientIdentity());
    options.emplace_back(resumes ? "session" : "keepSession", session);
    ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(NodeClient(listener, options)));
    ASSERT_THAT(peer->Write("hello"), IsOk());
    ASSERT_THAT(peer->WaitForOutput("hello"), IsOk());
    peer->CloseInput();
    ASSERT_THAT(peer->Wait(), IsOk());

    const v1::Connection connection =
        NextConnection(*watch, v1::EVENT_TYPE_SECURE_CONNECTION);
    EXPECT_EQ(connection.handshake().resumed(), resumes);
    EXPECT_TRUE(connection.authorized()) << connection.authorization_error();
    EXPECT_THAT(peer->error_output(),
                HasSubstr(resumes ? "\"reused\":true" : "\"reused\":false"));
  }
}

TEST_P(NodeTest, ServerSpeaksWithEveryKindOfKey) {
  for (const TestIdentity* identity :
       {&ServerIdentity(), &RsaServerIdentity(), &Ed25519ServerIdentity()}) {
    ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(NodeServer(*identity)));

    ASSERT_OK_AND_ASSIGN(const v1::Connection connection, ConnectTo(*peer));

    EXPECT_TRUE(connection.authorized());
    EXPECT_EQ(connection.handshake().protocol(), Protocol());
    EXPECT_EQ(connection.handshake().alpn_protocol(), "http/1.1");
    EXPECT_THAT(peer->WaitForOutput("\"servername\":\"localhost\""), IsOk());
  }
}

TEST_P(NodeTest, ServerGivesAMebibyteBackAndClosesCleanly) {
  ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(NodeServer()));
  ASSERT_OK_AND_ASSIGN(const v1::Connection connection, ConnectTo(*peer));
  auto stream = Attach(connection);
  auto received = InBackground([&] { return stream->ReceiveAll(); });

  ASSERT_TRUE(stream->SendData(Mebibyte()));
  stream->HalfClose();

  EXPECT_TRUE(received.get() == Mebibyte());
  EXPECT_TRUE(stream->has_end());
  EXPECT_THAT(stream->Finish(), IsOk());
  EXPECT_THAT(peer->WaitForOutput("{\"ended\":true}"), IsOk());
}

TEST_P(NodeTest, ServerIsFoundTruncatedWhenItIsKilled) {
  ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(NodeServer()));
  ASSERT_OK_AND_ASSIGN(const v1::Connection connection, ConnectTo(*peer));
  ASSERT_THAT(Write(connection, "hello"), IsOk());
  ASSERT_THAT(Read(connection), IsOk());

  peer->Signal(SIGKILL);

  EXPECT_THAT(Read(connection), FailsWith(Reason::kTlsTruncated));
}

TEST_P(NodeTest, ServerAcceptsTheDaemonsCertificate) {
  ASSERT_OK_AND_ASSIGN(
      auto peer,
      StartPeer(NodeServer(ServerIdentity(),
                           {{"ca", CertificateFile(RootIdentity())}})));
  v1::SecureContext context = ClientContext();
  *context.add_credentials() = PemOf(ClientIdentity());

  EXPECT_THAT(ConnectTo(*peer, context), IsOk());

  EXPECT_THAT(peer->WaitForOutput("\"peer\":\"client\""), IsOk());
}

TEST_P(NodeTest, ServerIsRefusedIfItsRootIsUnknown) {
  ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(NodeServer(SelfSignedIdentity())));

  EXPECT_THAT(ConnectTo(*peer), FailsWith(Reason::kPeerCertificateUntrusted));

  EXPECT_THAT(peer->WaitForOutput("ERR_SSL_TLSV1_ALERT_UNKNOWN_CA"), IsOk());
}

}  // namespace
}  // namespace tlsd::testing
