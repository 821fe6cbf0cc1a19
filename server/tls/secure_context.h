// SecureContext is a checked TLS configuration: own credentials, trust anchors
// and policy. It is immutable; connections share it.
//
// It makes no connection; that is a `TlsEngine`. Whoever holds a reference owns
// it; any thread may use it.
#ifndef TLSD_SERVER_TLS_SECURE_CONTEXT_H_
#define TLSD_SERVER_TLS_SECURE_CONTEXT_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/tls/certificate_facts.h"
#include "server/tls/secure_context_options.h"

namespace tlsd::tls {

class DevelopmentAuthority;
class TlsEngine;

// SecureContextFacts is what may be told of a context: no secret is in it.
struct SecureContextFacts {
  // One entry for each credentials, own certificate first.
  std::vector<std::vector<CertificateFacts>> certificate_chains;
  // Where the system's trust store was found; empty if it was not used.
  std::string system_trust_path;
  // Certificates that are trusted, without those of a system store that is a
  // folder.
  int trust_anchor_count = 0;
  // When the first of the own certificates ends.
  std::optional<absl::Time> expire_time;
};

class SecureContext {
 public:
  // Create checks `options` as of `now` and builds the context. `authority`
  // serves the development credentials and anchors that `options` ask for; it
  // is not kept.
  //
  // Errors name their field as in proto/tlsd/v1/secure_context_service.proto,
  // e.g. "credentials[0].pem.private_key": PEM_INVALID, KEY_UNSUPPORTED,
  // KEY_MISMATCH, PASSPHRASE_REQUIRED, PASSPHRASE_WRONG, CHAIN_ORDER_INVALID,
  // CERTIFICATE_EXPIRED, CERTIFICATE_NOT_YET_VALID, TRUST_STORE_EMPTY,
  // VERSION_RANGE_EMPTY, ALPN_INVALID, SERVER_NAME_INVALID, FIELD_INVALID,
  // FIELD_REQUIRED.
  //
  // The system's trust store may be empty if no verification can need it: the
  // context then fails verifications, not creation. It is an error if
  // `options.trust_anchors` or a client-certificate mode asks for it.
  static absl::StatusOr<std::shared_ptr<const SecureContext>> Create(
      const SecureContextOptions& options, DevelopmentAuthority& authority,
      absl::Time now);

  ~SecureContext();
  SecureContext(const SecureContext&) = delete;
  SecureContext& operator=(const SecureContext&) = delete;

  const SecureContextFacts& facts() const;
  bool has_credentials() const;

 private:
  friend class TlsEngine;
  friend struct SecureContextAccess;
  // What only BoringSSL's side of this folder sees; see secure_context.cc.
  struct State;
  explicit SecureContext(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_SECURE_CONTEXT_H_
