// Who the peer is: client certificates, and what each end is told.
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"

namespace tlsd::testing {
namespace {

using ::testing::HasSubstr;

class AuthorizationTest : public VersionTest {
 protected:
  // ListenWith asks clients for certificates as `mode` says.
  static v1::Listener ListenWith(v1::ClientCertificateMode mode) {
    v1::SecureContext context;
    *context.add_credentials() = PemOf(ServerIdentity());
    context.mutable_trust_anchors()->add_pems(RootIdentity().CertificatePem());
    context.set_client_certificate_mode(mode);
    v1::Listener options;
    options.set_secure_context(NewContext(context));
    return Listen(options);
  }

  // As connects with the certificate of `identity`; null shows none.
  static v1::ConnectRequest As(const TestIdentity* identity,
                               const v1::Listener& listener) {
    v1::SecureContext context;
    context.mutable_trust_anchors()->add_pems(RootIdentity().CertificatePem());
    context.set_min_version(GetParam());
    context.set_max_version(GetParam());
    if (identity != nullptr) {
      *context.add_credentials() = PemOf(*identity);
      context.mutable_credentials(0)->mutable_pem()->set_allow_outside_validity(
          true);
    }
    v1::ConnectRequest request = ToConnect(listener);
    request.set_secure_context(NewContext(context));
    return request;
  }

  // OpenAs returns what the server is told.
  static v1::Connection OpenAs(const TestIdentity* identity,
                               const v1::Listener& listener) {
    const absl::StatusOr<v1::Connection> made =
        client().Call(As(identity, listener));
    EXPECT_THAT(made, IsOk());
    EXPECT_TRUE(made.ok() && made->authorized());
    const absl::StatusOr<v1::Connection> accepted = Accept(listener.name());
    EXPECT_THAT(accepted, IsOk());
    return accepted.value_or(v1::Connection());
  }

  // ExpectRefusal expects the handshake to fail for `reason` at the server, and
  // with `alert` at the client.
  static void ExpectRefusal(const TestIdentity* identity,
                            const std::string& reason,
                            const std::string& alert) {
    const v1::Listener listener =
        ListenWith(v1::CLIENT_CERTIFICATE_MODE_REQUIRE);
    const std::unique_ptr<EventWatch> watch = Watch(listener.name());

    const absl::StatusOr<v1::Connection> made =
        client().Call(As(identity, listener));

    ASSERT_OK_AND_ASSIGN(const v1::Event event, watch->Next());
    EXPECT_EQ(event.type(), v1::EVENT_TYPE_CLIENT_ERROR);
    EXPECT_EQ(event.connection().failure().reason(), reason);
    absl::Status refused = made.status();
    if (GetParam() == v1::TLS_VERSION_TLS_1_3) {
      // RFC 8446 4.4.4: the client has finished before it is judged.
      ASSERT_THAT(made, IsOk());
      refused = Read(*made).status();
    }
    EXPECT_THAT(refused, FailsWith(Reason::kPeerAlert));
    EXPECT_EQ(MetadataOf(refused, "alert"), alert);
  }
};

INSTANTIATE_IN_BOTH_VERSIONS(AuthorizationTest);

TEST_P(AuthorizationTest, DoesNotAskUnlessTold) {
  const v1::Listener listener = ListenWith(v1::CLIENT_CERTIFICATE_MODE_NONE);

  const v1::Connection server = OpenAs(&ClientIdentity(), listener);

  EXPECT_FALSE(server.authorized());
  EXPECT_EQ(server.authorization_error(), "");
  EXPECT_FALSE(server.has_peer_certificate());
}

TEST_P(AuthorizationTest, AuthorizesAGoodCertificate) {
  for (const auto mode : {v1::CLIENT_CERTIFICATE_MODE_REQUEST,
                          v1::CLIENT_CERTIFICATE_MODE_REQUIRE}) {
    const v1::Connection server = OpenAs(&ClientIdentity(), ListenWith(mode));

    EXPECT_TRUE(server.authorized());
    EXPECT_EQ(server.authorization_error(), "");
    EXPECT_THAT(server.peer_certificate().subject(), HasSubstr("CN="));
  }
}

TEST_P(AuthorizationTest, KeepsAndReportsWhoeverIsOnlyRequested) {
  const v1::Listener listener = ListenWith(v1::CLIENT_CERTIFICATE_MODE_REQUEST);

  const v1::Connection absent = OpenAs(nullptr, listener);
  EXPECT_FALSE(absent.authorized());
  EXPECT_EQ(absent.authorization_error(), "NO_PEER_CERTIFICATE");
  EXPECT_FALSE(absent.has_peer_certificate());
  const v1::Connection stranger = OpenAs(&StrangerIdentity(), listener);
  EXPECT_FALSE(stranger.authorized());
  EXPECT_THAT(stranger.authorization_error(),
              ::testing::AnyOf("UNABLE_TO_VERIFY_LEAF_SIGNATURE",
                               "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
                               "UNABLE_TO_GET_ISSUER_CERT"));
  EXPECT_TRUE(stranger.has_peer_certificate());
  const v1::Connection expired = OpenAs(&ExpiredClientIdentity(), listener);
  EXPECT_FALSE(expired.authorized());
  EXPECT_EQ(expired.authorization_error(), "CERT_HAS_EXPIRED");
}

TEST_P(AuthorizationTest, RefusesWhoHasNoCertificate) {
  // RFC 8446 6.2; before TLS 1.3 the alert is handshake_failure.
  ExpectRefusal(nullptr, "PEER_CERTIFICATE_REQUIRED",
                GetParam() == v1::TLS_VERSION_TLS_1_3 ? "certificate_required"
                                                      : "handshake_failure");
}

TEST_P(AuthorizationTest, RefusesWhomNobodyVouchesFor) {
  ExpectRefusal(&StrangerIdentity(), "PEER_CERTIFICATE_UNTRUSTED",
                "unknown_ca");
}

TEST_P(AuthorizationTest, RefusesWhoIsExpired) {
  ExpectRefusal(&ExpiredClientIdentity(), "PEER_CERTIFICATE_EXPIRED",
                "certificate_expired");
}

}  // namespace
}  // namespace tlsd::testing
