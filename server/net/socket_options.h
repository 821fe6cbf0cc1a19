// SocketOptions is how a socket is treated. Plain data; any thread may use it.
#ifndef TLSD_SERVER_NET_SOCKET_OPTIONS_H_
#define TLSD_SERVER_NET_SOCKET_OPTIONS_H_

#include "absl/time/time.h"

namespace tlsd::net {

struct SocketOptions {
  // Probe a TCP peer that has been silent for so long; whole seconds. Zero:
  // never.
  absl::Duration keep_alive = absl::ZeroDuration();
  // Let the system hold small writes back (no TCP_NODELAY).
  bool delay_small_writes = false;

  friend bool operator==(const SocketOptions&, const SocketOptions&) = default;
};

}  // namespace tlsd::net

#endif  // TLSD_SERVER_NET_SOCKET_OPTIONS_H_
