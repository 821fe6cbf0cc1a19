// Client is the way of a program into one tlsd: it creates secure contexts,
// listens, connects, and watches what happens, in the words of Node's `tls`.
//
//   auto client = tlsd::client::Client::Open("unix:/run/tlsd/tlsd.sock");
//   auto connection = client->Connect({.address = "example.com:443"});
//   connection->Write("GET / HTTP/1.0\r\n\r\n");
//   auto answer = connection->Read();
//
// It does no TLS itself and holds no key; it is not a pool and retries nothing.
// What it returns lives on when the Client is gone. A Client can be copied;
// copies share one socket to the daemon. Any thread may call it. Calls block,
// at most 30 s where nothing else is said.
//
// Errors are those of proto/status: branch on `absl::StatusCode` and on
// `HasReason`. See also `IsDaemonUnreachable`.
#ifndef TLSD_CLIENT_CLIENT_H_
#define TLSD_CLIENT_CLIENT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/connection.h"
#include "client/event_stream.h"
#include "client/facts.h"
#include "client/listener.h"
#include "client/secure_context.h"
#include "client/unreachable.h"

namespace tlsd::client {

class ControlChannel;

class Client {
 public:
  // Open connects to the daemon at `address`, "unix:/path" or, on the loopback
  // interface, "host:port", and makes sure that it answers. It fails with
  // ADDRESS_INVALID, or with an error that `IsDaemonUnreachable`.
  static absl::StatusOr<Client> Open(absl::string_view address);

  // Over returns a Client on a channel that is open, for `tlsctl` and tests.
  static Client Over(std::shared_ptr<ControlChannel> channel);

  // GetDaemonFacts returns versions, counts, and the development root.
  absl::StatusOr<DaemonFacts> GetDaemonFacts() const;

  // CreateSecureContext checks a configuration as a whole and keeps it in the
  // daemon. It fails with PEM_INVALID, KEY_MISMATCH and their kin, whose
  // metadata "field" names the bad field; or with CONTEXT_EXISTS.
  absl::StatusOr<SecureContext> CreateSecureContext(
      const SecureContextOptions& options) const;

  // GetSecureContext returns the context called "secureContexts/ID". It fails
  // with CONTEXT_NOT_FOUND.
  absl::StatusOr<SecureContext> GetSecureContext(const std::string& name) const;

  // ListSecureContexts returns all contexts, ordered by name.
  absl::StatusOr<std::vector<SecureContext>> ListSecureContexts() const;

  // Listen starts a listener, and returns when its socket accepts connections.
  // It fails with ADDRESS_INVALID, ADDRESS_IN_USE and their kin,
  // CONTEXT_NOT_FOUND, CREDENTIALS_REQUIRED, or LISTENER_EXISTS.
  absl::StatusOr<Listener> Listen(const ListenerOptions& options) const;

  // GetListener returns the listener called "listeners/ID". It fails with
  // LISTENER_NOT_FOUND.
  absl::StatusOr<Listener> GetListener(const std::string& name) const;

  // ListListeners returns all listeners, ordered by name.
  absl::StatusOr<std::vector<Listener>> ListListeners() const;

  // Connect dials, makes the handshake, and returns when the server is
  // accepted. It fails with CONNECT_REFUSED, NAME_NOT_RESOLVED and their kin if
  // there is no transport; PEER_CERTIFICATE_UNTRUSTED and its kin, PEER_ALERT,
  // PEER_INCOMPATIBLE or NOT_TLS if there is no handshake; CONNECT_TIMEOUT or
  // HANDSHAKE_TIMEOUT after the options' `timeout`.
  absl::StatusOr<Connection> Connect(const ConnectOptions& options) const;

  // Attach streams a connection that exists, e.g. one that was kept. It fails
  // with CONNECTION_NOT_FOUND, or CONNECTION_ATTACHED while another call reads
  // or writes it.
  absl::StatusOr<Connection> Attach(
      const std::string& name,
      DetachPolicy policy = DetachPolicy::kClose) const;

  // ListConnections returns the open connections, ordered by name; only those
  // of `listener`, if it is named.
  absl::StatusOr<std::vector<ConnectionFacts>> ListConnections(
      const std::string& listener = "") const;

  // Watch returns when events are being watched. It fails with EVENTS_COMPACTED
  // if the resume token is too old, or of an earlier life of the daemon.
  absl::StatusOr<EventStream> Watch(const WatchOptions& options = {}) const;

 private:
  explicit Client(std::shared_ptr<ControlChannel> channel);

  std::shared_ptr<ControlChannel> channel_;
};

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_CLIENT_H_
