// PeerRules are the conditions on a peer's certificate beside being trusted:
// names that it must be for, and pins.
//
// Immutable; any thread may use them.
#ifndef TLSD_SERVER_TLS_PEER_RULES_H_
#define TLSD_SERVER_TLS_PEER_RULES_H_

#include <openssl/x509.h>

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/tls/secure_context_options.h"

namespace tlsd::tls {

class PeerRules {
 public:
  // Parse checks `options`. It fails with FIELD_INVALID, FIELD_REQUIRED or
  // SERVER_NAME_INVALID, naming "peer_rules.names[i].dns",
  // "peer_rules.public_key_pins[i]" and the like.
  static absl::StatusOr<PeerRules> Parse(const PeerRulesOptions& options);

  // Without conditions.
  PeerRules() = default;

  enum class Result { kFulfilled, kNameMismatch, kPinMismatch };
  // Check says whether `certificate`, the peer's own, fulfils all conditions.
  Result Check(X509* certificate) const;

  // digest returns what tells these rules from others.
  std::string digest() const;

 private:
  std::vector<NameRule> names_;
  // SHA-256 over DER, and over SubjectPublicKeyInfo.
  std::set<std::string> certificate_pins_;
  std::set<std::string> public_key_pins_;
};

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_PEER_RULES_H_
