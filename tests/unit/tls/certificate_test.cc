#include "server/tls/certificate.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/utf8.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"

namespace tlsd::tls {
namespace {

using ::testing::ElementsAre;
using ::testing::MatchesRegex;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IdentitySpec;
using ::tlsd::testing::IntermediateIdentity;
using ::tlsd::testing::KeyKind;
using ::tlsd::testing::RootIdentity;
using ::tlsd::testing::ServerIdentity;
using ::tlsd::testing::TestIdentity;

TEST(CertificateTest, DescribesACertificate) {
  const CertificateFacts facts =
      DescribeCertificate(ServerIdentity().certificate());
  EXPECT_EQ(facts.subject, "CN=localhost");
  EXPECT_EQ(facts.issuer, "CN=tlsd test intermediate");
  EXPECT_THAT(facts.subject_alternative_names,
              ElementsAre("DNS:localhost", "IP:127.0.0.1", "IP:::1"));
  EXPECT_LT(facts.not_before, absl::Now());
  EXPECT_GT(facts.not_after, absl::Now());
  EXPECT_EQ(facts.not_after - facts.not_before, absl::Hours(25));
  EXPECT_THAT(facts.serial_number, MatchesRegex("([0-9A-F][0-9A-F])+"));
  EXPECT_THAT(facts.sha256_fingerprint,
              MatchesRegex("([0-9A-F][0-9A-F]:)+[0-9A-F][0-9A-F]"));
  EXPECT_EQ(facts.sha256_fingerprint.size(), 32u * 3 - 1);
  EXPECT_EQ(facts.public_key, "EC P-256");
  EXPECT_EQ(facts.der.substr(0, 1), "\x30");
}

TEST(CertificateTest, NamesEveryKindOfKey) {
  const std::pair<KeyKind, const char*> rows[] = {
      {KeyKind::kP384, "EC P-384"},
      {KeyKind::kP521, "EC P-521"},
      {KeyKind::kEd25519, "Ed25519"},
      {KeyKind::kRsa2048, "RSA 2048"},
  };
  for (const auto& [kind, name] : rows) {
    IdentitySpec spec;
    spec.key = kind;
    const TestIdentity identity = RootIdentity().Issue(spec);
    EXPECT_EQ(DescribeCertificate(identity.certificate()).public_key, name);
  }
}

TEST(CertificateTest, EscapesWhatCouldPassForMore) {
  IdentitySpec spec;
  spec.common_name = "a, O=Example\n\xc3\xbc";
  const CertificateFacts facts =
      DescribeCertificate(RootIdentity().Issue(spec).certificate());
  EXPECT_EQ(facts.subject, "CN=a\\, O=Example\\0A\xc3\xbc");
  EXPECT_TRUE(base::IsValidUtf8(facts.subject));
}

TEST(CertificateTest, ReadsCertificatesInTheirOrder) {
  ASSERT_OK_AND_ASSIGN(
      const auto certificates,
      ReadCertificates("pems[0]", absl::StrCat("Subject: a comment\r\n",
                                               ServerIdentity().ChainPem(),
                                               "trailing words")));
  ASSERT_EQ(certificates.size(), 2u);
  EXPECT_EQ(DescribeCertificate(certificates[0].get()).subject, "CN=localhost");
  EXPECT_EQ(DescribeCertificate(certificates[1].get()).subject,
            "CN=tlsd test intermediate");
}

TEST(CertificateTest, RefusesACertificateThatIsCutOffAnywhere) {
  const std::string first = IntermediateIdentity().CertificatePem();
  const std::string second = ServerIdentity().CertificatePem();
  for (size_t size = 30; size + 10 < second.size(); ++size) {
    EXPECT_THAT(ReadCertificates("f", first + second.substr(0, size)),
                FailsWith(Reason::kPemInvalid, "f"))
        << size;
  }
}

TEST(CertificateTest, RefusesAnythingElse) {
  EXPECT_THAT(ReadCertificates("f", ""), FailsWith(Reason::kPemInvalid, "f"));
  EXPECT_THAT(ReadCertificates("f", ServerIdentity().KeyPem()),
              FailsWith(Reason::kPemInvalid, "f"));
  EXPECT_THAT(ReadCertificates("f", ServerIdentity().CertificatePem() +
                                        ServerIdentity().KeyPem()),
              FailsWith(Reason::kPemInvalid, "f"));
}

TEST(CertificateTest, TakesNoByteBehindTheCertificate) {
  EXPECT_THAT(ReadCertificates("f",
                               "-----BEGIN CERTIFICATE-----\n"
                               "MAAAAA==\n-----END CERTIFICATE-----\n"),
              FailsWith(Reason::kPemInvalid, "f"));
}

}  // namespace
}  // namespace tlsd::tls
