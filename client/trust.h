// Whom to trust: trust anchors, revocation lists, and rules for what a peer's
// certificate must be beside trusted.
//
// These are plain values that nothing has checked: the daemon does. They mirror
// messages of proto/tlsd/v1/secure_context_service.proto. Anybody may own them.
#ifndef TLSD_CLIENT_TRUST_H_
#define TLSD_CLIENT_TRUST_H_

#include <string>
#include <vector>

namespace tlsd::client {

// TrustAnchors is the union of the sources that are set. None set: the system's
// store alone.
struct TrustAnchors {
  // Certificates in PEM, one or many in a string.
  std::vector<std::string> pems = {};
  // The system's store, beside the others.
  bool system = false;
  // The daemon's development authority.
  bool development = false;
  // Let a chain end at any of these, also at one that is not self-signed.
  bool allow_partial_chain = false;
};

// RevocationLists is what issuers have revoked. Without any, revocation is not
// checked.
struct RevocationLists {
  // Lists in PEM, one or many in a string.
  std::vector<std::string> pems = {};
  // Check the peer's own certificate only, not its issuers.
  bool leaf_only = false;
};

// NameKind is the kind of a name in a certificate. `kUri` is the whole URI,
// `kUriPrefix` its start.
enum class NameKind { kDns, kIp, kUri, kUriPrefix, kEmail };

// NameRule is a name that a peer's certificate may be for, e.g.
// {NameKind::kUriPrefix, "spiffe://example.org/"}.
struct NameRule {
  NameKind kind = NameKind::kDns;
  std::string value = {};
};

// ClientCertificateMode says whether a server asks its clients for a
// certificate, and whether it refuses those that show no good one.
enum class ClientCertificateMode { kNone, kRequest, kRequire };

// PeerRules is what a peer's certificate must fulfil beside being trusted. Of
// each kind that is not empty, one must fit.
struct PeerRules {
  std::vector<NameRule> names = {};
  // SHA-256 over the certificate: hexadecimal, with colons or without, or
  // base64.
  std::vector<std::string> certificate_pins = {};
  // SHA-256 over its SubjectPublicKeyInfo, in the same forms, also with
  // "sha256/" before it.
  std::vector<std::string> public_key_pins = {};
};

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_TRUST_H_
