// ClientPeer is the TLS client at the other end of a MemoryWire: BoringSSL by
// itself, not the engine. What it does is not counted.
//
// It trusts every server. It belongs to one thread.
#ifndef TLSD_TESTS_COST_CLIENT_PEER_H_
#define TLSD_TESTS_COST_CLIENT_PEER_H_

#include <openssl/ssl.h>

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace tlsd::cost {

class ClientPeer {
 public:
  // NewContext returns what all peers of `version`, TLS1_2_VERSION or
  // TLS1_3_VERSION, share.
  static bssl::UniquePtr<SSL_CTX> NewContext(uint16_t version);

  // `session` is offered for resumption, if it is not null.
  explicit ClientPeer(SSL_CTX* context, SSL_SESSION* session = nullptr);

  // Receive takes what the server has sent, and returns what there is to send:
  // the next flight of the handshake, if that is not complete.
  std::string Receive(absl::string_view ciphertext);
  // Send returns `cleartext` in records, and CloseNotify that alert.
  std::string Send(absl::string_view cleartext);
  std::string CloseNotify();

  bool is_open() const { return !SSL_in_init(ssl_.get()); }
  bool is_resumed() const { return SSL_session_reused(ssl_.get()) != 0; }
  // received_size counts the cleartext that has come.
  size_t received_size() const { return received_size_; }
  // session returns the newest that the server has given; null if none.
  SSL_SESSION* session() const { return session_.get(); }

 private:
  static int OnSession(SSL* ssl, SSL_SESSION* session);
  std::string TakeOutput();

  bssl::UniquePtr<SSL_SESSION> session_;
  bssl::UniquePtr<SSL> ssl_;
  // Owned by `ssl_`.
  BIO* input_ = nullptr;
  BIO* output_ = nullptr;
  size_t received_size_ = 0;
};

}  // namespace tlsd::cost

#endif  // TLSD_TESTS_COST_CLIENT_PEER_H_
