// Credentials: each form that they can have, and each way to be wrong.
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/testing/test_identities.h"
#include "tests/testing/test_pkcs12.h"
#include "tests/unit/tls/context_inputs.h"

namespace tlsd::tls {
namespace {

using ::tlsd::testing::Ed25519ServerIdentity;
using ::tlsd::testing::ExpiredServerIdentity;
using ::tlsd::testing::IdentitySpec;
using ::tlsd::testing::IntermediateIdentity;
using ::tlsd::testing::KeyKind;
using ::tlsd::testing::NotYetValidServerIdentity;
using ::tlsd::testing::OtherRootIdentity;
using ::tlsd::testing::PairInPkcs12;
using ::tlsd::testing::Pkcs12Spec;
using ::tlsd::testing::RootIdentity;
using ::tlsd::testing::RsaServerIdentity;
using ::tlsd::testing::SelfSignedIdentity;
using ::tlsd::testing::ServerIdentity;
using ::tlsd::testing::TestIdentity;
using ::tlsd::testing::TwoKeysInPkcs12;
using ::tlsd::testing::WritePkcs12;

constexpr char kPassphrase[] = "open-sesame";
constexpr char kChain[] = "credentials[0].pem.certificate_chain";
constexpr char kKey[] = "credentials[0].pem.private_key";
constexpr char kPemPassphrase[] = "credentials[0].pem.passphrase";
constexpr char kPfx[] = "credentials[0].pkcs12.pfx";
constexpr char kPfxPassphrase[] = "credentials[0].pkcs12.passphrase";

PemCredentials& Pem(Options& options) {
  return std::get<PemCredentials>(options.credentials[0]);
}

// A server's identity with a key of `kind`.
TestIdentity IdentityOf(KeyKind kind) {
  IdentitySpec spec;
  spec.key = kind;
  return IntermediateIdentity().Issue(spec);
}

ContextInput::Change UseKind(KeyKind kind) {
  return [kind](Options& options) {
    options.credentials = {IdentityOf(kind).Credentials()};
  };
}

ContextInput::Change UsePem(const TestIdentity& (*identity)(),
                            std::string (TestIdentity::*key)() const) {
  return [identity, key](Options& options) {
    options.credentials = {identity().Credentials()};
    Pem(options).private_key = (identity().*key)();
  };
}

ContextInput::Change UseEncrypted(
    const TestIdentity& (*identity)(),
    std::string (TestIdentity::*key)(absl::string_view) const,
    const std::string& passphrase) {
  return [=](Options& options) {
    options.credentials = {identity().Credentials()};
    Pem(options).private_key = (identity().*key)(kPassphrase);
    Pem(options).passphrase = passphrase;
  };
}

ContextInput::Change SetChain(std::string (*chain)()) {
  return
      [chain](Options& options) { Pem(options).certificate_chain = chain(); };
}

ContextInput::Change SetKey(std::string (*key)()) {
  return [key](Options& options) { Pem(options).private_key = key(); };
}

const auto kPkcs8 = &TestIdentity::KeyPem;
const auto kTraditional = &TestIdentity::TraditionalKeyPem;
const auto kEncryptedPkcs8 = &TestIdentity::EncryptedKeyPem;
const auto kEncryptedTraditional = &TestIdentity::EncryptedTraditionalKeyPem;

INSTANTIATE_CONTEXT_INPUTS(
    Keys,
    Good(
        "None", [](Options& o) { o.credentials.clear(); }, Silent()),
    Good("Pkcs8P256", UsePem(ServerIdentity, kPkcs8), ShowsKey("EC P-256", 2)),
    Good("Pkcs8Rsa", UsePem(RsaServerIdentity, kPkcs8),
         ShowsKey("RSA 2048", 2)),
    Good("Pkcs8Ed25519", UsePem(Ed25519ServerIdentity, kPkcs8),
         ShowsKey("Ed25519", 2)),
    Good("Pkcs1Rsa", UsePem(RsaServerIdentity, kTraditional),
         ShowsKey("RSA 2048", 2)),
    Good("Sec1P256", UsePem(ServerIdentity, kTraditional),
         ShowsKey("EC P-256", 2)),
    Good("P384", UseKind(KeyKind::kP384), ShowsKey("EC P-384", 2)),
    Good("P521", UseKind(KeyKind::kP521), ShowsKey("EC P-521", 2)),
    Good("EncryptedPkcs8",
         UseEncrypted(ServerIdentity, kEncryptedPkcs8, kPassphrase),
         ShowsKey("EC P-256", 2)),
    Good("EncryptedPkcs8Rsa",
         UseEncrypted(RsaServerIdentity, kEncryptedPkcs8, kPassphrase),
         ShowsKey("RSA 2048", 2)),
    Good("EncryptedPkcs8Ed25519",
         UseEncrypted(Ed25519ServerIdentity, kEncryptedPkcs8, kPassphrase),
         ShowsKey("Ed25519", 2)),
    Good("EncryptedSec1",
         UseEncrypted(ServerIdentity, kEncryptedTraditional, kPassphrase),
         ShowsKey("EC P-256", 2)),
    Good("EncryptedPkcs1",
         UseEncrypted(RsaServerIdentity, kEncryptedTraditional, kPassphrase),
         ShowsKey("RSA 2048", 2)),
    Good(
        "PassphraseOfAPlainKey",
        [](Options& o) { Pem(o).passphrase = kPassphrase; },
        ShowsKey("EC P-256", 2)),
    Bad("EncryptedPkcs8WrongPassphrase", Reason::kPassphraseWrong,
        kPemPassphrase,
        UseEncrypted(ServerIdentity, kEncryptedPkcs8, "wrong-sesame")),
    Bad("EncryptedPkcs8NoPassphrase", Reason::kPassphraseRequired,
        kPemPassphrase, UseEncrypted(ServerIdentity, kEncryptedPkcs8, "")),
    Bad("EncryptedSec1WrongPassphrase", Reason::kPassphraseWrong,
        kPemPassphrase,
        UseEncrypted(ServerIdentity, kEncryptedTraditional, "wrong-sesame")),
    Bad("EncryptedSec1NoPassphrase", Reason::kPassphraseRequired,
        kPemPassphrase,
        UseEncrypted(ServerIdentity, kEncryptedTraditional, "")),
    Bad("EncryptedPkcs1WrongPassphrase", Reason::kPassphraseWrong,
        kPemPassphrase,
        UseEncrypted(RsaServerIdentity, kEncryptedTraditional, "wrong-sesame")),
    Bad("PassphraseTooLong", Reason::kFieldInvalid, kPemPassphrase,
        UseEncrypted(ServerIdentity, kEncryptedPkcs8, std::string(1025, 'x'))),
    Bad("P224", Reason::kKeyUnsupported, kKey, UseKind(KeyKind::kP224)),
    Bad("Rsa1024", Reason::kKeyUnsupported, kKey, UseKind(KeyKind::kRsa1024)),
    Bad("KeyMissing", Reason::kFieldRequired, kKey,
        SetKey([] { return std::string(); })),
    Bad("KeyIsText", Reason::kKeyRequired, kKey,
        SetKey([] { return std::string("no key"); })),
    Bad("KeyIsACertificate", Reason::kKeyRequired, kKey,
        SetKey([] { return ServerIdentity().CertificatePem(); })),
    Bad("KeyTwice", Reason::kKeyAmbiguous, kKey, SetKey([] {
          return ServerIdentity().KeyPem() + RsaServerIdentity().KeyPem();
        })),
    Bad("KeyTruncated", Reason::kPemInvalid, kKey,
        SetKey([] { return ServerIdentity().KeyPem().substr(0, 120); })),
    Bad("KeyGarbled", Reason::kPemInvalid, kKey, SetKey([] {
          return std::string(
              "-----BEGIN PRIVATE KEY-----\nAAAAAAAAAAAAAAAA\n"
              "-----END PRIVATE KEY-----\n");
        })),
    Bad("KeyTooLong", Reason::kFieldInvalid, kKey,
        SetKey([] { return std::string(100 * 1024 + 1, 'x'); })),
    Bad("KeyOfAnotherCertificate", Reason::kKeyMismatch, kKey,
        SetKey([] { return SelfSignedIdentity().KeyPem(); })),
    Bad("KeyOfAnotherKind", Reason::kKeyMismatch, kKey,
        SetKey([] { return RsaServerIdentity().KeyPem(); })));

INSTANTIATE_CONTEXT_INPUTS(
    Chains,
    Good("LeafAlone",
         SetChain([] { return ServerIdentity().CertificatePem(); }),
         ShowsKey("EC P-256", 1)),
    Good("WithRoot", SetChain([] {
           return ServerIdentity().ChainPem() + RootIdentity().CertificatePem();
         }),
         ShowsKey("EC P-256", 3)),
    Good("TextAround", SetChain([] {
           return "subject=localhost\n" + ServerIdentity().ChainPem() + "end\n";
         }),
         ShowsKey("EC P-256", 2)),
    Good(
        "ExpiredIfTold",
        [](Options& o) {
          o.credentials = {ExpiredServerIdentity().Credentials()};
          Pem(o).allow_outside_validity = true;
        },
        ShowsKey("EC P-256", 2)),
    Good(
        "Several",
        [](Options& o) {
          o.credentials = {RsaServerIdentity().Credentials(),
                           ServerIdentity().Credentials(),
                           DevelopmentCredentials{}};
        },
        ShowsKey("RSA 2048", 2)),
    Good(
        "Sixteen",
        [](Options& o) { o.credentials.resize(16, o.credentials[0]); },
        ShowsKey("EC P-256", 2)),
    Bad("Seventeen", Reason::kFieldInvalid, "credentials",
        [](Options& o) { o.credentials.resize(17, o.credentials[0]); }),
    Bad("SecondIsBad", Reason::kFieldRequired,
        "credentials[1].pem.certificate_chain",
        [](Options& o) { o.credentials.push_back(PemCredentials{}); }),
    Bad("Missing", Reason::kFieldRequired, kChain,
        SetChain([] { return std::string(); })),
    Bad("Text", Reason::kPemInvalid, kChain,
        SetChain([] { return std::string("no certificate"); })),
    Bad("Truncated", Reason::kPemInvalid, kChain, SetChain([] {
          return ServerIdentity().CertificatePem().substr(0, 200);
        })),
    Bad("HoldsAKey", Reason::kPemInvalid, kChain, SetChain([] {
          return ServerIdentity().ChainPem() + ServerIdentity().KeyPem();
        })),
    Bad("TooLong", Reason::kFieldInvalid, kChain,
        SetChain([] { return std::string(100 * 1024 + 1, 'x'); })),
    Bad("WrongOrder", Reason::kChainOrderInvalid, kChain, SetChain([] {
          return IntermediateIdentity().CertificatePem() +
                 ServerIdentity().CertificatePem();
        })),
    Bad("WithoutItsIntermediate", Reason::kChainOrderInvalid, kChain,
        SetChain([] {
          return ServerIdentity().CertificatePem() +
                 RootIdentity().CertificatePem();
        })),
    Bad("LeafTwice", Reason::kChainOrderInvalid, kChain, SetChain([] {
          return ServerIdentity().CertificatePem() +
                 ServerIdentity().CertificatePem();
        })),
    Bad("Expired", Reason::kCertificateExpired, kChain,
        UsePem(ExpiredServerIdentity, kPkcs8)),
    Bad("NotYetValid", Reason::kCertificateNotYetValid, kChain,
        UsePem(NotYetValidServerIdentity, kPkcs8)),
    Bad("EcKeyMayNotSign", Reason::kKeyUnsupported, kChain,
        UsePem(RootIdentity, kPkcs8)),
    Good(
        "DevelopmentNames",
        [](Options& o) {
          o.credentials = {DevelopmentCredentials{{"a.test", "192.0.2.1"}}};
        },
        ShowsKey("EC P-256", 1)),
    Bad("DevelopmentBadName", Reason::kServerNameInvalid,
        "credentials[0].development.server_names[1]", [](Options& o) {
          o.credentials = {DevelopmentCredentials{{"a.test", "a b"}}};
        }));

// Writes a file of these flags, and opens it with `passphrase`.
ContextInput::Change UsePkcs12(const TestIdentity& (*identity)(),
                               const std::vector<std::string>& flags,
                               const std::string& passphrase = kPassphrase) {
  return [=](Options& options) {
    Pkcs12Spec spec;
    spec.certificates = identity().ChainPem();
    spec.private_key = identity().KeyPem();
    spec.passphrase = kPassphrase;
    spec.flags = flags;
    options.credentials = {Pkcs12Credentials{WritePkcs12(spec), passphrase}};
  };
}

// Opens what `file` returns.
ContextInput::Change UsePfx(std::string (*file)(),
                            const std::string& passphrase = kPassphrase) {
  return [=](Options& options) {
    options.credentials = {Pkcs12Credentials{file(), passphrase}};
  };
}

std::string ServerPfx() {
  Pkcs12Spec spec;
  spec.certificates = ServerIdentity().ChainPem();
  spec.private_key = ServerIdentity().KeyPem();
  spec.passphrase = kPassphrase;
  return WritePkcs12(spec);
}

// The server's file without one of its parts.
std::string PfxWithout(std::string Pkcs12Spec::*part) {
  Pkcs12Spec spec;
  spec.certificates = ServerIdentity().ChainPem();
  spec.private_key = ServerIdentity().KeyPem();
  spec.passphrase = kPassphrase;
  (spec.*part).clear();
  return WritePkcs12(spec);
}

INSTANTIATE_CONTEXT_INPUTS(
    Pkcs12,
    Good("P256", UsePkcs12(ServerIdentity, {}), ShowsKey("EC P-256", 2)),
    Good("Rsa", UsePkcs12(RsaServerIdentity, {}), ShowsKey("RSA 2048", 2)),
    Good("Ed25519", UsePkcs12(Ed25519ServerIdentity, {}),
         ShowsKey("Ed25519", 2)),
    Good("Legacy", UsePkcs12(ServerIdentity, {"-legacy"}),
         ShowsKey("EC P-256", 2)),
    Good("TripleDes",
         UsePkcs12(ServerIdentity,
                   {"-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES"}),
         ShowsKey("EC P-256", 2)),
    Good("NotEncrypted",
         UsePkcs12(ServerIdentity, {"-keypbe", "NONE", "-certpbe", "NONE"}),
         ShowsKey("EC P-256", 2)),
    Good("WithoutPassphrase",
         UsePfx([] { return PfxWithout(&Pkcs12Spec::passphrase); }, ""),
         ShowsKey("EC P-256", 2)),
    Good(
        "TrustedCertificates",
        [](Options& o) {
          Pkcs12Credentials pkcs12{ServerPfx(), kPassphrase};
          pkcs12.trust_certificates = true;
          o.credentials = {pkcs12};
        },
        TrustsSoMany(2)),
    Good(
        "ExpiredIfTold",
        [](Options& o) {
          UsePkcs12(ExpiredServerIdentity, {})(o);
          std::get<Pkcs12Credentials>(o.credentials[0]).allow_outside_validity =
              true;
        },
        ShowsKey("EC P-256", 2)),
    Bad("Missing", Reason::kFieldRequired, kPfx,
        UsePfx([] { return std::string(); })),
    Bad("WrongPassphrase", Reason::kPassphraseWrong, kPfxPassphrase,
        UsePfx(ServerPfx, "wrong-sesame")),
    Bad("NoPassphrase", Reason::kPassphraseRequired, kPfxPassphrase,
        UsePfx(ServerPfx, "")),
    Bad("PassphraseTooLong", Reason::kFieldInvalid, kPfxPassphrase,
        UsePfx(ServerPfx, std::string(1025, 'x'))),
    Bad("PassphraseWithZero", Reason::kFieldInvalid, kPfxPassphrase,
        UsePfx(ServerPfx, std::string("open\0sesame", 11))),
    Bad("PassphraseBeyondUcs2", Reason::kFieldInvalid, kPfxPassphrase,
        UsePfx(ServerPfx, "open \xf0\x9f\x94\x91")),
    Bad("NoMac", Reason::kPkcs12Invalid, kPfx,
        UsePkcs12(ServerIdentity, {"-nomac"})),
    Bad("UnknownMac", Reason::kKeyUnsupported, kPfx,
        UsePkcs12(ServerIdentity, {"-macalg", "sha3-256"})),
    Bad("UnknownCipher", Reason::kKeyUnsupported, kPfx,
        UsePkcs12(ServerIdentity, {"-keypbe", "CAMELLIA-128-CBC"})),
    Bad("NoKey", Reason::kKeyRequired, kPfx,
        UsePfx([] { return PfxWithout(&Pkcs12Spec::private_key); })),
    Bad("NoCertificate", Reason::kPkcs12Invalid, kPfx,
        UsePfx([] { return PfxWithout(&Pkcs12Spec::certificates); })),
    Bad("TwoKeys", Reason::kKeyAmbiguous, kPfx, UsePfx(TwoKeysInPkcs12)),
    Bad("Garbage", Reason::kPkcs12Invalid, kPfx,
        UsePfx([] { return std::string("this is no such file"); })),
    Bad("IsPem", Reason::kPkcs12Invalid, kPfx,
        UsePfx([] { return ServerIdentity().KeyPem(); })),
    Bad("Truncated", Reason::kPkcs12Invalid, kPfx,
        UsePfx([] { return ServerPfx().substr(0, 500); })),
    Bad("TooLong", Reason::kFieldInvalid, kPfx,
        UsePfx([] { return std::string(1024 * 1024 + 1, 'x'); })),
    Bad("KeyOfAnotherCertificate", Reason::kKeyMismatch, kPfx, UsePfx([] {
          return PairInPkcs12(SelfSignedIdentity().key(),
                              ServerIdentity().certificate(), kPassphrase);
        })),
    Bad("P224", Reason::kKeyUnsupported, kPfx, UsePfx([] {
          const TestIdentity identity = IdentityOf(KeyKind::kP224);
          return PairInPkcs12(identity.key(), identity.certificate(),
                              kPassphrase);
        })),
    Bad("Rsa1024", Reason::kKeyUnsupported, kPfx, UsePfx([] {
          const TestIdentity identity = IdentityOf(KeyKind::kRsa1024);
          return PairInPkcs12(identity.key(), identity.certificate(),
                              kPassphrase);
        })),
    Bad("Expired", Reason::kCertificateExpired, kPfx,
        UsePkcs12(ExpiredServerIdentity, {})),
    Bad("EcKeyMayNotSign", Reason::kKeyUnsupported, kPfx,
        UsePkcs12(OtherRootIdentity, {})));

}  // namespace
}  // namespace tlsd::tls
