// What the daemon tells about certificates without a connection.
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"

namespace tlsd::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// A certificate in which every field has something to tell.
TestIdentity RichIdentity() {
  IdentitySpec spec;
  spec.key = KeyKind::kRsa2048;
  spec.subject = {{"C", "DE"}, {"O", "Example"}, {"CN", "www.example.com"}};
  spec.alternative_names = {"DNS:www.example.com", "IP:192.0.2.1",
                            "URI:spiffe://example.com/a", "email:a@b.example"};
  spec.key_usage = "critical,digitalSignature,keyEncipherment";
  spec.extended_key_usage = "serverAuth,1.2.3.4";
  spec.extensions = {
      {"authorityInfoAccess",
       "OCSP;URI:http://ocsp.example,caIssuers;URI:http://ca.example/i.crt"},
      {"crlDistributionPoints", "URI:http://crl.example/1.crl"}};
  return IntermediateIdentity().Issue(spec);
}

class ParseCertificateTest : public DaemonTest {
 protected:
  static absl::StatusOr<v1::ParseCertificateResponse> ParsePem(
      const std::string& pem) {
    v1::ParseCertificateRequest request;
    request.set_pem(pem);
    return client().Call(request);
  }

  static absl::StatusOr<v1::ParseCertificateResponse> ParseDer(
      const std::string& der) {
    v1::ParseCertificateRequest request;
    request.set_der(der);
    return client().Call(request);
  }
};

TEST_F(ParseCertificateTest, TellsAllOfACertificate) {
  ASSERT_OK_AND_ASSIGN(const v1::ParseCertificateResponse response,
                       ParsePem(RichIdentity().CertificatePem()));

  ASSERT_EQ(response.certificates_size(), 1);
  const v1::Certificate& told = response.certificates(0);
  EXPECT_EQ(told.subject(), "C=DE, O=Example, CN=www.example.com");
  EXPECT_EQ(told.issuer(), "CN=tlsd test intermediate");
  ASSERT_EQ(told.subject_attributes_size(), 3);
  EXPECT_EQ(told.subject_attributes(0).type(), "C");
  EXPECT_EQ(told.subject_attributes(0).value(), "DE");
  EXPECT_EQ(told.subject_attributes(2).value(), "www.example.com");
  ASSERT_EQ(told.issuer_attributes_size(), 1);
  EXPECT_EQ(told.issuer_attributes(0).value(), "tlsd test intermediate");
  EXPECT_THAT(told.subject_alternative_names(),
              ElementsAre("DNS:www.example.com", "IP:192.0.2.1",
                          "URI:spiffe://example.com/a", "email:a@b.example"));
  EXPECT_EQ(told.not_after_time().seconds() - told.not_before_time().seconds(),
            25 * 3600);
  EXPECT_THAT(told.valid_from(), ::testing::EndsWith(" GMT"));
  EXPECT_THAT(told.valid_to(), ::testing::EndsWith(" GMT"));
  EXPECT_NE(told.valid_from(), told.valid_to());
  EXPECT_THAT(told.serial_number(), Not(IsEmpty()));
  EXPECT_EQ(told.sha1_fingerprint().size(), 20u * 3 - 1);
  EXPECT_EQ(told.sha256_fingerprint().size(), 32u * 3 - 1);
  EXPECT_EQ(told.sha512_fingerprint().size(), 64u * 3 - 1);
  EXPECT_EQ(told.public_key(), "RSA 2048");
  EXPECT_EQ(told.public_key_type(), "RSA");
  EXPECT_EQ(told.public_key_bits(), 2048);
  EXPECT_EQ(told.curve(), "");
  EXPECT_EQ(told.asn1_curve(), "");
  EXPECT_EQ(told.modulus().size(), 512u);
  EXPECT_EQ(told.exponent(), "0x10001");
  EXPECT_THAT(told.public_key_der(), Not(IsEmpty()));
  EXPECT_EQ(told.public_key_pin().size(), 44u);
  EXPECT_THAT(told.key_usages(),
              ElementsAre("digitalSignature", "keyEncipherment"));
  EXPECT_THAT(told.extended_key_usages(), ElementsAre("serverAuth", "1.2.3.4"));
  EXPECT_THAT(told.extended_key_usage_oids(),
              ElementsAre("1.3.6.1.5.5.7.3.1", "1.2.3.4"));
  EXPECT_FALSE(told.is_authority());
  EXPECT_EQ(told.signature_algorithm(), "ecdsa-with-SHA256");
  EXPECT_THAT(told.ocsp_urls(), ElementsAre("http://ocsp.example"));
  EXPECT_THAT(told.issuer_urls(), ElementsAre("http://ca.example/i.crt"));
  EXPECT_THAT(told.revocation_list_urls(),
              ElementsAre("http://crl.example/1.crl"));
  EXPECT_THAT(told.der(), Not(IsEmpty()));
}

TEST_F(ParseCertificateTest, TellsTheSameFromDer) {
  ASSERT_OK_AND_ASSIGN(const v1::ParseCertificateResponse from_pem,
                       ParsePem(ServerIdentity().CertificatePem()));
  ASSERT_OK_AND_ASSIGN(const v1::ParseCertificateResponse from_der,
                       ParseDer(from_pem.certificates(0).der()));

  EXPECT_EQ(from_der.SerializeAsString(), from_pem.SerializeAsString());
  EXPECT_EQ(from_der.certificates(0).curve(), "P-256");
  EXPECT_EQ(from_der.certificates(0).asn1_curve(), "prime256v1");
}

TEST_F(ParseCertificateTest, KeepsTheOrderAndJudgesNothing) {
  ASSERT_OK_AND_ASSIGN(
      const v1::ParseCertificateResponse response,
      ParsePem(absl::StrCat("# comment\n", RootIdentity().CertificatePem(),
                            ExpiredServerIdentity().CertificatePem(),
                            RootIdentity().CertificatePem())));

  ASSERT_EQ(response.certificates_size(), 3);
  EXPECT_TRUE(response.certificates(0).is_authority());
  EXPECT_EQ(response.certificates(1).subject(), "CN=localhost");
  EXPECT_EQ(response.certificates(2).subject(), "CN=tlsd test root");
}

TEST_F(ParseCertificateTest, SaysWhatItCannotRead) {
  EXPECT_THAT(client().Call(v1::ParseCertificateRequest()),
              FailsWith(Reason::kFieldRequired));
  EXPECT_THAT(ParsePem(""), FailsWith(Reason::kPemInvalid, "pem"));
  EXPECT_THAT(ParsePem("no PEM"), FailsWith(Reason::kPemInvalid, "pem"));
  EXPECT_THAT(ParsePem(ServerIdentity().KeyPem()),
              FailsWith(Reason::kPemInvalid, "pem"));
  EXPECT_THAT(ParseDer(""), FailsWith(Reason::kPemInvalid, "der"));
  EXPECT_THAT(ParseDer("no DER"), FailsWith(Reason::kPemInvalid, "der"));
  EXPECT_THAT(ParseDer(ServerIdentity().CertificatePem()),
              FailsWith(Reason::kPemInvalid, "der"));
}

TEST_F(ParseCertificateTest, TakesPemOfOneMebibyteAndNoMore) {
  std::string pem = ServerIdentity().CertificatePem();
  pem.append(1024 * 1024 - pem.size(), '\n');

  EXPECT_THAT(ParsePem(pem), IsOk());
  EXPECT_THAT(ParsePem(pem + "\n"), FailsWith(Reason::kFieldInvalid, "pem"));
}

class CheckServerIdentityTest : public DaemonTest {
 protected:
  static absl::StatusOr<v1::CheckServerIdentityResponse> Check(
      const std::string& server_name, const std::string& pem) {
    v1::CheckServerIdentityRequest request;
    request.set_server_name(server_name);
    request.set_pem(pem);
    return client().Call(request);
  }
};

TEST_F(CheckServerIdentityTest, SaysThatACertificateIsForAName) {
  const std::string pem = RichIdentity().CertificatePem();
  for (const char* name : {"www.example.com", "WWW.Example.COM",
                           "www.example.com.", "192.0.2.1"}) {
    ASSERT_OK_AND_ASSIGN(const v1::CheckServerIdentityResponse response,
                         Check(name, pem));
    EXPECT_TRUE(response.matches()) << name;
    EXPECT_EQ(response.error(), "") << name;
    EXPECT_EQ(response.message(), "") << name;
    EXPECT_THAT(response.subject_alternative_names(),
                Contains("DNS:www.example.com"));
  }
}

TEST_F(CheckServerIdentityTest, SaysWhyItIsNot) {
  const std::string pem = RichIdentity().CertificatePem();
  for (const auto& [name, error] :
       {std::pair{"example.com", "HOSTNAME_MISMATCH"},
        // A URI is no DNS name (CVE-2021-44531), and a mail address no host.
        std::pair{"b.example", "HOSTNAME_MISMATCH"},
        std::pair{"192.0.2.2", "IP_ADDRESS_MISMATCH"}}) {
    ASSERT_OK_AND_ASSIGN(const v1::CheckServerIdentityResponse response,
                         Check(name, pem));
    EXPECT_FALSE(response.matches()) << name;
    EXPECT_EQ(response.error(), error) << name;
    EXPECT_THAT(response.message(), HasSubstr(absl::StrCat("\"", name, "\"")));
    EXPECT_EQ(response.subject_alternative_names_size(), 4);
  }
}

TEST_F(CheckServerIdentityTest, NeverLooksAtTheCommonName) {
  IdentitySpec spec;
  spec.common_name = "www.example.com";
  spec.alternative_names = {};
  ASSERT_OK_AND_ASSIGN(
      const v1::CheckServerIdentityResponse response,
      Check("www.example.com", RootIdentity().Issue(spec).CertificatePem()));

  EXPECT_FALSE(response.matches());
  EXPECT_THAT(response.subject_alternative_names(), IsEmpty());
}

TEST_F(CheckServerIdentityTest, LooksAtTheFirstOfSeveral) {
  const std::string server = ServerIdentity().CertificatePem();
  const std::string rich = RichIdentity().CertificatePem();

  ASSERT_OK_AND_ASSIGN(const v1::CheckServerIdentityResponse first,
                       Check("localhost", server + rich));
  ASSERT_OK_AND_ASSIGN(const v1::CheckServerIdentityResponse second,
                       Check("localhost", rich + server));

  EXPECT_TRUE(first.matches());
  EXPECT_FALSE(second.matches());
}

TEST_F(CheckServerIdentityTest, ReadsDer) {
  v1::ParseCertificateRequest parse;
  parse.set_pem(ServerIdentity().CertificatePem());
  ASSERT_OK_AND_ASSIGN(const v1::ParseCertificateResponse parsed,
                       client().Call(parse));
  v1::CheckServerIdentityRequest request;
  request.set_server_name("localhost");
  request.set_der(parsed.certificates(0).der());

  ASSERT_OK_AND_ASSIGN(const v1::CheckServerIdentityResponse response,
                       client().Call(request));
  EXPECT_TRUE(response.matches());

  request.set_der("no DER");
  EXPECT_THAT(client().Call(request), FailsWith(Reason::kPemInvalid, "der"));
}

TEST_F(CheckServerIdentityTest, SaysWhatIsWrongWithARequest) {
  const std::string pem = ServerIdentity().CertificatePem();
  EXPECT_THAT(Check("", pem), FailsWith(Reason::kFieldRequired, "server_name"));
  EXPECT_THAT(Check("b\xc3\xbc"
                    "cher.example",
                    pem),
              FailsWith(Reason::kServerNameInvalid, "server_name"));
  EXPECT_THAT(Check("*.example.com", pem),
              FailsWith(Reason::kServerNameInvalid, "server_name"));
  EXPECT_THAT(Check("localhost", "no PEM"),
              FailsWith(Reason::kPemInvalid, "pem"));
  v1::CheckServerIdentityRequest request;
  request.set_server_name("localhost");
  EXPECT_THAT(client().Call(request), FailsWith(Reason::kFieldRequired));
}

}  // namespace
}  // namespace tlsd::testing
