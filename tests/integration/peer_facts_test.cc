// What is told of the peer and of the handshake.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"

namespace tlsd::testing {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;

class PeerFactsTest : public VersionTest {
 protected:
  static absl::StatusOr<v1::GetPeerCertificateResponse> PeerOf(
      const v1::Connection& connection, bool detailed) {
    v1::GetPeerCertificateRequest request;
    request.set_name(connection.name());
    request.set_detailed(detailed);
    return client().Call(request);
  }

  // A listener that asks clients for a certificate.
  static v1::Listener AskingListener() {
    v1::SecureContext server;
    *server.add_credentials() = PemOf(ServerIdentity());
    server.mutable_trust_anchors()->add_pems(RootIdentity().CertificatePem());
    server.set_client_certificate_mode(v1::CLIENT_CERTIFICATE_MODE_REQUEST);
    v1::Listener listener;
    listener.set_secure_context(NewContext(server));
    return Listen(listener);
  }

  static v1::ConnectRequest ToConnectWith(const v1::Listener& listener,
                                          const TestIdentity& identity) {
    v1::SecureContext context;
    *context.add_credentials() = PemOf(identity);
    context.mutable_trust_anchors()->add_pems(RootIdentity().CertificatePem());
    context.set_min_version(GetParam());
    context.set_max_version(GetParam());
    v1::ConnectRequest request = ToConnect(listener);
    request.set_secure_context(NewContext(context));
    return request;
  }
};
INSTANTIATE_IN_BOTH_VERSIONS(PeerFactsTest);

TEST_P(PeerFactsTest, TellsTheChainOnlyInDetail) {
  const v1::Connection connection = Connect(ListenEcho(), GetParam());

  ASSERT_OK_AND_ASSIGN(const v1::GetPeerCertificateResponse brief,
                       PeerOf(connection, /*detailed=*/false));
  ASSERT_OK_AND_ASSIGN(const v1::GetPeerCertificateResponse detailed,
                       PeerOf(connection, /*detailed=*/true));

  EXPECT_EQ(brief.certificate().subject(),
            connection.peer_certificate().subject());
  EXPECT_THAT(brief.certificate().der(), Not(IsEmpty()));
  EXPECT_EQ(brief.chain_size() + brief.sent_size(), 0);
  // Leaf, intermediate, and the root that was not sent.
  ASSERT_EQ(detailed.chain_size(), 3);
  EXPECT_EQ(detailed.sent_size(), 2);
  EXPECT_EQ(detailed.chain(0).der(), detailed.certificate().der());
  for (int i = 0; i + 1 < detailed.chain_size(); ++i) {
    EXPECT_EQ(detailed.chain(i).issuer(), detailed.chain(i + 1).subject());
  }
  EXPECT_EQ(detailed.chain(2).issuer(), detailed.chain(2).subject());
}

TEST_P(PeerFactsTest, TellsNothingOfAPeerWithoutACertificate) {
  const Pair pair = Open(Listen(), GetParam());

  ASSERT_OK_AND_ASSIGN(const v1::GetPeerCertificateResponse none,
                       PeerOf(pair.server, /*detailed=*/true));

  EXPECT_FALSE(none.has_certificate());
  EXPECT_EQ(none.chain_size() + none.sent_size(), 0);
  v1::Connection nobody;
  nobody.set_name("connections/c-nobody-0");
  EXPECT_THAT(PeerOf(nobody, false), FailsWith(Reason::kConnectionNotFound));
}

TEST_P(PeerFactsTest, TellsBothSidesWhatWasAgreed) {
  const v1::Listener listener = AskingListener();
  ASSERT_OK_AND_ASSIGN(
      const v1::Connection from_client,
      client().Call(ToConnectWith(listener, ClientIdentity())));
  ASSERT_OK_AND_ASSIGN(const v1::Connection from_server,
                       Accept(listener.name()));

  for (const v1::Connection& end : {from_client, from_server}) {
    SCOPED_TRACE(v1::Role_Name(end.role()));
    EXPECT_TRUE(end.encrypted());
    EXPECT_TRUE(end.authorized());
    EXPECT_EQ(end.authorization_error_code(), 0);
    EXPECT_EQ(end.handshake().cipher_version(), "TLSv1/SSLv3");
    EXPECT_EQ(end.handshake().cipher_min_version(), end.handshake().protocol());
    EXPECT_EQ(end.handshake().peer_signature_algorithm(),
              "ecdsa_secp256r1_sha256");
    EXPECT_THAT(end.handshake().shared_signature_algorithms(),
                Contains("ecdsa_secp256r1_sha256"));
  }
  EXPECT_TRUE(from_client.handshake().certificate_requested());
  // What one shows is what the other sees.
  EXPECT_EQ(from_client.handshake().own_certificate_sha256(),
            from_server.peer_certificate().sha256_fingerprint());
  EXPECT_EQ(from_server.handshake().own_certificate_sha256(),
            from_client.peer_certificate().sha256_fingerprint());
}

TEST_P(PeerFactsTest, SaysWhyAPeerIsNotAuthorized) {
  const v1::Listener listener = AskingListener();
  ASSERT_THAT(client().Call(ToConnectWith(listener, StrangerIdentity())),
              IsOk());

  ASSERT_OK_AND_ASSIGN(const v1::Connection accepted, Accept(listener.name()));

  EXPECT_FALSE(accepted.authorized());
  EXPECT_EQ(accepted.authorization_error(), "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
  EXPECT_EQ(accepted.authorization_error_code(), 21);
  EXPECT_EQ(accepted.authorization_error_text(),
            "unable to verify the first certificate");
}

TEST_P(PeerFactsTest, FindsTheExpectedNameInsteadOfTheServers) {
  v1::ConnectRequest request = ToConnect(ListenEcho(), GetParam());
  request.set_server_name("front.example");
  request.set_expected_name("localhost");
  ASSERT_OK_AND_ASSIGN(const v1::Connection connection, client().Call(request));
  EXPECT_TRUE(connection.authorized());
  EXPECT_EQ(connection.handshake().server_name(), "front.example");

  request.set_server_name("localhost");
  request.set_expected_name("other.example");
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kPeerCertificateNameMismatch));
  request.set_expected_name("no name");
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kServerNameInvalid, "expected_name"));
  request.set_expected_name("localhost");
  request.set_skip_name_check(true);
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kFieldsConflict, "expected_name"));
}

}  // namespace
}  // namespace tlsd::testing
