#include "server/tls/certificate_parser.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/certificate.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"

namespace tlsd::tls {
namespace {

using ::tlsd::testing::FailsWith;
using ::tlsd::testing::ServerIdentity;

TEST(CertificateParserTest, DescribesAllOfPemInItsOrder) {
  ASSERT_OK_AND_ASSIGN(
      const std::vector<CertificateFacts> certificates,
      ParsePemCertificates("pem", ServerIdentity().ChainPem()));

  ASSERT_EQ(certificates.size(), 2u);
  EXPECT_EQ(certificates[0].subject, "CN=localhost");
  EXPECT_EQ(certificates[1].subject, "CN=tlsd test intermediate");
}

TEST(CertificateParserTest, DescribesDer) {
  const std::string der = EncodeDer(ServerIdentity().certificate());
  ASSERT_OK_AND_ASSIGN(const CertificateFacts facts,
                       ParseDerCertificate("der", der));
  EXPECT_EQ(facts.subject, "CN=localhost");
  EXPECT_EQ(facts.der, der);
}

TEST(CertificateParserTest, NamesTheFieldOfWhatItCannotRead) {
  EXPECT_THAT(ParsePemCertificates("pem", "nothing in it"),
              FailsWith(Reason::kPemInvalid, "pem"));
  EXPECT_THAT(ParsePemCertificates("pem", ServerIdentity().KeyPem()),
              FailsWith(Reason::kPemInvalid, "pem"));
  EXPECT_THAT(ParseDerCertificate("der", ""),
              FailsWith(Reason::kPemInvalid, "der"));
  EXPECT_THAT(ParseDerCertificate(
                  "der", EncodeDer(ServerIdentity().certificate()) + "x"),
              FailsWith(Reason::kPemInvalid, "der"));
}

}  // namespace
}  // namespace tlsd::tls
