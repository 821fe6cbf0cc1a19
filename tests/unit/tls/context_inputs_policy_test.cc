// Versions, cipher suites, groups, Diffie-Hellman parameters and signature
// algorithms.
#include <optional>
#include <string>
#include <vector>

#include "tests/unit/tls/context_inputs.h"
#include "tests/unit/tls/dh_parameters.h"

namespace tlsd::tls {
namespace {

constexpr TlsVersion k10 = TlsVersion::kTls10;
constexpr TlsVersion k11 = TlsVersion::kTls11;
constexpr TlsVersion k12 = TlsVersion::kTls12;
constexpr TlsVersion k13 = TlsVersion::kTls13;

ContextInput::Change SetVersions(std::optional<TlsVersion> min,
                                 std::optional<TlsVersion> max) {
  return [=](Options& options) {
    options.min_version = min;
    options.max_version = max;
  };
}

ContextInput::Change SetMethod(const std::string& name) {
  return [name](Options& options) { options.secure_protocol = name; };
}

constexpr char kMethod[] = "secure_protocol";

INSTANTIATE_CONTEXT_INPUTS(
    Versions, Good("Default", SetVersions({}, {}), VersionsAre(k12, k13)),
    Good("Tls10Alone", SetVersions(k10, k10), VersionsAre(k10, k10)),
    Good("Tls13Alone", SetVersions(k13, k13), VersionsAre(k13, k13)),
    Good("All", SetVersions(k10, k13), VersionsAre(k10, k13)),
    Good("MaxOnly", SetVersions({}, k12), VersionsAre(k12, k12)),
    Good("MinOnly", SetVersions(k11, {}), VersionsAre(k11, k13)),
    Bad("MinAboveMax", Reason::kVersionRangeEmpty, "min_version",
        SetVersions(k13, k12)),
    Bad("MaxBelowTheDefault", Reason::kVersionRangeEmpty, "min_version",
        SetVersions({}, k11)),
    Good("TlsMethod", SetMethod("TLS_method"), VersionsAre(k12, k13)),
    Good("Sslv23ServerMethod", SetMethod("SSLv23_server_method"),
         VersionsAre(k12, k13)),
    Good("Tlsv1Method", SetMethod("TLSv1_method"), VersionsAre(k10, k10)),
    Good("Tlsv11ClientMethod", SetMethod("TLSv1_1_client_method"),
         VersionsAre(k11, k11)),
    Good("Tlsv12Method", SetMethod("TLSv1_2_method"), VersionsAre(k12, k12)),
    Bad("Sslv2Method", Reason::kProtocolUnsupported, kMethod,
        SetMethod("SSLv2_method")),
    Bad("Sslv3Method", Reason::kProtocolUnsupported, kMethod,
        SetMethod("SSLv3_method")),
    Bad("Tlsv13Method", Reason::kProtocolUnsupported, kMethod,
        SetMethod("TLSv1_3_method")),
    Bad("NoMethod", Reason::kProtocolUnsupported, kMethod,
        SetMethod("TLSv1.2")),
    Bad("MethodAndMin", Reason::kFieldsConflict, kMethod,
        [](Options& o) {
          o.secure_protocol = "TLS_method";
          o.min_version = k12;
        }),
    Bad("MethodAndMax", Reason::kFieldsConflict, kMethod, [](Options& o) {
      o.secure_protocol = "TLS_method";
      o.max_version = k12;
    }));

ContextInput::Change SetCiphers(const std::string& ciphers) {
  return [ciphers](Options& options) { options.ciphers = ciphers; };
}

ContextInput::Change SetStrict(const std::string& ciphers) {
  return [ciphers](Options& options) {
    options.ciphers = ciphers;
    options.strict_ciphers = true;
  };
}

// The default of Node's classic documentation.
constexpr char kModuleDefault[] =
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "DHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA256:"
    "DHE-RSA-AES128-SHA256:ECDHE-RSA-AES256-SHA384:"
    "DHE-RSA-AES256-SHA384:ECDHE-RSA-AES256-SHA256:DHE-RSA-AES256-SHA256:HIGH:"
    "!aNULL:!eNULL:!EXPORT:!DES:!RC4:!MD5:!PSK:!SRP:!CAMELLIA";

const std::vector<std::string> kIgnoredOfModuleDefault = {
    "DHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA256",
    "DHE-RSA-AES128-SHA256",     "ECDHE-RSA-AES256-SHA384",
    "DHE-RSA-AES256-SHA384",     "ECDHE-RSA-AES256-SHA256",
    "DHE-RSA-AES256-SHA256"};

constexpr char k128[] = "TLS_AES_128_GCM_SHA256";
constexpr char k256[] = "TLS_AES_256_GCM_SHA384";
constexpr char kChaCha[] = "TLS_CHACHA20_POLY1305_SHA256";
const std::vector<std::string> kDefaultCiphers = {
    k128,
    k256,
    kChaCha,
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-RSA-AES256-SHA",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "AES128-SHA",
    "AES256-SHA"};

INSTANTIATE_CONTEXT_INPUTS(
    Ciphers, Good("Unset", SetCiphers(""), CiphersAre(kDefaultCiphers)),
    Good("Default", SetCiphers("DEFAULT"), CiphersAre(kDefaultCiphers)),
    Good("DefaultWithRemoval", SetCiphers("DEFAULT:!ECDHE:!AESGCM"),
         OlderCiphersAre({"AES128-SHA", "AES256-SHA"})),
    Good("ModuleDefaultIgnores", SetCiphers(kModuleDefault),
         Ignores(kIgnoredOfModuleDefault)),
    Good("ModuleDefaultWarns", SetCiphers(kModuleDefault), Warns("3DES")),
    Good("TwoSuites", SetCiphers("AES256-SHA:AES128-SHA"),
         OlderCiphersAre({"AES256-SHA", "AES128-SHA"})),
    Good("StandardName", SetCiphers("TLS_RSA_WITH_AES_128_CBC_SHA"),
         OlderCiphersAre({"AES128-SHA"})),
    Good("OtherSeparators", SetCiphers("AES256-SHA, AES128-SHA;"),
         OlderCiphersAre({"AES256-SHA", "AES128-SHA"})),
    Good("Intersection", SetCiphers("kRSA+AESGCM"),
         OlderCiphersAre({"AES128-GCM-SHA256", "AES256-GCM-SHA384"})),
    Good("Strength", SetCiphers("AES128-SHA:AES256-SHA:@STRENGTH"),
         OlderCiphersAre({"AES256-SHA", "AES128-SHA"})),
    Good("Group", SetCiphers("[AES128-SHA|AES256-SHA]:AES128-GCM-SHA256"),
         OlderCiphersAre({"AES128-SHA", "AES256-SHA", "AES128-GCM-SHA256"})),
    Good("RemovalsOfWhatIsAbsent",
         SetStrict("AES128-SHA:!aNULL:!eNULL:!EXPORT:!RC4:!MD5:!SRP:!DSS"),
         OlderCiphersAre({"AES128-SHA"})),
    Good("UnknownToken", SetCiphers("AES128-SHA:FOO:DHE-RSA-AES128-SHA"),
         Ignores({"FOO", "DHE-RSA-AES128-SHA"})),
    Good("SecurityLevel", SetCiphers("AES128-SHA:@SECLEVEL=1"),
         Ignores({"@SECLEVEL=1"})),
    Good("BrokenGroup", SetCiphers("AES128-SHA:[AES256-SHA"),
         Ignores({"[AES256-SHA"})),
    Good("RemovalOfTls13Suite",
         SetCiphers("AES128-SHA:!TLS_CHACHA20_POLY1305_SHA256"),
         Ignores({"!TLS_CHACHA20_POLY1305_SHA256"})),
    Good("TripleDes", SetCiphers("AES128-SHA:DES-CBC3-SHA"), Warns("3DES")),
    Good("PskBesideOthers", SetCiphers("PSK:AES128-SHA"),
         OlderCiphersAre({"AES128-SHA"})),
    Good("StrictAndKnown", SetStrict("ECDHE+AESGCM:!aECDSA"),
         OlderCiphersAre({"ECDHE-RSA-AES128-GCM-SHA256",
                          "ECDHE-RSA-AES256-GCM-SHA384"})),
    Bad("StrictAndUnknown", Reason::kCiphersInvalid, "ciphers",
        SetStrict("AES128-SHA:FOO")),
    Bad("StrictModuleDefault", Reason::kCiphersInvalid, "ciphers",
        SetStrict(kModuleDefault)),
    Bad("UnknownAlone", Reason::kCiphersInvalid, "ciphers", SetCiphers("FOO")),
    Bad("RemovalAlone", Reason::kCiphersInvalid, "ciphers", SetCiphers("!AES")),
    Bad("AllRemoved", Reason::kCiphersInvalid, "ciphers",
        SetCiphers("AES128-SHA:!AES128")),
    Bad("SeparatorAlone", Reason::kCiphersInvalid, "ciphers", SetCiphers(":")),
    Bad("PskAlone", Reason::kCiphersInvalid, "ciphers", SetCiphers("PSK")),
    Bad("EcdhePskAlone", Reason::kCiphersInvalid, "ciphers",
        SetCiphers("ECDHE-PSK-AES128-CBC-SHA")),
    Bad("GroupAndRemoval", Reason::kCiphersInvalid, "ciphers",
        SetCiphers("[AES128-SHA|AES256-SHA]:!ECDHE")),
    Bad("TooLong", Reason::kCiphersInvalid, "ciphers",
        SetCiphers(std::string(4097, ':'))),
    Bad("NoneOfTheVersion", Reason::kCiphersInvalid, "ciphers", [](Options& o) {
      o.min_version = o.max_version = k11;
      o.ciphers = "ECDHE+AESGCM";
    }));

std::string Join(const std::string& one, const std::string& other) {
  return one + ":" + other;
}

// The warning is that no older version is agreed to.
ContextInput::Check Tls13Only(const std::vector<std::string>& suites) {
  return [suites](const SecureContextFacts& facts) {
    Warns("TLS 1.3 alone")(facts);
    EXPECT_EQ(facts.effective_ciphers, suites);
    EXPECT_EQ(facts.min_version, k13);
  };
}

INSTANTIATE_CONTEXT_INPUTS(
    Tls13Suites,
    Good("AllThree", SetCiphers(Join(Join(k128, kChaCha), k256)),
         Tls13Only({k128, k256, kChaCha})),
    Good("AesGcm", SetCiphers(Join(k256, k128)), Tls13Only({k128, k256})),
    Good("Aes256", SetCiphers(k256), Tls13Only({k256})),
    Good("Aes256AndOlder", SetCiphers(Join(k256, "AES128-SHA")),
         CiphersAre({k256, "AES128-SHA"})),
    Good("AesGcmAndOlder", SetCiphers(Join(Join(k128, "AES128-SHA"), k256)),
         CiphersAre({k128, k256, "AES128-SHA"})),
    Good(
        "Aes256WhereTls13IsTheOnlyVersion",
        [](Options& o) {
          o.min_version = k13;
          o.ciphers = k256;
        },
        CiphersAre({k256})),
    Good("Aes256AndRemovals", SetCiphers(Join(k256, "!3DES:!RC4")),
         Tls13Only({k256})),
    Bad("Aes128", Reason::kCiphersInvalid, "ciphers", SetCiphers(k128)),
    Bad("ChaCha20", Reason::kCiphersInvalid, "ciphers", SetCiphers(kChaCha)),
    Bad("Aes128AndChaCha20", Reason::kCiphersInvalid, "ciphers",
        SetCiphers(Join(k128, kChaCha))),
    Bad("Aes256AndChaCha20", Reason::kCiphersInvalid, "ciphers",
        SetCiphers(Join(k256, kChaCha))),
    Bad("Aes128AndOlder", Reason::kCiphersInvalid, "ciphers",
        SetCiphers(Join(k128, "AES128-SHA"))),
    Bad("BelowTls13", Reason::kCiphersInvalid, "ciphers", [](Options& o) {
      o.max_version = k12;
      o.ciphers = k256;
    }));

ContextInput::Change SetGroups(const std::vector<std::string>& groups) {
  return [groups](Options& options) { options.groups = groups; };
}

ContextInput Group(const std::string& name, const std::string& group) {
  return Bad(name, Reason::kGroupUnsupported, "groups[1]",
             SetGroups({"P-384", group}));
}

INSTANTIATE_CONTEXT_INPUTS(
    Groups,
    Good("Unset", SetGroups({}), GroupsAre({"X25519", "P-256", "P-384"})),
    Good("Auto", SetGroups({"auto"}), GroupsAre({"X25519", "P-256", "P-384"})),
    Good("All", SetGroups({"P-521", "P-224", "P-384", "P-256", "X25519"}),
         GroupsAre({"P-521", "P-224", "P-384", "P-256", "X25519"})),
    Good("Aliases", SetGroups({"prime256v1", "secp384r1", "secp521r1"}),
         GroupsAre({"P-256", "P-384", "P-521"})),
    Good("Joined", SetGroups({"secp256r1:x25519"}),
         GroupsAre({"P-256", "X25519"})),
    Group("Twice", "P-384"), Group("TwiceByAlias", "secp384r1"),
    Group("AutoBesideOthers", "auto"), Group("Empty", ""),
    Group("False", "false"), Group("P256Kyber", "P256KYBER"),
    Group("X25519Kyber", "X25519KYBER"), Group("MlKem", "X25519MLKEM768"),
    Group("Secp256k1", "secp256k1"), Group("X448", "X448"),
    Group("Ffdhe", "ffdhe2048"));

ContextInput::Change SetDh(const std::string& pem) {
  return [pem](Options& options) { options.dh_params = pem; };
}

INSTANTIATE_CONTEXT_INPUTS(
    DhParams, Good("Bits2048", SetDh(kDh2048), Warns("2048 bits")),
    Good("Bits1024", SetDh(kDh1024), Warns("1024 bits")),
    Good("Auto", SetDh("auto"), Warns("dh_params: accepted")),
    Good("Text", SetDh("text"), Warns("not understood and dropped")),
    Bad("Bits512", Reason::kDhParamsTooSmall, "dh_params", SetDh(kDh512)),
    Bad("TooLong", Reason::kFieldInvalid, "dh_params",
        SetDh(std::string(64 * 1024 + 1, 'x'))));

ContextInput::Change SetSignatures(const std::vector<std::string>& names) {
  return [names](Options& options) { options.signature_algorithms = names; };
}

ContextInput::Change SetSigning(const std::vector<std::string>& names) {
  return [names](Options& options) { options.signing_algorithms = names; };
}

ContextInput Signature(const std::string& name, const std::string& algorithm) {
  return Bad(name, Reason::kSignatureAlgorithmUnsupported,
             "signature_algorithms[1]", SetSignatures({"ed25519", algorithm}));
}

INSTANTIATE_CONTEXT_INPUTS(
    SignatureAlgorithms,
    Good("Standard",
         SetSignatures({"ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256"}),
         Silent()),
    Good("Openssl", SetSignatures({"ECDSA+SHA384", "RSA-PSS+SHA512"}),
         Silent()),
    Good("Joined", SetSignatures({"ECDSA+SHA256:RSA+SHA256"}), Silent()),
    Good("Sha1IfNamed", SetSignatures({"rsa_pkcs1_sha1"}), Silent()),
    Good("Signing", SetSigning({"ECDSA+SHA256"}), Silent()),
    Signature("PssKeys", "rsa_pss_pss_sha256"), Signature("Ed448", "ed448"),
    Signature("Twice", "ED25519"), Signature("Unknown", "RSA+MD5"),
    Signature("Empty", ""),
    Bad("SigningUnknown", Reason::kSignatureAlgorithmUnsupported,
        "signing_algorithms[0]", SetSigning({"x"})),
    Bad("SigningTwice", Reason::kSignatureAlgorithmUnsupported,
        "signing_algorithms[1]", SetSigning({"ed25519", "ed25519"})));

}  // namespace
}  // namespace tlsd::tls
