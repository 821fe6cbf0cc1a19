#include "server/tls/verify_error.h"

#include <openssl/x509.h>

#include <set>
#include <string>

#include "gtest/gtest.h"

namespace tlsd::tls {
namespace {

TEST(VerifyErrorTest, NamesCodesAsOpenSslDoes) {
  struct Row {
    int code;
    const char* name;
    Reason reason;
  };
  const Row rows[] = {
      {10, "CERT_HAS_EXPIRED", Reason::kPeerCertificateExpired},
      {18, "DEPTH_ZERO_SELF_SIGNED_CERT", Reason::kPeerCertificateUntrusted},
      {19, "SELF_SIGNED_CERT_IN_CHAIN", Reason::kPeerCertificateUntrusted},
      {20, "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
       Reason::kPeerCertificateUntrusted},
      {21, "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
       Reason::kPeerCertificateUntrusted},
      {23, "CERT_REVOKED", Reason::kPeerCertificateRevoked},
      {26, "INVALID_PURPOSE", Reason::kPeerCertificateInvalid},
      {62, "HOSTNAME_MISMATCH", Reason::kPeerCertificateNameMismatch},
      {64, "IP_ADDRESS_MISMATCH", Reason::kPeerCertificateNameMismatch},
  };
  for (const Row& row : rows) {
    EXPECT_STREQ(DescribeVerifyError(row.code).name, row.name);
    EXPECT_EQ(DescribeVerifyError(row.code).reason, row.reason) << row.name;
  }
}

TEST(VerifyErrorTest, KnowsEveryCodeOfTheLibrary) {
  std::set<std::string> names;
  for (int code = 2; code <= 67; ++code) {
    // OpenSSL has 56 to 61 for what BoringSSL lacks.
    if (code >= 55 && code <= 61) continue;
    EXPECT_TRUE(names.insert(DescribeVerifyError(code).name).second) << code;
  }
}

TEST(VerifyErrorTest, TrustsNoCodeItDoesNotKnow) {
  EXPECT_STREQ(DescribeVerifyError(9999).name, "UNSPECIFIED");
  EXPECT_EQ(DescribeVerifyError(9999).reason,
            Reason::kPeerCertificateUntrusted);
}

}  // namespace
}  // namespace tlsd::tls
