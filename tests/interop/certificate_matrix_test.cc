// Mutual TLS between the daemon and each peer that is a tool, with each kind of
// key. Where both show P-256, the peers' own tests have it; for Java and Go see
// driven_client_test.cc and driven_server_test.cc.
#include <fstream>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "tests/interop/interop_fixture.h"

namespace tlsd::testing {
namespace {

using ::testing::AnyOf;

enum class Tool { kOpenssl, kGnutls, kNode };

using Cell = std::tuple<Tool, KeyKind, v1::TlsVersion>;

// The files of an identity, and of whom it trusts.
struct Files {
  std::string own;
  std::string chain;
  std::string key;
  std::string intermediate;
  std::string root;
};

std::string Name(const ::testing::TestParamInfo<Cell>& info) {
  const auto& [tool, kind, version] = info.param;
  const std::string tool_name = tool == Tool::kOpenssl  ? "Openssl"
                                : tool == Tool::kGnutls ? "Gnutls"
                                                        : "Node";
  const std::string kind_name = kind == KeyKind::kRsa2048 ? "Rsa2048"
                                : kind == KeyKind::kP384  ? "P384"
                                                          : "Ed25519";
  return absl::StrCat(tool_name, kind_name,
                      version == v1::TLS_VERSION_TLS_1_2 ? "Tls12" : "Tls13");
}

class CertificateMatrixTest : public DaemonTest,
                              public ::testing::WithParamInterface<Cell> {
 protected:
  // It reads the same backwards: s_server -rev gives back lines in reverse.
  static constexpr char kLine[] = "10 01\n";

  static Tool tool() { return std::get<Tool>(GetParam()); }
  static KeyKind kind() { return std::get<KeyKind>(GetParam()); }
  static bool IsTls13() {
    return std::get<v1::TlsVersion>(GetParam()) == v1::TLS_VERSION_TLS_1_3;
  }
  static std::string Protocol() { return IsTls13() ? "TLSv1.3" : "TLSv1.2"; }

  // ContextOf shows `identity`, trusts the root, and speaks one version.
  static v1::SecureContext ContextOf(const TestIdentity& identity) {
    v1::SecureContext context;
    *context.add_credentials() = PemOf(identity);
    context.mutable_trust_anchors()->add_pems(RootIdentity().CertificatePem());
    context.set_client_certificate_mode(v1::CLIENT_CERTIFICATE_MODE_REQUIRE);
    context.set_min_version(std::get<v1::TlsVersion>(GetParam()));
    context.set_max_version(std::get<v1::TlsVersion>(GetParam()));
    return context;
  }
  static v1::Listener ServeEcho(const TestIdentity& identity) {
    v1::Listener listener;
    listener.set_secure_context(NewContext(ContextOf(identity)));
    listener.mutable_echo();
    return Listen(listener);
  }

  static std::string FileOf(const std::string& text) {
    std::string path = UnusedPath();
    std::ofstream(path) << text;
    return path;
  }
  static Files FilesOf(const TestIdentity& identity) {
    return {FileOf(identity.CertificatePem()), FileOf(identity.ChainPem()),
            FileOf(identity.KeyPem()),
            FileOf(IntermediateIdentity().CertificatePem()),
            FileOf(RootIdentity().CertificatePem())};
  }

  // Client connects to `listener`, and gives what its input gets to it.
  static absl::StatusOr<std::unique_ptr<Subprocess>> Client(
      const v1::Listener& listener, const TestIdentity& identity) {
    const Files files = FilesOf(identity);
    const std::string port = absl::StrCat(listener.bound_address().port());
    switch (tool()) {
      case Tool::kOpenssl:
        return StartPeer(
            OpensslCommand(files, {"s_client", "-connect", AddressOf(listener),
                                   "-brief", "-servername", "localhost"}));
      case Tool::kGnutls:
        return StartPeer(GnutlsCommand(
            files, {"gnutls-cli", "--port", port, "--sni-hostname", "localhost",
                    "--verify-hostname", "localhost", "--logfile", UnusedPath(),
                    "127.0.0.1"}));
      case Tool::kNode:
        return StartPeer(NodeCommand(files, "node_client.js",
                                     absl::StrCat(",\"port\":", port)));
    }
    return absl::InternalError("no such tool");
  }

  // Server asks for a certificate, and gives back what comes.
  static absl::StatusOr<std::unique_ptr<Subprocess>> Server(
      const TestIdentity& identity) {
    const Files files = FilesOf(identity);
    switch (tool()) {
      case Tool::kOpenssl:
        return StartPeer(
            OpensslCommand(files, {"s_server", "-accept", "127.0.0.1:0",
                                   "-naccept", "1", "-rev", "-Verify", "2"}));
      case Tool::kGnutls:
        return StartPeer(GnutlsCommand(
            files, {"gnutls-serv", "--port", "0", "--echo",
                    "--require-client-cert", "--verify-client-cert"}));
      case Tool::kNode:
        return StartPeer(NodeCommand(files, "node_server.js", ""));
    }
    return absl::InternalError("no such tool");
  }

  static absl::StatusOr<v1::Connection> ConnectTo(
      Subprocess& server, const TestIdentity& identity) {
    const absl::StatusOr<int> port = PortOf(server);
    if (!port.ok()) return port.status();
    v1::ConnectRequest request;
    request.set_address(absl::StrCat("127.0.0.1:", *port));
    request.set_server_name("localhost");
    request.set_secure_context(NewContext(ContextOf(identity)));
    return client().Call(request);
  }

 private:
  static Command OpensslCommand(const Files& files, const Command& more) {
    return Plus(Plus({"openssl"}, more),
                {IsTls13() ? "-tls1_3" : "-tls1_2", "-cert", files.own, "-key",
                 files.key, "-cert_chain", files.intermediate, "-CAfile",
                 files.root, "-verify_return_error"});
  }
  static Command GnutlsCommand(const Files& files, const Command& command) {
    return Plus(command, {"--priority",
                          absl::StrCat("NORMAL:-VERS-ALL:+VERS-TLS1.",
                                       IsTls13() ? "3" : "2"),
                          "--x509certfile", files.chain, "--x509keyfile",
                          files.key, "--x509cafile", files.root});
  }
  static Command NodeCommand(const Files& files, absl::string_view script,
                             absl::string_view more) {
    return {"node", absl::StrCat("tests/interop/", script),
            absl::StrCat("{\"version\":\"", Protocol(), "\",\"cert\":\"",
                         files.chain, "\",\"key\":\"", files.key,
                         "\",\"ca\":\"", files.root, "\"", more, "}")};
  }

  static absl::StatusOr<int> PortOf(Subprocess& server) {
    if (tool() == Tool::kOpenssl) {
      return NumberAfter(server, "ACCEPT 127.0.0.1:");
    }
    if (tool() == Tool::kNode) return NumberAfter(server, "port ");
    const absl::Status listening = server.WaitForErrorOutput("port 0...done");
    if (!listening.ok()) return listening;
    return ListeningPort(server);
  }
};

INSTANTIATE_TEST_SUITE_P(
    , CertificateMatrixTest,
    ::testing::Combine(
        ::testing::Values(Tool::kOpenssl, Tool::kGnutls, Tool::kNode),
        ::testing::Values(KeyKind::kRsa2048, KeyKind::kP384, KeyKind::kEd25519),
        ::testing::Values(v1::TLS_VERSION_TLS_1_2, v1::TLS_VERSION_TLS_1_3)),
    Name);

TEST_P(CertificateMatrixTest, ClientAndDaemonAuthorizeEachOther) {
  const v1::Listener listener = ServeEcho(IdentityOf(kind()));
  auto watch = Watch(listener.name());
  ASSERT_OK_AND_ASSIGN(auto peer, Client(listener, IdentityOf(kind())));

  ASSERT_THAT(peer->Write(kLine), IsOk());

  EXPECT_THAT(peer->WaitForOutput(kLine), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::Event event,
                       watch->WaitFor(v1::EVENT_TYPE_SECURE_CONNECTION));
  const v1::Connection& connection = event.connection();
  EXPECT_TRUE(connection.authorized()) << connection.authorization_error();
  EXPECT_EQ(connection.handshake().protocol(), Protocol());
  EXPECT_EQ(connection.peer_certificate().public_key(), PublicKeyName(kind()));
}

TEST_P(CertificateMatrixTest, ClientIsRefusedIfItIsAStranger) {
  const v1::Listener listener = ServeEcho(IdentityOf(kind()));
  auto watch = Watch(listener.name());

  ASSERT_OK_AND_ASSIGN(auto peer, Client(listener, StrangerOf(kind())));

  ASSERT_OK_AND_ASSIGN(const v1::Event event,
                       watch->WaitFor(v1::EVENT_TYPE_CLIENT_ERROR));
  EXPECT_THAT(event.connection(), EndedFor(Reason::kPeerCertificateUntrusted));
}

TEST_P(CertificateMatrixTest, ServerAndDaemonAuthorizeEachOther) {
  ASSERT_OK_AND_ASSIGN(auto peer, Server(IdentityOf(kind())));

  ASSERT_OK_AND_ASSIGN(const v1::Connection connection,
                       ConnectTo(*peer, IdentityOf(kind())));

  EXPECT_TRUE(connection.authorized()) << connection.authorization_error();
  EXPECT_EQ(connection.handshake().protocol(), Protocol());
  EXPECT_EQ(connection.peer_certificate().public_key(), PublicKeyName(kind()));
  ASSERT_THAT(Write(connection, kLine), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::ReadResponse read, Read(connection));
  EXPECT_EQ(read.data(), kLine);
}

TEST_P(CertificateMatrixTest, ServerIsRefusedIfItIsAStranger) {
  ASSERT_OK_AND_ASSIGN(auto peer, Server(StrangerOf(kind())));

  EXPECT_THAT(ConnectTo(*peer, IdentityOf(kind())),
              FailsWith(Reason::kPeerCertificateUntrusted));
}

TEST_P(CertificateMatrixTest, ServerRefusesADaemonThatIsAStranger) {
  ASSERT_OK_AND_ASSIGN(auto peer, Server(IdentityOf(kind())));

  const absl::StatusOr<v1::Connection> connection =
      ConnectTo(*peer, StrangerOf(kind()));

  // RFC 8446 section 4.4.4: the client is done before the server judges it.
  const absl::Status status = IsTls13() && connection.ok()
                                  ? Read(*connection).status()
                                  : connection.status();
  if (tool() == Tool::kNode) {
    // Node drops the socket without an alert.
    EXPECT_THAT(status, AnyOf(FailsWith(Reason::kTlsTruncated),
                              FailsWith(Reason::kTransportReset)));
  } else {
    EXPECT_THAT(status, FailsWith(Reason::kPeerAlert));
  }
}

}  // namespace
}  // namespace tlsd::testing
