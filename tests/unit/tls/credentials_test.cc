#include "server/tls/credentials.h"

#include <string>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"

namespace tlsd::tls {
namespace {

using ::testing::HasSubstr;
using ::tlsd::testing::ExpiredServerIdentity;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IdentitySpec;
using ::tlsd::testing::IntermediateIdentity;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::KeyKind;
using ::tlsd::testing::MetadataOf;
using ::tlsd::testing::NotYetValidServerIdentity;
using ::tlsd::testing::RootIdentity;
using ::tlsd::testing::RsaServerIdentity;
using ::tlsd::testing::SelfSignedIdentity;
using ::tlsd::testing::ServerIdentity;
using ::tlsd::testing::TestIdentity;

PemCredentials Pair(const std::string& chain, const std::string& key) {
  PemCredentials credentials;
  credentials.certificate_chain = chain;
  credentials.private_key = key;
  return credentials;
}

TEST(CredentialsTest, TakesAChainWithItsKey) {
  ASSERT_OK_AND_ASSIGN(
      const Credentials credentials,
      ParseCredentials(ServerIdentity().Credentials(), absl::Now()));
  EXPECT_EQ(credentials.chain.size(), 2u);
  EXPECT_NE(credentials.key, nullptr);
}

TEST(CredentialsTest, TakesAChainWithItsRootAndASelfSignedCertificate) {
  EXPECT_THAT(ParseCredentials(Pair(ServerIdentity().ChainPem() +
                                        RootIdentity().CertificatePem(),
                                    ServerIdentity().KeyPem()),
                               absl::Now()),
              IsOk());
  EXPECT_THAT(ParseCredentials(SelfSignedIdentity().Credentials(), absl::Now()),
              IsOk());
}

TEST(CredentialsTest, WantsACertificate) {
  const std::string key = ServerIdentity().KeyPem();
  EXPECT_THAT(ParseCredentials(Pair("", key), absl::Now()),
              FailsWith(Reason::kFieldRequired, "certificate_chain"));
  EXPECT_THAT(ParseCredentials(Pair("text", key), absl::Now()),
              FailsWith(Reason::kPemInvalid, "certificate_chain"));
  std::string broken = ServerIdentity().CertificatePem();
  broken[100] = broken[100] == 'A' ? 'B' : 'A';
  broken[40] = '!';
  EXPECT_THAT(ParseCredentials(Pair(broken, key), absl::Now()),
              FailsWith(Reason::kPemInvalid, "certificate_chain"));
}

TEST(CredentialsTest, WantsNoKeyAmongTheCertificates) {
  EXPECT_THAT(ParseCredentials(
                  Pair(ServerIdentity().ChainPem() + ServerIdentity().KeyPem(),
                       ServerIdentity().KeyPem()),
                  absl::Now()),
              FailsWith(Reason::kPemInvalid, "certificate_chain"));
}

TEST(CredentialsTest, NoticesTheKeyOfAnother) {
  // Of the same kind, and of another.
  for (const TestIdentity* other :
       {&SelfSignedIdentity(), &RsaServerIdentity()}) {
    EXPECT_THAT(
        ParseCredentials(Pair(ServerIdentity().ChainPem(), other->KeyPem()),
                         absl::Now()),
        FailsWith(Reason::kKeyMismatch, "private_key"));
  }
}

TEST(CredentialsTest, NoticesAChainOutOfOrder) {
  const std::string key = ServerIdentity().KeyPem();
  const std::string leaf = ServerIdentity().CertificatePem();
  const std::string intermediate = IntermediateIdentity().CertificatePem();
  const std::string root = RootIdentity().CertificatePem();
  for (const std::string& chain :
       {intermediate + leaf, leaf + root + intermediate, leaf + root,
        leaf + leaf, leaf + SelfSignedIdentity().CertificatePem()}) {
    EXPECT_THAT(ParseCredentials(Pair(chain, key), absl::Now()),
                FailsWith(Reason::kChainOrderInvalid, "certificate_chain"));
  }
}

TEST(CredentialsTest, SaysWhichCertificateComesFirst) {
  const absl::Status status =
      ParseCredentials(Pair(IntermediateIdentity().CertificatePem() +
                                ServerIdentity().CertificatePem(),
                            ServerIdentity().KeyPem()),
                       absl::Now())
          .status();
  EXPECT_EQ(MetadataOf(status, "certificate"), "2");
  EXPECT_THAT(std::string(status.message()), HasSubstr("must come first"));
}

TEST(CredentialsTest, NoticesAnIssuerOfTheSameNameWithAnotherKey) {
  IdentitySpec spec;
  spec.common_name = "tlsd test intermediate";
  spec.is_authority = true;
  spec.key_index = 77;
  const TestIdentity impostor = RootIdentity().Issue(spec);
  EXPECT_THAT(ParseCredentials(Pair(ServerIdentity().CertificatePem() +
                                        impostor.CertificatePem(),
                                    ServerIdentity().KeyPem()),
                               absl::Now()),
              FailsWith(Reason::kChainOrderInvalid, "certificate_chain"));
}

TEST(CredentialsTest, ChecksTheValidityPeriod) {
  EXPECT_THAT(
      ParseCredentials(ExpiredServerIdentity().Credentials(), absl::Now()),
      FailsWith(Reason::kCertificateExpired, "certificate_chain"));
  EXPECT_THAT(
      ParseCredentials(NotYetValidServerIdentity().Credentials(), absl::Now()),
      FailsWith(Reason::kCertificateNotYetValid, "certificate_chain"));
  // It is `now` that counts, not the clock.
  EXPECT_THAT(ParseCredentials(ExpiredServerIdentity().Credentials(),
                               absl::Now() - absl::Hours(36)),
              IsOk());
}

TEST(CredentialsTest, TakesACertificateOutsideItsValidityIfTold) {
  for (const TestIdentity* identity :
       {&ExpiredServerIdentity(), &NotYetValidServerIdentity()}) {
    PemCredentials credentials = identity->Credentials();
    credentials.allow_outside_validity = true;
    EXPECT_THAT(ParseCredentials(credentials, absl::Now()), IsOk());
  }
}

TEST(CredentialsTest, RefusesCertificatesOfUnsupportedKeys) {
  IdentitySpec spec;
  spec.key = KeyKind::kRsa1024;
  EXPECT_THAT(
      ParseCredentials(Pair(IntermediateIdentity().Issue(spec).ChainPem(),
                            ServerIdentity().KeyPem()),
                       absl::Now()),
      FailsWith(Reason::kKeyUnsupported, "certificate_chain"));
}

TEST(CredentialsTest, LimitsTheChain) {
  IdentitySpec spec;
  spec.is_authority = true;
  std::vector<TestIdentity> line;
  line.push_back(TestIdentity::SelfSigned(spec));
  for (int i = 1; i < 12; ++i) {
    spec.common_name = "authority " + std::to_string(i);
    spec.key_index = 100 + i;
    line.push_back(line.back().Issue(spec));
  }
  // Without the root: the identity at 10 has 10 certificates.
  EXPECT_THAT(ParseCredentials(line[10].Credentials(), absl::Now()), IsOk());
  EXPECT_THAT(ParseCredentials(line[11].Credentials(), absl::Now()),
              FailsWith(Reason::kFieldInvalid, "certificate_chain"));
  EXPECT_THAT(ParseCredentials(Pair(std::string(100 * 1024 + 1, 'x'),
                                    ServerIdentity().KeyPem()),
                               absl::Now()),
              FailsWith(Reason::kFieldInvalid, "certificate_chain"));
}

TEST(CredentialsTest, NamesTheSourceInFields) {
  DevelopmentAuthority authority;
  PemCredentials pem = ServerIdentity().Credentials();
  pem.private_key = "";
  EXPECT_THAT(MakeCredentials(pem, authority, absl::Now()),
              FailsWith(Reason::kFieldRequired, "pem.private_key"));
  EXPECT_THAT(
      MakeCredentials(DevelopmentCredentials{{"ok.test", "not ok"}}, authority,
                      absl::Now()),
      FailsWith(Reason::kServerNameInvalid, "development.server_names[1]"));
  EXPECT_THAT(MakeCredentials(DevelopmentCredentials{}, authority, absl::Now()),
              IsOk());
}

TEST(CredentialsTest, WipesSecrets) {
  PemCredentials credentials = ServerIdentity().Credentials();
  credentials.passphrase = "secret";
  const char* key = credentials.private_key.data();
  WipeKeyMaterial(credentials);
  EXPECT_TRUE(credentials.private_key.empty());
  EXPECT_TRUE(credentials.passphrase.empty());
  EXPECT_EQ(key[0], '\0');
}

}  // namespace
}  // namespace tlsd::tls
