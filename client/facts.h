// Facts: what tlsd tells about itself, its contexts, listeners and connections.
//
// These are plain values that mirror the messages of proto/tlsd/v1, where each
// field is documented at length. They are snapshots: nothing here changes after
// it was returned, holds a resource, or talks to the daemon. Anybody may own
// them, and different threads may read one at the same time.
#ifndef TLSD_CLIENT_FACTS_H_
#define TLSD_CLIENT_FACTS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client/certificate_facts.h"
#include "client/connection_options.h"
#include "client/hook.h"
#include "client/transport.h"
#include "client/trust.h"

namespace tlsd::client {

// TlsVersion is a version of the TLS protocol. `kDefault` stands in options for
// the default of the field; in facts it means that none was negotiated.
enum class TlsVersion { kDefault, kTls10, kTls11, kTls12, kTls13 };

// Role says which end of a connection the daemon plays.
enum class Role { kUnknown, kClient, kServer };

// ConnectionState is where a connection is in its life.
enum class ConnectionState { kUnknown, kHandshaking, kOpen, kClosed };

// ListenerState is where a listener is in its life.
enum class ListenerState { kUnknown, kActive, kDraining, kClosed };

// Handler says what happens to the cleartext of a listener's connections:
// `kStream` holds it for `Listener::Accept`, `kEcho` sends it back, `kForward`
// passes it on to an upstream server.
enum class Handler { kStream, kEcho, kForward };

// EarlyData is what became of early data (0-RTT, RFC 8446 section 2.3).
enum class EarlyData {
  kNone,      // none was sent
  kAccepted,  // the server has taken it
  // The server has not taken it; a client has sent the same bytes again after
  // the handshake.
  kRejected
};

// SocketAddress is the address of one end of a socket.
struct SocketAddress {
  std::string family;   // "IPv4", "IPv6" or "unix"
  std::string address;  // e.g. "127.0.0.1"; empty for a unix socket
  int port = 0;         // 0 for a unix socket
  std::string path;     // of a unix socket; empty if that end has no name
};

// ToString returns the form that options take: "127.0.0.1:443", "[::1]:443" or
// "unix:/path". It is empty if the family is.
std::string ToString(const SocketAddress& address);

// ProxyField is one type-length-value of a PROXY header of version 2.
struct ProxyField {
  int type = 0;  // e.g. 1 for ALPN, 2 for authority, 32 for SSL
  std::string value;
};

// ProxyHeaderFacts is the PROXY header that a connection began with. It is what
// the proxy, or whoever reached the listener, has claimed.
struct ProxyHeaderFacts {
  int version = 0;  // 1 or 2
  // The proxy speaks for itself: there are no addresses.
  bool is_local = false;
  SocketAddress source;            // where the proxy's client is
  SocketAddress destination;       // what it has connected to
  std::vector<ProxyField> fields;  // what else version 2 says
};

// HandshakeFacts is what a handshake agreed on. Names are OpenSSL's.
struct HandshakeFacts {
  TlsVersion version = TlsVersion::kDefault;
  std::string protocol;              // e.g. "TLSv1.3"
  std::string cipher;                // e.g. "ECDHE-RSA-AES128-GCM-SHA256"
  std::string cipher_standard_name;  // e.g. "TLS_AES_128_GCM_SHA256"
  std::string cipher_version;        // "TLSv1/SSLv3", as the module shows it
  std::string cipher_min_version;    // the oldest that has it, e.g. "TLSv1.2"
  std::string group;                 // e.g. "X25519"; empty if there was none
  std::string alpn_protocol;         // empty if none was negotiated
  std::string npn_protocol;          // likewise
  std::string server_name;           // SNI; empty if none
  bool resumed = false;              // whether an earlier session was resumed

  // What the peer has signed with, e.g. "rsa_pss_rsae_sha256"; empty if it has
  // not signed.
  std::string peer_signature_algorithm;
  // What both can sign with, in the peer's order, as far as TLS tells.
  std::vector<std::string> shared_signature_algorithms;
  // For a client: whether the server has asked for a certificate.
  bool certificate_requested = false;
  // The SHA-256 fingerprint of the certificate that we have shown; empty if
  // none, and on resumption.
  std::string own_certificate_sha256;
  EarlyData early_data = EarlyData::kNone;
  // Whether the ClientHello was encrypted and the server could read it.
  bool ech_accepted = false;
};

// Failure is what ended a connection that did not end cleanly.
struct Failure {
  std::string reason;   // of docs/error_reasons.md, e.g. "TLS_TRUNCATED"
  std::string message;  // for people
  std::map<std::string, std::string> metadata;
};

// ConnectionFacts is a connection at one moment.
struct ConnectionFacts {
  std::string name;  // "connections/ID"
  Role role = Role::kUnknown;
  ConnectionState state = ConnectionState::kUnknown;
  std::string listener;  // "listeners/ID" that accepted it; else empty
  // Empty for the daemon's default, and for a plain connection.
  std::string secure_context;
  SocketAddress local_address;  // empty if there is no socket: see `carrier`
  // The peer's end, or, with a PROXY header, the source that it claims.
  SocketAddress remote_address;
  std::optional<HandshakeFacts> handshake;  // unset before it is complete

  // Whether the peer showed a certificate that the trust anchors vouch for and
  // that, for a server, has the right name.
  bool authorized = false;
  // Why not, e.g. "CERT_HAS_EXPIRED". Empty if authorized, or if no certificate
  // was asked for.
  std::string authorization_error;
  // The same as OpenSSL's number, 0 if it has none, and for people.
  int authorization_error_code = 0;
  std::string authorization_error_text;
  bool encrypted = false;  // whether TLS protects it
  std::optional<CertificateFacts> peer_certificate;
  // What the server has stapled, if it was asked for. Unset on resumption.
  std::optional<OcspResponseFacts> ocsp_response;
  bool has_session = false;  // whether there is one to resume: see GetSession

  // Bytes so far. Those on the wire count handshake and record overhead too.
  int64_t cleartext_bytes_received = 0;
  int64_t cleartext_bytes_sent = 0;
  int64_t wire_bytes_received = 0;
  int64_t wire_bytes_sent = 0;

  // Whether the peer has ended its direction: with close_notify, or, plain,
  // the end of the socket's.
  bool peer_closed = false;
  bool shut_down = false;  // whether we have ended ours

  // "connections/ID" whose cleartext is this one's ciphertext; empty over a
  // socket.
  std::string carrier;
  // "connections/ID" that its cleartext goes to and comes from; empty if none.
  std::string piped_with;
  std::string upstream;  // where its listener forwards it to; else empty
  // Unset if its listener asks for no PROXY header.
  std::optional<ProxyHeaderFacts> proxy_header;
  // The peer's end of the socket, if `remote_address` is a proxy's claim.
  SocketAddress proxy_address;
  SocketOptions socket_options;
  // The most cleartext that one record holds; 0 if it is plain.
  int max_send_fragment = 0;
  // Of the cleartext that came, the first so many bytes were early data, which
  // an attacker can have sent again.
  int64_t early_bytes_received = 0;
  int renegotiation_count = 0;  // that a client has answered

  std::optional<absl::Time> create_time;
  std::optional<absl::Time> open_time;
  std::optional<absl::Time> close_time;
  std::optional<Failure> failure;  // why it ended, if not cleanly
};

// ServerNameContext is a secure context for clients that ask for a server name
// (SNI).
struct ServerNameContext {
  // A DNS name, "www.example.com", or one with a wildcard for its first label,
  // "*.example.com". Upper and lower case, and a dot at the end, do not count.
  // A name goes before a wildcard.
  std::string server_name = {};
  // The name of a context with credentials.
  std::string secure_context = {};
};

// ListenerFacts is a listener at one moment.
struct ListenerFacts {
  std::string name;            // "listeners/ID"
  std::string address;         // as it was asked for
  std::string secure_context;  // "secureContexts/ID"
  Handler handler = Handler::kStream;
  absl::Duration handshake_timeout;
  int max_connections = 0;
  SocketAddress bound_address;  // as the socket really has it
  ListenerState state = ListenerState::kUnknown;
  int64_t connection_count = 0;  // open now, handshakes included
  int64_t accepted_count = 0;    // so far
  int64_t rejected_count = 0;    // turned away because of `max_connections`
  std::optional<absl::Time> create_time;
  std::string etag;
  // Whether clients whose server name has no context are turned away.
  bool strict_server_names = false;
  int context_count = 0;  // contexts by server name: see ListContexts
  Hooks hooks;            // questions that its handshakes ask
  Protection protection = Protection::kTls;
  std::optional<ForwardOptions> forward;  // of Handler::kForward alone
  SocketOptions socket_options;
  bool accept_proxy_header = false;  // whether connections begin with one
  int backlog = 0;                   // how many may wait in the system
  bool ipv6_only = false;            // whether an IPv6 address takes no IPv4
};

// CredentialsSource says where credentials come from.
enum class CredentialsSource { kUnknown, kPem, kPkcs12, kDevelopment, kRemote };

// CredentialsFacts is one of a context's credentials, without its key.
struct CredentialsFacts {
  CredentialsSource source = CredentialsSource::kUnknown;
  std::vector<CertificateFacts> certificates;  // the chain, own one first
  std::optional<OcspResponseFacts> stapled_ocsp_response = {};
};

// SecureContextFacts is a secure context, without its secrets.
struct SecureContextFacts {
  std::string name;                           // "secureContexts/ID"
  std::vector<CredentialsFacts> credentials;  // most preferred first

  bool trusts_system = false;             // the system's trust store
  bool trusts_development = false;        // the development authority
  std::vector<std::string> trusted_pems;  // as they were given
  bool allows_partial_chain = false;
  std::string system_trust_path;  // where the system's store was found
  int trusted_certificate_count = 0;
  std::optional<RevocationLists> revocation_lists;  // unset: not checked
  PeerRules peer_rules;
  ClientCertificateMode client_certificate_mode = ClientCertificateMode::kNone;

  TlsVersion min_version = TlsVersion::kDefault;
  TlsVersion max_version = TlsVersion::kDefault;
  std::string secure_protocol;
  std::string ciphers;  // as they were asked for
  bool strict_ciphers = false;
  bool prefer_client_ciphers = false;
  // What can be negotiated, most preferred first; what was asked for and is
  // unknown; and what was accepted and has no effect, or not the full one.
  std::vector<std::string> effective_ciphers;
  std::vector<std::string> ignored_cipher_tokens;
  std::vector<std::string> warnings;
  std::vector<std::string> groups;  // most preferred first
  std::string dh_params;
  std::vector<std::string> signature_algorithms;  // of peers
  std::vector<std::string> signing_algorithms;    // our own
  std::vector<std::string> alpn_protocols;        // most preferred first
  std::vector<std::string> npn_protocols;         // likewise

  absl::Duration session_timeout;
  std::string session_id_context;
  bool disables_session_tickets = false;
  Hooks hooks;                  // questions that its handshakes ask
  bool early_data = false;      // whether early data is taken, or sent
  std::string ech_config_list;  // to publish; empty without keys

  std::optional<absl::Time> expire_time;  // of the first own certificate to end
  std::optional<absl::Time> create_time;
  std::optional<absl::Time> update_time;  // when it last changed
  std::string etag;
};

// CipherSuiteFacts is a cipher suite that the daemon knows.
struct CipherSuiteFacts {
  std::string name;           // e.g. "ECDHE-RSA-AES128-GCM-SHA256"
  std::string standard_name;  // "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
  TlsVersion min_version = TlsVersion::kDefault;  // the oldest that has it
  TlsVersion max_version = TlsVersion::kDefault;  // the newest that has it
  int strength_bits = 0;                          // of its cipher
};

// AlgorithmFacts is what there is to choose from.
struct AlgorithmFacts {
  std::vector<CipherSuiteFacts> cipher_suites;
  std::vector<std::string> groups;                // e.g. "X25519"
  std::vector<std::string> signature_algorithms;  // "ecdsa_secp256r1_sha256"
  std::vector<std::string> secure_protocols;      // e.g. "TLSv1_2_method"
  std::string default_ciphers;  // of `SecureContextOptions::ciphers`
};

// EchRotation is what `SecureContext::RotateEchKeys` has made.
struct EchRotation {
  // The ECHConfigList to publish, and to give to
  // `ConnectOptions::ech_config_list`.
  std::string ech_config_list;
  int key_count = 0;  // that the context has, the new one included
};

// ChannelBindings is what is the same at both ends of a connection, and of no
// other. What does not exist is empty.
struct ChannelBindings {
  std::string finished;       // our Finished message; TLS 1.2 and older
  std::string peer_finished;  // the peer's; TLS 1.2 and older
  // RFC 5929 section 3. TLS 1.2 and older, with the extended master secret.
  std::string tls_unique;
  // RFC 9266. TLS 1.3, and TLS 1.2 with the extended master secret.
  std::string tls_exporter;
  // RFC 5929 section 4: the hash of the server's certificate. Empty for a
  // server on a resumed connection.
  std::string tls_server_end_point;
};

// DaemonFacts is what the daemon tells about itself.
struct DaemonFacts {
  std::string version;             // of tlsd, e.g. "0.1.0"
  std::string boringssl_revision;  // that it is built from
  std::string grpc_version;        // that it runs on
  std::optional<absl::Time> start_time;
  int64_t process_id = 0;
  int worker_count = 0;  // threads of the data plane
  int64_t secure_context_count = 0;
  int64_t listener_count = 0;
  int64_t connection_count = 0;  // open now, handshakes included
  // The root of the development authority in PEM. Another after each start.
  std::string development_root;
  int64_t pending_decision_count = 0;  // that wait for an answer now
  bool key_log_enabled = false;        // whether WatchKeyLog works
};

// SessionFacts is a session of a client that can be resumed.
struct SessionFacts {
  // What `ConnectOptions::session` takes. Secret: who has it can pose as this
  // client, and read connections that were made with it. Empty if there is
  // none.
  std::string session;
  bool single_use = false;  // whether to use it only once, as TLS 1.3 wants
  std::optional<absl::Time> create_time;
  std::optional<absl::Time> expire_time;  // until when servers may take it
};

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_FACTS_H_
