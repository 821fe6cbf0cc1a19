// What a program can say of a connection that begins: as client, as server over
// what exists, and of one that is forwarded.
//
// These are plain values that nothing has checked: the daemon does. Their
// fields mirror ConnectRequest, ServerOptions and ForwardHandler of
// proto/tlsd/v1, where each is documented at length. They hold secrets: keep
// them no longer than needed.
#ifndef TLSD_CLIENT_CONNECTION_OPTIONS_H_
#define TLSD_CLIENT_CONNECTION_OPTIONS_H_

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "client/hook.h"
#include "client/transport.h"
#include "client/trust.h"

namespace tlsd::client {

// PeerVerification says what to make of the server's certificate: `kRequire`
// fails the handshake if the trust anchors do not vouch for it or the name is
// wrong; `kReport` keeps the connection, so look at
// `ConnectionFacts::authorized`.
enum class PeerVerification { kRequire, kReport };

// DetachPolicy says what becomes of a connection whose `Connection`, or
// `DetachedConnection`, is destroyed before both sides have ended: `kClose`
// closes it; `kKeep` leaves it in the daemon, to be attached again, without the
// cleartext that was on its way.
enum class DetachPolicy { kClose, kKeep };

// RenegotiationLimit is how many of a server's requests for renegotiation (TLS
// 1.2 and older) a client answers; the next one ends the connection with
// RENEGOTIATION_LIMIT.
struct RenegotiationLimit {
  // So many within `window`, at most 1000. 0 refuses the first.
  int count = 3;
  // At most one day.
  absl::Duration window = absl::Seconds(600);
};

// ConnectOptions is what Client::Connect takes.
struct ConnectOptions {
  // Required. "host:port", "[::1]:443", or "unix:/path".
  std::string address = {};
  // The name of a context. Default: the system's trust store, no credentials.
  std::string secure_context = {};
  // The name to ask for (SNI) and to find in the certificate. Default: the host
  // of `address`. A unix socket has none: set this, or `skip_name_check`.
  std::string server_name = {};
  // The name to find in the certificate instead of `server_name`. Excludes
  // `skip_name_check`.
  std::string expected_name = {};
  PeerVerification verification = PeerVerification::kRequire;
  // Accept a certificate with any name. Its chain is still checked.
  bool skip_name_check = false;
  // Questions that this handshake asks, kVerifyPeer and kSign. They go before
  // those of the context.
  Hooks hooks = {};
  // A session to resume, as `Connection::GetSession` gave it. Excludes
  // `use_session_cache`.
  std::string session = {};
  // Let the daemon keep the sessions of this connection, and resume one that an
  // earlier one like it has left.
  bool use_session_cache = false;
  // Ask for the OCSP response of the server's certificate, see
  // `ConnectionFacts::ocsp_response`. It is told, not judged.
  bool request_ocsp = false;

  // kTls or kNone. With kNone all that concerns TLS must be left out.
  Protection protection = Protection::kTls;
  SocketOptions socket_options = {};
  // The IP address of this host to connect from, with or without a port, e.g.
  // "192.0.2.1" or "[::1]:0". Default: the system chooses.
  std::string local_address = {};
  // Default: 3 in 600 seconds.
  std::optional<RenegotiationLimit> renegotiation_limit = {};
  // The first cleartext, at most 14336 bytes. If `session` allows it and the
  // server takes it, it arrives with the first message; else it is sent when
  // the handshake is complete. See `HandshakeFacts::early_data`.
  //
  // WARNING: an attacker can send early data to the server again (RFC 8446
  // section 8). Use it for what may happen twice.
  std::string early_data = {};
  // An ECHConfigList to encrypt the ClientHello with. TLS 1.3 only. If the
  // server cannot read it, connecting fails with ECH_REJECTED, whose metadata
  // "retry_configs" has the server's newer list in base64, if it gave one.
  std::string ech_config_list = {};

  // For resolving, dialling and the handshake together; at most one hour.
  absl::Duration timeout = absl::Seconds(30);
  DetachPolicy detach_policy = DetachPolicy::kClose;
};

// ServerOptions is what a server needs for TLS over what exists.
struct ServerOptions {
  // The name of a context with credentials. Required, unless `listener` is set.
  std::string secure_context = {};
  // The name of a listener whose context, contexts by name, hooks and handshake
  // timeout to take. Excludes `secure_context` and `hooks`.
  std::string listener = {};
  // Questions that this handshake asks. They go before those of the context.
  Hooks hooks = {};
  // How long the handshake may take, at most one hour. 0: the default, 120 s or
  // that of `listener`.
  absl::Duration handshake_timeout = absl::ZeroDuration();
  // Whether to ask the client for a certificate. Default: as the context says.
  std::optional<ClientCertificateMode> client_certificate_mode = {};
  // Only `idle_timeout` has a meaning without a socket.
  SocketOptions socket_options = {};
  DetachPolicy detach_policy = DetachPolicy::kClose;
};

// RoleOptions says which end of TLS the daemon plays over what exists. One of
// the two must be set:
//
//   {.client = ConnectOptions{.server_name = "example.com"}}
//   {.server = ServerOptions{.secure_context = "secureContexts/web"}}
struct RoleOptions {
  // As for Client::Connect, without `address`, `protection`, `local_address`
  // and `use_session_cache`; `early_data` only for a secure pair. `server_name`
  // has no default; `timeout` is for the handshake.
  std::optional<ConnectOptions> client = {};
  std::optional<ServerOptions> server = {};
};

// ForwardOptions is where a listener passes its connections on to.
struct ForwardOptions {
  // Required. Where to, and how, as for Client::Connect: in the clear with
  // kNone, else TLS again. Without `session`, `early_data` and `hooks`.
  ConnectOptions upstream = {};
  // What to tell the upstream of the client, before all else.
  ProxyHeaderVersion send_proxy_header = ProxyHeaderVersion::kNone;
};

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_CONNECTION_OPTIONS_H_
