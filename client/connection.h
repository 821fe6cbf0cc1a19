// Connection is the cleartext of one TLS connection, to read and to write. It
// is what the module calls a TLSSocket.
//
// It is not a socket and does no TLS: the daemon does both, and this object is
// one stream to it. While nobody calls `Read` the daemon stops reading the
// peer; while the peer does not read, `Write` waits.
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
#include "client/facts.h"
#include "client/hook.h"

namespace tlsd::client {

class ControlChannel;

// PeerVerification says what to make of the server's certificate: `kRequire`
// fails the handshake if the trust anchors do not vouch for it or the name is
// wrong; `kReport` keeps the connection, so look at
// `ConnectionFacts::authorized`.
enum class PeerVerification { kRequire, kReport };

// DetachPolicy says what becomes of a connection whose `Connection` is
// destroyed before both sides have ended: `kClose` closes it; `kKeep` leaves it
// in the daemon, to be attached again, without the cleartext that was on its
// way.
enum class DetachPolicy { kClose, kKeep };

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
  // For resolving, dialling and the handshake together; at most one hour.
  absl::Duration timeout = absl::Seconds(30);
  DetachPolicy detach_policy = DetachPolicy::kClose;
};

// kWrittenMessageBytesMax is how much cleartext one message of the stream
// carries. `Write` splits at it.
inline constexpr size_t kWrittenMessageBytesMax = 256 * 1024;

class Connection {
 public:
  // Moving leaves `other` good for destruction and assignment only.
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;

  // WARNING: what `Write` took may still be on its way. Call `Close` first if
  // the peer must have it.
  ~Connection();

  // name returns "connections/ID".
  const std::string& name() const;

  // facts returns the connection as it was when this object attached to it: the
  // handshake, the peer, whether it is authorized.
  const ConnectionFacts& facts() const;

  // GetFacts asks the daemon for the connection as it is now, e.g. for its byte
  // counts. Connections that have ended can be asked for 5 minutes.
  absl::StatusOr<ConnectionFacts> GetFacts() const;

  // GetPeerCertificate asks the daemon for what the peer has shown, with
  // ChainDetail::kChain its chain too. It fails with HANDSHAKE_NOT_COMPLETE.
  absl::StatusOr<PeerCertificateFacts> GetPeerCertificate(
      ChainDetail detail = ChainDetail::kCertificateOnly) const;

  // GetSession asks the daemon for the newest session that can be resumed; one
  // of TLS 1.3 comes after the handshake, with the event kSession. It fails
  // with ROLE_MISMATCH on a connection that a listener has accepted.
  absl::StatusOr<SessionFacts> GetSession() const;

  // GetTlsTicket asks the daemon for the ticket of that session, for debugging.
  // It is empty if there is none. It fails as GetSession.
  absl::StatusOr<std::string> GetTlsTicket() const;

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

  // Reset ends the connection at once, without close_notify: the peer sees a
  // TCP reset, or the end of a unix socket.
  absl::Status Reset();

  // Cancel ends the stream: `Read` and `Write` that wait now, or come later,
  // fail. The connection goes the way of its DetachPolicy.
  void Cancel();

 private:
  friend class Client;
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

  explicit Connection(std::unique_ptr<Stream> stream);

  std::unique_ptr<Stream> stream_;
};

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_CONNECTION_H_
