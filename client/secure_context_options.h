// What a program can say about a secure context: when it is made, and when it
// is changed.
//
// These are plain values that nothing has checked: the daemon checks them as a
// whole. Their fields mirror the message SecureContext of proto/tlsd/v1, where
// each is documented at length. They hold secrets: keep them no longer than
// needed.
#ifndef TLSD_CLIENT_SECURE_CONTEXT_OPTIONS_H_
#define TLSD_CLIENT_SECURE_CONTEXT_OPTIONS_H_

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "client/facts.h"
#include "client/hook.h"
#include "client/trust.h"

namespace tlsd::client {

// PemCredentials is a certificate chain and the key of its first certificate.
struct PemCredentials {
  // Own certificate first, then the intermediates in order.
  std::string certificate_chain = {};
  // One private key: RSA, EC or Ed25519, plain or encrypted.
  std::string private_key = {};
  // Of an encrypted key.
  std::string passphrase = {};
  // Accept a certificate whose validity does not include the present, e.g. to
  // test how peers answer to it.
  bool allow_outside_validity = false;
  // An OCSP response in DER for the own certificate, at most 64 KiB: servers
  // staple it for clients that ask. See `SecureContext::SetOcspResponse`.
  std::string ocsp_response = {};
};

// Pkcs12Credentials is a chain and a key as .pfx and .p12 files hold them.
struct Pkcs12Credentials {
  // The bytes of the file.
  std::string pfx = {};
  // Of the file.
  std::string passphrase = {};
  // As in PemCredentials.
  bool allow_outside_validity = false;
  // Trust the file's other certificates, beside the trust anchors.
  bool trust_certificates = false;
  // As in PemCredentials.
  std::string ocsp_response = {};
};

// DevelopmentCredentials asks the daemon to make credentials in memory, under
// its development authority. Not for production.
struct DevelopmentCredentials {
  // DNS names and IP addresses. Default: localhost and its two addresses.
  std::vector<std::string> server_names = {};
  // As in PemCredentials.
  std::string ocsp_response = {};
};

// RemoteCredentials is a certificate whose key the daemon does not have: each
// handshake asks kSign, see DecisionHandler.
struct RemoteCredentials {
  // As in PemCredentials.
  std::string certificate_chain = {};
  bool allow_outside_validity = false;
  std::string ocsp_response = {};
};

// Credentials is one of the four.
using Credentials = std::variant<PemCredentials, Pkcs12Credentials,
                                 DevelopmentCredentials, RemoteCredentials>;

// CredentialsList is credentials, most preferred first, e.g.
// {PemCredentials{...}, Pkcs12Credentials{...}}: the daemon shows the first
// that suits the peer. At most 16.
using CredentialsList = std::vector<Credentials>;

// EchKey is a key that a server decrypts ClientHellos with. See also
// `SecureContext::RotateEchKeys`.
struct EchKey {
  // Required. The ECHConfig that belongs to it; not a list.
  std::string config = {};
  // Required. 32 bytes of X25519.
  std::string private_key = {};
  // Do not offer it to clients that have used another one.
  bool not_for_retry = false;
};

// SecureContextOptions is what CreateSecureContext takes. Everything may be
// left out: then the context trusts the system's store, has no credentials, and
// speaks TLS 1.2 and 1.3 with the defaults of docs/defaults.md.
struct SecureContextOptions {
  // The last part of the name, e.g. "web". Default: the daemon picks one.
  std::string id = {};
  // Servers need credentials; clients only if a server asks.
  CredentialsList credentials = {};

  // The peers: whom to trust, what is revoked, and what else must hold.
  TrustAnchors trust_anchors = {};
  RevocationLists revocation_lists = {};
  PeerRules peer_rules = {};
  // For servers: whether clients are asked for a certificate.
  ClientCertificateMode client_certificate_mode = ClientCertificateMode::kNone;

  // Default: TLS 1.2 to TLS 1.3.
  TlsVersion min_version = TlsVersion::kDefault;
  TlsVersion max_version = TlsVersion::kDefault;
  // Instead of both, the name of an OpenSSL method, e.g. "TLSv1_2_method".
  std::string secure_protocol = {};

  // Cipher suites below TLS 1.3 in OpenSSL's syntax, e.g.
  // "ECDHE+AESGCM:ECDHE+CHACHA20".
  std::string ciphers = {};
  // Refuse `ciphers` if any part of it is unknown.
  bool strict_ciphers = false;
  // For servers: follow the client's order of cipher suites.
  bool prefer_client_ciphers = false;
  // Groups of the key exchange, most preferred first, e.g. {"X25519", "P-256"}.
  std::vector<std::string> groups = {};
  // Diffie-Hellman parameters in PEM. They are checked and have no effect.
  std::string dh_params = {};
  // What peers may sign with, most preferred first, e.g.
  // {"ecdsa_secp256r1_sha256"}; and what we sign with.
  std::vector<std::string> signature_algorithms = {};
  std::vector<std::string> signing_algorithms = {};

  // Application protocols, most preferred first, e.g. {"h2", "http/1.1"}; or in
  // wire form, e.g. "\x02h2", which excludes the list.
  std::vector<std::string> alpn_protocols = {};
  std::string alpn_protocols_wire = {};
  // The same for NPN, which ALPN has replaced.
  std::vector<std::string> npn_protocols = {};
  std::string npn_protocols_wire = {};

  // How long a session can be resumed, 1 s to 7 days. 0: the default, 300 s.
  absl::Duration session_timeout = absl::ZeroDuration();
  // Tells sessions of this context from others.
  std::string session_id_context = {};
  // Keys of session tickets, 48 random bytes each; the first encrypts. Default:
  // keys that the daemon makes, and changes each day.
  std::vector<std::string> ticket_keys = {};
  // Give no session tickets.
  bool disable_session_tickets = false;

  // Questions that handshakes ask. A listener's or Connect's hook of the same
  // type goes before.
  Hooks hooks = {};

  // For servers: take early data with sessions that were made while this was
  // set. For clients: `ConnectOptions::early_data` may use it. TLS 1.3 only.
  //
  // WARNING: the same early data can arrive several times (RFC 8446 section 8).
  bool early_data = false;
  // For servers: keys of encrypted ClientHellos, most preferred first. TLS 1.3
  // only. At most 8.
  std::vector<EchKey> ech_keys = {};
};

// SecureContextUpdate is what `SecureContext::Update` changes: the fields that
// are set, and nothing else. A field that is set to the value it has in
// `SecureContextOptions{}` goes back to its default.
//
//   context.Update({.credentials = CredentialsList{PemCredentials{...}}});
//   context.Update({.peer_rules = PeerRules{}, .ciphers = ""});  // defaults
//
// WARNING: a field is set as a whole. `TrustAnchors{.allow_partial_chain =
// true}` alone trusts the system's store, whatever was trusted before.
struct SecureContextUpdate {
  std::optional<CredentialsList> credentials = {};

  std::optional<TrustAnchors> trust_anchors = {};
  std::optional<RevocationLists> revocation_lists = {};
  std::optional<PeerRules> peer_rules = {};
  std::optional<ClientCertificateMode> client_certificate_mode = {};

  // The versions replace `secure_protocol`, and it them.
  std::optional<TlsVersion> min_version = {};
  std::optional<TlsVersion> max_version = {};
  std::optional<std::string> secure_protocol = {};

  std::optional<std::string> ciphers = {};
  std::optional<bool> strict_ciphers = {};
  std::optional<bool> prefer_client_ciphers = {};
  std::optional<std::vector<std::string>> groups = {};
  std::optional<std::string> dh_params = {};
  std::optional<std::vector<std::string>> signature_algorithms = {};
  std::optional<std::vector<std::string>> signing_algorithms = {};

  // Either form replaces what either has set.
  std::optional<std::vector<std::string>> alpn_protocols = {};
  std::optional<std::string> alpn_protocols_wire = {};
  std::optional<std::vector<std::string>> npn_protocols = {};
  std::optional<std::string> npn_protocols_wire = {};

  std::optional<absl::Duration> session_timeout = {};
  std::optional<std::string> session_id_context = {};
  std::optional<std::vector<std::string>> ticket_keys = {};
  std::optional<bool> disable_session_tickets = {};

  std::optional<Hooks> hooks = {};

  std::optional<bool> early_data = {};
  std::optional<std::vector<EchKey>> ech_keys = {};

  // Change it only while this is its etag, see `SecureContextFacts::etag`.
  // Empty: whatever it is.
  std::string etag = {};
};

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_SECURE_CONTEXT_OPTIONS_H_
