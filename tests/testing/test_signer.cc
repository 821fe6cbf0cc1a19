#include "tests/testing/test_signer.h"

#include <openssl/digest.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>

#include "gtest/gtest.h"

namespace tlsd::testing {
namespace {

// As EVP_PKEY_CTX_set_rsa_pss_saltlen has it.
constexpr int kDigestLength = -1;
constexpr size_t kSignatureBytesMax = 1024;

}  // namespace

std::string SignAsAsked(EVP_PKEY* key, const tls::SignQuestion& question) {
  bssl::ScopedEVP_MD_CTX context;
  EVP_PKEY_CTX* key_context = nullptr;
  EVP_DigestSignInit(context.get(), &key_context,
                     SSL_get_signature_algorithm_digest(question.algorithm),
                     /*e=*/nullptr, key);
  if (SSL_is_signature_algorithm_rsa_pss(question.algorithm)) {
    EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, kDigestLength);
  }
  const auto* input = reinterpret_cast<const uint8_t*>(question.input.data());
  uint8_t signature[kSignatureBytesMax];
  size_t size = sizeof(signature);
  EXPECT_TRUE(EVP_DigestSign(context.get(), signature, &size, input,
                             question.input.size()));
  return std::string(reinterpret_cast<const char*>(signature), size);
}

}  // namespace tlsd::testing
