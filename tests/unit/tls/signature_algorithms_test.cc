#include "server/tls/signature_algorithms.h"

#include <openssl/ssl.h>

#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/policy.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::tls {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::tlsd::testing::FailsWith;

absl::StatusOr<std::vector<uint16_t>> Parse(
    const std::vector<std::string>& names) {
  return ParseSignatureAlgorithms("signature_algorithms", names);
}

TEST(SignatureAlgorithmsTest, NoNamesMeanNoAlgorithms) {
  EXPECT_THAT(Parse({}).value(), IsEmpty());
}

TEST(SignatureAlgorithmsTest, TakesTheNamesOfTheStandardsAndOfOpenssl) {
  struct Row {
    uint16_t id;
    std::vector<std::string> names;
  };
  const Row rows[] = {
      {SSL_SIGN_ED25519, {"ed25519", "ED25519"}},
      {SSL_SIGN_ECDSA_SECP256R1_SHA256,
       {"ecdsa_secp256r1_sha256", "ECDSA+SHA256"}},
      {SSL_SIGN_ECDSA_SECP384R1_SHA384,
       {"ecdsa_secp384r1_sha384", "ECDSA+SHA384"}},
      {SSL_SIGN_ECDSA_SECP521R1_SHA512,
       {"ecdsa_secp521r1_sha512", "ECDSA+SHA512"}},
      {SSL_SIGN_RSA_PSS_RSAE_SHA256,
       {"rsa_pss_rsae_sha256", "RSA-PSS+SHA256", "PSS+SHA256"}},
      {SSL_SIGN_RSA_PSS_RSAE_SHA384,
       {"rsa_pss_rsae_sha384", "RSA-PSS+SHA384", "PSS+SHA384"}},
      {SSL_SIGN_RSA_PSS_RSAE_SHA512,
       {"rsa_pss_rsae_sha512", "RSA-PSS+SHA512", "PSS+SHA512"}},
      {SSL_SIGN_RSA_PKCS1_SHA256, {"rsa_pkcs1_sha256", "RSA+SHA256"}},
      {SSL_SIGN_RSA_PKCS1_SHA384, {"rsa_pkcs1_sha384", "RSA+SHA384"}},
      {SSL_SIGN_RSA_PKCS1_SHA512, {"rsa_pkcs1_sha512", "RSA+SHA512"}},
      {SSL_SIGN_ECDSA_SHA1, {"ecdsa_sha1", "ECDSA+SHA1"}},
      {SSL_SIGN_RSA_PKCS1_SHA1, {"rsa_pkcs1_sha1", "RSA+SHA1"}},
  };
  for (const Row& row : rows) {
    for (const std::string& name : row.names) {
      EXPECT_THAT(Parse({name}).value(), ElementsAre(row.id)) << name;
    }
    EXPECT_EQ(SignatureAlgorithmName(row.id), row.names[0]);
  }
  EXPECT_EQ(SupportedSignatureAlgorithms().size(), std::size(rows));
}

TEST(SignatureAlgorithmsTest, TakesListsInOneStringAndKeepsTheOrder) {
  EXPECT_THAT(Parse({"RSA+SHA512:ECDSA+SHA256", "ed25519"}).value(),
              ElementsAre(SSL_SIGN_RSA_PKCS1_SHA512,
                          SSL_SIGN_ECDSA_SECP256R1_SHA256, SSL_SIGN_ED25519));
}

TEST(SignatureAlgorithmsTest, RefusesOthersAndSaysWhatThereIs) {
  for (const char* name :
       {"rsa_pss_pss_sha256", "ed448", "ECDSA+SHA224", "RSA+MD5", "DSA+SHA256",
        "RSA", "SHA256", "", "ecdsa_secp256r1_sha256 ", "ecdsa+sha256"}) {
    const absl::Status status = Parse({"ed25519", name}).status();
    EXPECT_THAT(status, FailsWith(Reason::kSignatureAlgorithmUnsupported,
                                  "signature_algorithms[1]"))
        << name;
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("ecdsa_secp256r1_sha256"));
  }
  EXPECT_THAT(std::string(Parse({"rsa_pss_pss_sha256"}).status().message()),
              HasSubstr("RSASSA-PSS"));
}

TEST(SignatureAlgorithmsTest, RefusesAlgorithmsNamedTwice) {
  EXPECT_THAT(Parse({"ed25519", "ed25519"}),
              FailsWith(Reason::kSignatureAlgorithmUnsupported,
                        "signature_algorithms[1]"));
  EXPECT_THAT(Parse({"ecdsa_secp256r1_sha256:ECDSA+SHA256"}),
              FailsWith(Reason::kSignatureAlgorithmUnsupported,
                        "signature_algorithms[0]"));
}

TEST(SignatureAlgorithmsTest, NamesTheFieldThatItIsGiven) {
  EXPECT_THAT(ParseSignatureAlgorithms("signing_algorithms", {"x"}),
              FailsWith(Reason::kSignatureAlgorithmUnsupported,
                        "signing_algorithms[0]"));
}

TEST(SignatureAlgorithmsTest, TheLibraryTakesAll) {
  const bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
  const std::vector<uint16_t> all = SupportedSignatureAlgorithms();
  EXPECT_TRUE(SSL_CTX_set_verify_algorithm_prefs(context.get(), all.data(),
                                                 all.size()));
  EXPECT_TRUE(SSL_CTX_set_signing_algorithm_prefs(context.get(), all.data(),
                                                  all.size()));
}

TEST(SignatureAlgorithmsTest, DefaultsAreSupportedAndWithoutSha1) {
  const std::vector<uint16_t> all = SupportedSignatureAlgorithms();
  const std::set<uint16_t> supported(all.begin(), all.end());
  for (const uint16_t id : kSignatureAlgorithms) {
    EXPECT_EQ(supported.count(id), 1u) << id;
    EXPECT_NE(id, SSL_SIGN_ECDSA_SHA1);
    EXPECT_NE(id, SSL_SIGN_RSA_PKCS1_SHA1);
  }
}

TEST(SignatureAlgorithmsTest, NamesWhatItDoesNotKnow) {
  EXPECT_EQ(SignatureAlgorithmName(0), "");
  EXPECT_EQ(SignatureAlgorithmName(0x0808), "unknown");
}

}  // namespace
}  // namespace tlsd::tls
