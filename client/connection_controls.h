// ConnectionControls is what can be asked of a connection, and done to it,
// besides reading and writing its cleartext.
//
// It is a name and the way to the daemon: it owns no connection, and works
// whoever has the cleartext, also for one that is piped, forwarded or carries
// another. `Connection` and `DetachedConnection` have all of it. It can be
// copied and used by any thread.
//
// Where nothing else is said, methods fail with CONNECTION_NOT_FOUND; those
// that are about TLS with PROTECTION_MISMATCH on a plain connection, with
// HANDSHAKE_NOT_COMPLETE before there is any, and with CONNECTION_CLOSED when
// the connection has ended.
#ifndef TLSD_CLIENT_CONNECTION_CONTROLS_H_
#define TLSD_CLIENT_CONNECTION_CONTROLS_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/facts.h"
#include "client/transport.h"

namespace tlsd::client {

class ControlChannel;

// KeyUpdate says whether the peer shall change its keys too.
enum class KeyUpdate { kOursOnly, kBoth };

class ConnectionControls {
 public:
  // name returns "connections/ID".
  const std::string& name() const { return name_; }

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

  // SetSocketOptions changes how the socket is treated, and returns the
  // connection: what `options` leave out gets its default. It fails with
  // FIELD_INVALID or CONNECTION_CLOSED. (`socket.setTimeout`, `setKeepAlive`
  // and `setNoDelay` of the module.)
  absl::StatusOr<ConnectionFacts> SetSocketOptions(
      const SocketOptions& options) const;

  // SetMaxSendFragment limits the cleartext of each record that is sent from
  // then on, 512 to 16384 bytes, and returns the connection. Small records
  // reach the peer's application sooner; large ones cost less. It fails with
  // FIELD_INVALID, PROTECTION_MISMATCH and its kin. (`setMaxSendFragment` of
  // the module.)
  absl::StatusOr<ConnectionFacts> SetMaxSendFragment(int size) const;

  // ExportKeyingMaterial returns `length` bytes, 1 to 4096, that only the two
  // ends share (RFC 5705, RFC 8446 section 7.5): the peer gets the same with
  // the same `label` and `context`. Under TLS 1.2 no context and an empty one
  // differ. It fails with FIELD_REQUIRED, FIELD_INVALID, PROTECTION_MISMATCH
  // and its kin. (`exportKeyingMaterial` of the module.)
  absl::StatusOr<std::string> ExportKeyingMaterial(
      const std::string& label, int length,
      const std::optional<std::string>& context = {}) const;

  // GetChannelBindings returns what names this connection at both ends, for
  // protocols that authenticate inside it. It fails with PROTECTION_MISMATCH
  // and its kin. (`getFinished` and `getPeerFinished` of the module.)
  absl::StatusOr<ChannelBindings> GetChannelBindings() const;

  // UpdateKeys encrypts what is sent from then on with new keys, and says so to
  // the peer (RFC 8446 section 4.6.3). It returns the connection. It fails with
  // VERSION_MISMATCH below TLS 1.3, WRITE_AFTER_SHUTDOWN, PROTECTION_MISMATCH
  // and its kin.
  absl::StatusOr<ConnectionFacts> UpdateKeys(
      KeyUpdate update = KeyUpdate::kOursOnly) const;

  // Renegotiate always fails, with RENEGOTIATION_UNSUPPORTED, whose message
  // says what does what callers want from it. A client answers a server's
  // requests, see `ConnectOptions::renegotiation_limit`.
  absl::Status Renegotiate() const;

  // Reset ends the connection at once, without close_notify: the peer sees a
  // TCP reset, or the end of a unix socket.
  absl::Status Reset() const;

 protected:
  ConnectionControls(std::shared_ptr<ControlChannel> channel, std::string name);

  const std::shared_ptr<ControlChannel>& channel() const { return channel_; }

 private:
  friend class Client;

  std::shared_ptr<ControlChannel> channel_;
  std::string name_;
};

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_CONNECTION_CONTROLS_H_
