// BoringSslEngine is the TlsEngine over BoringSSL: see tls_engine.h for what it
// promises.
//
// It moves bytes and reports what happens; what a handshake needs beside that
// is in handshake.h.
#ifndef TLSD_SERVER_TLS_BORINGSSL_ENGINE_H_
#define TLSD_SERVER_TLS_BORINGSSL_ENGINE_H_

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "server/base/byte_queue.h"
#include "server/tls/context_callbacks.h"
#include "server/tls/handshake.h"
#include "server/tls/hello_reader.h"
#include "server/tls/queue_bio.h"
#include "server/tls/tls_engine.h"

namespace tlsd::tls {

class BoringSslEngine final : public TlsEngine, private ConnectionCallbacks {
 public:
  BoringSslEngine(std::shared_ptr<const SecureContext> context, Role role,
                  EngineOptions options, base::ChunkPool& pool);

  // Begin readies the engine, and puts a client's first flight into
  // `ciphertext()`. It is called once, before all else.
  absl::Status Begin();

  absl::StatusOr<size_t> Receive(absl::Span<const uint8_t> ciphertext,
                                 size_t cleartext_limit,
                                 base::ByteQueue& cleartext,
                                 EventList& events) override;
  bool has_more() const override;
  absl::Status Answer(tls::Answer answer) override;
  absl::Status ReceiveEof() override;
  absl::Status Send(absl::Span<const uint8_t> cleartext) override;
  absl::Status Shutdown() override;
  void Abort(const absl::Status& reason) override;
  base::ByteQueue& ciphertext() override { return ciphertext_; }
  std::string server_name() const override;
  std::optional<ClientSession> session() const override;

 private:
  class EventScope;
  enum class State { kReadingHello, kHandshaking, kOpen, kPeerClosed };

  bool StoresSessions() const override;
  void StoreSession(std::string id, std::string session) override;
  Result FindSession(absl::string_view id, std::string& session) override;
  void OnClientSession(bssl::UniquePtr<SSL_SESSION> session) override;
  ssl_verify_result_t VerifyPeer(uint8_t* out_alert) override;
  const std::string& alpn_choice() const override;
  void OnKeyLogLine(absl::string_view line) override;
  Result Sign(uint16_t algorithm, absl::Span<const uint8_t> input,
              std::string& signature) override;
  static void OnInfo(const SSL* ssl, int type, int value);

  // MakeSsl makes the SSL of the context that the handshake has.
  absl::Status MakeSsl();
  absl::Status StartHandshake();
  absl::StatusOr<size_t> ReceiveHello(absl::Span<const uint8_t> ciphertext);
  absl::Status AdvanceHandshake();
  absl::Status CompleteHandshake();
  absl::Status ReadCleartext(size_t limit, base::ByteQueue& cleartext);

  bool waits() const;
  void TellSession();
  absl::Status ErrorOfCall(int ssl_error);
  std::optional<uint8_t> CleartextAlert() const;
  void SendAlertUnlessSent(uint8_t alert);
  // Fail makes `error` final and returns it.
  absl::Status Fail(const absl::Status& error);

  const Role role_;
  base::ByteQueue ciphertext_;
  QueueBio bio_;
  // Null until the context is chosen.
  bssl::UniquePtr<SSL> ssl_;
  // While a ClientHello is read to choose the context.
  std::unique_ptr<HelloReader> hello_reader_;
  // Null when it is complete: an idle connection shall be small.
  std::unique_ptr<Handshake> handshake_;
  // Of the context that was chosen.
  std::shared_ptr<const SecureContext> context_;
  // The newest that a client can resume.
  bssl::UniquePtr<SSL_SESSION> session_;
  int told_session_count_ = 0;
  // Where the call under way reports; null between calls.
  EventList* events_ = nullptr;

  State state_ = State::kHandshaking;
  bool has_sent_close_notify_ = false;
  absl::Status final_error_;
  std::optional<uint8_t> alert_sent_;
  bool has_received_fatal_alert_ = false;
  // The TLS 1.3 server of a client without a certificate may say only after the
  // handshake that it wants one.
  bool certificate_withheld_ = false;
};

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_BORINGSSL_ENGINE_H_
