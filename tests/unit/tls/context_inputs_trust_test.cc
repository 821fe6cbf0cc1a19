// Whom to trust, who was revoked, and what else peers must be.
#include <cstdlib>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/testing/test_identities.h"
#include "tests/testing/test_revocation.h"
#include "tests/unit/tls/context_inputs.h"

namespace tlsd::tls {
namespace {

using ::tlsd::testing::IntermediateIdentity;
using ::tlsd::testing::OtherRootIdentity;
using ::tlsd::testing::RevocationListPem;
using ::tlsd::testing::RootIdentity;
using ::tlsd::testing::ServerIdentity;
using Kind = NameRule::Kind;

constexpr char kFirstAnchor[] = "trust_anchors.pems[0]";
constexpr char kSecondAnchor[] = "trust_anchors.pems[1]";
constexpr char kFirstList[] = "revocation_lists.pems[0]";
constexpr char kSecondList[] = "revocation_lists.pems[1]";

// The system's store is this text, for this process.
void SetSystemStore(const std::string& text) {
  const std::string path =
      absl::StrCat(::testing::TempDir(), "/system-store.pem");
  std::ofstream(path) << text;
  setenv("SSL_CERT_FILE", path.c_str(), /*overwrite=*/1);
  setenv("SSL_CERT_DIR", "/nonexistent", /*overwrite=*/1);
}

ContextInput::Change SetAnchors(std::vector<std::string> (*pems)()) {
  return [pems](Options& options) { options.trust_anchors.pems = pems(); };
}

// A TRUSTED CERTIFICATE is a certificate and what OpenSSL knows beside it.
std::string TrustedPem() {
  std::string pem = RootIdentity().CertificatePem();
  for (size_t at = pem.find("CERTIFICATE"); at != pem.npos;
       at = pem.find("CERTIFICATE", at + 20)) {
    pem.insert(at, "TRUSTED ");
  }
  return pem;
}

INSTANTIATE_CONTEXT_INPUTS(
    TrustAnchors,
    Good("One", SetAnchors([] {
           return std::vector<std::string>{RootIdentity().CertificatePem()};
         }),
         TrustsSoMany(1)),
    Good("ManyInOneString", SetAnchors([] {
           return std::vector<std::string>{
               "# roots\n" + RootIdentity().CertificatePem() + "\n\n" +
               OtherRootIdentity().CertificatePem()};
         }),
         TrustsSoMany(2)),
    Good("ManyStrings", SetAnchors([] {
           return std::vector<std::string>{
               RootIdentity().CertificatePem(),
               OtherRootIdentity().CertificatePem(),
               IntermediateIdentity().CertificatePem()};
         }),
         TrustsSoMany(3)),
    Good("Twice", SetAnchors([] {
           return std::vector<std::string>{RootIdentity().CertificatePem(),
                                           RootIdentity().CertificatePem()};
         }),
         TrustsSoMany(2)),
    Good("TrustedCertificate",
         SetAnchors([] { return std::vector<std::string>{TrustedPem()}; }),
         TrustsSoMany(1)),
    Good(
        "PartialChain",
        [](Options& o) { o.trust_anchors.allow_partial_chain = true; },
        TrustsSoMany(1)),
    Good(
        "Development",
        [](Options& o) {
          o.trust_anchors.pems.clear();
          o.trust_anchors.development = true;
        },
        TrustsSoMany(1)),
    Good(
        "System",
        [](Options& o) {
          SetSystemStore(RootIdentity().CertificatePem());
          o.trust_anchors.pems.clear();
          o.trust_anchors.system = true;
        },
        [](const SecureContextFacts& facts) {
          EXPECT_EQ(facts.trust_anchor_count, 1);
          EXPECT_NE(facts.system_trust_path.find("system-store.pem"),
                    std::string::npos);
        }),
    Good(
        "SystemByDefault",
        [](Options& o) {
          SetSystemStore(RootIdentity().CertificatePem() +
                         OtherRootIdentity().CertificatePem());
          o.trust_anchors.pems.clear();
        },
        TrustsSoMany(2)),
    Good(
        "SystemBesideOthers",
        [](Options& o) {
          SetSystemStore(OtherRootIdentity().CertificatePem());
          o.trust_anchors.system = true;
          o.trust_anchors.development = true;
        },
        TrustsSoMany(3)),
    Good(
        "NoSystemWithoutNeed",
        [](Options& o) {
          SetSystemStore("");
          o.trust_anchors.pems.clear();
        },
        TrustsSoMany(0)),
    Bad("NoSystem", Reason::kTrustStoreEmpty, "trust_anchors.system",
        [](Options& o) {
          SetSystemStore("");
          o.trust_anchors.system = true;
        }),
    Bad("NoSystemForClients", Reason::kTrustStoreEmpty, "trust_anchors.system",
        [](Options& o) {
          SetSystemStore("");
          o.trust_anchors.pems.clear();
          o.client_certificate_mode = ClientCertificateMode::kRequire;
        }),
    Bad("Empty", Reason::kPemInvalid, kFirstAnchor,
        SetAnchors([] { return std::vector<std::string>{""}; })),
    Bad("Text", Reason::kPemInvalid, kSecondAnchor, SetAnchors([] {
          return std::vector<std::string>{RootIdentity().CertificatePem(),
                                          "no certificate"};
        })),
    Bad("Key", Reason::kPemInvalid, kFirstAnchor, SetAnchors([] {
          return std::vector<std::string>{ServerIdentity().KeyPem()};
        })),
    Bad("RevocationList", Reason::kPemInvalid, kFirstAnchor, SetAnchors([] {
          return std::vector<std::string>{
              RevocationListPem(RootIdentity(), {})};
        })),
    Bad("SecondOfTheStringIsMalformed", Reason::kPemInvalid, kFirstAnchor,
        SetAnchors([] {
          return std::vector<std::string>{RootIdentity().CertificatePem() +
                                          "-----BEGIN CERTIFICATE-----\nAAAA\n"
                                          "-----END CERTIFICATE-----\n"};
        })),
    Bad("TooLong", Reason::kFieldInvalid, "trust_anchors.pems", SetAnchors([] {
          return std::vector<std::string>{RootIdentity().CertificatePem() +
                                          std::string(1024 * 1024, '\n')};
        })));

ContextInput::Change SetLists(std::vector<std::string> (*pems)()) {
  return [pems](Options& options) { options.revocation_lists.pems = pems(); };
}

INSTANTIATE_CONTEXT_INPUTS(
    RevocationLists,
    Good("One", SetLists([] {
           return std::vector<std::string>{
               RevocationListPem(IntermediateIdentity(), {&ServerIdentity()})};
         }),
         Silent()),
    Good("ManyInOneString", SetLists([] {
           return std::vector<std::string>{
               RevocationListPem(RootIdentity(), {}) +
               RevocationListPem(IntermediateIdentity(), {})};
         }),
         Silent()),
    Good(
        "LeafOnly",
        [](Options& o) {
          o.revocation_lists.pems = {
              RevocationListPem(IntermediateIdentity(), {})};
          o.revocation_lists.leaf_only = true;
        },
        Silent()),
    Good(
        "LeafOnlyWithoutLists",
        [](Options& o) { o.revocation_lists.leaf_only = true; }, Silent()),
    Bad("Empty", Reason::kCrlInvalid, kFirstList,
        SetLists([] { return std::vector<std::string>{""}; })),
    Bad("Text", Reason::kCrlInvalid, kSecondList, SetLists([] {
          return std::vector<std::string>{RevocationListPem(RootIdentity(), {}),
                                          "no list"};
        })),
    Bad("Certificate", Reason::kCrlInvalid, kFirstList, SetLists([] {
          return std::vector<std::string>{RootIdentity().CertificatePem()};
        })),
    Bad("CertificateBesideAList", Reason::kCrlInvalid, kFirstList, SetLists([] {
          return std::vector<std::string>{
              RevocationListPem(RootIdentity(), {}) +
              RootIdentity().CertificatePem()};
        })),
    Bad("Malformed", Reason::kCrlInvalid, kFirstList, SetLists([] {
          return std::vector<std::string>{
              "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"};
        })),
    Bad("Truncated", Reason::kCrlInvalid, kFirstList, SetLists([] {
          return std::vector<std::string>{
              RevocationListPem(RootIdentity(), {}).substr(0, 150)};
        })),
    Bad("TooLong", Reason::kFieldInvalid, "revocation_lists.pems", SetLists([] {
          return std::vector<std::string>{
              std::string(16 * 1024 * 1024 + 1, 'x')};
        })));

ContextInput::Change AddName(Kind kind, const std::string& value) {
  return [=](Options& options) {
    options.peer_rules.names.push_back({kind, value});
  };
}

INSTANTIATE_CONTEXT_INPUTS(
    Names, Good("Dns", AddName(Kind::kDns, "www.example.com"), Silent()),
    Good("DnsWithDot", AddName(Kind::kDns, "www.example.com."), Silent()),
    Good("DnsPunycode", AddName(Kind::kDns, "xn--bcher-kva.example"), Silent()),
    Good("Ip4", AddName(Kind::kIp, "192.0.2.1"), Silent()),
    Good("Ip6", AddName(Kind::kIp, "2001:db8::1"), Silent()),
    Good("Uri", AddName(Kind::kUri, "spiffe://example.org/web"), Silent()),
    Good("UriPrefix", AddName(Kind::kUriPrefix, "spiffe://example.org/"),
         Silent()),
    Good("Email", AddName(Kind::kEmail, "ops@example.com"), Silent()),
    Bad("DnsEmpty", Reason::kFieldRequired, "peer_rules.names[0].dns",
        AddName(Kind::kDns, "")),
    Bad("DnsWildcard", Reason::kServerNameInvalid, "peer_rules.names[0].dns",
        AddName(Kind::kDns, "*.example.com")),
    Bad("DnsIsIp", Reason::kServerNameInvalid, "peer_rules.names[0].dns",
        AddName(Kind::kDns, "192.0.2.1")),
    Bad("DnsWithSpace", Reason::kServerNameInvalid, "peer_rules.names[0].dns",
        AddName(Kind::kDns, "www example")),
    Bad("IpIsDns", Reason::kServerNameInvalid, "peer_rules.names[0].ip",
        AddName(Kind::kIp, "www.example.com")),
    Bad("IpRange", Reason::kServerNameInvalid, "peer_rules.names[0].ip",
        AddName(Kind::kIp, "192.0.2.0/24")),
    Bad("UriWithoutScheme", Reason::kFieldInvalid, "peer_rules.names[0].uri",
        AddName(Kind::kUri, "example.org/web")),
    Bad("UriPrefixEmpty", Reason::kFieldRequired,
        "peer_rules.names[0].uri_prefix", AddName(Kind::kUriPrefix, "")),
    Bad("EmailWithoutAt", Reason::kFieldInvalid, "peer_rules.names[0].email",
        AddName(Kind::kEmail, "ops")),
    Bad("TooMany", Reason::kFieldInvalid, "peer_rules.names", [](Options& o) {
      o.peer_rules.names.resize(101, {Kind::kDns, "a.example"});
    }));

ContextInput::Change AddKeyPin(const std::string& pin) {
  return [pin](Options& o) { o.peer_rules.public_key_pins.push_back(pin); };
}

ContextInput::Change AddCertificatePin(const std::string& pin) {
  return [pin](Options& o) { o.peer_rules.certificate_pins.push_back(pin); };
}

// SHA-256 of nothing.
constexpr char kHexPin[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr char kColonPin[] =
    "E3:B0:C4:42:98:FC:1C:14:9A:FB:F4:C8:99:6F:B9:24:27:AE:41:E4:64:9B:93:4C:"
    "A4:95:99:1B:78:52:B8:55";
constexpr char kBase64Pin[] = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
constexpr char kFirstKeyPin[] = "peer_rules.public_key_pins[0]";
constexpr char kFirstCertificatePin[] = "peer_rules.certificate_pins[0]";

INSTANTIATE_CONTEXT_INPUTS(
    Pins, Good("KeyHex", AddKeyPin(kHexPin), Silent()),
    Good("KeyColons", AddKeyPin(kColonPin), Silent()),
    Good("KeyBase64", AddKeyPin(kBase64Pin), Silent()),
    Good("KeyPrefixed", AddKeyPin(absl::StrCat("sha256/", kBase64Pin)),
         Silent()),
    Good("CertificateHex", AddCertificatePin(kHexPin), Silent()),
    Good("CertificateColons", AddCertificatePin(kColonPin), Silent()),
    Good("CertificateBase64", AddCertificatePin(kBase64Pin), Silent()),
    Bad("KeyEmpty", Reason::kFieldInvalid, kFirstKeyPin, AddKeyPin("")),
    Bad("KeyTooShort", Reason::kFieldInvalid, kFirstKeyPin, AddKeyPin("e3b0")),
    Bad("KeySha1", Reason::kFieldInvalid, kFirstKeyPin,
        AddKeyPin("da39a3ee5e6b4b0d3255bfef95601890afd80709")),
    Bad("KeyNoHex", Reason::kFieldInvalid, kFirstKeyPin,
        AddKeyPin(std::string(64, 'g'))),
    Bad("KeyOtherPrefix", Reason::kFieldInvalid, kFirstKeyPin,
        AddKeyPin(absl::StrCat("sha1/", kBase64Pin))),
    Bad("CertificateTooLong", Reason::kFieldInvalid, kFirstCertificatePin,
        AddCertificatePin(absl::StrCat(kHexPin, "00"))),
    Bad("CertificateIsPem", Reason::kFieldInvalid, kFirstCertificatePin,
        [](Options& o) {
          o.peer_rules.certificate_pins = {RootIdentity().CertificatePem()};
        }),
    Bad("TooMany", Reason::kFieldInvalid, "peer_rules.public_key_pins",
        [](Options& o) { o.peer_rules.public_key_pins.resize(101, kHexPin); }));

}  // namespace
}  // namespace tlsd::tls
