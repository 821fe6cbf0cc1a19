#include "server/tls/certificate.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/utf8.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/subprocess.h"
#include "tests/testing/test_identities.h"

namespace tlsd::tls {
namespace {

using ::testing::ElementsAre;
using ::testing::MatchesRegex;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IdentitySpec;
using ::tlsd::testing::IntermediateIdentity;
using ::tlsd::testing::IsOk;
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

// What `openssl x509` prints of `identity` for `options`.
std::string OpenSslSays(const TestIdentity& identity,
                        const std::vector<std::string>& options) {
  std::vector<std::string> command = {"openssl", "x509", "-noout"};
  command.insert(command.end(), options.begin(), options.end());
  const auto result =
      ::tlsd::testing::RunCommand(command, identity.CertificatePem());
  EXPECT_THAT(result, IsOk());
  if (!result.ok()) return "";
  EXPECT_EQ(result->exit_code, 0) << result->error_output;
  return std::string(absl::StripSuffix(result->output, "\n"));
}

TEST(CertificateTest, SaysTheSameAsOpenSsl) {
  const std::vector<std::string> name_options = {
      "-nameopt", "esc_2253,esc_ctrl,utf8,sname,sep_comma_plus_space"};
  for (const KeyKind kind :
       {KeyKind::kP256, KeyKind::kRsa2048, KeyKind::kEd25519}) {
    IdentitySpec spec;
    spec.key = kind;
    spec.subject = {{"C", "DE"}, {"O", "Example, Inc"}, {"CN", "a\xc3\xbc"}};
    const TestIdentity identity = TestIdentity::SelfSigned(spec);

    const CertificateFacts facts = DescribeCertificate(identity.certificate());

    EXPECT_EQ(
        OpenSslSays(identity, {"-subject", name_options[0], name_options[1]}),
        "subject=" + facts.subject);
    EXPECT_EQ(
        OpenSslSays(identity, {"-issuer", name_options[0], name_options[1]}),
        "issuer=" + facts.issuer);
    EXPECT_EQ(OpenSslSays(identity, {"-serial"}),
              "serial=" + facts.serial_number);
    EXPECT_EQ(OpenSslSays(identity, {"-dates"}),
              absl::StrCat("notBefore=", facts.valid_from,
                           "\nnotAfter=", facts.valid_to));
    for (const auto& [algorithm, fingerprint] :
         {std::pair{"sha1", facts.sha1_fingerprint},
          std::pair{"sha256", facts.sha256_fingerprint},
          std::pair{"sha512", facts.sha512_fingerprint}}) {
      EXPECT_EQ(
          OpenSslSays(identity, {"-fingerprint", absl::StrCat("-", algorithm)}),
          absl::StrCat(algorithm, " Fingerprint=", fingerprint));
    }
  }
}

TEST(CertificateTest, NamesTheSignatureAlgorithm) {
  EXPECT_EQ(
      DescribeCertificate(ServerIdentity().certificate()).signature_algorithm,
      "ecdsa-with-SHA256");
  for (const auto& [kind, name] : {std::pair{KeyKind::kRsa2048, "RSA-SHA256"},
                                   std::pair{KeyKind::kEd25519, "ED25519"}}) {
    IdentitySpec spec;
    spec.key = kind;
    EXPECT_EQ(DescribeCertificate(TestIdentity::SelfSigned(spec).certificate())
                  .signature_algorithm,
              name);
  }
}

// The algorithm's identifier stands there twice; both are exchanged.
TEST(CertificateTest, GivesTheIdentifierOfAnAlgorithmThatHasNoName) {
  const std::string known("\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", 10);
  const std::string unknown("\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x7f", 10);
  const std::string der = absl::StrReplaceAll(
      DescribeCertificate(ServerIdentity().certificate()).der,
      {{known, unknown}});

  ASSERT_OK_AND_ASSIGN(const auto certificate, ReadCertificate("f", der));

  EXPECT_EQ(DescribeCertificate(certificate.get()).signature_algorithm,
            "1.2.840.10045.4.3.127");
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

TEST(CertificateTest, ReadsDerAndGivesItBack) {
  const std::string der =
      DescribeCertificate(ServerIdentity().certificate()).der;

  ASSERT_OK_AND_ASSIGN(const auto certificate, ReadCertificate("f", der));

  EXPECT_EQ(EncodeDer(certificate.get()), der);
  EXPECT_EQ(DescribeCertificate(certificate.get()).subject, "CN=localhost");
}

TEST(CertificateTest, RefusesDerThatIsCutOffAnywhere) {
  const std::string der =
      DescribeCertificate(ServerIdentity().certificate()).der;
  for (size_t size = 0; size < der.size(); ++size) {
    EXPECT_THAT(ReadCertificate("f", der.substr(0, size)),
                FailsWith(Reason::kPemInvalid, "f"))
        << size;
  }
}

TEST(CertificateTest, RefusesDerWithMoreBehindIt) {
  const std::string der =
      DescribeCertificate(ServerIdentity().certificate()).der;
  EXPECT_THAT(ReadCertificate("f", der + '\0'),
              FailsWith(Reason::kPemInvalid, "f"));
  EXPECT_THAT(ReadCertificate("f", der + der),
              FailsWith(Reason::kPemInvalid, "f"));
  EXPECT_THAT(ReadCertificate("f", ServerIdentity().CertificatePem()),
              FailsWith(Reason::kPemInvalid, "f"));
}

// Every byte is altered in turn: what can still be read is given back as it
// was, and has text that can be told.
TEST(CertificateTest, TellsOnlyTextWhateverItReads) {
  IdentitySpec spec;
  spec.subject = {{"O", "\xc3\xbc"}, {"CN", "garbage", V_ASN1_T61STRING}};
  spec.alternative_names = {"DNS:a.example", "URI:http://a", "email:a@b",
                            "RID:1.2.3"};
  spec.extensions = {
      {"authorityInfoAccess", "OCSP;URI:http://o,caIssuers;URI:http://i"},
      {"crlDistributionPoints", "URI:http://c"}};
  const std::string der =
      DescribeCertificate(RootIdentity().Issue(spec).certificate()).der;
  int read_count = 0;

  for (size_t i = 0; i < der.size(); ++i) {
    for (const char flip : {'\x01', '\x10', '\x80', '\xff'}) {
      std::string altered = der;
      altered[i] ^= flip;
      const auto certificate = ReadCertificate("f", altered);
      if (!certificate.ok()) continue;
      ++read_count;
      const CertificateFacts facts = DescribeCertificate(certificate->get());
      // Else the fingerprints would be those of another certificate.
      EXPECT_EQ(facts.der, altered) << i;
      std::vector<std::string> texts = {
          facts.subject,         facts.issuer,     facts.valid_from,
          facts.valid_to,        facts.curve,      facts.asn1_curve,
          facts.public_key_type, facts.public_key, facts.signature_algorithm};
      for (const auto* list :
           {&facts.subject_alternative_names, &facts.extended_key_usages,
            &facts.ocsp_urls, &facts.issuer_urls,
            &facts.revocation_list_urls}) {
        texts.insert(texts.end(), list->begin(), list->end());
      }
      for (const NameAttribute& attribute : facts.subject_attributes) {
        texts.push_back(attribute.type);
        texts.push_back(attribute.value);
      }
      for (const std::string& text : texts) {
        EXPECT_TRUE(base::IsValidUtf8(text)) << i;
        EXPECT_EQ(text.find('\0'), std::string::npos) << i;
      }
    }
  }

  EXPECT_GT(read_count, 100);
}

}  // namespace
}  // namespace tlsd::tls
