#include "server/tls/certificate_extensions.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/certificate.h"
#include "tests/testing/test_identities.h"

namespace tlsd::tls {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::tlsd::testing::IdentitySpec;
using ::tlsd::testing::RootIdentity;

CertificateFacts Describe(const IdentitySpec& spec) {
  CertificateFacts facts;
  DescribeExtensions(RootIdentity().Issue(spec).certificate(), facts);
  return facts;
}

// A spec of a certificate with none of the extensions that are told.
IdentitySpec Bare() {
  IdentitySpec spec;
  spec.alternative_names = {};
  spec.key_usage = "";
  spec.extended_key_usage = "";
  return spec;
}

CertificateFacts DescribeWith(const std::string& name,
                              const std::string& value) {
  IdentitySpec spec = Bare();
  spec.extensions = {{name, value}};
  return Describe(spec);
}

TEST(CertificateExtensionsTest, HasNothingToSayOfNone) {
  const CertificateFacts facts = Describe(Bare());

  EXPECT_THAT(facts.subject_alternative_names, IsEmpty());
  EXPECT_THAT(facts.key_usages, IsEmpty());
  EXPECT_THAT(facts.extended_key_usages, IsEmpty());
  EXPECT_THAT(facts.extended_key_usage_oids, IsEmpty());
  EXPECT_FALSE(facts.is_authority);
  EXPECT_THAT(facts.ocsp_urls, IsEmpty());
  EXPECT_THAT(facts.issuer_urls, IsEmpty());
  EXPECT_THAT(facts.revocation_list_urls, IsEmpty());
}

TEST(CertificateExtensionsTest, TellsAlternativeNamesOfEveryKind) {
  IdentitySpec spec = Bare();
  spec.alternative_names = {
      "DNS:www.example.com",
      "DNS:*.example.com",
      "IP:192.0.2.1",
      "IP:2001:db8::1",
      "URI:spiffe://example.com/a",
      "email:a@example.com",
      "RID:1.2.3.4",
      "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:user@example.com",
      "otherName:1.2.3;INTEGER:1"};

  EXPECT_THAT(
      Describe(spec).subject_alternative_names,
      ElementsAre("DNS:www.example.com", "DNS:*.example.com", "IP:192.0.2.1",
                  "IP:2001:db8::1", "URI:spiffe://example.com/a",
                  "email:a@example.com", "RID:1.2.3.4",
                  "othername:1.3.6.1.4.1.311.20.2.3:user@example.com",
                  "othername:1.2.3"));
}

// SEQUENCE { [2] "a\0b", [2] "a, DNS:b", [7] two bytes, [6] "\xc3\xbc",
// [4] { CN=d } }: names that could pass for others, and no address at all.
TEST(CertificateExtensionsTest, ShowsOddNamesAsTheyAre) {
  EXPECT_THAT(DescribeWith("subjectAltName",
                           "DER:3027"
                           "8203610062"
                           "8208612c20444e533a62"
                           "87027f00"
                           "8602c3bc"
                           "a40e300c310a300806035504030c0164")
                  .subject_alternative_names,
              ElementsAre("DNS:a\\x00b", "DNS:a, DNS:b", "IP:7f00",
                          "URI:\\xc3\\xbc", "DirName:CN=d"));
}

TEST(CertificateExtensionsTest, NamesKeyUsagesAsRfc5280Does) {
  EXPECT_THAT(
      DescribeWith("keyUsage",
                   "digitalSignature,nonRepudiation,keyEncipherment,"
                   "dataEncipherment,keyAgreement,keyCertSign,cRLSign,"
                   "encipherOnly,decipherOnly")
          .key_usages,
      ElementsAre("digitalSignature", "nonRepudiation", "keyEncipherment",
                  "dataEncipherment", "keyAgreement", "keyCertSign", "cRLSign",
                  "encipherOnly", "decipherOnly"));
  EXPECT_THAT(DescribeWith("keyUsage", "critical,keyAgreement").key_usages,
              ElementsAre("keyAgreement"));
  EXPECT_THAT(DescribeWith("keyUsage", "decipherOnly").key_usages,
              ElementsAre("decipherOnly"));
}

TEST(CertificateExtensionsTest, NamesPurposesAndGivesTheirIdentifiers) {
  const CertificateFacts facts = DescribeWith(
      "extendedKeyUsage",
      "serverAuth,clientAuth,codeSigning,emailProtection,timeStamping,"
      "OCSPSigning,anyExtendedKeyUsage,1.2.3.4");

  EXPECT_THAT(facts.extended_key_usages,
              ElementsAre("serverAuth", "clientAuth", "codeSigning",
                          "emailProtection", "timeStamping", "OCSPSigning",
                          "anyExtendedKeyUsage", "1.2.3.4"));
  EXPECT_THAT(
      facts.extended_key_usage_oids,
      ElementsAre("1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.3",
                  "1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.8", "1.3.6.1.5.5.7.3.9",
                  "2.5.29.37.0", "1.2.3.4"));
}

TEST(CertificateExtensionsTest, TellsAuthoritiesFromOthers) {
  IdentitySpec spec = Bare();
  EXPECT_FALSE(Describe(spec).is_authority);
  spec.is_authority = true;
  const CertificateFacts facts = Describe(spec);
  EXPECT_TRUE(facts.is_authority);
  EXPECT_THAT(facts.key_usages, ElementsAre("keyCertSign", "cRLSign"));
}

TEST(CertificateExtensionsTest, TellsWhereToAsk) {
  IdentitySpec spec = Bare();
  spec.extensions = {
      {"authorityInfoAccess",
       "OCSP;URI:http://ocsp.example/1,caIssuers;URI:http://ca.example/i.crt,"
       "OCSP;URI:http://ocsp.example/2,OCSP;DNS:not.a.url,"
       "1.2.3.4;URI:http://other.example"},
      {"crlDistributionPoints",
       "URI:http://crl.example/1.crl,URI:ldap://crl.example/2"}};

  const CertificateFacts facts = Describe(spec);

  EXPECT_THAT(facts.ocsp_urls,
              ElementsAre("http://ocsp.example/1", "http://ocsp.example/2"));
  EXPECT_THAT(facts.issuer_urls, ElementsAre("http://ca.example/i.crt"));
  EXPECT_THAT(facts.revocation_list_urls,
              ElementsAre("http://crl.example/1.crl", "ldap://crl.example/2"));
}

// SEQUENCE { SEQUENCE { [0] { [1] { CN=a } } }, SEQUENCE { [2] { [2] "b" } },
// SEQUENCE { [0] { [0] { [6] "http://c", [2] "d" } } } }: a name relative to
// the issuer's, an issuer alone, and a name that is no URL beside one that is.
TEST(CertificateExtensionsTest, SkipsDistributionPointsWithoutUrl) {
  EXPECT_THAT(DescribeWith("crlDistributionPoints",
                           "DER:302a"
                           "300ea00ca10a300806035504030c0161"
                           "3005a203820162"
                           "3011a00fa00d8608687474703a2f2f63820164")
                  .revocation_list_urls,
              ElementsAre("http://c"));
}

TEST(CertificateExtensionsTest, LeavesMalformedExtensionsOutAndNoOthers) {
  const std::vector<std::string> garbage = {
      "DER:",       "DER:ff",   "DER:30",      "DER:3005",
      "DER:300100", "DER:0500", "DER:30000500"};
  for (const char* name : {"2.5.29.17", "2.5.29.15", "2.5.29.37", "2.5.29.31",
                           "1.3.6.1.5.5.7.1.1"}) {
    for (const std::string& value : garbage) {
      IdentitySpec spec = Bare();
      spec.extensions = {{name, value}, {"1.2.3.4", "DER:0500"}};
      // One that is sound, and another than the malformed one.
      if (std::string(name) == "2.5.29.17") {
        spec.key_usage = "digitalSignature";
      } else {
        spec.alternative_names = {"DNS:a.example"};
      }

      const CertificateFacts facts = Describe(spec);

      const std::string what = std::string(name) + " " + value;
      if (std::string(name) == "2.5.29.17") {
        EXPECT_THAT(facts.subject_alternative_names, IsEmpty()) << what;
        EXPECT_THAT(facts.key_usages, ElementsAre("digitalSignature")) << what;
      } else {
        EXPECT_THAT(facts.subject_alternative_names,
                    ElementsAre("DNS:a.example"))
            << what;
        EXPECT_THAT(facts.key_usages, IsEmpty()) << what;
      }
      EXPECT_THAT(facts.extended_key_usages, IsEmpty()) << what;
      EXPECT_THAT(facts.ocsp_urls, IsEmpty()) << what;
      EXPECT_THAT(facts.revocation_list_urls, IsEmpty()) << what;
    }
  }
}

TEST(CertificateExtensionsTest, BelievesNoneOfTwo) {
  IdentitySpec spec;
  spec.extensions = {{"subjectAltName", "DNS:other.example"},
                     {"basicConstraints", "CA:TRUE"}};

  const CertificateFacts facts = Describe(spec);

  EXPECT_THAT(facts.subject_alternative_names, IsEmpty());
  EXPECT_FALSE(facts.is_authority);
  EXPECT_THAT(facts.key_usages, ElementsAre("digitalSignature"));
}

}  // namespace
}  // namespace tlsd::tls
