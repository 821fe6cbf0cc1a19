// BoringSslEngine is the TlsEngine over BoringSSL: see tls_engine.h for what it
// promises.
//
// It moves bytes and reports what happens; what a handshake needs beside that
// is in handshake.h.
//
// BoringSSL begins no renegotiation. From the request that a client accepts to
// the end of that handshake it takes no cleartext: a server that sends some
// breaks the connection. A client of TLS 1.2 or older keeps the configuration
// of its handshakes, some 700 bytes, until Shutdown.
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
  bool can_send() const override { return handshake_ == nullptr; }
  absl::Status AcceptRenegotiation() override;
  absl::Status SetMaxSendFragment(size_t size) override;
  size_t max_send_fragment() const override { return max_send_fragment_; }
  absl::StatusOr<std::string> ExportKeyingMaterial(
      const KeyingMaterial& material) override;
  absl::StatusOr<ChannelBindings> GetChannelBindings() override;
  absl::Status UpdateKeys(bool request_peer) override;
  absl::Status Shutdown() override;
  void Abort(const absl::Status& reason) override;
  base::ByteQueue& ciphertext() override { return ciphertext_; }
  std::string server_name() const override;
  std::optional<ClientSession> session() const override;

 private:
  class EventScope;
  enum class State {
    kReadingHello,
    kHandshaking,
    kOpen,
    // A server has asked, and nobody has accepted.
    kRenegotiationRequested,
    // It was accepted, and Receive has not gone on.
    kRenegotiationAccepted,
    kRenegotiating,
    kPeerClosed,
  };

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
  absl::Status CompleteRenegotiation();
  absl::Status ReadCleartext(size_t limit, base::ByteQueue& cleartext);
  absl::Status Write(absl::Span<const uint8_t> cleartext);

  // SendUnsentEarlyData sends what a client could not send before.
  absl::Status SendUnsentEarlyData();
  // NoteEarlyData is told of each read of cleartext.
  void NoteEarlyData(int size);
  absl::Status SendDelayedCloseNotify();

  // CheckControls returns why there is nothing to control yet, or any more.
  absl::Status CheckControls() const;
  // CheckSecrets returns why there are no secrets that both ends have agreed
  // on.
  absl::Status CheckSecrets() const;
  absl::StatusOr<std::string> ExportSecret(absl::string_view label,
                                           const std::string* context,
                                           size_t length);
  std::string ServerEndPointBinding() const;
  // AnswerKeyUpdate sends what BoringSSL owes a peer that has asked for new
  // keys; FlushHeldBack all that it holds back until something is written.
  absl::Status AnswerKeyUpdate();
  absl::Status FlushHeldBack();
  absl::Status SendCloseNotify();
  bool renegotiates() const;

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
  // Null when it is complete: an idle connection shall be small. A
  // renegotiation has one of its own.
  std::unique_ptr<Handshake> handshake_;
  // Of the context that was chosen.
  std::shared_ptr<const SecureContext> context_;
  // What a server has shown, of `context_`; null on resumption.
  const ShownCredentials* shown_ = nullptr;
  // Those of the connection, if it can be asked to renegotiate.
  Hooks renegotiation_hooks_;
  // The newest that a client can resume.
  bssl::UniquePtr<SSL_SESSION> session_;
  int told_session_count_ = 0;
  // Where the call under way reports; null between calls.
  EventList* events_ = nullptr;
  // Of a client's first flight, to be told with the first Receive.
  std::unique_ptr<EventList> first_events_;

  State state_ = State::kHandshaking;
  // Whether Shutdown was called. In a renegotiation, and while there may be
  // early data, close_notify follows at the end.
  bool is_shut_down_ = false;
  // A server whose client may send early data, and how much has come.
  bool is_in_early_data_ = false;
  int64_t early_size_ = 0;
  // Shutdown was called before its end.
  bool close_notify_is_due_ = false;
  size_t max_send_fragment_ = kSendFragmentBytesMax;
  absl::Status final_error_;
  std::optional<uint8_t> alert_sent_;
  bool has_received_fatal_alert_ = false;
  // The TLS 1.3 server of a client without a certificate may say only after the
  // handshake that it wants one.
  bool certificate_withheld_ = false;
};

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_BORINGSSL_ENGINE_H_
