#include "server/tls/algorithms.h"

#include <algorithm>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tlsd::tls {
namespace {

using ::testing::Contains;
using ::testing::Not;

TEST(AlgorithmsTest, ListsCipherSuitesUnderBothNames) {
  const auto suites = ListCipherSuites();
  const auto find = [&](const std::string& name) {
    return std::find_if(suites.begin(), suites.end(),
                        [&](const auto& suite) { return suite.name == name; });
  };
  ASSERT_NE(find("ECDHE-RSA-AES128-GCM-SHA256"), suites.end());
  EXPECT_EQ(find("ECDHE-RSA-AES128-GCM-SHA256")->standard_name,
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
  EXPECT_EQ(find("ECDHE-RSA-AES128-GCM-SHA256")->min_version,
            TlsVersion::kTls12);
  ASSERT_NE(find("TLS_AES_256_GCM_SHA384"), suites.end());
  EXPECT_EQ(find("TLS_AES_256_GCM_SHA384")->min_version, TlsVersion::kTls13);
  EXPECT_EQ(find("TLS_AES_256_GCM_SHA384")->max_version, TlsVersion::kTls13);
  EXPECT_EQ(find("TLS_AES_256_GCM_SHA384")->strength_bits, 256);
  EXPECT_EQ(find("AEAD-AES256-GCM-SHA384"), suites.end());
}

TEST(AlgorithmsTest, ListsGroupsThatWork) {
  EXPECT_THAT(ListGroups(), Contains("X25519"));
  EXPECT_THAT(ListGroups(), Contains("P-256"));
  EXPECT_THAT(ListGroups(), Not(Contains("P256KYBER")));
}

TEST(AlgorithmsTest, ListsSignatureAlgorithmsByTheirStandardNames) {
  EXPECT_THAT(ListSignatureAlgorithms(), Contains("ed25519"));
  EXPECT_THAT(ListSignatureAlgorithms(), Contains("ecdsa_secp521r1_sha512"));
  EXPECT_THAT(ListSignatureAlgorithms(), Contains("rsa_pss_rsae_sha256"));
  EXPECT_THAT(ListSignatureAlgorithms(), Not(Contains("rsa_pkcs1_md5_sha1")));
}

TEST(AlgorithmsTest, KnowsItsRevision) {
  EXPECT_EQ(BoringSslRevision().size(), 12u);
}

}  // namespace
}  // namespace tlsd::tls
