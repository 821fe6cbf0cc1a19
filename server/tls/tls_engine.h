// TlsEngine is one end of a TLS connection that does no I/O. The caller feeds
// ciphertext that arrived, takes ciphertext to send, and handles what happened
// in between. It opens no sockets, starts no threads and sets no timers.
//
//      transport                   TlsEngine                 application
//   ciphertext in  ---> Receive() ---- events, cleartext ---> the caller
//   ciphertext out <--- ciphertext() <------- Send() <------- cleartext
//
// A TlsEngine belongs to one thread at a time. Many share a `SecureContext`.
// BoringSSL's error queue of that thread is empty before and after each call.
#ifndef TLSD_SERVER_TLS_TLS_ENGINE_H_
#define TLSD_SERVER_TLS_TLS_ENGINE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/base/byte_queue.h"
#include "server/base/secret.h"
#include "server/tls/context_chooser.h"
#include "server/tls/engine_event.h"
#include "server/tls/hook.h"
#include "server/tls/question.h"
#include "server/tls/role.h"
#include "server/tls/secure_context.h"

namespace tlsd::tls {

// What a client makes of the server's certificate.
enum class PeerVerification {
  // It must be good, else the handshake fails.
  kRequire,
  // The same checks are made and reported.
  kReport,
};

struct EngineOptions {
  // Both roles.

  // Questions to ask; they go before those of the context.
  Hooks hooks;

  // For servers.

  // Finds the context by the client's server name. Null: there is only one.
  std::shared_ptr<const ContextChooser> contexts;
  // Whether the client is asked for a certificate. Unset: as the context says.
  std::optional<ClientCertificateMode> client_certificate_mode;

  // For clients.

  // The name to ask for (SNI) and to find in the certificate: a DNS name or an
  // IP address, which is never sent as SNI (RFC 6066 section 3). May be empty
  // if `skip_name_check`.
  std::string server_name;
  PeerVerification verification = PeerVerification::kRequire;
  // Accept a certificate with any name.
  bool skip_name_check = false;
  // What to find in the certificate instead of `server_name`; of the same form.
  // Empty: `server_name`.
  std::string expected_name;
  // The session to resume, as `TlsEngine::session` gave it. Empty: none.
  std::string session;
  // Ask for the OCSP response of the server's certificate.
  bool request_ocsp = false;
  // The first cleartext, at most kEarlyDataBytesMax: sent as early data (RFC
  // 8446 section 2.3) if `session` and the context allow it and the server
  // takes it, else right after HandshakeCompleted.
  std::string early_data;
  // An ECHConfigList to encrypt the ClientHello with. Empty: none.
  std::string ech_config_list;
};

inline constexpr size_t kEarlyDataBytesMax = 14336;
inline constexpr size_t kSendFragmentBytesMin = 512;
inline constexpr size_t kSendFragmentBytesMax = 16384;

// KeyingMaterial says what to derive (RFC 5705, RFC 8446 section 7.5).
struct KeyingMaterial {
  std::string label;
  // Under TLS 1.2 none and an empty one differ.
  std::optional<std::string> context;
  size_t length = 0;
};

// ChannelBindings are what names a connection at both ends. What does not exist
// is empty.
struct ChannelBindings {
  // The Finished messages. TLS 1.2 and older.
  std::string finished;
  std::string peer_finished;
  // RFC 5929 section 3. With the extended master secret only.
  std::string tls_unique;
  // RFC 9266.
  std::string tls_exporter;
  // RFC 5929 section 4.
  std::string tls_server_end_point;
};

// ClientSession is a session that a client can resume. It wipes its secret when
// it goes.
struct ClientSession {
  ~ClientSession() { base::Wipe(data); }

  // As the library writes it. Secret.
  std::string data;
  std::string ticket;
  // Use it once only (RFC 8446 appendix C.4).
  bool single_use = false;
  absl::Time create_time;
  absl::Time expire_time;
};

class TlsEngine {
 public:
  // Create returns an engine that plays `role` under `context`, of which it
  // keeps a reference. A client's first flight is in `ciphertext()` at once.
  // `pool` must outlive the engine.
  //
  // It fails with SERVER_NAME_INVALID if a client's `server_name` is empty, too
  // long, or no DNS name or IP address, or its `expected_name` is none; with
  // FIELDS_CONFLICT if there is an `expected_name` to skip; with
  // SESSION_INVALID for a `session` that is none; with ECH_KEY_INVALID for an
  // `ech_config_list` that is none, or has none that the library can use; with
  // FIELD_INVALID for `early_data` that is too long; and with
  // CREDENTIALS_REQUIRED for a server whose context has none.
  static absl::StatusOr<std::unique_ptr<TlsEngine>> Create(
      std::shared_ptr<const SecureContext> context, Role role,
      EngineOptions options, base::ChunkPool& pool);

  virtual ~TlsEngine() = default;

  // Receive takes bytes from the front of `ciphertext`, appends to `cleartext`
  // and to `events` what they caused, and returns how many bytes it took. It
  // takes fewer than all only when `cleartext` holds `cleartext_limit` bytes or
  // after PeerClosed; offer the rest again when there is room (also if the rest
  // is empty: the engine may hold a record that did not fit). Needing more
  // bytes is no error: nothing is appended.
  //
  // An error is final: later calls return it again. `ciphertext()` then holds
  // the alert that should be sent before the transport is closed.
  //
  // WARNING: one call can deliver cleartext and events and then fail, so look
  // at them before the status.
  virtual absl::StatusOr<size_t> Receive(absl::Span<const uint8_t> ciphertext,
                                         size_t cleartext_limit,
                                         base::ByteQueue& cleartext,
                                         EventList& events) = 0;

  // has_more reports whether Receive would get on without new ciphertext.
  virtual bool has_more() const = 0;

  // Answer gives the answer to the last QuestionAsked; `has_more` is true then,
  // and Receive goes on. While a question waits, Receive takes nothing. Answers
  // that nobody waits for are dropped. It returns the final error, if the
  // answer ends the handshake.
  virtual absl::Status Answer(tls::Answer answer) = 0;

  // ReceiveEof reports that the transport has ended. It returns OK if the peer
  // had sent close_notify, else TLS_TRUNCATED (RFC 8446 section 6.1), which is
  // final. Call it only when Receive has taken all that came and `has_more` is
  // false: what the engine still holds is lost.
  virtual absl::Status ReceiveEof() = 0;

  // Send seals all of `cleartext` into `ciphertext()`. It fails with
  // HANDSHAKE_NOT_COMPLETE before HandshakeCompleted, and while `can_send` is
  // false; with WRITE_AFTER_SHUTDOWN after Shutdown, and with the engine's
  // final error.
  virtual absl::Status Send(absl::Span<const uint8_t> cleartext) = 0;

  // can_send is false before HandshakeCompleted, and from AcceptRenegotiation
  // to Renegotiated.
  virtual bool can_send() const = 0;

  // AcceptRenegotiation answers a RenegotiationRequested; `has_more` is true
  // then, and Receive goes on. Without such a request it does nothing. It
  // returns the final error, if that ends the engine.
  virtual absl::Status AcceptRenegotiation() = 0;

  // These fail with HANDSHAKE_NOT_COMPLETE before HandshakeCompleted, and with
  // the engine's final error.

  // SetMaxSendFragment limits the cleartext of each record that is sent from
  // now on. It fails with FIELD_INVALID, naming `size`, outside
  // kSendFragmentBytesMin to kSendFragmentBytesMax.
  virtual absl::Status SetMaxSendFragment(size_t size) = 0;
  virtual size_t max_send_fragment() const = 0;

  // ExportKeyingMaterial derives a secret that both ends share. It fails with
  // FIELD_REQUIRED or FIELD_INVALID, naming `label`, `context` or `length`.
  virtual absl::StatusOr<std::string> ExportKeyingMaterial(
      const KeyingMaterial& material) = 0;

  virtual absl::StatusOr<ChannelBindings> GetChannelBindings() = 0;

  // UpdateKeys changes the keys of what is sent from now on (RFC 8446 section
  // 4.6.3), and seals the message that says so into `ciphertext()`; if
  // `request_peer`, the peer is asked to do the same. It fails with
  // VERSION_MISMATCH below TLS 1.3, with WRITE_AFTER_SHUTDOWN after Shutdown.
  virtual absl::Status UpdateKeys(bool request_peer) = 0;

  // Shutdown seals close_notify into `ciphertext()`; Receive goes on. To call
  // it twice is no error. It fails with HANDSHAKE_NOT_COMPLETE before
  // HandshakeCompleted, and with the engine's final error.
  virtual absl::Status Shutdown() = 0;

  // Abort ends the engine with `reason`, whose alert it seals into
  // `ciphertext()`: user_canceled for HANDSHAKE_TIMEOUT and CALL_CANCELLED,
  // else internal_error. Later calls return `reason`. It does nothing after a
  // final error.
  virtual void Abort(const absl::Status& reason) = 0;

  // ciphertext holds what must be sent to the peer. The caller takes from it.
  virtual base::ByteQueue& ciphertext() = 0;

  // server_name returns what the client asked for (SNI), as soon as it is
  // known; also after a failed handshake. Empty if nothing.
  virtual std::string server_name() const = 0;

  // session returns the newest session that a client can resume, if any.
  virtual std::optional<ClientSession> session() const = 0;
};

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_TLS_ENGINE_H_
