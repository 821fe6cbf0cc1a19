// What BoringSSL keeps for a context but asks for a connection: session
// tickets, sessions, ALPN, the key log, and remote signatures.
//
// `SetCallbacks` makes a context ask the `ConnectionCallbacks` of the
// connection it works for. Contexts are made on any thread; callbacks run on
// the connection's.
#ifndef TLSD_SERVER_TLS_CONTEXT_CALLBACKS_H_
#define TLSD_SERVER_TLS_CONTEXT_CALLBACKS_H_

#include <openssl/ssl.h>

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace tlsd::tls {

// ConnectionCallbacks is implemented by the engine.
class ConnectionCallbacks {
 public:
  virtual ~ConnectionCallbacks() = default;

  // SetOf makes `callbacks`, which must outlive `ssl`, those of `ssl`.
  static void SetOf(SSL* ssl, ConnectionCallbacks* callbacks);

  // Result of an operation that may have to wait for an answer; then it is
  // asked for again.
  enum class Result { kDone, kNothing, kWait };

  // StoresSessions reports whether sessions are kept elsewhere: then tickets
  // hold no more than their id.
  virtual bool StoresSessions() const = 0;
  // StoreSession keeps `session`, which a server can resume by `id`.
  virtual void StoreSession(std::string id, std::string session) = 0;
  // FindSession returns the session that was stored under `id`.
  virtual Result FindSession(absl::string_view id, std::string& session) = 0;
  // OnClientSession is told of a session that a client can resume.
  virtual void OnClientSession(bssl::UniquePtr<SSL_SESSION> session) = 0;

  // VerifyPeer judges the peer's certificate, as SSL_set_custom_verify asks.
  virtual ssl_verify_result_t VerifyPeer(uint8_t* out_alert) = 0;

  // alpn_choice returns the protocol that was chosen for this client; empty if
  // the context decides.
  virtual const std::string& alpn_choice() const = 0;

  // OnKeyLogLine is told a secret in the format of SSLKEYLOGFILE.
  virtual void OnKeyLogLine(absl::string_view line) = 0;

  // Sign makes a signature over `input` with the remote key of `algorithm`.
  virtual Result Sign(uint16_t algorithm, absl::Span<const uint8_t> input,
                      std::string& signature) = 0;
};

// HelloListener is told what a client says before anything is decided by it; of
// an encrypted ClientHello that can be opened, what is in it.
class HelloListener {
 public:
  virtual ~HelloListener() = default;

  // SetOf makes `listener`, which must live until the ClientHello has come,
  // that of `ssl`.
  static void SetOf(SSL* ssl, HelloListener* listener);

  // OnClientHello returns whether the handshake goes on.
  virtual bool OnClientHello(const SSL_CLIENT_HELLO& hello) = 0;
};

// TellClientHellos makes servers of `context` tell their HelloListener, if they
// have one.
void TellClientHellos(SSL_CTX* context);

// SetCallbacks makes `context`, which has its TicketKeys as app data, ask the
// connections' callbacks. Secrets are logged only if `key_log`. Only if
// `gives_ids` does a server give clients without tickets an id for their
// session. It includes TellClientHellos.
void SetCallbacks(SSL_CTX* context, bool gives_ids, bool key_log);

// SetServerAlpn makes servers of `context` choose among `protocols`, in wire
// form; empty for none. The string must outlive the context.
void SetServerAlpn(SSL_CTX* context, const std::string* protocols);

// OnVerifyPeer is for SSL_set_custom_verify.
ssl_verify_result_t OnVerifyPeer(SSL* ssl, uint8_t* out_alert);

// RemoteKeyMethod is the private key of remote credentials.
const SSL_PRIVATE_KEY_METHOD* RemoteKeyMethod();

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_CONTEXT_CALLBACKS_H_
