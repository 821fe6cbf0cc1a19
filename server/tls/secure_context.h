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

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/tls/certificate_facts.h"
#include "server/tls/ocsp_response.h"
#include "server/tls/secure_context_options.h"

namespace tlsd::tls {

class DevelopmentAuthority;
// What only BoringSSL's side of this folder sees: secure_context_state.h.
struct SecureContextState;
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

  TlsVersion min_version = TlsVersion::kTls12;
  TlsVersion max_version = TlsVersion::kTls13;
  std::vector<std::string> alpn_protocols;
  std::vector<std::string> npn_protocols;
  // What can be negotiated, most preferred first.
  std::vector<std::string> effective_ciphers;
  std::vector<std::string> groups;
  // Parts of the options that the library does not know, or that have no, or
  // not their full, effect.
  std::vector<std::string> ignored_cipher_tokens;
  std::vector<std::string> warnings;
};

class SecureContext {
 public:
  // Create checks `options` as of `now` and builds the context. `authority`
  // serves the development credentials and anchors that `options` ask for; it
  // is not kept.
  //
  // Errors name their field as in proto/tlsd/v1/secure_context_service.proto,
  // e.g. "credentials[0].pem.private_key", and have the reasons that
  // CreateSecureContext lists there.
  //
  // The system's trust store may be empty if no verification can need it: the
  // context then fails verifications, not creation. It is an error if
  // `options.trust_anchors` or a client-certificate mode asks for it.
  static absl::StatusOr<std::shared_ptr<const SecureContext>> Create(
      const SecureContextOptions& options, DevelopmentAuthority& authority,
      absl::Time now);

  // What Replace takes over from the context that it replaces.
  struct Kept {
    // The credentials; those of the options are not looked at.
    bool credentials = false;
    // The ticket keys, and whose sessions they are: if both are kept, sessions
    // are resumed across the change, if peers are judged by equal rules.
    bool ticket_keys = false;
    bool session_owner = false;
    // The keys of encrypted ClientHellos.
    bool ech_keys = false;
  };
  // Replace builds the context that shall come after `previous`. Errors are
  // those of Create.
  static absl::StatusOr<std::shared_ptr<const SecureContext>> Replace(
      const SecureContext& previous, Kept kept,
      const SecureContextOptions& options, DevelopmentAuthority& authority,
      absl::Time now);

  ~SecureContext();
  SecureContext(const SecureContext&) = delete;
  SecureContext& operator=(const SecureContext&) = delete;

  const SecureContextFacts& facts() const;
  bool has_credentials() const;

  // RotateTicketKeys does what TicketKeys::Rotate does.
  absl::StatusOr<int> RotateTicketKeys(absl::Time now,
                                       absl::string_view key) const;

  // RotateEchKeys does what EchKeys::Rotate does. EchConfigList is what
  // EchKeys::config_list is.
  absl::StatusOr<int> RotateEchKeys(absl::string_view public_name,
                                    int max_name_length) const;
  std::string EchConfigList() const;

  // SetOcspResponse replaces the response, in DER, that the credentials number
  // `index` staple; empty for none. It fails with FIELD_INVALID, naming
  // "credentials_index", and with OCSP_RESPONSE_INVALID.
  absl::Status SetOcspResponse(int index, absl::string_view response) const;
  // DescribeStaple returns what the credentials number `index` staple at `now`;
  // its `der` is empty if nothing.
  OcspResponseFacts DescribeStaple(size_t index, absl::Time now) const;

  // DescribeTrustAnchors returns the certificates that are trusted; those of a
  // system store that is a folder are read for it.
  std::vector<CertificateFacts> DescribeTrustAnchors() const;

 private:
  friend class TlsEngine;
  friend struct SecureContextAccess;
  class Builder;
  explicit SecureContext(std::unique_ptr<SecureContextState> state);

  std::unique_ptr<SecureContextState> state_;
};

// NamedContext is a context and the resource it is known as:
// "secureContexts/ID", or empty for the daemon's default.
struct NamedContext {
  std::string name;
  std::shared_ptr<const SecureContext> context;
};

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_SECURE_CONTEXT_H_
