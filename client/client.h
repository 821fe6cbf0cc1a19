// Client is the way of a program into one tlsd: it creates secure contexts,
// listens, connects, answers what handshakes ask, and watches what happens, in
// the words of Node's `tls`.
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
#include "absl/time/time.h"
#include "client/connection.h"
#include "client/connection_controls.h"
#include "client/connection_options.h"
#include "client/decision.h"
#include "client/decision_handler.h"
#include "client/detached_connection.h"
#include "client/event_stream.h"
#include "client/facts.h"
#include "client/key_log_stream.h"
#include "client/listener.h"
#include "client/secure_context.h"
#include "client/secure_pair.h"
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

  // ValidateSecureContext returns the context that CreateSecureContext would
  // make, without a name, or fails as it would. Nothing is kept.
  absl::StatusOr<SecureContextFacts> ValidateSecureContext(
      const SecureContextOptions& options) const;

  // GetSecureContext returns the context called "secureContexts/ID". It fails
  // with CONTEXT_NOT_FOUND.
  absl::StatusOr<SecureContext> GetSecureContext(const std::string& name) const;

  // ListSecureContexts returns all contexts, ordered by name.
  absl::StatusOr<std::vector<SecureContext>> ListSecureContexts() const;

  // UpdateSecureContext is `SecureContext::Update` of the context called
  // "secureContexts/ID".
  absl::StatusOr<SecureContext> UpdateSecureContext(
      const std::string& name, const SecureContextUpdate& update) const;

  // ListAlgorithms returns what options of a context can name.
  absl::StatusOr<AlgorithmFacts> ListAlgorithms() const;

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
  // PEER_INCOMPATIBLE, ECH_REJECTED or NOT_TLS if there is no handshake;
  // CONNECT_TIMEOUT or HANDSHAKE_TIMEOUT after the options' `timeout`.
  absl::StatusOr<Connection> Connect(const ConnectOptions& options) const;

  // ConnectDetached is Connect without attaching, e.g. for a plain connection
  // that TLS begins over later. See DetachedConnection.
  absl::StatusOr<DetachedConnection> ConnectDetached(
      const ConnectOptions& options) const;

  // CreateSecurePair makes TLS over a carrier that only the program sees, and
  // attaches to both sides. It fails with FIELD_REQUIRED or FIELDS_CONFLICT if
  // not one role is set; FIELD_INVALID, SERVER_NAME_INVALID, SESSION_INVALID,
  // CONTEXT_NOT_FOUND, LISTENER_NOT_FOUND, or CREDENTIALS_REQUIRED.
  absl::StatusOr<SecurePair> CreateSecurePair(const RoleOptions& options) const;

  // CreateDetachedSecurePair is CreateSecurePair without attaching.
  absl::StatusOr<DetachedSecurePair> CreateDetachedSecurePair(
      const RoleOptions& options) const;

  // Pipe gives the cleartext of each of two connections to the other, in the
  // daemon, half-closes too, and leaves both to it. They may be the same one:
  // then the connection gets back what it sends. If one fails, the other ends
  // with PIPE_BROKEN. (`socket.pipe` of the module, both ways.)
  //
  // It fails with CONNECTION_NOT_FOUND, CONNECTION_ATTACHED, HANDLER_MISMATCH
  // or CONNECTION_CLOSED; then nothing has changed.
  absl::Status Pipe(DetachedConnection& one, DetachedConnection& other) const;

  // GetDetached returns the connection called "connections/ID", e.g. one that
  // was kept, for calls that read and write it, and leaves it in the daemon at
  // the end unless `policy` says otherwise. It fails with CONNECTION_NOT_FOUND.
  absl::StatusOr<DetachedConnection> GetDetached(
      const std::string& name, DetachPolicy policy = DetachPolicy::kKeep) const;

  // GetControls returns what can be asked of the connection called
  // "connections/ID" besides its cleartext, whoever has that. It fails with
  // CONNECTION_NOT_FOUND.
  absl::StatusOr<ConnectionControls> GetControls(const std::string& name) const;

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

  // GetPeerCertificate returns what the peer of "connections/ID" has shown,
  // with ChainDetail::kChain its chain too. It fails with CONNECTION_NOT_FOUND
  // or HANDSHAKE_NOT_COMPLETE.
  absl::StatusOr<PeerCertificateFacts> GetPeerCertificate(
      const std::string& connection,
      ChainDetail detail = ChainDetail::kCertificateOnly) const;

  // ParseCertificates tells what certificates say, in their order. It does not
  // judge them. It fails with PEM_INVALID, FIELD_REQUIRED or FIELD_INVALID.
  absl::StatusOr<std::vector<CertificateFacts>> ParseCertificates(
      const CertificateSource& source) const;

  // CheckServerIdentity says whether a certificate, of several the first, is
  // for `server_name`, by the rules of `Connect`. One for another name is an
  // answer, not an error. It fails with SERVER_NAME_INVALID, PEM_INVALID,
  // FIELD_REQUIRED or FIELD_INVALID.
  absl::StatusOr<ServerIdentityFacts> CheckServerIdentity(
      const std::string& server_name, const CertificateSource& source) const;

  // ListOwnCertificates returns the certificates that secure contexts show and
  // that end within `ends_within`, those that end first before the others.
  // Zero means those that have ended; infinite means all.
  absl::StatusOr<std::vector<OwnCertificateFacts>> ListOwnCertificates(
      absl::Duration ends_within = absl::InfiniteDuration()) const;

  // ListTrustedCertificates returns whom "secureContexts/ID" trusts, or, if
  // none is named, the system. It fails with CONTEXT_NOT_FOUND or
  // TRUST_STORE_EMPTY.
  absl::StatusOr<TrustedCertificatesFacts> ListTrustedCertificates(
      const std::string& secure_context = "") const;

  // Watch returns when events are being watched. It fails with EVENTS_COMPACTED
  // if the resume token is too old, or of an earlier life of the daemon.
  absl::StatusOr<EventStream> Watch(const WatchOptions& options = {}) const;

  // HandleDecisions returns when the daemon sends the handler the questions of
  // handshakes: those that `answerers` are for, and `options` lets through. It
  // fails with FIELD_REQUIRED without any, FIELD_INVALID or NAME_INVALID.
  absl::StatusOr<DecisionHandler> HandleDecisions(const HandlerOptions& options,
                                                  Answerers answerers) const;

  // WaitDecision waits for a question that no handler has, and takes it, for
  // programs that have no handler. It fails with WAIT_TIMEOUT after the
  // options' `timeout`, nothing lost.
  absl::StatusOr<Decision> WaitDecision(
      const WaitDecisionOptions& options = {}) const;

  // ResolveDecision answers "decisions/ID", whoever has taken it. It fails with
  // DECISION_NOT_PENDING if it was answered, its time is up, or its connection
  // has ended; and with DECISION_ANSWER_INVALID and its kin, after which it
  // still waits.
  absl::Status ResolveDecision(const std::string& decision,
                               const Answer& answer) const;

  // ListDecisions returns the decisions that wait for an answer, ordered by
  // name, also those that a handler has.
  absl::StatusOr<std::vector<Decision>> ListDecisions() const;

  // WatchKeyLog returns when the secrets of handshakes that begin are told;
  // only those that `listener` accepts, if it is named. It fails with
  // KEY_LOG_DISABLED.
  absl::StatusOr<KeyLogStream> WatchKeyLog(
      const std::string& listener = "") const;

 private:
  explicit Client(std::shared_ptr<ControlChannel> channel);

  std::shared_ptr<ControlChannel> channel_;
};

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_CLIENT_H_
