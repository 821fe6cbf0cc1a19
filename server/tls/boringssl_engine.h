// BoringSslEngine is the TlsEngine over BoringSSL: see tls_engine.h for what it
// promises.
#ifndef TLSD_SERVER_TLS_BORINGSSL_ENGINE_H_
#define TLSD_SERVER_TLS_BORINGSSL_ENGINE_H_

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/base/byte_queue.h"
#include "server/tls/credential_choice.h"
#include "server/tls/peer_verifier.h"
#include "server/tls/queue_bio.h"
#include "server/tls/secure_context_state.h"
#include "server/tls/server_name.h"
#include "server/tls/tls_engine.h"

namespace tlsd::tls {

class BoringSslEngine final : public TlsEngine {
 public:
  BoringSslEngine(std::shared_ptr<const SecureContext> context, Role role,
                  const EngineOptions& options, base::ChunkPool& pool);

  // Start readies the engine, and puts a client's first flight into
  // `ciphertext()`. It is called once, before all else.
  absl::Status Start();

  absl::StatusOr<size_t> Receive(absl::Span<const uint8_t> ciphertext,
                                 size_t cleartext_limit,
                                 base::ByteQueue& cleartext,
                                 EventList& events) override;
  bool has_more() const override;
  absl::Status ReceiveEof() override;
  absl::Status Send(absl::Span<const uint8_t> cleartext) override;
  absl::Status Shutdown() override;
  void Abort(const absl::Status& reason) override;
  base::ByteQueue& ciphertext() override { return ciphertext_; }
  std::string server_name() const override;

 private:
  enum class State { kHandshaking, kOpen, kPeerClosed };

  const SecureContextState& context() const;

  absl::Status SetServerName();
  void SetUpPeerVerification();
  static ssl_verify_result_t OnVerify(SSL* ssl, uint8_t* out_alert);
  static int OnCertificate(SSL* ssl, void* engine);
  static void OnInfo(const SSL* ssl, int type, int value);

  // ChooseCredentials makes the choice that BoringSSL asks for when it knows
  // what the peer can take, and before it resumes a session.
  bool ChooseCredentials();
  bool ChooseClientCredentials(const PeerOffer& offer);
  bool ChooseServerCredentials(PeerOffer& offer);
  bool Show(const ShownCredentials& shown);
  bool BindSessionToServerName();

  absl::Status AdvanceHandshake(EventList& events);
  absl::Status CompleteHandshake(EventList& events);
  absl::Status JudgeResumedPeer();
  absl::Status ReadCleartext(size_t limit, base::ByteQueue& cleartext,
                             EventList& events);

  bool AsksForPeerCertificate() const;
  bool RefusesUnauthorizedPeer() const;
  Role peer_role() const;
  PeerVerdict JudgePeer() const;
  HandshakeFacts DescribeHandshake() const;
  void DescribePeer(HandshakeFacts& facts) const;

  absl::Status ErrorOfCall(int ssl_error);
  std::optional<uint8_t> CleartextAlert() const;
  absl::Status ErrorOfVerdict() const;
  void SendAlertUnlessSent(uint8_t alert);
  // Fail makes `error` final and returns it.
  absl::Status Fail(const absl::Status& error);

  const std::shared_ptr<const SecureContext> context_;
  const Role role_;
  const EngineOptions options_;
  // What the certificate must be for; nothing if no name is checked.
  std::optional<ServerName> expected_name_;

  base::ByteQueue ciphertext_;
  QueueBio bio_;
  bssl::UniquePtr<SSL> ssl_;

  State state_ = State::kHandshaking;
  bool has_sent_close_notify_ = false;
  absl::Status final_error_;
  std::optional<uint8_t> alert_sent_;
  bool has_received_fatal_alert_ = false;
  // Its TLS 1.3 server may say so only after the handshake.
  bool certificate_withheld_ = false;

  // Of the handshake; forgotten when it is complete.
  std::optional<PeerVerdict> verdict_;
  bool certificate_requested_ = false;
  const ShownCredentials* shown_ = nullptr;
  std::vector<uint16_t> shared_algorithms_;
};

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_BORINGSSL_ENGINE_H_
