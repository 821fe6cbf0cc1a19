// DetachedConnection is a connection that nobody is attached to: each call
// reads or writes so many bytes, and no more. Protocols need that which begin
// TLS in the middle of a connection (STARTTLS and its kin), and those of
// proxies: the first byte of the handshake must stay where it is.
//
// A `Connection` reads ahead, so it cannot be upgraded. To begin with one of
// these, use `Client::ConnectDetached` or `Listener::AcceptDetached`, say what
// the protocol says, and then `Upgrade`, `Attach` or `Client::Pipe`.
//
//   // A client of PostgreSQL asks for TLS, and is answered with one byte.
//   auto plain = client.ConnectDetached({.address = "db.example.com:5432",
//                                        .protection = Protection::kNone});
//   plain->Write(std::string("\0\0\0\x08\x04\xd2\x16\x2f", 8));
//   if (plain->ReadExactly(1).value_or("") != "S") return;  // it has no TLS
//   auto connection = plain->Upgrade(
//       {.client = ConnectOptions{.server_name = "db.example.com"}});
//
//   // The server. Its client may send the handshake along with the question.
//   auto plain = listener.AcceptDetached();
//   if (plain->ReadExactly(8).value_or("") != kSslRequest) return;
//   plain->Write("S");
//   auto connection = plain->Upgrade(
//       {.server = ServerOptions{.secure_context = "secureContexts/db"}});
//
//   // Through a proxy of HTTP; over TLS to the proxy, without kNone.
//   auto proxy = client.ConnectDetached({.address = "proxy:3128",
//                                        .protection = Protection::kNone});
//   proxy->Write("CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n");
//   auto answer = proxy->ReadThrough("\r\n\r\n");  // "HTTP/1.1 200 ..."
//   auto connection =
//       proxy->Upgrade({.client = ConnectOptions{.server_name = "a.test"}});
//
// What the peer has sent and nobody has read counts as the first of the
// handshake. So cleartext that somebody has put there (CVE-2011-0411) makes it
// fail, and is never taken for what TLS protects.
//
// Who holds the object owns the connection: destroying it closes the
// connection, unless its `DetachPolicy` is kKeep, or another has it since. Each
// call is a call to the daemon, so use `Attach` to carry much.
//
// WARNING: if the program dies nobody closes the connection, as a stream would:
// see `SocketOptions::idle_timeout`.
//
// One thread may read while another writes; the rest is for one thread at a
// time.
#ifndef TLSD_CLIENT_DETACHED_CONNECTION_H_
#define TLSD_CLIENT_DETACHED_CONNECTION_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/connection.h"
#include "client/connection_controls.h"
#include "client/connection_options.h"

namespace tlsd::client {

class ControlChannel;

// kReadBytesMax is the most that one `Read` returns.
inline constexpr size_t kReadBytesMax = 64 * 1024;

class DetachedConnection : public ConnectionControls {
 public:
  // Moving leaves `other` good for destruction and assignment only.
  DetachedConnection(DetachedConnection&& other) noexcept;
  DetachedConnection& operator=(DetachedConnection&& other) noexcept;
  ~DetachedConnection();

  // Read waits for cleartext and returns what is there, at most `max_bytes`, 1
  // to kReadBytesMax. It returns an empty string when the peer has ended.
  //
  // It fails with WAIT_TIMEOUT after `timeout`, nothing lost;
  // CONNECTION_ATTACHED if another has the cleartext; TLS_TRUNCATED and all
  // else that ends a connection.
  absl::StatusOr<std::string> Read(
      size_t max_bytes = kReadBytesMax,
      absl::Duration timeout = absl::InfiniteDuration());

  // ReadExactly returns the next `size` bytes. It fails as Read, and with
  // CONNECTION_CLOSED if the peer ends before.
  //
  // WARNING: if it fails, what it has read so far is lost; so with ReadThrough.
  absl::StatusOr<std::string> ReadExactly(
      size_t size, absl::Duration timeout = absl::InfiniteDuration());

  // ReadThrough returns what comes up to `end`, e.g. "\r\n", and `end` itself.
  // It reads a byte at a time, because there is no going back. It fails as
  // ReadExactly, and with PEER_MISBEHAVED if `max_bytes` go by without an
  // `end`.
  absl::StatusOr<std::string> ReadThrough(
      absl::string_view end, size_t max_bytes = 16 * 1024,
      absl::Duration timeout = absl::InfiniteDuration());

  // Write sends `cleartext`, and returns when all of it is in the daemon's send
  // queue. It fails with CONNECTION_ATTACHED, WRITE_AFTER_SHUTDOWN, and all
  // that ends a connection.
  absl::Status Write(absl::string_view cleartext);

  // Upgrade begins TLS over the cleartext, in either role, and returns when the
  // handshake is complete, attached to the new connection. This one carries it
  // from then on: when one ends, so does the other. (`tls.connect({socket})`
  // and `new TLSSocket(socket)` of the module.)
  //
  // Over a plain connection that is STARTTLS; over one that TLS protects it is
  // TLS in TLS, to a depth of 8.
  //
  // It fails as Client::Connect; with FIELD_REQUIRED or FIELDS_CONFLICT if not
  // one role is set; CONNECTION_ATTACHED, CONNECTION_CLOSED,
  // CREDENTIALS_REQUIRED, LISTENER_NOT_FOUND; and with LIMIT_REACHED if it is
  // nested too deep. When the handshake fails this connection ends too.
  absl::StatusOr<Connection> Upgrade(const RoleOptions& options);

  // UpgradeDetached is Upgrade without attaching, e.g. to go on through another
  // proxy, or to pipe.
  absl::StatusOr<DetachedConnection> UpgradeDetached(
      const RoleOptions& options);

  // Attach streams the connection from now on, and gives it to the object that
  // it returns. It fails with CONNECTION_ATTACHED.
  absl::StatusOr<Connection> Attach();

  // Close sends what is queued and close_notify, then ends the connection.
  // Cleartext that nobody has read is dropped. To do so twice is no error.
  absl::Status Close();

 private:
  friend class Client;
  friend class Listener;

  DetachedConnection(std::shared_ptr<ControlChannel> channel, std::string name,
                     DetachPolicy policy);

  // CallUpgrade returns the name of the new connection.
  absl::StatusOr<std::string> CallUpgrade(const RoleOptions& options);

  // ReadBefore is Read until `deadline`.
  absl::StatusOr<std::string> ReadBefore(absl::Time deadline, size_t max_bytes);

  // Release leaves the connection to another who has it.
  void Release();

  void CloseIfOwned();

  DetachPolicy policy_;
  bool is_owned_ = true;
};

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_DETACHED_CONNECTION_H_
