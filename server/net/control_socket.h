// ControlSocket guards the unix socket on which the control plane is served. It
// accepts, checks who is there, and hands the descriptor on.
//
// It is not the gRPC server, and knows nothing of gRPC. The daemon owns it; it
// has a thread of its own, which calls `on_accept`.
#ifndef TLSD_SERVER_NET_CONTROL_SOCKET_H_
#define TLSD_SERVER_NET_CONTROL_SOCKET_H_

#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"

namespace tlsd::net {

class ControlSocket {
 public:
  // Called with the descriptor of each admitted client, which it then owns.
  using OnAccept = absl::AnyInvocable<void(int descriptor)>;

  // Create binds `path` with mode 0600 from its first instant, whatever the
  // umask, and listens; nobody is accepted before Start. A lock on "PATH.lock"
  // makes sure that there is one daemon for each path. A socket file that
  // nobody listens on is taken over; anything else at `path` (a live socket, a
  // file, a symbolic link) is left alone.
  //
  // Errors: ADDRESS_IN_USE, ADDRESS_DENIED, ADDRESS_UNAVAILABLE (e.g. the
  // folder does not exist), ADDRESS_INVALID, INTERNAL.
  static absl::StatusOr<std::unique_ptr<ControlSocket>> Create(
      const std::string& path);

  // Destroying it stops accepting, and removes the socket and its lock.
  virtual ~ControlSocket() = default;

  // Start accepts. Clients whose user (SO_PEERCRED) is neither the daemon's nor
  // root are turned away, and logged.
  virtual void Start(OnAccept on_accept) = 0;
};

}  // namespace tlsd::net

#endif  // TLSD_SERVER_NET_CONTROL_SOCKET_H_
