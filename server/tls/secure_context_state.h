// What a SecureContext is made of, for the folder's own use: no other folder
// includes this, because it shows BoringSSL. Immutable; any thread may read it.
#ifndef TLSD_SERVER_TLS_SECURE_CONTEXT_STATE_H_
#define TLSD_SERVER_TLS_SECURE_CONTEXT_STATE_H_

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/tls/credential_choice.h"
#include "server/tls/ech_keys.h"
#include "server/tls/hook.h"
#include "server/tls/peer_rules.h"
#include "server/tls/secure_context.h"
#include "server/tls/ticket_keys.h"
#include "server/tls/trust_anchors.h"

namespace tlsd::tls {

struct SecureContextState {
  bssl::UniquePtr<SSL_CTX> ssl_context;
  TrustAnchors trust_anchors;
  PeerRules peer_rules;
  ClientCertificateMode client_certificate_mode = ClientCertificateMode::kNone;
  // Most preferred first. The first are those of `ssl_context`.
  std::vector<std::shared_ptr<const ShownCredentials>> credentials;
  // What we sign with.
  std::vector<uint16_t> signing_algorithms;
  // In wire form; empty if they are not used.
  std::string alpn_protocols;
  std::string npn_protocols;

  std::shared_ptr<TicketKeys> ticket_keys;
  // Never null.
  std::shared_ptr<EchKeys> ech_keys;
  bool early_data = false;
  // Whose sessions they are; with the rules of judgement it makes
  // `session_id_context`.
  std::string session_owner;
  // A session may be resumed only where this and the server name are equal.
  std::string session_id_context;

  Hooks hooks;

  SecureContextFacts facts;
};

// SecureContextAccess opens a context to the engine and to tests.
struct SecureContextAccess {
  static const SecureContextState& GetState(const SecureContext& context) {
    return *context.state_;
  }
};

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_SECURE_CONTEXT_STATE_H_
