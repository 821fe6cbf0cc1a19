// What lies below a connection: whether TLS protects it, how its socket is
// treated, and what proxies say of it.
//
// These are plain values that nothing has checked: the daemon does. They mirror
// messages of proto/tlsd/v1/transport.proto, where each is documented at
// length. Anybody may own them.
#ifndef TLSD_CLIENT_TRANSPORT_H_
#define TLSD_CLIENT_TRANSPORT_H_

#include "absl/time/time.h"

namespace tlsd::client {

// Protection is what protects the bytes of a connection.
enum class Protection {
  kTls,
  // Nothing: the connection is plain, and open at once. TLS can begin later,
  // see `DetachedConnection::Upgrade`.
  kNone,
  // For listeners: TLS if the first byte of the peer is one with which TLS
  // begins, else nothing. A peer that waits for the server to speak first is
  // closed after the handshake timeout.
  kDetect
};

// SocketOptions is how the socket of a connection is treated. Unix sockets and
// connections that others carry have only `idle_timeout`.
struct SocketOptions {
  // End a connection with IDLE_TIMEOUT after so long without a byte in either
  // direction on the wire; 10 ms to 7 days. 0: never.
  absl::Duration idle_timeout = absl::ZeroDuration();
  // Probe a peer that has been silent for so long, so that one that is gone is
  // noticed; whole seconds, at most 9 hours. 0: never.
  absl::Duration keep_alive = absl::ZeroDuration();
  // Let the system hold small writes back while earlier ones are not
  // acknowledged. Default: send at once.
  bool delay_small_writes = false;
};

// ProxyHeaderVersion is which PROXY header to send: version 1 or 2 with the
// addresses; version 2 with what TLS has agreed on too; and that with the
// client's certificate.
enum class ProxyHeaderVersion {
  kNone,
  kVersion1,
  kVersion2,
  kVersion2Tls,
  kVersion2TlsCertificate
};

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_TRANSPORT_H_
