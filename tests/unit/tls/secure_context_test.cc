#include "server/tls/secure_context.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/development_authority.h"
#include "server/tls/secure_context_state.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/testing/test_pkcs12.h"

namespace tlsd::tls {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::tlsd::testing::Ed25519ServerIdentity;
using ::tlsd::testing::ExpiredServerIdentity;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::OtherRootIdentity;
using ::tlsd::testing::Pkcs12Spec;
using ::tlsd::testing::RootIdentity;
using ::tlsd::testing::ServerIdentity;
using ::tlsd::testing::ServerOptions;
using ::tlsd::testing::WritePkcs12;

class SecureContextTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::shared_ptr<const SecureContext>> Create(
      const SecureContextOptions& options) {
    return SecureContext::Create(options, authority_, absl::Now());
  }

  static SecureContextOptions Good() {
    return ServerOptions(TlsVersion::kTls13);
  }

  DevelopmentAuthority authority_;
};

TEST_F(SecureContextTest, TellsItsFacts) {
  ASSERT_OK_AND_ASSIGN(const auto context, Create(Good()));

  const SecureContextFacts& facts = context->facts();
  ASSERT_EQ(facts.certificate_chains.size(), 1u);
  ASSERT_EQ(facts.certificate_chains[0].size(), 2u);
  EXPECT_EQ(facts.certificate_chains[0][0].subject, "CN=localhost");
  EXPECT_EQ(facts.certificate_chains[0][1].subject,
            "CN=tlsd test intermediate");
  EXPECT_EQ(facts.trust_anchor_count, 1);
  EXPECT_EQ(facts.system_trust_path, "");
  EXPECT_EQ(facts.expire_time, facts.certificate_chains[0][0].not_after);
  EXPECT_TRUE(context->has_credentials());
}

TEST_F(SecureContextTest, NeedsNoCredentials) {
  SecureContextOptions options = Good();
  options.credentials.clear();
  ASSERT_OK_AND_ASSIGN(const auto context, Create(options));
  EXPECT_FALSE(context->has_credentials());
  EXPECT_TRUE(context->facts().certificate_chains.empty());
  EXPECT_FALSE(context->facts().expire_time.has_value());
}

TEST_F(SecureContextTest, TakesDevelopmentCredentialsAndAnchors) {
  SecureContextOptions options;
  options.credentials = {DevelopmentCredentials{}};
  options.trust_anchors.development = true;
  ASSERT_OK_AND_ASSIGN(const auto context, Create(options));
  EXPECT_EQ(context->facts().certificate_chains[0][0].subject, "CN=localhost");
  EXPECT_EQ(context->facts().trust_anchor_count, 1);
}

TEST_F(SecureContextTest, NamesTheFieldOfEveryError) {
  struct Row {
    const char* field;
    Reason reason;
    SecureContextOptions options;
  };
  std::vector<Row> rows;
  const auto add = [&](const char* field, Reason reason, const auto& change) {
    rows.push_back({field, reason, Good()});
    change(rows.back().options);
  };
  const auto pem = [](SecureContextOptions& options) -> PemCredentials& {
    return std::get<PemCredentials>(options.credentials[0]);
  };
  add("min_version", Reason::kVersionRangeEmpty,
      [](auto& options) { options.max_version = TlsVersion::kTls12; });
  add("credentials", Reason::kFieldInvalid, [](auto& options) {
    options.credentials.resize(17, options.credentials[0]);
  });
  add("alpn_protocols[0]", Reason::kAlpnInvalid,
      [](auto& options) { options.alpn_protocols = {""}; });
  add("trust_anchors.pems[1]", Reason::kPemInvalid,
      [](auto& options) { options.trust_anchors.pems.push_back("x"); });
  add("credentials[0].pem.certificate_chain", Reason::kFieldRequired,
      [&](auto& options) { pem(options).certificate_chain = ""; });
  add("credentials[0].pem.certificate_chain", Reason::kPemInvalid,
      [&](auto& options) { pem(options).certificate_chain = "x"; });
  add("credentials[0].pem.private_key", Reason::kKeyRequired,
      [&](auto& options) { pem(options).private_key = "x"; });
  add("credentials[0].pem.private_key", Reason::kKeyMismatch,
      [&](auto& options) {
        pem(options).private_key = RootIdentity().KeyPem();
      });
  add("credentials[0].pem.passphrase", Reason::kPassphraseRequired,
      [&](auto& options) {
        pem(options).private_key = ServerIdentity().EncryptedKeyPem("secret");
      });
  add("credentials[0].pem.certificate_chain", Reason::kCertificateExpired,
      [&](auto& options) {
        options.credentials = {ExpiredServerIdentity().Credentials()};
      });
  add("credentials[0].development.server_names[0]", Reason::kServerNameInvalid,
      [&](auto& options) {
        options.credentials = {DevelopmentCredentials{{"a b"}}};
      });
  for (const Row& row : rows) {
    EXPECT_THAT(Create(row.options), FailsWith(row.reason, row.field));
  }
}

TEST_F(SecureContextTest, NeedsTheSystemsStoreOnlyToVerifyClients) {
  setenv("SSL_CERT_FILE", "/nonexistent", 1);
  setenv("SSL_CERT_DIR", "/nonexistent", 1);
  SecureContextOptions options = Good();
  options.trust_anchors.pems.clear();

  EXPECT_THAT(Create(options), IsOk());
  for (const auto mode :
       {ClientCertificateMode::kRequest, ClientCertificateMode::kRequire}) {
    options.client_certificate_mode = mode;
    EXPECT_THAT(Create(options),
                FailsWith(Reason::kTrustStoreEmpty, "trust_anchors.system"));
  }
  unsetenv("SSL_CERT_FILE");
  unsetenv("SSL_CERT_DIR");
}

SSL_CTX* SslContext(const SecureContext& context) {
  return SecureContextAccess::GetState(context).ssl_context.get();
}

std::vector<std::string> CipherNames(const SecureContext& context) {
  std::vector<std::string> names;
  for (const SSL_CIPHER* cipher : SSL_CTX_get_ciphers(SslContext(context))) {
    names.push_back(SSL_CIPHER_get_name(cipher));
  }
  return names;
}

TEST_F(SecureContextTest, EnablesNoObsoleteCipherSuite) {
  ASSERT_OK_AND_ASSIGN(const auto context, Create(Good()));
  const std::vector<std::string> names = CipherNames(*context);
  ASSERT_GT(names.size(), 6u);
  EXPECT_EQ(names[0], "ECDHE-RSA-AES128-GCM-SHA256");
  EXPECT_EQ(names[1], "ECDHE-ECDSA-AES128-GCM-SHA256");
  EXPECT_THAT(names, Contains("ECDHE-RSA-CHACHA20-POLY1305"));
  for (const std::string& name : names) {
    EXPECT_FALSE(absl::StrContains(name, "3DES")) << name;
    EXPECT_FALSE(absl::StrContains(name, "DES-CBC3")) << name;
    EXPECT_FALSE(absl::StrContains(name, "PSK")) << name;
    EXPECT_FALSE(absl::StrContains(name, "NULL")) << name;
    EXPECT_FALSE(absl::StrContains(name, "RC4")) << name;
  }
}

TEST_F(SecureContextTest, SpeaksTls12And13ByDefault) {
  SecureContextOptions options;
  ASSERT_OK_AND_ASSIGN(const auto context, Create(options));
  EXPECT_EQ(SSL_CTX_get_min_proto_version(SslContext(*context)),
            TLS1_2_VERSION);
  EXPECT_EQ(SSL_CTX_get_max_proto_version(SslContext(*context)),
            TLS1_3_VERSION);
}

TEST_F(SecureContextTest, TakesOlderVersionsIfAsked) {
  SecureContextOptions options;
  options.min_version = TlsVersion::kTls10;
  options.max_version = TlsVersion::kTls11;
  ASSERT_OK_AND_ASSIGN(const auto context, Create(options));
  EXPECT_EQ(SSL_CTX_get_min_proto_version(SslContext(*context)), TLS1_VERSION);
  EXPECT_EQ(SSL_CTX_get_max_proto_version(SslContext(*context)),
            TLS1_1_VERSION);
}

TEST_F(SecureContextTest, LimitsWhatPeersMaySend) {
  ASSERT_OK_AND_ASSIGN(const auto context, Create(Good()));
  EXPECT_EQ(SSL_CTX_get_max_cert_list(SslContext(*context)), 100u * 1024);
}

TEST_F(SecureContextTest, KeepsNoSessionsAndGivesIdsOnlyWhereOthersDo) {
  SecureContextOptions options = Good();
  ASSERT_OK_AND_ASSIGN(const auto plain, Create(options));
  EXPECT_EQ(SSL_CTX_get_session_cache_mode(SslContext(*plain)),
            SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  options.hooks = {{HookType::kSessionLookup}, {HookType::kSessionStore}};
  ASSERT_OK_AND_ASSIGN(const auto storing, Create(options));
  EXPECT_EQ(SSL_CTX_get_session_cache_mode(SslContext(*storing)),
            SSL_SESS_CACHE_BOTH | SSL_SESS_CACHE_NO_INTERNAL);
}

TEST_F(SecureContextTest, TellsClientsWhomItTrusts) {
  SecureContextOptions options = Good();
  options.trust_anchors.pems.push_back(OtherRootIdentity().CertificatePem());
  options.client_certificate_mode = ClientCertificateMode::kRequest;
  ASSERT_OK_AND_ASSIGN(const auto context, Create(options));
  EXPECT_EQ(sk_X509_NAME_num(SSL_CTX_get_client_CA_list(SslContext(*context))),
            2u);
}

TEST_F(SecureContextTest, TellsTheChainOfEachCredentials) {
  SecureContextOptions options = Good();
  options.credentials.push_back(Ed25519ServerIdentity().Credentials());
  options.credentials.push_back(DevelopmentCredentials{});
  ASSERT_OK_AND_ASSIGN(const auto context, Create(options));
  const auto& chains = context->facts().certificate_chains;
  ASSERT_EQ(chains.size(), 3u);
  EXPECT_EQ(chains[0][0].public_key, "EC P-256");
  EXPECT_EQ(chains[1][0].public_key, "Ed25519");
  absl::Time first_end = absl::InfiniteFuture();
  for (const auto& chain : chains) {
    for (const CertificateFacts& certificate : chain) {
      first_end = std::min(first_end, certificate.not_after);
    }
  }
  EXPECT_EQ(context->facts().expire_time, first_end);
}

TEST_F(SecureContextTest, DescribesWhomItTrusts) {
  SecureContextOptions options = Good();
  options.trust_anchors.pems.push_back(OtherRootIdentity().CertificatePem());
  ASSERT_OK_AND_ASSIGN(const auto context, Create(options));
  const std::vector<CertificateFacts> anchors = context->DescribeTrustAnchors();
  ASSERT_EQ(anchors.size(), 2u);
  EXPECT_EQ(anchors[0].subject, "CN=tlsd test root");
  EXPECT_EQ(anchors[1].subject, "CN=tlsd other test root");
}

TEST_F(SecureContextTest, TrustsWhatCameWithPkcs12IfTold) {
  Pkcs12Spec spec;
  spec.certificates =
      ServerIdentity().ChainPem() + RootIdentity().CertificatePem();
  spec.private_key = ServerIdentity().KeyPem();
  spec.passphrase = "open-sesame";
  Pkcs12Credentials pkcs12;
  pkcs12.pfx = WritePkcs12(spec);
  pkcs12.passphrase = spec.passphrase;
  SecureContextOptions options = Good();
  options.trust_anchors.pems = {OtherRootIdentity().CertificatePem()};
  options.credentials = {pkcs12};
  EXPECT_EQ(Create(options).value()->facts().trust_anchor_count, 1);
  pkcs12.trust_certificates = true;
  options.credentials = {pkcs12};
  EXPECT_EQ(Create(options).value()->facts().trust_anchor_count, 3);
}

TEST_F(SecureContextTest, OutlivesTheAuthorityThatServedIt) {
  std::shared_ptr<const SecureContext> server;
  std::shared_ptr<const SecureContext> client;
  {
    DevelopmentAuthority authority;
    SecureContextOptions options;
    options.trust_anchors.development = true;
    client = SecureContext::Create(options, authority, absl::Now()).value();
    options.credentials = {DevelopmentCredentials{}};
    server = SecureContext::Create(options, authority, absl::Now()).value();
  }

  ::tlsd::testing::EnginePair pair(client, server);
  pair.Pump();

  EXPECT_TRUE(pair.client().handshake.value().authorized);
}

TEST_F(SecureContextTest, ShowsNoSecretInErrors) {
  SecureContextOptions options = Good();
  auto& pem = std::get<PemCredentials>(options.credentials[0]);
  pem.private_key = ServerIdentity().EncryptedKeyPem("secret");
  pem.passphrase = "hunter2";
  const std::string text = Create(options).status().ToString();
  EXPECT_THAT(text, Not(HasSubstr("hunter2")));
  EXPECT_THAT(text, Not(HasSubstr(pem.private_key.substr(50, 20))));
}

}  // namespace
}  // namespace tlsd::tls
