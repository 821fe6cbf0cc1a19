// The judgement of a peer's certificate: chain, validity, purpose, name.
//
// It is made when the peer shows the certificate and again when a session is
// resumed. It says what is wrong; what follows from that is the engine's
// business. Any thread may call it.
#ifndef TLSD_SERVER_TLS_PEER_VERIFIER_H_
#define TLSD_SERVER_TLS_PEER_VERIFIER_H_

#include <openssl/x509.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "proto/status/reason.h"
#include "server/tls/peer_rules.h"
#include "server/tls/role.h"
#include "server/tls/server_name.h"
#include "server/tls/trust_anchors.h"

namespace tlsd::tls {

struct PeerVerdict {
  bool authorized = false;
  // What is wrong as OpenSSL and Node name it, e.g. "CERT_HAS_EXPIRED", and its
  // number there, 0 if it is not one of theirs; empty if authorized.
  std::string error;
  int code = 0;
  // The same for people, e.g. "certificate has expired".
  std::string text;
  Reason reason = Reason::kPeerCertificateUntrusted;
  // The alert that tells the peer.
  uint8_t alert = 0;
  // Whether the certificate must be refused whatever the caller says, because
  // to work with it costs too much.
  bool is_hostile = false;
  // The chain as far as it could be built, the peer's own certificate first; it
  // ends with a trust anchor if there is one.
  std::vector<bssl::UniquePtr<X509>> chain;
};

// PeerPolicy is what peers are judged by. Its parts must outlive the call.
struct PeerPolicy {
  const TrustAnchors& anchors;
  const PeerRules& rules;
};

// VerifyPeer judges `chain`, the peer's certificates as they came, own one
// first, by `policy` as of now; null or empty means that it showed none. `peer`
// is the peer's role. If `name` is not null the certificate must be for it; the
// common name never counts (RFC 9525 section 6.3).
PeerVerdict VerifyPeer(const PeerPolicy& policy, const STACK_OF(X509) * chain,
                       Role peer, const ServerName* name);

// VerdictError returns `verdict`, which is not authorized, as an error.
// Metadata: "verify_error", "server_name" if there is a `name`.
absl::Status VerdictError(const PeerVerdict& verdict, Role peer,
                          const ServerName* name);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_PEER_VERIFIER_H_
