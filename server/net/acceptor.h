// A bound address and the acceptors that share it, one for each loop.
//
// BoundSocket binds in the thread that asks, so that the caller has an answer;
// Acceptor takes it to a loop. It knows neither TLS nor limits.
#ifndef TLSD_SERVER_NET_ACCEPTOR_H_
#define TLSD_SERVER_NET_ACCEPTOR_H_

#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "server/base/chunk_pool.h"
#include "server/net/event_loop.h"
#include "server/net/socket_address.h"
#include "server/net/transport.h"

namespace tlsd::net {

// BindOptions says how to listen.
struct BindOptions {
  // How many connections wait before they are accepted; the system may allow
  // fewer.
  int backlog = 4096;
  // An IPv6 address takes no IPv4 connections.
  bool ipv6_only = false;
};

// BoundSocket is a listening file descriptor that no loop has yet. It is closed
// with the object. Any one thread may hold it.
class BoundSocket {
 public:
  // Bind makes `count` sockets that listen at the same address: for TCP with
  // SO_REUSEPORT, so that the kernel spreads connections; for a unix path one
  // socket and duplicates of its descriptor. `endpoint` with an empty host
  // means [::] with IPv4 too, unless `ipv6_only`, or 0.0.0.0 on a host without
  // IPv6, where `ipv6_only` is ADDRESS_UNAVAILABLE. A name is
  // resolved, blocking; its first address is used. Neither another Bind nor a
  // process of another user can share the port. (A process of the same user
  // that asks for SO_REUSEPORT can: Linux has no way to forbid that.)
  //
  // A unix path must not exist, unless it is a socket that nobody listens on
  // (refused connection), which is taken over; the path is removed when the
  // last of the sockets is closed, if it is still ours. Connecting to it takes
  // write permission, which the umask decides.
  //
  // Errors: ADDRESS_IN_USE, ADDRESS_DENIED, ADDRESS_UNAVAILABLE,
  // NAME_NOT_RESOLVED, DESCRIPTORS_EXHAUSTED, INTERNAL, each naming `field`.
  static absl::StatusOr<std::vector<std::unique_ptr<BoundSocket>>> Bind(
      absl::string_view field, const Endpoint& endpoint, int count,
      const BindOptions& options = {});

  virtual ~BoundSocket() = default;

  // The address it has; the port is the real one.
  virtual const SocketAddress& address() const = 0;

 private:
  friend class Acceptor;
  virtual int descriptor() const = 0;
};

// Acceptor accepts on one loop. It belongs to that loop's thread. Destroying it
// stops accepting at once.
class Acceptor {
 public:
  // Called with each accepted connection, with the SocketOptions that are the
  // default, not started. It may destroy the Acceptor.
  using OnAccept = absl::AnyInvocable<void(std::unique_ptr<Transport>)>;

  // Create begins to accept. Transports take their chunks from `pool`, which
  // must outlive `loop`, because a transport that closes gently outlives its
  // owner. When the process has no descriptor left, accepting pauses for 100 ms
  // and is tried again; connections wait in the kernel.
  static absl::StatusOr<std::unique_ptr<Acceptor>> Create(
      EventLoop& loop, base::ChunkPool& pool,
      std::unique_ptr<BoundSocket> socket, OnAccept on_accept);

  virtual ~Acceptor() = default;
};

}  // namespace tlsd::net

#endif  // TLSD_SERVER_NET_ACCEPTOR_H_
