#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "client/convert.h"
#include "tests/unit/client/parse_text.h"

namespace tlsd::client {
namespace {

using ::testing::ElementsAre;
using testing::Parse;

TEST(ConvertCertificateTest, ReadsACertificate) {
  const CertificateFacts facts = FromProto(Parse<v1::Certificate>(R"pb(
    subject: "CN=p"
    issuer: "CN=i"
    subject_alternative_names: "DNS:a.test"
    not_before_time { seconds: 1 }
    not_after_time { seconds: 2 }
    serial_number: "0A"
    sha256_fingerprint: "F2"
    public_key: "EC P-256"
    der: "D"
    subject_attributes { type: "O" value: "Example" }
    subject_attributes { type: "CN" value: "p" }
    issuer_attributes { type: "CN" value: "i" }
    valid_from: "from"
    valid_to: "to"
    sha1_fingerprint: "F1"
    sha512_fingerprint: "F5"
    public_key_type: "EC"
    public_key_bits: 256
    curve: "P-256"
    asn1_curve: "prime256v1"
    modulus: "M"
    exponent: "0x10001"
    public_key_der: "K"
    public_key_pin: "PIN"
    key_usages: "digitalSignature"
    extended_key_usages: "serverAuth"
    extended_key_usage_oids: "1.3"
    is_authority: true
    signature_algorithm: "ecdsa-with-SHA256"
    ocsp_urls: "u1"
    issuer_urls: "u2"
    revocation_list_urls: "u3"
  )pb"));

  EXPECT_EQ(facts.subject, "CN=p");
  EXPECT_EQ(facts.issuer, "CN=i");
  EXPECT_THAT(facts.subject_alternative_names, ElementsAre("DNS:a.test"));
  EXPECT_EQ(facts.not_before_time, absl::FromUnixSeconds(1));
  EXPECT_EQ(facts.not_after_time, absl::FromUnixSeconds(2));
  EXPECT_EQ(facts.serial_number, "0A");
  EXPECT_EQ(facts.sha256_fingerprint, "F2");
  EXPECT_EQ(facts.public_key, "EC P-256");
  EXPECT_EQ(facts.der, "D");
  ASSERT_EQ(facts.subject_attributes.size(), 2u);
  EXPECT_EQ(facts.subject_attributes[0].type, "O");
  EXPECT_EQ(facts.subject_attributes[0].value, "Example");
  ASSERT_EQ(facts.issuer_attributes.size(), 1u);
  EXPECT_EQ(facts.issuer_attributes[0].value, "i");
  EXPECT_EQ(facts.valid_from, "from");
  EXPECT_EQ(facts.valid_to, "to");
  EXPECT_EQ(facts.sha1_fingerprint, "F1");
  EXPECT_EQ(facts.sha512_fingerprint, "F5");
  EXPECT_EQ(facts.public_key_type, "EC");
  EXPECT_EQ(facts.public_key_bits, 256);
  EXPECT_EQ(facts.curve, "P-256");
  EXPECT_EQ(facts.asn1_curve, "prime256v1");
  EXPECT_EQ(facts.modulus, "M");
  EXPECT_EQ(facts.exponent, "0x10001");
  EXPECT_EQ(facts.public_key_der, "K");
  EXPECT_EQ(facts.public_key_pin, "PIN");
  EXPECT_THAT(facts.key_usages, ElementsAre("digitalSignature"));
  EXPECT_THAT(facts.extended_key_usages, ElementsAre("serverAuth"));
  EXPECT_THAT(facts.extended_key_usage_oids, ElementsAre("1.3"));
  EXPECT_TRUE(facts.is_authority);
  EXPECT_EQ(facts.signature_algorithm, "ecdsa-with-SHA256");
  EXPECT_THAT(facts.ocsp_urls, ElementsAre("u1"));
  EXPECT_THAT(facts.issuer_urls, ElementsAre("u2"));
  EXPECT_THAT(facts.revocation_list_urls, ElementsAre("u3"));
}

// A field that the contract gets and the facts do not would go unseen.
TEST(ConvertCertificateTest, KnowsEveryFieldOfACertificate) {
  EXPECT_EQ(v1::Certificate::descriptor()->field_count(), 31);
}

TEST(ConvertCertificateTest, ReadsWhatIsUnsetAsAbsent) {
  const CertificateFacts facts = FromProto(v1::Certificate());

  EXPECT_FALSE(facts.not_before_time.has_value());
  EXPECT_FALSE(facts.not_after_time.has_value());
  EXPECT_FALSE(facts.is_authority);
}

TEST(ConvertCertificateTest, ReadsWhatAPeerHasShown) {
  const PeerCertificateFacts facts =
      FromProto(Parse<v1::GetPeerCertificateResponse>(R"pb(
        certificate { subject: "CN=leaf" }
        chain { subject: "CN=leaf" }
        chain { subject: "CN=root" }
        sent { subject: "CN=leaf" }
      )pb"));

  ASSERT_TRUE(facts.certificate.has_value());
  EXPECT_EQ(facts.certificate->subject, "CN=leaf");
  ASSERT_EQ(facts.chain.size(), 2u);
  EXPECT_EQ(facts.chain[1].subject, "CN=root");
  ASSERT_EQ(facts.sent.size(), 1u);
  EXPECT_FALSE(
      FromProto(v1::GetPeerCertificateResponse()).certificate.has_value());
}

TEST(ConvertCertificateTest, WritesPemAndDerIntoFieldsOfTheirOwn) {
  v1::ParseCertificateRequest parse;
  SetSource(Pem{"text"}, parse);
  EXPECT_EQ(parse.pem(), "text");
  EXPECT_FALSE(parse.has_der());
  v1::CheckServerIdentityRequest check;
  SetSource(Der{"bytes"}, check);
  EXPECT_EQ(check.der(), "bytes");
  EXPECT_FALSE(check.has_pem());
}

TEST(ConvertCertificateTest, ReadsWhetherACertificateIsForAName) {
  const ServerIdentityFacts facts =
      FromProto(Parse<v1::CheckServerIdentityResponse>(R"pb(
        matches: false
        error: "HOSTNAME_MISMATCH"
        message: "m"
        subject_alternative_names: "DNS:a"
      )pb"));

  EXPECT_FALSE(facts.matches);
  EXPECT_EQ(facts.error, "HOSTNAME_MISMATCH");
  EXPECT_EQ(facts.message, "m");
  EXPECT_THAT(facts.subject_alternative_names, ElementsAre("DNS:a"));
  v1::CheckServerIdentityResponse good;
  good.set_matches(true);
  EXPECT_TRUE(FromProto(good).matches);
}

TEST(ConvertCertificateTest, ReadsAnOwnCertificate) {
  const OwnCertificateFacts facts = FromProto(Parse<v1::OwnCertificate>(R"pb(
    secure_context: "secureContexts/s"
    credentials_index: 3
    certificate { subject: "CN=s" }
    time_left { seconds: 60 }
  )pb"));

  EXPECT_EQ(facts.secure_context, "secureContexts/s");
  EXPECT_EQ(facts.credentials_index, 3);
  EXPECT_EQ(facts.certificate.subject, "CN=s");
  EXPECT_EQ(facts.time_left, absl::Minutes(1));
}

TEST(ConvertCertificateTest, ReadsAnOcspResponse) {
  const OcspResponseFacts facts = FromProto(Parse<v1::OcspResponse>(R"pb(
    der: "D"
    response_status: "successful"
    certificate_status: "revoked"
    serial_number: "0A"
    produced_time { seconds: 1 }
    this_update_time { seconds: 2 }
    next_update_time { seconds: 3 }
    revocation_time { seconds: 4 }
  )pb"));

  EXPECT_EQ(facts.der, "D");
  EXPECT_EQ(facts.response_status, "successful");
  EXPECT_EQ(facts.certificate_status, "revoked");
  EXPECT_EQ(facts.serial_number, "0A");
  EXPECT_EQ(facts.produced_time, absl::FromUnixSeconds(1));
  EXPECT_EQ(facts.this_update_time, absl::FromUnixSeconds(2));
  EXPECT_EQ(facts.next_update_time, absl::FromUnixSeconds(3));
  EXPECT_EQ(facts.revocation_time, absl::FromUnixSeconds(4));
  EXPECT_FALSE(FromProto(v1::OcspResponse()).next_update_time.has_value());
}

}  // namespace
}  // namespace tlsd::client
