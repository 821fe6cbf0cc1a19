// What a SecureContext is made of, for the folder's own use: no other folder
// includes this, because it shows BoringSSL. Immutable; any thread may read it.
#ifndef TLSD_SERVER_TLS_SECURE_CONTEXT_STATE_H_
#define TLSD_SERVER_TLS_SECURE_CONTEXT_STATE_H_

#include <openssl/ssl.h>

#include <string>

#include "server/tls/secure_context.h"
#include "server/tls/trust_anchors.h"

namespace tlsd::tls {

struct SecureContext::State {
  bssl::UniquePtr<SSL_CTX> ssl_context;
  TrustAnchors trust_anchors;
  ClientCertificateMode client_certificate_mode = ClientCertificateMode::kNone;
  // In wire form; empty if ALPN is not used.
  std::string alpn_protocols;
  bool has_credentials = false;
  SecureContextFacts facts;
};

// SecureContextAccess opens a context to the engine and to tests.
struct SecureContextAccess {
  static const SecureContext::State& GetState(const SecureContext& context) {
    return *context.state_;
  }
};

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_SECURE_CONTEXT_STATE_H_
