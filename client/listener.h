// Listener is a handle of a socket on which the daemon accepts connections. It
// is the listening half of what `tls.createServer` returns.
//
// It owns no socket: the daemon does. Destroying a handle leaves the listener
// accepting; `Close` ends it. Handles can be copied, outlive their `Client`,
// and be used by any thread: several may be in `Accept` at once, and `Close`
// in one ends `Accept` in the others.
#ifndef TLSD_CLIENT_LISTENER_H_
#define TLSD_CLIENT_LISTENER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/connection.h"
#include "client/detached_connection.h"
#include "client/facts.h"
#include "client/listener_options.h"

namespace tlsd::client {

class Listener {
 public:
  // name returns "listeners/ID".
  const std::string& name() const { return facts_.name; }

  // facts returns the listener as it was when this handle was made.
  const ListenerFacts& facts() const { return facts_; }

  // address returns where the socket really listens, in the form that
  // `ConnectOptions::address` takes.
  std::string address() const { return ToString(facts_.bound_address); }

  // GetFacts asks the daemon for the listener as it is now. It fails with
  // LISTENER_NOT_FOUND if it is gone.
  absl::StatusOr<ListenerFacts> GetFacts() const;

  // Accept waits for the next connection whose handshake is complete, takes it
  // from all other callers, and attaches to it.
  //
  // It fails with WAIT_TIMEOUT after `timeout`, nothing lost; LISTENER_CLOSING
  // when the listener is closed meanwhile, LISTENER_NOT_FOUND when it was
  // before; HANDLER_MISMATCH if the handler is not `kStream`. `policy` says
  // what becomes of the connection if the returned object dies early.
  absl::StatusOr<Connection> Accept(
      absl::Duration timeout = absl::InfiniteDuration(),
      DetachPolicy policy = DetachPolicy::kClose) const;

  // AcceptDetached is Accept without attaching, e.g. for a plain connection
  // that TLS begins over later. See DetachedConnection.
  absl::StatusOr<DetachedConnection> AcceptDetached(
      absl::Duration timeout = absl::InfiniteDuration(),
      DetachPolicy policy = DetachPolicy::kClose) const;

  // AddContext gives clients that ask for `server_name` (SNI) a context of
  // their own, from the next ClientHello on, and returns the listener. A name
  // that is there already gets the new context. See ServerNameContext.
  //
  // It fails with LISTENER_NOT_FOUND, CONTEXT_NOT_FOUND, SERVER_NAME_INVALID,
  // CREDENTIALS_REQUIRED, or LIMIT_REACHED.
  absl::StatusOr<ListenerFacts> AddContext(
      const std::string& server_name, const std::string& secure_context) const;

  // RemoveContext takes the context of a name away, and returns the listener;
  // connections that have it keep it. It fails with LISTENER_NOT_FOUND, or with
  // SERVER_NAME_NOT_FOUND.
  absl::StatusOr<ListenerFacts> RemoveContext(
      const std::string& server_name) const;

  // ListContexts returns the contexts by server name, ordered by it. It fails
  // with LISTENER_NOT_FOUND.
  absl::StatusOr<std::vector<ServerNameContext>> ListContexts() const;

  // Close stops accepting at once. Connections still open after `drain` are
  // closed with close_notify; with an infinite `drain` they may stay as long as
  // they like. It does not wait for them: the event LISTENER_CLOSED tells when
  // the last has ended. To close again sets the newer deadline.
  absl::Status Close(absl::Duration drain = absl::InfiniteDuration()) const;

 private:
  friend class Client;
  Listener(std::shared_ptr<ControlChannel> channel, ListenerFacts facts);

  // TakeNext returns the name of the next connection.
  absl::StatusOr<std::string> TakeNext(absl::Duration timeout) const;

  std::shared_ptr<ControlChannel> channel_;
  ListenerFacts facts_;
};

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_LISTENER_H_
