#include "server/tls/pkcs12.h"

#include <openssl/err.h>

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/testing/test_pkcs12.h"

namespace tlsd::tls {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IdentitySpec;
using ::tlsd::testing::KeyKind;
using ::tlsd::testing::PairInPkcs12;
using ::tlsd::testing::Pkcs12Spec;
using ::tlsd::testing::ServerIdentity;
using ::tlsd::testing::TestIdentity;
using ::tlsd::testing::TwoKeysInPkcs12;
using ::tlsd::testing::WritePkcs12;

constexpr char kPassphrase[] = "open-sesame";

Pkcs12Spec ServerSpec() {
  Pkcs12Spec spec;
  spec.certificates = ServerIdentity().ChainPem();
  spec.private_key = ServerIdentity().KeyPem();
  spec.passphrase = kPassphrase;
  return spec;
}

std::string ServerFile(const std::vector<std::string>& flags = {}) {
  Pkcs12Spec spec = ServerSpec();
  spec.flags = flags;
  return WritePkcs12(spec);
}

TEST(Pkcs12Test, TakesKeyAndCertificates) {
  ASSERT_OK_AND_ASSIGN(const Pkcs12Contents contents,
                       ReadPkcs12(ServerFile(), kPassphrase));
  EXPECT_EQ(EVP_PKEY_cmp(contents.key.get(), ServerIdentity().key()), 1);
  EXPECT_EQ(contents.certificates.size(), 2u);
}

TEST(Pkcs12Test, TakesEveryEncryptionThatIsInUse) {
  const std::vector<std::vector<std::string>> all = {
      // RC2 and 3DES, as Windows and OpenSSL 1 wrote them.
      {"-legacy"},
      {"-keypbe", "NONE", "-certpbe", "NONE"},
      {"-keypbe", "AES-128-CBC", "-certpbe", "AES-128-CBC"},
      {"-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES"},
      {"-macalg", "sha1"},
      {"-macalg", "sha512"},
      {"-iter", "1"}};
  for (const std::vector<std::string>& flags : all) {
    EXPECT_TRUE(ReadPkcs12(ServerFile(flags), kPassphrase).ok()) << flags[0];
  }
}

TEST(Pkcs12Test, TakesFilesWithoutAPassphrase) {
  Pkcs12Spec spec = ServerSpec();
  spec.passphrase = "";
  for (const std::vector<std::string>& flags :
       {std::vector<std::string>{}, {"-keypbe", "NONE", "-certpbe", "NONE"}}) {
    spec.flags = flags;
    EXPECT_TRUE(ReadPkcs12(WritePkcs12(spec), "").ok());
    EXPECT_THAT(ReadPkcs12(WritePkcs12(spec), "x"),
                FailsWith(Reason::kPassphraseWrong, "passphrase"));
  }
}

TEST(Pkcs12Test, TakesPassphrasesBeyondAscii) {
  Pkcs12Spec spec = ServerSpec();
  spec.passphrase = "\xc3\x96\x66\x66ne dich \xe2\x82\xac";
  EXPECT_TRUE(ReadPkcs12(WritePkcs12(spec), spec.passphrase).ok());
  EXPECT_THAT(ReadPkcs12(WritePkcs12(spec), "Offne dich"),
              FailsWith(Reason::kPassphraseWrong, "passphrase"));
}

TEST(Pkcs12Test, TellsAWrongPassphraseFromNone) {
  EXPECT_THAT(ReadPkcs12(ServerFile(), "wrong"),
              FailsWith(Reason::kPassphraseWrong, "passphrase"));
  EXPECT_THAT(ReadPkcs12(ServerFile(), ""),
              FailsWith(Reason::kPassphraseRequired, "passphrase"));
  EXPECT_THAT(ReadPkcs12(ServerFile({"-legacy"}), "wrong"),
              FailsWith(Reason::kPassphraseWrong, "passphrase"));
}

TEST(Pkcs12Test, RefusesPassphrasesThatCannotBe) {
  const std::string file = ServerFile();
  for (const std::string& passphrase :
       {std::string("open\0sesame", 11), std::string("\xf0\x9f\x94\x91"),
        std::string("\xff\xfe"), std::string(1025, 'x')}) {
    EXPECT_THAT(ReadPkcs12(file, passphrase),
                FailsWith(Reason::kFieldInvalid, "passphrase"))
        << passphrase.size();
  }
  EXPECT_THAT(ReadPkcs12(file, std::string(1024, 'x')),
              FailsWith(Reason::kPassphraseWrong, "passphrase"));
}

TEST(Pkcs12Test, WantsAFile) {
  EXPECT_THAT(ReadPkcs12("", kPassphrase),
              FailsWith(Reason::kFieldRequired, "pfx"));
  const std::string file = ServerFile();
  for (const std::string& bad :
       {std::string("garbage"), std::string(100, '\0'),
        ServerIdentity().ChainPem(), file.substr(0, file.size() / 2),
        file.substr(1), std::string("\x30\x03\x02\x01\x03", 5)}) {
    EXPECT_FALSE(ReadPkcs12(bad, kPassphrase).ok());
    EXPECT_THAT(ReadPkcs12(bad, kPassphrase),
                FailsWith(Reason::kPkcs12Invalid, "pfx"))
        << bad.size();
  }
  EXPECT_THAT(ReadPkcs12(std::string(1024 * 1024, 'x'), kPassphrase),
              FailsWith(Reason::kPkcs12Invalid, "pfx"));
  EXPECT_THAT(ReadPkcs12(std::string(1024 * 1024 + 1, 'x'), kPassphrase),
              FailsWith(Reason::kFieldInvalid, "pfx"));
}

TEST(Pkcs12Test, NoticesEveryAlteredByteOfTheContent) {
  const std::string file = ServerFile({"-iter", "1"});
  for (size_t at = 100; at < file.size(); at += 97) {
    std::string altered = file;
    altered[at] ^= 1;
    EXPECT_FALSE(ReadPkcs12(altered, kPassphrase).ok()) << at;
  }
}

TEST(Pkcs12Test, RefusesFilesWithoutAMac) {
  const absl::Status status =
      ReadPkcs12(ServerFile({"-nomac"}), kPassphrase).status();
  EXPECT_THAT(status, FailsWith(Reason::kPkcs12Invalid, "pfx"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("MAC"));
}

TEST(Pkcs12Test, WantsOneKey) {
  Pkcs12Spec spec = ServerSpec();
  spec.private_key = "";
  EXPECT_THAT(ReadPkcs12(WritePkcs12(spec), kPassphrase),
              FailsWith(Reason::kKeyRequired, "pfx"));
  EXPECT_THAT(ReadPkcs12(TwoKeysInPkcs12(), kPassphrase),
              FailsWith(Reason::kKeyAmbiguous, "pfx"));
  EXPECT_THAT(ReadPkcs12(TwoKeysInPkcs12(), "wrong"),
              FailsWith(Reason::kPassphraseWrong, "passphrase"));
}

TEST(Pkcs12Test, WantsACertificate) {
  Pkcs12Spec spec = ServerSpec();
  spec.certificates = "";
  EXPECT_THAT(ReadPkcs12(WritePkcs12(spec), kPassphrase),
              FailsWith(Reason::kPkcs12Invalid, "pfx"));
}

TEST(Pkcs12Test, RefusesUnsupportedKeys) {
  for (const KeyKind kind : {KeyKind::kP224, KeyKind::kRsa1024}) {
    IdentitySpec spec;
    spec.key = kind;
    const TestIdentity identity = TestIdentity::SelfSigned(spec);
    EXPECT_THAT(ReadPkcs12(PairInPkcs12(identity.key(), identity.certificate(),
                                        kPassphrase),
                           kPassphrase),
                FailsWith(Reason::kKeyUnsupported, "pfx"))
        << static_cast<int>(kind);
  }
}

// openssl ecparam -genkey -name secp256k1, and a certificate of it.
constexpr char kSecp256k1Key[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHQCAQEEIFr+rkx/KivnqPBC7SKBmUHHk1Ky0ul+XHVGI+wHHC4IoAcGBSuBBAAK\n"
    "oUQDQgAECoDgCNfZQUgSOA23zQswTu/a/uvcD+3PjJBiPMpd16JmYIs82SH0TKA2\n"
    "Gh5oExUrrWPwROqQ6rW21MscE6/pZw==\n"
    "-----END EC PRIVATE KEY-----\n";
constexpr char kSecp256k1Certificate[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBbzCCARSgAwIBAgIUMEzkdfCrw31wtnxlIn2zGgfPHXwwCgYIKoZIzj0EAwIw\n"
    "DTELMAkGA1UEAwwCazEwIBcNMjYxMTIyMTg1MTAxWhgPMjEyNjEwMjkxODUxMDFa\n"
    "MA0xCzAJBgNVBAMMAmsxMFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAECoDgCNfZQUgS\n"
    "OA23zQswTu/a/uvcD+3PjJBiPMpd16JmYIs82SH0TKA2Gh5oExUrrWPwROqQ6rW2\n"
    "1MscE6/pZ6NTMFEwHQYDVR0OBBYEFCVGbjjudZK4sz/ERYiwzeBaLEGDMB8GA1Ud\n"
    "IwQYMBaAFCVGbjjudZK4sz/ERYiwzeBaLEGDMA8GA1UdEwEB/wQFMAMBAf8wCgYI\n"
    "KoZIzj0EAwIDSQAwRgIhAMgUTjS++fHFx3AJDoT2ubc4qvFWcTZfJxFEp5M6J+1e\n"
    "AiEA+YVrmCUounuYS5HhgZ2e3OboblEXq+mZgSL4V+sPVkY=\n"
    "-----END CERTIFICATE-----\n";

TEST(Pkcs12Test, SaysThatAnUnknownCurveIsNotSupported) {
  Pkcs12Spec spec;
  spec.certificates = kSecp256k1Certificate;
  spec.private_key = kSecp256k1Key;
  spec.passphrase = kPassphrase;
  EXPECT_THAT(ReadPkcs12(WritePkcs12(spec), kPassphrase),
              FailsWith(Reason::kKeyUnsupported, "pfx"));
}

TEST(Pkcs12Test, SaysThatAnEncryptionIsNotSupported) {
  const std::vector<std::vector<std::string>> all = {
      {"-macalg", "sha3-256"},
      {"-keypbe", "CAMELLIA-128-CBC"},
      {"-certpbe", "ARIA-128-CBC"}};
  for (const std::vector<std::string>& flags : all) {
    const absl::Status status =
        ReadPkcs12(ServerFile(flags), kPassphrase).status();
    EXPECT_THAT(status, FailsWith(Reason::kKeyUnsupported, "pfx")) << flags[1];
    EXPECT_THAT(std::string(status.message()), HasSubstr("encrypted"));
  }
}

TEST(Pkcs12Test, ShowsNoSecretInErrors) {
  for (const std::string& file :
       {ServerFile(), ServerFile({"-nomac"}), TwoKeysInPkcs12()}) {
    const std::string text =
        ReadPkcs12(file, "wrong-sesame").status().ToString();
    EXPECT_THAT(text, Not(HasSubstr("wrong-sesame")));
  }
}

TEST(Pkcs12Test, LeavesNoErrorBehind) {
  ASSERT_FALSE(ReadPkcs12("garbage", "").ok());
  EXPECT_EQ(ERR_peek_error(), 0u);
}

}  // namespace
}  // namespace tlsd::tls
