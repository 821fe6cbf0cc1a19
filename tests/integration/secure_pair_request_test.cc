// What CreateSecurePair takes and refuses, and client certificates.
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/integration/carrier_fixture.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::testing {
namespace {

class SecurePairRequestTest : public SecurePairTest {
 protected:
  static absl::StatusOr<v1::SecurePair> Ask(const v1::ConnectRequest& options) {
    v1::CreateSecurePairRequest request;
    *request.mutable_client() = options;
    return client().Call(request);
  }
  static absl::StatusOr<v1::SecurePair> Ask(const v1::ServerOptions& options) {
    v1::CreateSecurePairRequest request;
    *request.mutable_server() = options;
    return client().Call(request);
  }

  // Judging returns a server that treats client certificates as `mode` says,
  // whatever its context says.
  static v1::ServerOptions Judging(
      v1::ClientCertificateMode mode,
      v1::ClientCertificateMode of_context = v1::CLIENT_CERTIFICATE_MODE_NONE) {
    v1::ServerOptions options = ServerOptions(JudgingContext(of_context));
    options.set_client_certificate_mode(mode);
    return options;
  }

  // With makes the two ends, the client with a certificate.
  static Ends WithCertificate(const v1::ServerOptions& server) {
    v1::ConnectRequest client = ClientOptions(GetParam());
    client.set_secure_context(ClientContext());
    return {Make(client), Make(server)};
  }
};

INSTANTIATE_IN_BOTH_VERSIONS(SecurePairRequestTest);

TEST_P(SecurePairRequestTest, AsksForNoCertificate) {
  const Ends ends = WithCertificate(Judging(
      v1::CLIENT_CERTIFICATE_MODE_NONE, v1::CLIENT_CERTIFICATE_MODE_REQUIRE));
  Complete(ends);

  ASSERT_OK_AND_ASSIGN(const v1::Connection server,
                       Get(ends.server.cleartext()));
  ASSERT_OK_AND_ASSIGN(const v1::Connection client,
                       Get(ends.client.cleartext()));
  EXPECT_FALSE(server.has_peer_certificate());
  EXPECT_FALSE(server.authorized());
  EXPECT_FALSE(client.handshake().certificate_requested());
}

TEST_P(SecurePairRequestTest, AsksForACertificate) {
  const v1::ServerOptions options =
      Judging(v1::CLIENT_CERTIFICATE_MODE_REQUEST);
  const Ends with = WithCertificate(options);
  Complete(with);
  const Ends without = MakeEnds(options);
  Complete(without);

  ASSERT_OK_AND_ASSIGN(const v1::Connection shown,
                       Get(with.server.cleartext()));
  EXPECT_TRUE(shown.authorized()) << shown.authorization_error();
  EXPECT_TRUE(shown.has_peer_certificate());
  ASSERT_OK_AND_ASSIGN(const v1::Connection bare,
                       Get(without.server.cleartext()));
  EXPECT_FALSE(bare.authorized());
  EXPECT_EQ(bare.authorization_error(), "NO_PEER_CERTIFICATE");
  ASSERT_OK_AND_ASSIGN(const v1::Connection client,
                       Get(without.client.cleartext()));
  EXPECT_TRUE(client.handshake().certificate_requested());
}

TEST_P(SecurePairRequestTest, RequiresACertificate) {
  const v1::ServerOptions options =
      Judging(v1::CLIENT_CERTIFICATE_MODE_REQUIRE);
  const Ends with = WithCertificate(options);
  Complete(with);
  const Ends without = MakeEnds(options);
  const std::unique_ptr<Joint> joint = Join(without);

  ASSERT_OK_AND_ASSIGN(const v1::Connection shown,
                       Get(with.server.cleartext()));
  EXPECT_TRUE(shown.authorized()) << shown.authorization_error();
  EXPECT_EQ(AwaitFailure(without.server.cleartext()),
            "PEER_CERTIFICATE_REQUIRED");
  const v1::Failure told = AwaitClosed(without.client.cleartext()).failure();
  EXPECT_EQ(told.reason(), "PEER_ALERT");
}

TEST_P(SecurePairRequestTest, DoesAsItsContextSaysByDefault) {
  v1::ServerOptions options =
      ServerOptions(JudgingContext(v1::CLIENT_CERTIFICATE_MODE_REQUIRE));
  const Ends ends = MakeEnds(options);
  const std::unique_ptr<Joint> joint = Join(ends);

  EXPECT_EQ(AwaitFailure(ends.server.cleartext()), "PEER_CERTIFICATE_REQUIRED");
}

TEST_P(SecurePairRequestTest, KeepsAServerItDoesNotTrustIfItIsTold) {
  v1::SecureContext stranger;
  *stranger.add_credentials() = PemOf(StrangerIdentity());
  v1::ConnectRequest client = ClientOptions(GetParam());
  client.set_verification(v1::PEER_VERIFICATION_REPORT);
  const Ends ends = {Make(client), Make(ServerOptions(NewContext(stranger)))};
  Complete(ends);

  ASSERT_OK_AND_ASSIGN(const v1::Connection connected,
                       Get(ends.client.cleartext()));
  EXPECT_FALSE(connected.authorized());
  EXPECT_NE(connected.authorization_error(), "");
}

TEST_P(SecurePairRequestTest, LooksForTheNameThatItIsGiven) {
  v1::ConnectRequest other = ClientOptions(GetParam());
  other.set_server_name("other.example");
  const Ends ends = {Make(other), Make(ServerOptions())};
  const std::unique_ptr<Joint> joint = Join(ends);

  EXPECT_EQ(AwaitFailure(ends.client.cleartext()),
            "PEER_CERTIFICATE_NAME_MISMATCH");
}

TEST_F(SecurePairRequestTest, WantsARole) {
  EXPECT_THAT(client().Call(v1::CreateSecurePairRequest()),
              FailsWith(Reason::kFieldRequired));
}

TEST_F(SecurePairRequestTest, TakesNothingThatConcernsASocket) {
  const v1::ConnectRequest good = ClientOptions(v1::TLS_VERSION_UNSPECIFIED);
  EXPECT_THAT(Ask(good), IsOk());

  v1::ConnectRequest request = good;
  request.set_address("127.0.0.1:1");
  EXPECT_THAT(Ask(request),
              FailsWith(Reason::kFieldsConflict, "client.address"));
  request = good;
  request.set_local_address("127.0.0.1");
  EXPECT_THAT(Ask(request),
              FailsWith(Reason::kFieldsConflict, "client.local_address"));
  request = good;
  request.set_protection(v1::PROTECTION_NONE);
  EXPECT_THAT(Ask(request),
              FailsWith(Reason::kFieldsConflict, "client.protection"));
  request = good;
  request.set_use_session_cache(true);
  EXPECT_THAT(Ask(request),
              FailsWith(Reason::kFieldsConflict, "client.use_session_cache"));
}

TEST_F(SecurePairRequestTest, RefusesAClientThatCannotBe) {
  const v1::ConnectRequest good = ClientOptions(v1::TLS_VERSION_UNSPECIFIED);

  v1::ConnectRequest request = good;
  request.set_secure_context("secureContexts/nobody");
  EXPECT_THAT(Ask(request), FailsWith(Reason::kContextNotFound));
  request = good;
  request.set_secure_context("nobody");
  EXPECT_THAT(Ask(request),
              FailsWith(Reason::kNameInvalid, "client.secure_context"));
  request = good;
  request.set_session("no session");
  EXPECT_THAT(Ask(request), FailsWith(Reason::kSessionInvalid));
  request = good;
  request.set_server_name("not a name");
  EXPECT_THAT(Ask(request), FailsWith(Reason::kServerNameInvalid));
  request = good;
  *request.mutable_timeout() = ToProto(-absl::Seconds(1));
  EXPECT_THAT(Ask(request), FailsWith(Reason::kFieldInvalid, "client.timeout"));
  request = good;
  request.set_verification(static_cast<v1::PeerVerification>(77));
  EXPECT_THAT(Ask(request),
              FailsWith(Reason::kFieldInvalid, "client.verification"));
}

TEST_F(SecurePairRequestTest, RefusesAServerThatCannotBe) {
  EXPECT_THAT(Ask(ServerOptions()), IsOk());

  EXPECT_THAT(Ask(v1::ServerOptions()),
              FailsWith(Reason::kFieldRequired, "server.secure_context"));
  EXPECT_THAT(Ask(ServerOptions("secureContexts/nobody")),
              FailsWith(Reason::kContextNotFound));
  EXPECT_THAT(Ask(ServerOptions("secureContexts/client")),
              FailsWith(Reason::kCredentialsRequired));
  v1::ServerOptions options = ServerOptions();
  options.set_client_certificate_mode(
      static_cast<v1::ClientCertificateMode>(77));
  EXPECT_THAT(Ask(options), FailsWith(Reason::kFieldInvalid,
                                      "server.client_certificate_mode"));
  options = ServerOptions();
  *options.mutable_handshake_timeout() = ToProto(absl::Hours(2));
  EXPECT_THAT(Ask(options),
              FailsWith(Reason::kFieldInvalid, "server.handshake_timeout"));
}

TEST_F(SecurePairRequestTest, TakesAListenerOrAContext) {
  v1::ServerOptions options;
  options.set_listener("listeners/nobody");
  EXPECT_THAT(Ask(options), FailsWith(Reason::kListenerNotFound));
  options.set_listener(Listen().name());
  EXPECT_THAT(Ask(options), IsOk());
  options.set_secure_context("secureContexts/server");
  EXPECT_THAT(Ask(options),
              FailsWith(Reason::kFieldsConflict, "server.secure_context"));
  options.clear_secure_context();
  options.add_hooks()->set_type(v1::DECISION_TYPE_SIGN);
  EXPECT_THAT(Ask(options), FailsWith(Reason::kFieldsConflict, "server.hooks"));
  // A plain listener has no context to give.
  options.clear_hooks();
  options.set_listener(ListenPlain().name());
  EXPECT_THAT(Ask(options), FailsWith(Reason::kCredentialsRequired));
}

}  // namespace
}  // namespace tlsd::testing
