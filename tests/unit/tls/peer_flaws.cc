#include "tests/unit/tls/peer_flaws.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "tests/testing/test_identities.h"
#include "tests/testing/test_revocation.h"

namespace tlsd::tls {
namespace {

using ::tlsd::testing::ExpiredServerIdentity;
using ::tlsd::testing::IdentityExtension;
using ::tlsd::testing::IdentitySpec;
using ::tlsd::testing::IntermediateIdentity;
using ::tlsd::testing::NotYetValidServerIdentity;
using ::tlsd::testing::OtherRootIdentity;
using ::tlsd::testing::RevocationListPem;
using ::tlsd::testing::RevocationListSpec;
using ::tlsd::testing::RootIdentity;
using ::tlsd::testing::SelfSignedIdentity;
using ::tlsd::testing::ServerIdentity;
using ::tlsd::testing::StrangerIdentity;
using ::tlsd::testing::TestIdentity;

// SignAnew has `signer` sign the certificate of `identity`, whoever is its
// issuer.
void SignAnew(const TestIdentity& identity, const TestIdentity& signer) {
  ASSERT_TRUE(X509_sign(identity.certificate(), signer.key(), EVP_sha256()));
}

// ChangeExtension gives the certificate of `identity`, which is by `issuer`,
// another value of an extension.
void ChangeExtension(const TestIdentity& identity, const TestIdentity& issuer,
                     int nid, const std::string& value) {
  X509* certificate = identity.certificate();
  const bssl::UniquePtr<X509_EXTENSION> old(X509_delete_ext(
      certificate, X509_get_ext_by_NID(certificate, nid, /*lastpos=*/-1)));
  const bssl::UniquePtr<X509_EXTENSION> changed(X509V3_EXT_nconf_nid(
      /*conf=*/nullptr, /*ctx=*/nullptr, nid, value.c_str()));
  ASSERT_TRUE(X509_add_ext(certificate, changed.get(), /*loc=*/-1));
  SignAnew(identity, issuer);
}

// Authority returns one that `issuer` vouches for.
TestIdentity Authority(const TestIdentity& issuer, int index,
                       std::vector<IdentityExtension> extensions = {}) {
  IdentitySpec spec;
  spec.common_name = absl::StrCat("authority ", index);
  spec.is_authority = true;
  spec.key_index = index;
  spec.extensions = std::move(extensions);
  return issuer.Issue(spec);
}

// LongChain returns a leaf with `count` authorities over it, the root among
// them.
TestIdentity LongChain(int count) {
  TestIdentity identity = Authority(RootIdentity(), 20);
  for (int i = 2; i < count; ++i) identity = Authority(identity, 19 + i);
  return identity.Issue({});
}

// LeafUnderConstraints is for localhost, by an authority with `constraints`.
TestIdentity LeafUnderConstraints(const std::string& constraints) {
  IdentitySpec spec;
  spec.alternative_names = {"DNS:localhost"};
  return Authority(RootIdentity(), 40, {{"nameConstraints", constraints}})
      .Issue(spec);
}

// LeafUnderPathLength is by the second authority under one that says that
// `length` may stand under it.
TestIdentity LeafUnderPathLength(int length) {
  const TestIdentity first = Authority(RootIdentity(), 41);
  ChangeExtension(first, RootIdentity(), NID_basic_constraints,
                  absl::StrCat("critical,CA:TRUE,pathlen:", length));
  return Authority(first, 42).Issue({});
}

// Lists returns one of the root's and one of the intermediate's, with what
// they revoke and how the latter is.
std::vector<std::string> Lists(const std::vector<const TestIdentity*>& revoked,
                               const RevocationListSpec& spec = {}) {
  return {RevocationListPem(RootIdentity(), {}),
          RevocationListPem(IntermediateIdentity(), revoked, spec)};
}

// Fine has nothing that is to be said.
Flaw Fine(const char* name, std::function<void(JudgedPeer&)> make) {
  Flaw flaw = {};
  flaw.name = name;
  flaw.make = std::move(make);
  return flaw;
}

void Distrust(JudgedPeer& peer) {
  peer.trust_anchors.pems = {OtherRootIdentity().CertificatePem()};
}

}  // namespace

std::vector<Flaw> TrustFlaws() {
  return {
      {"SelfSigned", "DEPTH_ZERO_SELF_SIGNED_CERT", 18,
       "self signed certificate", Reason::kPeerCertificateUntrusted,
       "unknown_ca", [](JudgedPeer& peer) { peer.Show(SelfSignedIdentity()); }},
      {"StrangersRoot", "SELF_SIGNED_CERT_IN_CHAIN", 19,
       "self signed certificate in certificate chain",
       Reason::kPeerCertificateUntrusted, "unknown_ca",
       [](JudgedPeer& peer) {
         peer.shown.certificate_chain += RootIdentity().CertificatePem();
         Distrust(peer);
       }},
      {"StrangersChain", "UNABLE_TO_GET_ISSUER_CERT_LOCALLY", 20,
       "unable to get local issuer certificate",
       Reason::kPeerCertificateUntrusted, "unknown_ca", Distrust},
      {"StrangersLeaf", "UNABLE_TO_VERIFY_LEAF_SIGNATURE", 21,
       "unable to verify the first certificate",
       Reason::kPeerCertificateUntrusted, "unknown_ca",
       [](JudgedPeer& peer) { peer.Show(StrangerIdentity()); }},
      {"NoRoot", "UNABLE_TO_GET_ISSUER_CERT", 2,
       "unable to get issuer certificate", Reason::kPeerCertificateUntrusted,
       "unknown_ca",
       [](JudgedPeer& peer) {
         peer.trust_anchors.pems = {IntermediateIdentity().CertificatePem()};
       }},
      {"ForgedLeaf", "CERT_SIGNATURE_FAILURE", 7,
       "certificate signature failure", Reason::kPeerCertificateUntrusted,
       "decrypt_error",
       [](JudgedPeer& peer) {
         const TestIdentity leaf = IntermediateIdentity().Issue({});
         SignAnew(leaf, OtherRootIdentity());
         peer.Show(leaf);
         peer.shown.certificate_chain = leaf.CertificatePem();
         peer.trust_anchors.pems.push_back(
             IntermediateIdentity().CertificatePem());
       }},
      {"Expired", "CERT_HAS_EXPIRED", 10, "certificate has expired",
       Reason::kPeerCertificateExpired, "certificate_expired",
       [](JudgedPeer& peer) { peer.Show(ExpiredServerIdentity()); }},
      {"NotYetValid", "CERT_NOT_YET_VALID", 9, "certificate is not yet valid",
       Reason::kPeerCertificateExpired, "certificate_expired",
       [](JudgedPeer& peer) { peer.Show(NotYetValidServerIdentity()); }},
      {"ExpiredAuthority", "CERT_HAS_EXPIRED", 10, "certificate has expired",
       Reason::kPeerCertificateExpired, "certificate_expired",
       [](JudgedPeer& peer) {
         IdentitySpec spec;
         spec.is_authority = true;
         spec.key_index = 20;
         spec.valid_for = absl::Minutes(30);
         peer.Show(RootIdentity().Issue(spec).Issue({}));
       }},
  };
}

std::vector<Flaw> ChainFlaws() {
  return {
      {"LeafAsAuthority", "INVALID_CA", 24, "invalid CA certificate",
       Reason::kPeerCertificateUntrusted, "unknown_ca",
       [](JudgedPeer& peer) {
         IdentitySpec no_authority;
         no_authority.key_usage = "";
         no_authority.key_index = 20;
         peer.Show(RootIdentity().Issue(no_authority).Issue({}));
       }},
      {"PathTooLong", "PATH_LENGTH_EXCEEDED", 25,
       "path length constraint exceeded", Reason::kPeerCertificateInvalid,
       "unknown_ca",
       [](JudgedPeer& peer) { peer.Show(LeafUnderPathLength(0)); }},
      {"ChainTooLong", "CERT_CHAIN_TOO_LONG", 22, "certificate chain too long",
       Reason::kPeerCertificateUntrusted, "unknown_ca",
       [](JudgedPeer& peer) { peer.ShowInPart(LongChain(11)); }},
      {"WrongPurpose", "INVALID_PURPOSE", 26, "unsupported certificate purpose",
       Reason::kPeerCertificateInvalid, "unsupported_certificate",
       [](JudgedPeer& peer) {
         IdentitySpec spec;
         spec.extended_key_usage = "codeSigning";
         peer.Show(IntermediateIdentity().Issue(spec));
       }},
      {"NotPermitted", "PERMITTED_VIOLATION", 47, "permitted subtree violation",
       Reason::kPeerCertificateInvalid, "certificate_unknown",
       [](JudgedPeer& peer) {
         peer.Show(LeafUnderConstraints("critical,permitted;DNS:example.com"));
       }},
      {"Excluded", "EXCLUDED_VIOLATION", 48, "excluded subtree violation",
       Reason::kPeerCertificateInvalid, "certificate_unknown",
       [](JudgedPeer& peer) {
         peer.Show(LeafUnderConstraints("critical,excluded;DNS:localhost"));
       }},
      {"UnknownCriticalExtension", "UNHANDLED_CRITICAL_EXTENSION", 34,
       "unhandled critical extension", Reason::kPeerCertificateInvalid,
       "certificate_unknown",
       [](JudgedPeer& peer) {
         IdentitySpec spec;
         spec.extensions = {{"1.2.3.4", "critical,DER:0500"}};
         peer.Show(IntermediateIdentity().Issue(spec));
       }},
  };
}

std::vector<Flaw> RevocationFlaws() {
  return {
      {"Revoked", "CERT_REVOKED", 23, "certificate revoked",
       Reason::kPeerCertificateRevoked, "certificate_revoked",
       [](JudgedPeer& peer) {
         peer.revocation_lists.pems = Lists({&ServerIdentity()});
       }},
      {"NoList", "UNABLE_TO_GET_CRL", 3, "unable to get certificate CRL",
       Reason::kPeerCertificateInvalid, "unknown_ca",
       [](JudgedPeer& peer) {
         peer.revocation_lists.pems = {RevocationListPem(RootIdentity(), {})};
       }},
      {"ExpiredList", "CRL_HAS_EXPIRED", 12, "CRL has expired",
       Reason::kPeerCertificateInvalid, "certificate_expired",
       [](JudgedPeer& peer) {
         RevocationListSpec spec;
         spec.valid_for = absl::Minutes(30);
         peer.revocation_lists.pems = Lists({}, spec);
       }},
      {"ListNotYetValid", "CRL_NOT_YET_VALID", 11, "CRL is not yet valid",
       Reason::kPeerCertificateInvalid, "certificate_expired",
       [](JudgedPeer& peer) {
         RevocationListSpec spec;
         spec.valid_from = absl::Hours(1);
         peer.revocation_lists.pems = Lists({}, spec);
       }},
      {"ForgedList", "CRL_SIGNATURE_FAILURE", 8, "CRL signature failure",
       Reason::kPeerCertificateInvalid, "decrypt_error",
       [](JudgedPeer& peer) {
         RevocationListSpec spec;
         spec.signing_key = OtherRootIdentity().key();
         peer.revocation_lists.pems = Lists({}, spec);
       }},
  };
}

std::vector<Flaw> RuleFlaws() {
  return {
      {"NotPinned", "PIN_MISMATCH", 0,
       "the certificate is none of those that are pinned",
       Reason::kPeerCertificatePinMismatch, "access_denied",
       [](JudgedPeer& peer) {
         peer.peer_rules.certificate_pins = {std::string(64, '0')};
       }},
      {"NameNotAllowed", "SUBJECT_ALTERNATIVE_NAME_MISMATCH", 0,
       "the certificate is for none of the names that are allowed",
       Reason::kPeerCertificateNameMismatch, "access_denied",
       [](JudgedPeer& peer) {
         peer.peer_rules.names = {{NameRule::Kind::kDns, "other.test"}};
       }},
  };
}

std::vector<Flaw> ServerNameFlaws() {
  return {
      {"OtherHost", "HOSTNAME_MISMATCH", 62, "Hostname mismatch",
       Reason::kPeerCertificateNameMismatch, "bad_certificate",
       [](JudgedPeer& peer) { peer.engine.server_name = "other.test"; }},
      {"OtherAddress", "IP_ADDRESS_MISMATCH", 64, "IP address mismatch",
       Reason::kPeerCertificateNameMismatch, "bad_certificate",
       [](JudgedPeer& peer) { peer.engine.server_name = "127.0.0.2"; }},
  };
}

std::vector<Flaw> Flawless() {
  return {
      Fine("AtFirst", [](JudgedPeer&) {}),
      Fine("RootInTheChain",
           [](JudgedPeer& peer) {
             peer.shown.certificate_chain += RootIdentity().CertificatePem();
           }),
      Fine("LongestPath",
           [](JudgedPeer& peer) { peer.Show(LeafUnderPathLength(1)); }),
      Fine("LongestChain",
           [](JudgedPeer& peer) { peer.ShowInPart(LongChain(10)); }),
      Fine("Permitted",
           [](JudgedPeer& peer) {
             peer.Show(
                 LeafUnderConstraints("critical,permitted;DNS:localhost"));
           }),
      Fine("NotExcluded",
           [](JudgedPeer& peer) {
             peer.Show(
                 LeafUnderConstraints("critical,excluded;DNS:example.com"));
           }),
      Fine("UnknownExtension",
           [](JudgedPeer& peer) {
             IdentitySpec spec;
             spec.extensions = {{"1.2.3.4", "DER:0500"}};
             peer.Show(IntermediateIdentity().Issue(spec));
           }),
      Fine("NotRevoked",
           [](JudgedPeer& peer) {
             peer.revocation_lists.pems = Lists({&StrangerIdentity()});
           }),
      Fine("AddressOfHost",
           [](JudgedPeer& peer) { peer.engine.server_name = "127.0.0.1"; }),
  };
}

}  // namespace tlsd::tls
