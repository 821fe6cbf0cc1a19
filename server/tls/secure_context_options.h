// SecureContextOptions is what a caller can say about a secure context: plain
// data that nothing has checked yet. `SecureContext::Create` checks it.
//
// It knows neither gRPC nor BoringSSL. It holds secrets: copy it no further
// than needed.
#ifndef TLSD_SERVER_TLS_SECURE_CONTEXT_OPTIONS_H_
#define TLSD_SERVER_TLS_SECURE_CONTEXT_OPTIONS_H_

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "server/tls/hook.h"

namespace tlsd::tls {

// The versions of TLS, in their order.
enum class TlsVersion { kTls10, kTls11, kTls12, kTls13 };

// Whether a server asks its clients for a certificate.
enum class ClientCertificateMode {
  kNone,
  // Ask; accept whatever comes.
  kRequest,
  // Ask; refuse clients that are not authorized.
  kRequire,
};

// A chain and key in PEM, see proto/tlsd/v1/secure_context_service.proto. Here
// and below, `ocsp_response` is what servers staple, in DER.
struct PemCredentials {
  std::string certificate_chain;
  std::string private_key;
  std::string passphrase;
  bool allow_outside_validity = false;
  std::string ocsp_response = {};
};

// A chain and key in PKCS#12.
struct Pkcs12Credentials {
  std::string pfx;
  std::string passphrase;
  bool allow_outside_validity = false;
  // Make all but the own certificate trust anchors.
  bool trust_certificates = false;
  std::string ocsp_response = {};
};

// A chain and key that the development authority makes. Empty names mean
// "localhost", "127.0.0.1" and "::1".
struct DevelopmentCredentials {
  std::vector<std::string> server_names;
  std::string ocsp_response = {};
};

// A chain in PEM whose key is elsewhere: handshakes ask for signatures.
struct RemoteCredentials {
  std::string certificate_chain;
  bool allow_outside_validity = false;
  std::string ocsp_response = {};
};

using CredentialsOptions = std::variant<PemCredentials, DevelopmentCredentials,
                                        Pkcs12Credentials, RemoteCredentials>;

// The union of the sources; none set means the system's trust store.
struct TrustAnchorsOptions {
  std::vector<std::string> pems;
  bool system = false;
  bool development = false;
  bool allow_partial_chain = false;
};

// Without PEM, revocation is not checked.
struct RevocationListsOptions {
  std::vector<std::string> pems;
  bool leaf_only = false;
};

// A name that a peer's certificate may be for.
struct NameRule {
  enum class Kind { kDns, kIp, kUri, kUriPrefix, kEmail };

  Kind kind = Kind::kDns;
  std::string value;
};

// Of each kind that is not empty one must fit.
struct PeerRulesOptions {
  std::vector<NameRule> names;
  std::vector<std::string> certificate_pins;
  std::vector<std::string> public_key_pins;
};

// A key that opens encrypted ClientHellos, see
// proto/tlsd/v1/encrypted_client_hello.proto.
struct EchKeyOptions {
  std::string config;
  // Secret.
  std::string private_key;
  bool not_for_retry = false;
};

// How long sessions can be resumed. RFC 8446 section 4.6.1 allows 7 days.
inline constexpr absl::Duration kSessionTimeoutMin = absl::Seconds(1);
inline constexpr absl::Duration kSessionTimeoutMax = absl::Hours(7 * 24);

struct SecureContextOptions {
  // Most preferred first.
  std::vector<CredentialsOptions> credentials;
  TrustAnchorsOptions trust_anchors;
  RevocationListsOptions revocation_lists;
  PeerRulesOptions peer_rules;
  ClientCertificateMode client_certificate_mode = ClientCertificateMode::kNone;

  // Unset: TLS 1.2 and TLS 1.3, or what `secure_protocol` says, which excludes
  // them.
  std::optional<TlsVersion> min_version;
  std::optional<TlsVersion> max_version;
  std::string secure_protocol;

  // What is empty has the default of policy.h.
  std::string ciphers;
  bool strict_ciphers = false;
  bool prefer_client_ciphers = false;
  std::vector<std::string> groups;
  std::string dh_params;
  // What peers, and we, may sign with.
  std::vector<std::string> signature_algorithms;
  std::vector<std::string> signing_algorithms;

  // Most preferred first; or in wire form, which excludes the list.
  std::vector<std::string> alpn_protocols;
  std::string alpn_protocols_wire;
  std::vector<std::string> npn_protocols;
  std::string npn_protocols_wire;

  // Within the bounds above.
  absl::Duration session_timeout = absl::Seconds(300);
  std::string session_id_context;
  // Secret. The first encrypts.
  std::vector<std::string> ticket_keys;
  bool disable_session_tickets = false;

  // Whether servers take early data, and clients may send some.
  bool early_data = false;
  // Most preferred first.
  std::vector<EchKeyOptions> ech_keys;

  // Questions that handshakes ask.
  Hooks hooks;
  // Whether connections may tell their secrets. Not a caller's choice, but the
  // daemon's.
  bool key_log = false;
};

// HasRemoteCredentials reports whether a key is elsewhere.
bool HasRemoteCredentials(const SecureContextOptions& options);

// WipeSecrets overwrites the keys and passphrases in `options`.
void WipeSecrets(SecureContextOptions& options);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_SECURE_CONTEXT_OPTIONS_H_
