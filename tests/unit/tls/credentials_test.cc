#include "server/tls/credentials.h"

#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/certificate.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/testing/test_pkcs12.h"

namespace tlsd::tls {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;
using ::tlsd::testing::ExpiredServerIdentity;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IdentitySpec;
using ::tlsd::testing::IntermediateIdentity;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::KeyKind;
using ::tlsd::testing::MetadataOf;
using ::tlsd::testing::NotYetValidServerIdentity;
using ::tlsd::testing::OtherRootIdentity;
using ::tlsd::testing::PairInPkcs12;
using ::tlsd::testing::Pkcs12Spec;
using ::tlsd::testing::RootIdentity;
using ::tlsd::testing::RsaServerIdentity;
using ::tlsd::testing::SelfSignedIdentity;
using ::tlsd::testing::ServerIdentity;
using ::tlsd::testing::TestIdentity;
using ::tlsd::testing::WritePkcs12;

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

TEST(CredentialsTest, RefusesEcCertificatesThatMayNotSign) {
  IdentitySpec spec;
  spec.key_usage = "critical,keyAgreement";
  const TestIdentity agreeing = IntermediateIdentity().Issue(spec);
  EXPECT_THAT(ParseCredentials(agreeing.Credentials(), absl::Now()),
              FailsWith(Reason::kKeyUnsupported, "certificate_chain"));
  EXPECT_THAT(ParseCredentials(RootIdentity().Credentials(), absl::Now()),
              FailsWith(Reason::kKeyUnsupported, "certificate_chain"));
  // Without the extension a key may do anything; one of RSA may decrypt.
  spec.key_usage = "";
  EXPECT_THAT(ParseCredentials(IntermediateIdentity().Issue(spec).Credentials(),
                               absl::Now()),
              IsOk());
  spec.key_usage = "critical,keyEncipherment";
  spec.key = KeyKind::kRsa2048;
  EXPECT_THAT(ParseCredentials(IntermediateIdentity().Issue(spec).Credentials(),
                               absl::Now()),
              IsOk());
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
  // Without the root: what the authority at 9 issues has 10 certificates.
  EXPECT_THAT(ParseCredentials(line[9].Issue({}).Credentials(), absl::Now()),
              IsOk());
  EXPECT_THAT(ParseCredentials(line[10].Issue({}).Credentials(), absl::Now()),
              FailsWith(Reason::kFieldInvalid, "certificate_chain"));
  EXPECT_THAT(ParseCredentials(Pair(std::string(100 * 1024 + 1, 'x'),
                                    ServerIdentity().KeyPem()),
                               absl::Now()),
              FailsWith(Reason::kFieldInvalid, "certificate_chain"));
}

constexpr char kPassphrase[] = "open-sesame";

Pkcs12Credentials InPkcs12(const std::string& certificates,
                           const std::string& key) {
  Pkcs12Spec spec;
  spec.certificates = certificates;
  spec.private_key = key;
  spec.passphrase = kPassphrase;
  Pkcs12Credentials credentials;
  credentials.pfx = WritePkcs12(spec);
  credentials.passphrase = kPassphrase;
  return credentials;
}

std::vector<std::string> SubjectsOf(
    const std::vector<bssl::UniquePtr<X509>>& certificates) {
  std::vector<std::string> subjects;
  for (const bssl::UniquePtr<X509>& certificate : certificates) {
    subjects.push_back(DescribeCertificate(certificate.get()).subject);
  }
  return subjects;
}

TEST(CredentialsTest, PutsTheCertificatesOfPkcs12InOrder) {
  const std::string leaf = ServerIdentity().CertificatePem();
  const std::string intermediate = IntermediateIdentity().CertificatePem();
  const std::string root = RootIdentity().CertificatePem();
  for (const std::string& order :
       {leaf + intermediate + root, root + intermediate + leaf,
        intermediate + root + leaf}) {
    ASSERT_OK_AND_ASSIGN(
        const Credentials credentials,
        ParseCredentials(InPkcs12(order, ServerIdentity().KeyPem()),
                         absl::Now()));
    EXPECT_THAT(SubjectsOf(credentials.chain),
                ElementsAre("CN=localhost", "CN=tlsd test intermediate",
                            "CN=tlsd test root"));
    EXPECT_TRUE(credentials.trusted.empty());
  }
}

TEST(CredentialsTest, LeavesOutOfTheChainWhatIsNotOfIt) {
  ASSERT_OK_AND_ASSIGN(
      const Credentials credentials,
      ParseCredentials(InPkcs12(OtherRootIdentity().CertificatePem() +
                                    ServerIdentity().CertificatePem() +
                                    RootIdentity().CertificatePem(),
                                ServerIdentity().KeyPem()),
                       absl::Now()));
  EXPECT_THAT(SubjectsOf(credentials.chain), ElementsAre("CN=localhost"));
}

TEST(CredentialsTest, TrustsTheOtherCertificatesOfPkcs12IfTold) {
  Pkcs12Credentials options = InPkcs12(
      ServerIdentity().ChainPem() + OtherRootIdentity().CertificatePem(),
      ServerIdentity().KeyPem());
  options.trust_certificates = true;
  ASSERT_OK_AND_ASSIGN(const Credentials credentials,
                       ParseCredentials(options, absl::Now()));
  EXPECT_THAT(SubjectsOf(credentials.trusted),
              UnorderedElementsAre("CN=tlsd test intermediate",
                                   "CN=tlsd other test root"));
  EXPECT_EQ(credentials.chain.size(), 2u);
}

TEST(CredentialsTest, NoticesPkcs12WithTheKeyOfAnother) {
  Pkcs12Credentials options;
  options.pfx = PairInPkcs12(SelfSignedIdentity().key(),
                             ServerIdentity().certificate(), kPassphrase);
  options.passphrase = kPassphrase;
  EXPECT_THAT(ParseCredentials(options, absl::Now()),
              FailsWith(Reason::kKeyMismatch, "pfx"));
}

TEST(CredentialsTest, ChecksPkcs12AsItChecksPem) {
  Pkcs12Credentials options = InPkcs12(ExpiredServerIdentity().ChainPem(),
                                       ExpiredServerIdentity().KeyPem());
  EXPECT_THAT(ParseCredentials(options, absl::Now()),
              FailsWith(Reason::kCertificateExpired, "pfx"));
  options.allow_outside_validity = true;
  EXPECT_THAT(ParseCredentials(options, absl::Now()), IsOk());
  EXPECT_THAT(ParseCredentials(InPkcs12(NotYetValidServerIdentity().ChainPem(),
                                        NotYetValidServerIdentity().KeyPem()),
                               absl::Now()),
              FailsWith(Reason::kCertificateNotYetValid, "pfx"));
  EXPECT_THAT(ParseCredentials(InPkcs12(RootIdentity().CertificatePem(),
                                        RootIdentity().KeyPem()),
                               absl::Now()),
              FailsWith(Reason::kKeyUnsupported, "pfx"));
  options.passphrase = "";
  EXPECT_THAT(ParseCredentials(options, absl::Now()),
              FailsWith(Reason::kPassphraseRequired, "passphrase"));
}

TEST(CredentialsTest, NamesTheSourceInFields) {
  DevelopmentAuthority authority;
  PemCredentials pem = ServerIdentity().Credentials();
  pem.private_key = "";
  EXPECT_THAT(MakeCredentials(pem, authority, absl::Now()),
              FailsWith(Reason::kFieldRequired, "pem.private_key"));
  EXPECT_THAT(MakeCredentials(Pkcs12Credentials{}, authority, absl::Now()),
              FailsWith(Reason::kFieldRequired, "pkcs12.pfx"));
  EXPECT_THAT(
      MakeCredentials(DevelopmentCredentials{{"ok.test", "not ok"}}, authority,
                      absl::Now()),
      FailsWith(Reason::kServerNameInvalid, "development.server_names[1]"));
  EXPECT_THAT(MakeCredentials(DevelopmentCredentials{}, authority, absl::Now()),
              IsOk());
}

}  // namespace
}  // namespace tlsd::tls
