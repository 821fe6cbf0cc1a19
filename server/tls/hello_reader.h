// HelloReader reads a client's first message before there is an SSL, so that
// the secure context can be chosen by what it says.
//
// It answers nothing, and keeps what it was given, for the engine to read again
// under the context that was chosen. The engine owns it, on its thread.
#ifndef TLSD_SERVER_TLS_HELLO_READER_H_
#define TLSD_SERVER_TLS_HELLO_READER_H_

#include <openssl/ssl.h>

#include <cstdint>
#include <optional>
#include <string>

#include "absl/types/span.h"
#include "server/base/byte_queue.h"
#include "server/tls/client_hello_facts.h"
#include "server/tls/context_callbacks.h"
#include "server/tls/queue_bio.h"

namespace tlsd::tls {

class HelloReader : private HelloListener {
 public:
  // How much of the ClientHello is wanted.
  enum class Detail { kServerName, kAll };

  HelloReader(base::ChunkPool& pool, Detail detail);

  enum class Result {
    kNeedsMore,
    // `facts` has it.
    kRead,
    // It is no ClientHello: who reads it again will learn why.
    kMalformed,
  };
  // Receive takes all of `ciphertext`. Not after another result than
  // kNeedsMore.
  Result Receive(absl::Span<const uint8_t> ciphertext);

  // offers_ech reports whether a second ClientHello may be encrypted in the one
  // that was read.
  bool offers_ech() const { return offers_ech_; }
  // OpenInner makes `facts` what the encrypted ClientHello says, if `context`,
  // of EchKeys, can open it; else nothing changes. After kRead.
  void OpenInner(SSL_CTX* context);

  const std::optional<ClientHelloFacts>& facts() const { return facts_; }
  std::optional<ClientHelloFacts>& facts() { return facts_; }
  // bytes returns all that was received.
  const std::string& bytes() const { return bytes_; }

 private:
  static SSL_CTX* Context();
  bool OnClientHello(const SSL_CLIENT_HELLO& hello) override;
  bssl::UniquePtr<SSL> NewSsl(SSL_CTX* context);

  const Detail detail_;
  std::string bytes_;
  std::optional<ClientHelloFacts> facts_;
  bool offers_ech_ = false;
  // Alerts that nobody gets.
  base::ByteQueue answer_;
  QueueBio bio_;
  bssl::UniquePtr<SSL> ssl_;
};

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_HELLO_READER_H_
