// Handshake makes the choices that BoringSSL asks for while one handshake runs:
// which credentials to show, which staple, whether the peer is accepted, where
// sessions are. Where a hook is armed it asks others, see question.h.
//
//   1 ClientHello   the engine, before there is an SSL: hello_reader.h; an
//                   encrypted one is opened twice, see
//                   encrypted_client_hello.cc
//   2 ChooseCredentials, with the staple
//   3 FindSession
//   4 Sign
//   5 Verify
//   6 Finish: Verify on resumption, StoreSession
//
// It reads and writes no bytes; that is the engine, which owns it until the
// handshake is complete. It belongs to the engine's thread.
#ifndef TLSD_SERVER_TLS_HANDSHAKE_H_
#define TLSD_SERVER_TLS_HANDSHAKE_H_

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/tls/client_hello_facts.h"
#include "server/tls/context_callbacks.h"
#include "server/tls/conversation.h"
#include "server/tls/credential_choice.h"
#include "server/tls/engine_event.h"
#include "server/tls/hello_reader.h"
#include "server/tls/peer_verifier.h"
#include "server/tls/role.h"
#include "server/tls/secure_context_state.h"
#include "server/tls/server_name.h"
#include "server/tls/tls_engine.h"

namespace tlsd::tls {

class Handshake : private HelloListener {
 public:
  using Result = ConnectionCallbacks::Result;

  // `context` is that of the engine; ChooseContext may give another one.
  Handshake(Role role, EngineOptions options,
            std::shared_ptr<const SecureContext> context);

  // Collect makes `events` the list to append to.
  void Collect(EventList* events) { events_ = events; }

  const std::shared_ptr<const SecureContext>& secure_context() const {
    return context_;
  }

  // NeedsClientHello reports whether ChooseContext must be called before Start.
  bool NeedsClientHello() const;
  // ChooseContext decides by what the client has said; kWait until it can. It
  // fails with SERVER_NAME_UNRECOGNIZED, and as a hook's context does.
  // `hello` goes into the question if one is asked.
  absl::StatusOr<Result> ChooseContext(ClientHelloFacts& hello);
  // AsksAboutClientHello reports whether it needs more than the server name.
  bool AsksAboutClientHello() const;
  // RefuseUnread lets the handshake fail, because the ClientHello could not be
  // read and so nothing was chosen by it.
  void RefuseUnread() { is_unread_ = true; }

  // OpenInnerHello makes `reader` tell what is in an encrypted ClientHello, if
  // a context that it names in the clear can open that. Before ChooseContext.
  void OpenInnerHello(HelloReader& reader);

  // Start readies `ssl`, which must outlive this. It fails as TlsEngine::Create
  // does.
  absl::Status Start(SSL* ssl);
  // StartAgain takes over `ssl`, which must outlive this, of a client that
  // renegotiates. Only credentials are chosen anew, and signatures made:
  // BoringSSL itself sees to it that the server's certificate stays the same,
  // and resumes no session.
  void StartAgain(SSL* ssl);

  // CheckFirstFlight fails as TlsEngine::Create does, if a client's first
  // flight is not as it was asked for.
  absl::Status CheckFirstFlight() const;

  // SendEarlyData sends what a client's session allows, when BoringSSL is ready
  // for it. unsent_early_data returns what is to be sent when the handshake is
  // complete; it fails if that must not be. Both for clients.
  void SendEarlyData();
  absl::StatusOr<absl::string_view> unsent_early_data() const;

  // Answer gives the answer to the question that waits.
  Conversation& conversation() { return conversation_; }
  const Conversation& conversation() const { return conversation_; }

  // BoringSSL's questions. ChooseCredentials returns what a `cert_cb` does.
  int ChooseCredentials();
  ssl_verify_result_t Verify(uint8_t* out_alert);
  bool StoresSessions() const;
  void StoreSession(std::string id, std::string session);
  Result FindSession(absl::string_view id, std::string& session);
  Result Sign(uint16_t algorithm, absl::Span<const uint8_t> input,
              std::string& signature);
  const std::string& alpn_choice() const { return alpn_choice_; }

  // Finish does what is left when BoringSSL is done; kWait until it is. An
  // error is why the peer is refused after all, with `late_alert`.
  absl::StatusOr<Result> Finish();
  uint8_t late_alert() const;

  // Describe returns the facts of the complete handshake.
  HandshakeFacts Describe() const;
  // shown returns the credentials of `secure_context` that a server has shown;
  // null on resumption.
  const ShownCredentials* shown() const;
  // hooks returns those of the connection.
  const Hooks& hooks() const { return options_.hooks; }

  // EchRejectedError is why the handshake has failed if BoringSSL says that the
  // server could not read the encrypted ClientHello.
  absl::Status EchRejectedError() const;
  // Why the peer is refused, if it is.
  std::optional<absl::Status> verdict_error() const;
  // Whether a server has asked for a certificate, and got none.
  bool certificate_withheld() const { return certificate_withheld_; }
  // What the client asked for; of the ClientHello as long as there is no SSL.
  const std::string& hello_server_name() const { return hello_server_name_; }

 private:
  const SecureContextState& context() const;
  const Hook* FindHook(HookType type) const;
  template <typename MakeQuestion>
  std::optional<Answer> Ask(const Hook& hook, MakeQuestion make_question) {
    return conversation_.Ask(hook, make_question, *events_);
  }

  void TakeOver(SSL* ssl);
  void SetUpSsl();
  bool OnClientHello(const SSL_CLIENT_HELLO& hello) override;
  absl::Status LendEchKeys();
  absl::Status SetEchConfigList();
  void ExpectPublicName();
  bool TakesEarlyData() const;
  bool OffersEarlyData() const;
  absl::Status SetEarlyData();
  EarlyData DescribeEarlyData() const;
  absl::Status SetServerName();
  absl::Status SetSession();
  void SetUpPeerVerification();

  absl::Status ApplyHelloAnswer(const ClientHelloAnswer& answer);
  absl::Status UseContext(const NamedContext& context);

  void ReadPeerOffer(PeerOffer& offer);
  bool ChooseServerCredentials(PeerOffer& offer);
  bool ChooseClientCredentials(PeerOffer& offer);
  bool Show(const ShownCredentials& shown);
  bool BindSession();
  int Staple();
  bool SetStaple(absl::string_view response);
  std::string FindIssuer() const;

  ClientCertificateMode client_certificate_mode() const;
  bool AsksForPeerCertificate() const;
  bool RefusesUnauthorizedPeer() const;
  Role peer_role() const;
  const ServerName* expected_name() const;
  PeerVerdict JudgePeer() const;
  Result AskAboutPeer();
  VerifyPeerQuestion MakeVerifyQuestion() const;
  void ApplyVerdict(const VerifyPeerAnswer& answer);
  void TellOcspResponse();
  absl::StatusOr<Result> FinishVerification();
  void DescribePeer(HandshakeFacts& facts) const;

  const Role role_;
  const EngineOptions options_;
  std::shared_ptr<const SecureContext> context_;
  SSL* ssl_ = nullptr;
  EventList* events_ = nullptr;
  Conversation conversation_;

  // Of the ClientHello.
  std::string hello_server_name_;
  // In wire form.
  std::string alpn_choice_;
  // Lends the keys that open an encrypted one, until it has come; null if there
  // are none.
  bssl::UniquePtr<SSL_CTX> ech_context_;
  bool early_data_offered_ = false;
  // Of a client.
  bool ech_offered_ = false;
  bool ech_rejected_ = false;
  // How much early data was sent, and for which protocol.
  size_t early_data_sent_size_ = 0;
  std::string early_data_protocol_;

  // Of a server, instead of the context's.
  std::optional<ClientCertificateMode> mode_choice_;

  // What the certificate must be for; nothing if no name is checked.
  std::optional<ServerName> expected_name_;
  std::optional<PeerVerdict> verdict_;
  // A handler of decisions was asked about the peer, and has refused it.
  bool is_peer_decided_ = false;
  bool is_refused_by_handler_ = false;
  std::shared_ptr<const OcspResponseFacts> ocsp_response_;

  const ShownCredentials* shown_ = nullptr;
  bool is_unread_ = false;
  bool is_renegotiation_ = false;
  bool credentials_chosen_ = false;
  bool certificate_requested_ = false;
  bool certificate_withheld_ = false;
  std::vector<uint16_t> shared_algorithms_;
  std::vector<StoredSession> new_sessions_;
  // The question about them waits.
  bool is_storing_ = false;
};

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_HANDSHAKE_H_
