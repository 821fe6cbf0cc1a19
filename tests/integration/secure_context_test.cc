// Secure contexts and what the TLS stack can do.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"

namespace tlsd::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class SecureContextTest : public DaemonTest {
 protected:
  static absl::StatusOr<v1::SecureContext> Create(
      const v1::SecureContext& context, const std::string& id = "") {
    v1::CreateSecureContextRequest request;
    request.set_secure_context_id(id);
    *request.mutable_secure_context() = context;
    return client().Call(request);
  }

  static absl::StatusOr<v1::SecureContext> Get(const std::string& name) {
    v1::GetSecureContextRequest request;
    request.set_name(name);
    return client().Call(request);
  }

  static absl::Status Delete(const std::string& name,
                             const std::string& etag = "", bool force = false) {
    v1::DeleteSecureContextRequest request;
    request.set_name(name);
    request.set_etag(etag);
    request.set_force(force);
    return client().Call(request).status();
  }

  static v1::SecureContext With(v1::Credentials credentials) {
    v1::SecureContext context;
    *context.add_credentials() = std::move(credentials);
    return context;
  }
};

TEST_F(SecureContextTest, KeepsWhatWasGiven) {
  v1::SecureContext context = With(PemOf(ServerIdentity()));
  context.mutable_trust_anchors()->add_pems(RootIdentity().CertificatePem());
  context.set_max_version(v1::TLS_VERSION_TLS_1_2);
  context.add_alpn_protocols("h2");
  context.set_client_certificate_mode(v1::CLIENT_CERTIFICATE_MODE_REQUEST);

  ASSERT_OK_AND_ASSIGN(const v1::SecureContext made, Create(context, "web"));
  ASSERT_OK_AND_ASSIGN(const v1::SecureContext got, Get("secureContexts/web"));

  EXPECT_EQ(made.SerializeAsString(), got.SerializeAsString());
  EXPECT_EQ(got.name(), "secureContexts/web");
  EXPECT_EQ(got.min_version(), v1::TLS_VERSION_TLS_1_2);
  EXPECT_EQ(got.max_version(), v1::TLS_VERSION_TLS_1_2);
  ASSERT_EQ(got.alpn_protocols_size(), 1);
  EXPECT_EQ(got.alpn_protocols(0), "h2");
  EXPECT_EQ(got.client_certificate_mode(), v1::CLIENT_CERTIFICATE_MODE_REQUEST);
  EXPECT_EQ(got.trust_anchors().certificate_count(), 1);
  ASSERT_EQ(got.credentials_size(), 1);
  // The own certificate and its intermediate.
  ASSERT_EQ(got.credentials(0).certificates_size(), 2);
  EXPECT_THAT(got.credentials(0).certificates(0).subject(),
              HasSubstr("CN=localhost"));
  EXPECT_EQ(got.expire_time().seconds(),
            got.credentials(0).certificates(0).not_after_time().seconds());
  EXPECT_GT(got.create_time().seconds(), 0);
  EXPECT_THAT(got.etag(), Not(IsEmpty()));
}

TEST_F(SecureContextTest, NeverGivesKeyOrPassphraseBack) {
  v1::SecureContext context = With(PemOf(ServerIdentity()));
  context.mutable_credentials(0)->mutable_pem()->set_private_key(
      ServerIdentity().EncryptedKeyPem("open sesame"));
  context.mutable_credentials(0)->mutable_pem()->set_passphrase("open sesame");

  ASSERT_OK_AND_ASSIGN(const v1::SecureContext made, Create(context));

  EXPECT_THAT(made.DebugString(), Not(HasSubstr("PRIVATE KEY")));
  EXPECT_THAT(made.DebugString(), Not(HasSubstr("sesame")));
}

TEST_F(SecureContextTest, HasSafeDefaults) {
  ASSERT_OK_AND_ASSIGN(const v1::SecureContext made,
                       Create(With(PemOf(ServerIdentity()))));

  EXPECT_THAT(made.name(), StartsWith("secureContexts/"));
  EXPECT_EQ(made.min_version(), v1::TLS_VERSION_TLS_1_2);
  EXPECT_EQ(made.max_version(), v1::TLS_VERSION_TLS_1_3);
  EXPECT_EQ(made.client_certificate_mode(), v1::CLIENT_CERTIFICATE_MODE_NONE);
}

TEST_F(SecureContextTest, TakesKeysOfAllKinds) {
  EXPECT_THAT(Create(With(PemOf(RsaServerIdentity()))), IsOk());
  EXPECT_THAT(Create(With(PemOf(Ed25519ServerIdentity()))), IsOk());
  v1::Credentials sec1 = PemOf(ServerIdentity());
  sec1.mutable_pem()->set_private_key(ServerIdentity().TraditionalKeyPem());
  EXPECT_THAT(Create(With(sec1)), IsOk());
}

TEST_F(SecureContextTest, MakesDevelopmentCredentials) {
  v1::Credentials credentials;
  credentials.mutable_development()->add_server_names("dev.example");

  ASSERT_OK_AND_ASSIGN(const v1::SecureContext made, Create(With(credentials)));

  const v1::Certificate& own = made.credentials(0).certificates(0);
  EXPECT_THAT(own.subject_alternative_names(), Contains("DNS:dev.example"));
  EXPECT_EQ(own.public_key(), "EC P-256");
}

TEST_F(SecureContextTest, SaysWhatIsWrongWithCredentials) {
  const std::string pem = "secure_context.credentials[0].pem.";
  v1::Credentials credentials = PemOf(ServerIdentity());
  v1::PemCredentials& bad = *credentials.mutable_pem();

  bad.set_private_key(ClientIdentity().KeyPem());
  EXPECT_THAT(Create(With(credentials)),
              FailsWith(Reason::kKeyMismatch, pem + "private_key"));
  bad.set_private_key("no PEM");
  EXPECT_THAT(Create(With(credentials)),
              FailsWith(Reason::kKeyRequired, pem + "private_key"));
  bad.set_private_key(ServerIdentity().EncryptedKeyPem("right"));
  EXPECT_THAT(Create(With(credentials)),
              FailsWith(Reason::kPassphraseRequired, pem + "passphrase"));
  bad.set_passphrase("wrong");
  EXPECT_THAT(Create(With(credentials)),
              FailsWith(Reason::kPassphraseWrong, pem + "passphrase"));
  bad = PemOf(ServerIdentity()).pem();
  bad.set_certificate_chain(ServerIdentity().CertificatePem() +
                            OtherRootIdentity().CertificatePem());
  EXPECT_THAT(Create(With(credentials)),
              FailsWith(Reason::kChainOrderInvalid, pem + "certificate_chain"));
}

TEST_F(SecureContextTest, WantsCertificatesThatAreValidNow) {
  const std::string field =
      "secure_context.credentials[0].pem.certificate_chain";
  v1::Credentials expired = PemOf(ExpiredServerIdentity());

  EXPECT_THAT(Create(With(expired)),
              FailsWith(Reason::kCertificateExpired, field));
  EXPECT_THAT(Create(With(PemOf(NotYetValidServerIdentity()))),
              FailsWith(Reason::kCertificateNotYetValid, field));
  expired.mutable_pem()->set_allow_outside_validity(true);
  EXPECT_THAT(Create(With(expired)), IsOk());
}

TEST_F(SecureContextTest, SaysWhatIsWrongWithTheRest) {
  v1::SecureContext context;
  context.set_min_version(v1::TLS_VERSION_TLS_1_3);
  context.set_max_version(v1::TLS_VERSION_TLS_1_2);
  EXPECT_THAT(Create(context), FailsWith(Reason::kVersionRangeEmpty));

  context.Clear();
  context.add_alpn_protocols("");
  EXPECT_THAT(Create(context), FailsWith(Reason::kAlpnInvalid));

  context.Clear();
  context.mutable_trust_anchors()->add_pems("nothing in it");
  EXPECT_THAT(Create(context), FailsWith(Reason::kPemInvalid));

  context.Clear();
  context.add_credentials();
  EXPECT_THAT(Create(context), FailsWith(Reason::kFieldRequired));
}

TEST_F(SecureContextTest, WantsFreshAndWellFormedIds) {
  EXPECT_THAT(Create({}, "Upper"),
              FailsWith(Reason::kIdInvalid, "secure_context_id"));
  EXPECT_THAT(Create({}, "trailing-"), FailsWith(Reason::kIdInvalid));
  EXPECT_THAT(Create({}, std::string(64, 'a')), FailsWith(Reason::kIdInvalid));
  EXPECT_THAT(Create({}, std::string(63, 'a')), IsOk());
  EXPECT_THAT(Create({}, std::string(63, 'a')),
              FailsWith(Reason::kContextExists));
}

TEST_F(SecureContextTest, IsGoneOnceDeleted) {
  ASSERT_OK_AND_ASSIGN(const v1::SecureContext made, Create({}));

  EXPECT_THAT(Delete(made.name(), "stale"), FailsWith(Reason::kEtagMismatch));
  EXPECT_THAT(Get(made.name()), IsOk());
  EXPECT_THAT(Delete(made.name(), made.etag()), IsOk());
  EXPECT_THAT(Get(made.name()), FailsWith(Reason::kContextNotFound));
  EXPECT_THAT(Delete(made.name()), FailsWith(Reason::kContextNotFound));
}

TEST_F(SecureContextTest, IsKeptWhileAListenerNamesIt) {
  v1::Listener options;
  options.set_secure_context(NewContext(With(PemOf(ServerIdentity()))));
  options.mutable_echo();
  const v1::Listener listener = Listen(options);
  const std::string& name = listener.secure_context();

  const absl::Status refused = Delete(name);

  EXPECT_THAT(refused, FailsWith(Reason::kContextInUse));
  EXPECT_EQ(MetadataOf(refused, "listener"), listener.name());
  EXPECT_THAT(Delete(name, "", /*force=*/true), IsOk());
  // It lives on where it is used.
  EXPECT_TRUE(Connect(listener).authorized());
}

TEST_F(SecureContextTest, IsListedInOrderPageByPage) {
  for (const char* id : {"page-c", "page-a", "page-b"}) {
    ASSERT_THAT(Create({}, id), IsOk());
  }
  v1::ListSecureContextsRequest request;
  request.set_page_size(2);
  std::vector<std::string> names;

  do {
    ASSERT_OK_AND_ASSIGN(const v1::ListSecureContextsResponse page,
                         client().Call(request));
    ASSERT_LE(page.secure_contexts_size(), 2);
    for (const v1::SecureContext& context : page.secure_contexts()) {
      names.push_back(context.name());
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());

  EXPECT_THAT(names, ::testing::WhenSorted(::testing::ElementsAreArray(names)));
  EXPECT_THAT(names, Contains("secureContexts/page-a"));
  EXPECT_THAT(names, Contains("secureContexts/page-b"));
  EXPECT_THAT(names, Contains("secureContexts/page-c"));
  request.set_page_token("forged");
  EXPECT_THAT(client().Call(request), FailsWith(Reason::kPageTokenInvalid));
  request.clear_page_token();
  request.set_page_size(-1);
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kFieldInvalid, "page_size"));
}

class ListAlgorithmsTest : public DaemonTest {};

TEST_F(ListAlgorithmsTest, NamesWhatConnectionsNegotiate) {
  ASSERT_OK_AND_ASSIGN(const v1::ListAlgorithmsResponse algorithms,
                       client().Call(v1::ListAlgorithmsRequest()));
  const v1::Listener listener = ListenEcho();

  for (const v1::TlsVersion version :
       {v1::TLS_VERSION_TLS_1_2, v1::TLS_VERSION_TLS_1_3}) {
    const v1::Handshake handshake = Connect(listener, version).handshake();
    bool found = false;
    for (const v1::CipherSuite& suite : algorithms.cipher_suites()) {
      if (suite.name() != handshake.cipher()) continue;
      found = true;
      EXPECT_EQ(suite.standard_name(), handshake.cipher_standard_name());
      EXPECT_LE(suite.min_version(), version);
      EXPECT_GE(suite.max_version(), version);
      EXPECT_GE(suite.strength_bits(), 128);
    }
    EXPECT_TRUE(found) << handshake.cipher();
    EXPECT_THAT(algorithms.groups(), Contains(handshake.group()));
  }
  EXPECT_THAT(algorithms.signature_algorithms(),
              Contains("ecdsa_secp256r1_sha256"));
}

}  // namespace
}  // namespace tlsd::testing
