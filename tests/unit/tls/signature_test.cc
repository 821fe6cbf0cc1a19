#include "server/tls/signature.h"

#include <openssl/bytestring.h>
#include <openssl/digest.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/signature_algorithms.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"

namespace tlsd::tls {
namespace {

using ::testing::HasSubstr;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::KeyKind;
using ::tlsd::testing::MakeKey;

constexpr absl::string_view kInput = "what the handshake wants signed";

std::string PublicKeyOf(EVP_PKEY* key) {
  bssl::ScopedCBB builder;
  uint8_t* data = nullptr;
  size_t size = 0;
  EXPECT_TRUE(CBB_init(builder.get(), 256));
  EXPECT_TRUE(EVP_marshal_public_key(builder.get(), key));
  EXPECT_TRUE(CBB_finish(builder.get(), &data, &size));
  const bssl::UniquePtr<uint8_t> owner(data);
  return std::string(reinterpret_cast<const char*>(data), size);
}

// As the digest is long.
constexpr int kDigestSalt = -1;

std::string Sign(uint16_t algorithm, EVP_PKEY* key,
                 absl::string_view input = kInput, int salt = kDigestSalt) {
  bssl::ScopedEVP_MD_CTX context;
  EVP_PKEY_CTX* key_context = nullptr;
  EXPECT_TRUE(EVP_DigestSignInit(context.get(), &key_context,
                                 SSL_get_signature_algorithm_digest(algorithm),
                                 nullptr, key));
  if (SSL_is_signature_algorithm_rsa_pss(algorithm)) {
    EXPECT_TRUE(
        EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) &&
        EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, salt));
  }
  std::string signature(EVP_PKEY_size(key), '\0');
  size_t size = signature.size();
  EXPECT_TRUE(EVP_DigestSign(
      context.get(), reinterpret_cast<uint8_t*>(signature.data()), &size,
      reinterpret_cast<const uint8_t*>(input.data()), input.size()));
  signature.resize(size);
  return signature;
}

KeyKind KindFor(uint16_t algorithm) {
  switch (SSL_get_signature_algorithm_key_type(algorithm)) {
    case EVP_PKEY_RSA:
      return KeyKind::kRsa2048;
    case EVP_PKEY_ED25519:
      return KeyKind::kEd25519;
    default:
      break;
  }
  switch (algorithm) {
    case SSL_SIGN_ECDSA_SECP384R1_SHA384:
      return KeyKind::kP384;
    case SSL_SIGN_ECDSA_SECP521R1_SHA512:
      return KeyKind::kP521;
    default:
      return KeyKind::kP256;
  }
}

// Check also holds that nothing stays in the library's queue.
absl::Status Check(uint16_t algorithm, absl::string_view public_key,
                   absl::string_view input, absl::string_view signature) {
  const absl::Status status =
      CheckSignature(algorithm, public_key, input, signature);
  EXPECT_EQ(ERR_peek_error(), 0u);
  return status;
}

::testing::Matcher<const absl::Status&> Fails() {
  return FailsWith(Reason::kDecisionAnswerInvalid, "sign.signature");
}

class SignatureTest : public ::testing::TestWithParam<uint16_t> {
 protected:
  const uint16_t algorithm_ = GetParam();
  const bssl::UniquePtr<EVP_PKEY> key_ = MakeKey(KindFor(algorithm_));
  const std::string public_key_ = PublicKeyOf(key_.get());
  const std::string signature_ = Sign(algorithm_, key_.get());
};

TEST_P(SignatureTest, TakesWhatTheKeyHasSigned) {
  EXPECT_THAT(Check(algorithm_, public_key_, kInput, signature_), IsOk());
  EXPECT_THAT(Check(algorithm_, public_key_, "",
                    Sign(algorithm_, key_.get(), /*input=*/"")),
              IsOk());
}

TEST_P(SignatureTest, RefusesAnotherInput) {
  EXPECT_THAT(
      Check(algorithm_, public_key_, absl::StrCat(kInput, "!"), signature_),
      Fails());
  EXPECT_THAT(Check(algorithm_, public_key_, "", signature_), Fails());
}

TEST_P(SignatureTest, RefusesAnAlteredSignature) {
  for (const size_t at :
       {size_t{0}, signature_.size() / 2, signature_.size() - 1}) {
    std::string altered = signature_;
    altered[at] = static_cast<char>(altered[at] ^ 1);
    EXPECT_THAT(Check(algorithm_, public_key_, kInput, altered), Fails()) << at;
  }
  EXPECT_THAT(Check(algorithm_, public_key_, kInput, signature_ + "1"),
              Fails());
  EXPECT_THAT(Check(algorithm_, public_key_, kInput,
                    signature_.substr(0, signature_.size() - 1)),
              Fails());
  EXPECT_THAT(Check(algorithm_, public_key_, kInput, ""), Fails());
}

TEST_P(SignatureTest, RefusesTheSignatureOfAnotherKey) {
  const auto other = MakeKey(KindFor(algorithm_), /*index=*/1);
  const absl::Status status =
      Check(algorithm_, public_key_, kInput, Sign(algorithm_, other.get()));
  EXPECT_THAT(status, Fails());
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(std::string(SignatureAlgorithmName(algorithm_))));
  EXPECT_THAT(Check(algorithm_, PublicKeyOf(other.get()), kInput, signature_),
              Fails());
}

TEST_P(SignatureTest, RefusesAKeyOfAnotherKind) {
  for (const KeyKind kind :
       {KeyKind::kP256, KeyKind::kRsa2048, KeyKind::kEd25519}) {
    const auto other = MakeKey(kind);
    if (EVP_PKEY_id(other.get()) == EVP_PKEY_id(key_.get())) continue;
    EXPECT_THAT(Check(algorithm_, PublicKeyOf(other.get()), kInput, signature_),
                Fails());
  }
}

TEST_P(SignatureTest, RefusesKeysThatAreNone) {
  EXPECT_THAT(Check(algorithm_, "", kInput, signature_), Fails());
  EXPECT_THAT(Check(algorithm_, "garbage", kInput, signature_), Fails());
  EXPECT_THAT(Check(algorithm_, public_key_ + "1", kInput, signature_),
              Fails());
  for (size_t size = 0; size < public_key_.size(); ++size) {
    EXPECT_THAT(
        Check(algorithm_, public_key_.substr(0, size), kInput, signature_),
        Fails())
        << size;
  }
}

std::vector<uint16_t> Algorithms() {
  std::vector<uint16_t> algorithms = SupportedSignatureAlgorithms();
  // What TLS 1.0 and 1.1 sign with.
  algorithms.push_back(SSL_SIGN_RSA_PKCS1_MD5_SHA1);
  return algorithms;
}

INSTANTIATE_TEST_SUITE_P(Each, SignatureTest, ::testing::ValuesIn(Algorithms()),
                         [](const ::testing::TestParamInfo<uint16_t>& info) {
                           return std::string(
                               SignatureAlgorithmName(info.param));
                         });

TEST(SignatureAloneTest, KnowsNoOtherAlgorithms) {
  const auto key = MakeKey(KeyKind::kP256);
  const std::string signature =
      Sign(SSL_SIGN_ECDSA_SECP256R1_SHA256, key.get());
  for (const uint16_t algorithm : {0x0000, 0x0809, 0x0a0a, 0xffff}) {
    EXPECT_THAT(Check(algorithm, PublicKeyOf(key.get()), kInput, signature),
                Fails())
        << algorithm;
  }
}

// RFC 8446 section 4.2.3: as long as the digest.
TEST(SignatureAloneTest, RefusesASaltOfAnotherLength) {
  const auto key = MakeKey(KeyKind::kRsa2048);
  for (const int salt : {0, 20, 64}) {
    EXPECT_THAT(
        Check(SSL_SIGN_RSA_PSS_RSAE_SHA256, PublicKeyOf(key.get()), kInput,
              Sign(SSL_SIGN_RSA_PSS_RSAE_SHA256, key.get(), kInput, salt)),
        Fails())
        << salt;
  }
  EXPECT_THAT(
      Check(SSL_SIGN_RSA_PSS_RSAE_SHA256, PublicKeyOf(key.get()), kInput,
            Sign(SSL_SIGN_RSA_PSS_RSAE_SHA256, key.get(), kInput, 32)),
      IsOk());
}

TEST(SignatureAloneTest, TellsAlgorithmsOfOneKeyApart) {
  const auto key = MakeKey(KeyKind::kRsa2048);
  const std::string public_key = PublicKeyOf(key.get());
  const uint16_t algorithms[] = {
      SSL_SIGN_RSA_PKCS1_SHA256, SSL_SIGN_RSA_PKCS1_SHA384,
      SSL_SIGN_RSA_PSS_RSAE_SHA256, SSL_SIGN_RSA_PSS_RSAE_SHA384};
  for (const uint16_t signed_by : algorithms) {
    const std::string signature = Sign(signed_by, key.get());
    for (const uint16_t checked_by : algorithms) {
      EXPECT_EQ(Check(checked_by, public_key, kInput, signature).ok(),
                checked_by == signed_by);
    }
  }
}

// RFC 8446 section 4.2.3: before TLS 1.3 the name says nothing of the curve.
TEST(SignatureAloneTest, TakesAnyCurveForADigest) {
  const auto key = MakeKey(KeyKind::kP384);
  const uint16_t algorithm = SSL_SIGN_ECDSA_SECP256R1_SHA256;
  EXPECT_THAT(Check(algorithm, PublicKeyOf(key.get()), kInput,
                    Sign(algorithm, key.get())),
              IsOk());
  EXPECT_THAT(Check(SSL_SIGN_ECDSA_SECP384R1_SHA384, PublicKeyOf(key.get()),
                    kInput, Sign(algorithm, key.get())),
              Fails());
}

}  // namespace
}  // namespace tlsd::tls
