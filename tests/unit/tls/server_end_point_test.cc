#include "server/tls/server_end_point.h"

#include <openssl/digest.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <string>

#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/certificate.h"
#include "server/tls/sha256.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"

namespace tlsd::tls {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::tlsd::testing::KeyKind;
using ::tlsd::testing::MakeKey;
using ::tlsd::testing::ServerIdentity;

// Those of RSA signatures with SHA-512 and with MD5, in DER.
constexpr absl::string_view kSha512Oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d";
constexpr absl::string_view kMd5Oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04";

// SignedWith returns a certificate that was signed anew with a key of `kind`
// and `digest`; with PSS padding if `is_pss`. A null digest is for keys that
// have none to choose.
bssl::UniquePtr<X509> SignedWith(KeyKind kind, const EVP_MD* digest,
                                 bool is_pss = false) {
  bssl::UniquePtr<X509> certificate(X509_dup(ServerIdentity().certificate()));
  const bssl::UniquePtr<EVP_PKEY> key = MakeKey(kind);
  bssl::ScopedEVP_MD_CTX context;
  EVP_PKEY_CTX* padding = nullptr;
  EXPECT_EQ(EVP_DigestSignInit(context.get(), &padding, digest,
                               /*e=*/nullptr, key.get()),
            1);
  if (is_pss) {
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING), 1);
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, /*salt_len=*/-1), 1);
  }
  EXPECT_NE(X509_sign_ctx(certificate.get(), context.get()), 0);
  return certificate;
}

std::string Hash(const X509* certificate, const EVP_MD* digest) {
  std::string hash(EVP_MD_size(digest), '\0');
  EXPECT_EQ(
      X509_digest(certificate, digest, reinterpret_cast<uint8_t*>(hash.data()),
                  /*out_len=*/nullptr),
      1);
  return hash;
}

TEST(ServerEndPointTest, HasTheHashOfTheSignature) {
  for (const EVP_MD* digest : {EVP_sha256(), EVP_sha384(), EVP_sha512()}) {
    for (const KeyKind kind : {KeyKind::kP256, KeyKind::kRsa2048}) {
      const auto certificate = SignedWith(kind, digest);
      EXPECT_EQ(ServerEndPoint(certificate.get()),
                Hash(certificate.get(), digest));
      EXPECT_THAT(ServerEndPoint(certificate.get()),
                  SizeIs(EVP_MD_size(digest)));
    }
  }
}

// RFC 5929 section 4.1.
TEST(ServerEndPointTest, HasSha256InPlaceOfWhatIsBroken) {
  const auto sha1 = SignedWith(KeyKind::kRsa2048, EVP_sha1());
  EXPECT_EQ(ServerEndPoint(sha1.get()), Sha256(EncodeDer(sha1.get())));

  // BoringSSL does not sign with it. Nobody looks at the signature.
  const auto sha512 = SignedWith(KeyKind::kRsa2048, EVP_sha512());
  const std::string der =
      absl::StrReplaceAll(EncodeDer(sha512.get()), {{kSha512Oid, kMd5Oid}});
  ASSERT_OK_AND_ASSIGN(const auto md5, ReadCertificate("der", der));
  ASSERT_EQ(X509_get_signature_nid(md5.get()), NID_md5WithRSAEncryption);
  EXPECT_EQ(ServerEndPoint(md5.get()), Sha256(der));
}

TEST(ServerEndPointTest, LooksIntoTheParametersOfPss) {
  for (const EVP_MD* digest : {EVP_sha256(), EVP_sha384(), EVP_sha512()}) {
    const auto certificate =
        SignedWith(KeyKind::kRsa2048, digest, /*is_pss=*/true);
    ASSERT_EQ(X509_get_signature_nid(certificate.get()), NID_rsassaPss);
    EXPECT_EQ(ServerEndPoint(certificate.get()),
              Hash(certificate.get(), digest));
  }
}

TEST(ServerEndPointTest, IsEmptyWhereTheSignatureHasNoHash) {
  const auto certificate = SignedWith(KeyKind::kEd25519, nullptr);
  EXPECT_THAT(ServerEndPoint(certificate.get()), IsEmpty());
}

}  // namespace
}  // namespace tlsd::tls
