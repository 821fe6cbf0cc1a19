// Dialing: from an endpoint to a connected transport.
//
// It resolves names (getaddrinfo, both families) and tries the addresses as RFC
// 8305 says: families in turn, 250 ms apart, the first that connects wins. It
// knows no TLS. It belongs to the loop's thread.
#ifndef TLSD_SERVER_NET_DIALER_H_
#define TLSD_SERVER_NET_DIALER_H_

#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/chunk_pool.h"
#include "server/net/event_loop.h"
#include "server/net/socket_address.h"
#include "server/net/socket_options.h"
#include "server/net/transport.h"

namespace tlsd::net {

// DialOptions says how to dial.
struct DialOptions {
  absl::Duration timeout = absl::Seconds(30);
  // Where to connect from: an IP address, with or without a port. Family kNone:
  // the system chooses. Addresses of the other family are not tried then.
  SocketAddress local_address;
  SocketOptions socket;
};

// Dial is one attempt. Destroying it ends the attempt; then `on_done` is not
// called.
class Dial {
 public:
  // Called once, from the loop: a transport that is not started; or
  // NAME_NOT_RESOLVED, CONNECT_REFUSED, CONNECT_FAILED (e.g. unreachable; no
  // such unix path; `local_address` cannot be had), CONNECT_TIMEOUT,
  // DESCRIPTORS_EXHAUSTED. If all addresses fail, the error tells of each. It
  // may destroy the Dial.
  using OnDone =
      absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<Transport>>) &&>;

  // Start begins; it fails with CONNECT_TIMEOUT after the timeout. The
  // transport takes its chunks from `pool`, which must outlive `loop`, because
  // a transport that closes gently outlives its owner.
  static std::unique_ptr<Dial> Start(EventLoop& loop, base::ChunkPool& pool,
                                     const Endpoint& endpoint,
                                     const DialOptions& options,
                                     OnDone on_done);

  virtual ~Dial() = default;
};

}  // namespace tlsd::net

#endif  // TLSD_SERVER_NET_DIALER_H_
