// Connection is the cleartext of one connection, to read and to write. It is
// what the module calls a TLSSocket; a plain one is its Socket.
//
// It is not a socket and does no TLS: the daemon does both, and this object is
// one stream to it. While nobody calls `Read` the daemon stops reading the
// peer; while the peer does not read, `Write` waits. It reads ahead: where TLS
// is to begin in the middle, see DetachedConnection.
//
// Who holds the object owns the attachment: destroying it ends the stream, and
// the `DetachPolicy` says what becomes of the connection. One thread may read
// while another writes; several readers share what arrives. `Cancel` may be
// called at any time from any thread. All but `Cancel` may block.
#ifndef TLSD_CLIENT_CONNECTION_H_
#define TLSD_CLIENT_CONNECTION_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/connection_controls.h"
#include "client/connection_options.h"
#include "client/facts.h"

namespace tlsd::client {

class ControlChannel;

// kWrittenMessageBytesMax is how much cleartext one message of the stream
// carries. `Write` splits at it.
inline constexpr size_t kWrittenMessageBytesMax = 256 * 1024;

class Connection : public ConnectionControls {
 public:
  // Moving leaves `other` good for destruction and assignment only.
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;

  // WARNING: what `Write` took may still be on its way. Call `Close` first if
  // the peer must have it.
  ~Connection();

  // facts returns the connection as it was when this object attached to it: the
  // handshake, the peer, whether it is authorized.
  const ConnectionFacts& facts() const;

  // Write sends `cleartext`, of any size, and returns when all of it is on its
  // way to the daemon. It fails with WRITE_AFTER_SHUTDOWN after `Shutdown`, and
  // with CONNECTION_CLOSED when the connection has ended: `Read` or `Close`
  // then tells why.
  absl::Status Write(absl::string_view cleartext);

  // Read waits for cleartext from the peer and returns it, at most 64 KiB. It
  // returns an empty string, now and ever after, when the peer has sent
  // close_notify.
  //
  // It fails with WAIT_TIMEOUT after `timeout`, nothing lost; TLS_TRUNCATED if
  // the transport ended without close_notify, after all that came before was
  // returned; CALL_CANCELLED; and all else that ends a connection.
  absl::StatusOr<std::string> Read(
      absl::Duration timeout = absl::InfiniteDuration());

  // Shutdown sends close_notify after all that was written. Reading goes on. To
  // do so twice is no error.
  absl::Status Shutdown();

  // WaitForEnd waits until both sides have ended, dropping cleartext that still
  // comes. OK means that all that was written was sent, and that the peer has
  // sent close_notify. It fails with WAIT_TIMEOUT after `timeout`, and with all
  // that ends a connection, as `Read`.
  absl::Status WaitForEnd(absl::Duration timeout = absl::InfiniteDuration());

  // Close sends close_notify after all that was written, waits for the peer's,
  // dropping what it still sends, and ends the connection. After `linger` it
  // waits no longer, neither for the peer to end nor for it to take what was
  // written. A peer that ends without close_notify is no error here.
  //
  // With `linger` 0 it ends at once, and what was written may be lost.
  absl::Status Close(absl::Duration linger = absl::Seconds(5));

  // Cancel ends the stream: `Read` and `Write` that wait now, or come later,
  // fail. The connection goes the way of its DetachPolicy.
  void Cancel();

 private:
  friend class Client;
  friend class DetachedConnection;
  friend class Listener;

  class Stream;

  // Attach streams the connection called `name`.
  static absl::StatusOr<Connection> Attach(
      std::shared_ptr<ControlChannel> channel, const std::string& name,
      DetachPolicy policy);

  // AttachNew is Attach for a connection that only the caller knows of: if it
  // fails, the connection is closed.
  static absl::StatusOr<Connection> AttachNew(
      std::shared_ptr<ControlChannel> channel, const std::string& name,
      DetachPolicy policy);

  Connection(std::shared_ptr<ControlChannel> channel,
             std::unique_ptr<Stream> stream);

  std::unique_ptr<Stream> stream_;
};

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_CONNECTION_H_
