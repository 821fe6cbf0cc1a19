// LoopbackClient is a client of a listener on the loopback interface. It waits
// for nothing, so that it can live on the thread of the worker that serves it,
// and it makes no difference who is quicker.
//
// It belongs to one thread.
#ifndef TLSD_TESTS_COST_LOOPBACK_CLIENT_H_
#define TLSD_TESTS_COST_LOOPBACK_CLIENT_H_

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "tests/cost/client_peer.h"

namespace tlsd::cost {

class LoopbackClient {
 public:
  // It connects to `port` of 127.0.0.1, with TLS unless `context` is null, and
  // says the first thing: a ClientHello, or a byte of cleartext.
  LoopbackClient(int port, SSL_CTX* context);
  ~LoopbackClient();
  LoopbackClient(const LoopbackClient&) = delete;
  LoopbackClient& operator=(const LoopbackClient&) = delete;

  // Advance goes on with what has come; once the handshake is complete it sends
  // a byte. It returns true when that has come back.
  bool Advance();

  // EndWriting ends the client's direction, with close_notify if there is TLS.
  void EndWriting();

  // has_ended reports whether the server has ended its direction, too.
  bool has_ended();

  // Release returns the socket as it is, for the caller to close.
  int Release() { return std::exchange(descriptor_, -1); }

 private:
  void Send(absl::string_view bytes);
  // Receive returns what has come; empty if nothing.
  std::string Receive();

  int descriptor_;
  std::unique_ptr<ClientPeer> peer_;
  bool has_sent_byte_ = false;
  bool has_ended_ = false;
};

}  // namespace tlsd::cost

#endif  // TLSD_TESTS_COST_LOOPBACK_CLIENT_H_
