#include "server/tls/public_key_facts.h"

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/certificate.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/subprocess.h"
#include "tests/testing/test_identities.h"

namespace tlsd::tls {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::tlsd::testing::IdentitySpec;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::KeyKind;
using ::tlsd::testing::RootIdentity;
using ::tlsd::testing::RunCommand;
using ::tlsd::testing::TestIdentity;

CertificateFacts Describe(X509* certificate) {
  CertificateFacts facts;
  DescribePublicKey(certificate, facts);
  return facts;
}

TestIdentity WithKey(KeyKind kind) {
  IdentitySpec spec;
  spec.key = kind;
  return RootIdentity().Issue(spec);
}

// OutputOf returns what `command` prints.
std::string OutputOf(const std::vector<std::string>& command,
                     const std::string& input) {
  const auto result = RunCommand(command, input);
  EXPECT_THAT(result, IsOk());
  if (!result.ok()) return "";
  EXPECT_EQ(result->exit_code, 0) << result->error_output;
  return result->output;
}

struct KindRow {
  KeyKind kind;
  const char* key;
  const char* type;
  int bits;
  const char* curve;
  const char* asn1_curve;
};

TEST(PublicKeyFactsTest, TellsKindsOfKeysApart) {
  const KindRow rows[] = {
      {KeyKind::kP224, "EC P-224", "EC", 224, "P-224", "secp224r1"},
      {KeyKind::kP256, "EC P-256", "EC", 256, "P-256", "prime256v1"},
      {KeyKind::kP384, "EC P-384", "EC", 384, "P-384", "secp384r1"},
      {KeyKind::kP521, "EC P-521", "EC", 521, "P-521", "secp521r1"},
      {KeyKind::kRsa1024, "RSA 1024", "RSA", 1024, "", ""},
      {KeyKind::kRsa2048, "RSA 2048", "RSA", 2048, "", ""},
      {KeyKind::kRsaHuge, "RSA 9216", "RSA", 9216, "", ""},
      // OpenSSL counts the bits of the secret: 253.
      {KeyKind::kEd25519, "Ed25519", "Ed25519", 253, "", ""},
  };
  for (const KindRow& row : rows) {
    const CertificateFacts facts = Describe(WithKey(row.kind).certificate());
    EXPECT_EQ(facts.public_key, row.key);
    EXPECT_EQ(facts.public_key_type, row.type) << row.key;
    EXPECT_EQ(facts.public_key_bits, row.bits) << row.key;
    EXPECT_EQ(facts.curve, row.curve) << row.key;
    EXPECT_EQ(facts.asn1_curve, row.asn1_curve) << row.key;
    EXPECT_EQ(facts.modulus.empty(), facts.public_key_type != "RSA");
    EXPECT_EQ(facts.exponent.empty(), facts.public_key_type != "RSA");
  }
}

TEST(PublicKeyFactsTest, SaysTheSameOfRsaAsOpenSsl) {
  const TestIdentity identity = WithKey(KeyKind::kRsa2048);

  const CertificateFacts facts = Describe(identity.certificate());

  EXPECT_EQ(OutputOf({"openssl", "x509", "-noout", "-modulus"},
                     identity.CertificatePem()),
            absl::StrCat("Modulus=", facts.modulus, "\n"));
  EXPECT_THAT(facts.modulus, MatchesRegex("[0-9A-F]+"));
  EXPECT_EQ(facts.modulus.size(), 512u);
  EXPECT_EQ(facts.exponent, "0x10001");
}

TEST(PublicKeyFactsTest, SaysTheSameOfCurvesAsOpenSsl) {
  for (const KeyKind kind :
       {KeyKind::kP224, KeyKind::kP256, KeyKind::kP384, KeyKind::kP521}) {
    const TestIdentity identity = WithKey(kind);

    const CertificateFacts facts = Describe(identity.certificate());

    const std::string text = OutputOf({"openssl", "x509", "-noout", "-text"},
                                      identity.CertificatePem());
    EXPECT_THAT(text, HasSubstr("ASN1 OID: " + facts.asn1_curve + "\n"));
    EXPECT_THAT(text, HasSubstr("NIST CURVE: " + facts.curve + "\n"));
    EXPECT_THAT(text,
                HasSubstr(absl::StrCat("(", facts.public_key_bits, " bit)")));
  }
}

// As the HPKP header and curl's --pinnedpubkey count it.
TEST(PublicKeyFactsTest, PinsTheKeyAndNothingElse) {
  for (const KeyKind kind :
       {KeyKind::kP256, KeyKind::kRsa2048, KeyKind::kEd25519}) {
    const TestIdentity identity = WithKey(kind);

    const CertificateFacts facts = Describe(identity.certificate());

    const std::string key = OutputOf({"openssl", "x509", "-noout", "-pubkey"},
                                     identity.CertificatePem());
    EXPECT_EQ(facts.public_key_der,
              OutputOf({"openssl", "pkey", "-pubin", "-outform", "DER"}, key));
    EXPECT_EQ(
        facts.public_key_pin,
        absl::Base64Escape(OutputOf({"openssl", "dgst", "-sha256", "-binary"},
                                    facts.public_key_der)));
  }
  IdentitySpec other_name;
  other_name.common_name = "another";
  EXPECT_EQ(
      Describe(RootIdentity().Issue(other_name).certificate()).public_key_pin,
      Describe(RootIdentity().Issue(IdentitySpec()).certificate())
          .public_key_pin);
  IdentitySpec other_key;
  other_key.key_index = 77;
  EXPECT_NE(
      Describe(RootIdentity().Issue(other_key).certificate()).public_key_pin,
      Describe(RootIdentity().Issue(IdentitySpec()).certificate())
          .public_key_pin);
}

struct UnknownRow {
  // Behind -newkey.
  std::vector<std::string> options;
  const char* key;
  const char* type;
  const char* asn1_curve;
};

TEST(PublicKeyFactsTest, TellsWhatCanBeToldOfKeysItCannotRead) {
  const UnknownRow rows[] = {
      {{"ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"},
       "EC secp256k1",
       "EC",
       "secp256k1"},
      {{"ec", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1"},
       "EC brainpoolP256r1",
       "EC",
       "brainpoolP256r1"},
      {{"ec", "-pkeyopt", "ec_paramgen_curve:secp256k1", "-pkeyopt",
        "ec_param_enc:explicit"},
       "EC",
       "EC",
       ""},
      {{"ed448"}, "ED448", "ED448", ""},
      {{"rsa-pss"}, "RSASSA-PSS", "RSASSA-PSS", ""},
  };
  for (const UnknownRow& row : rows) {
    std::vector<std::string> command = {"openssl", "req",       "-x509",
                                        "-subj",   "/CN=a",     "-nodes",
                                        "-keyout", "/dev/null", "-newkey"};
    command.insert(command.end(), row.options.begin(), row.options.end());
    const std::string pem = OutputOf(command, "");
    ASSERT_OK_AND_ASSIGN(const auto certificates, ReadCertificates("f", pem));

    const CertificateFacts facts =
        DescribeCertificate(certificates.front().get());

    EXPECT_EQ(facts.public_key, row.key);
    EXPECT_EQ(facts.public_key_type, row.type);
    EXPECT_EQ(facts.public_key_bits, 0);
    EXPECT_EQ(facts.curve, "");
    EXPECT_EQ(facts.asn1_curve, row.asn1_curve);
    EXPECT_EQ(facts.modulus, "");
    EXPECT_NE(facts.public_key_der, "");
    EXPECT_EQ(facts.subject, "CN=a");
  }
}

}  // namespace
}  // namespace tlsd::tls
