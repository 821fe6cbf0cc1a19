#include "server/tls/private_key.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"

namespace tlsd::tls {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IdentitySpec;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::KeyKind;
using ::tlsd::testing::RsaServerIdentity;
using ::tlsd::testing::ServerIdentity;
using ::tlsd::testing::TestIdentity;

std::string KeyPemOf(KeyKind kind) {
  IdentitySpec spec;
  spec.key = kind;
  return TestIdentity::SelfSigned(spec).KeyPem();
}

TEST(PrivateKeyTest, TakesEverySupportedKind) {
  for (const KeyKind kind : {KeyKind::kP256, KeyKind::kP384, KeyKind::kP521,
                             KeyKind::kEd25519, KeyKind::kRsa2048}) {
    EXPECT_THAT(ParsePrivateKey(KeyPemOf(kind), ""), IsOk())
        << static_cast<int>(kind);
  }
}

TEST(PrivateKeyTest, RefusesOtherKinds) {
  for (const KeyKind kind : {KeyKind::kP224, KeyKind::kRsa1024}) {
    EXPECT_THAT(ParsePrivateKey(KeyPemOf(kind), ""),
                FailsWith(Reason::kKeyUnsupported, "private_key"))
        << static_cast<int>(kind);
  }
}

// openssl genpkey -algorithm X25519: no signing key.
constexpr char kX25519Key[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VuBCIEIHcHbQpzGKV9PBbBclGyZkXfTC+H68CZKrF3+6UduSwq\n"
    "-----END PRIVATE KEY-----\n";
// openssl ecparam -genkey -name secp256k1.
constexpr char kSecp256k1Key[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHQCAQEEIAtxqKiQtG43+t7NK5dWMi9+YQ0ad850nccRmzbt+hoEoAcGBSuBBAAK\n"
    "oUQDQgAEsY5cSfR4VQwr69KnWNU5CF+sNtWSxR8H0qTlB7gzyIkodDMsb++3pmns\n"
    "KfZhsjiBc3RcUUTKpJmLX34BNLYrOg==\n"
    "-----END EC PRIVATE KEY-----\n";

TEST(PrivateKeyTest, SaysThatForeignKindsAreNotSupported) {
  EXPECT_THAT(ParsePrivateKey(kX25519Key, ""),
              FailsWith(Reason::kKeyUnsupported, "private_key"));
  EXPECT_THAT(ParsePrivateKey(kSecp256k1Key, ""),
              FailsWith(Reason::kKeyUnsupported, "private_key"));
}

TEST(PrivateKeyTest, TakesTheOlderForms) {
  EXPECT_THAT(ParsePrivateKey(ServerIdentity().TraditionalKeyPem(), ""),
              IsOk());
  EXPECT_THAT(ParsePrivateKey(RsaServerIdentity().TraditionalKeyPem(), ""),
              IsOk());
  // As `openssl ecparam -genkey` writes it.
  EXPECT_THAT(ParsePrivateKey("-----BEGIN EC PARAMETERS-----\n"
                              "BggqhkjOPQMBBw==\n"
                              "-----END EC PARAMETERS-----\n" +
                                  ServerIdentity().TraditionalKeyPem(),
                              ""),
              IsOk());
}

TEST(PrivateKeyTest, OpensEncryptedKeys) {
  for (const TestIdentity* identity :
       {&ServerIdentity(), &RsaServerIdentity()}) {
    EXPECT_THAT(ParsePrivateKey(identity->EncryptedKeyPem("secret"), "secret"),
                IsOk());
    EXPECT_THAT(ParsePrivateKey(identity->EncryptedTraditionalKeyPem("secret"),
                                "secret"),
                IsOk());
  }
}

TEST(PrivateKeyTest, AsksForThePassphraseOfAnEncryptedKey) {
  EXPECT_THAT(ParsePrivateKey(ServerIdentity().EncryptedKeyPem("secret"), ""),
              FailsWith(Reason::kPassphraseRequired, "passphrase"));
  EXPECT_THAT(ParsePrivateKey(
                  ServerIdentity().EncryptedTraditionalKeyPem("secret"), ""),
              FailsWith(Reason::kPassphraseRequired, "passphrase"));
}

TEST(PrivateKeyTest, SaysThatAPassphraseIsWrongWhateverItDecryptsTo) {
  // One wrong passphrase in 256 leaves padding that looks right.
  const std::string pem = ServerIdentity().EncryptedTraditionalKeyPem("secret");
  for (int i = 0; i < 2000; ++i) {
    ASSERT_THAT(ParsePrivateKey(pem, "wrong" + std::to_string(i)),
                FailsWith(Reason::kPassphraseWrong, "passphrase"));
  }
  EXPECT_THAT(
      ParsePrivateKey(ServerIdentity().EncryptedKeyPem("secret"), "Secret"),
      FailsWith(Reason::kPassphraseWrong, "passphrase"));
}

TEST(PrivateKeyTest, IgnoresThePassphraseOfAPlainKey) {
  EXPECT_THAT(ParsePrivateKey(ServerIdentity().KeyPem(), "needless"), IsOk());
}

TEST(PrivateKeyTest, WantsExactlyOneKey) {
  EXPECT_THAT(ParsePrivateKey("", ""),
              FailsWith(Reason::kFieldRequired, "private_key"));
  EXPECT_THAT(ParsePrivateKey("no key", ""),
              FailsWith(Reason::kKeyRequired, "private_key"));
  EXPECT_THAT(ParsePrivateKey(ServerIdentity().CertificatePem(), ""),
              FailsWith(Reason::kKeyRequired, "private_key"));
  EXPECT_THAT(ParsePrivateKey(
                  ServerIdentity().KeyPem() + RsaServerIdentity().KeyPem(), ""),
              FailsWith(Reason::kKeyAmbiguous, "private_key"));
}

TEST(PrivateKeyTest, RefusesAKeyThatIsCutOffAnywhere) {
  const std::string pem = ServerIdentity().KeyPem();
  const size_t first_line = pem.find('\n');
  for (size_t size = 1; size + 10 < pem.size(); ++size) {
    EXPECT_THAT(ParsePrivateKey(pem.substr(0, size), ""),
                FailsWith(size < first_line ? Reason::kKeyRequired
                                            : Reason::kPemInvalid,
                          "private_key"))
        << size;
  }
}

TEST(PrivateKeyTest, LimitsSizes) {
  EXPECT_THAT(ParsePrivateKey(std::string(100 * 1024 + 1, 'x'), ""),
              FailsWith(Reason::kFieldInvalid, "private_key"));
  EXPECT_THAT(ParsePrivateKey(ServerIdentity().EncryptedKeyPem("secret"),
                              std::string(1025, 'x')),
              FailsWith(Reason::kFieldInvalid, "passphrase"));
}

TEST(PrivateKeyTest, ShowsNothingOfKeyOrPassphrase) {
  const std::string pem = ServerIdentity().KeyPem();
  const std::string body = pem.substr(pem.find('\n') + 1, 40);
  std::string broken = pem;
  broken[60] = '*';

  EXPECT_THAT(ParsePrivateKey(broken, "").status().ToString(),
              Not(HasSubstr(body.substr(0, 20))));
  EXPECT_THAT(
      ParsePrivateKey(ServerIdentity().EncryptedKeyPem("secret"), "hunter2")
          .status()
          .ToString(),
      Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace tlsd::tls
