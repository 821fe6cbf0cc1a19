#include "server/tls/boringssl_engine.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/base/status_macros.h"
#include "server/tls/certificate.h"
#include "server/tls/handshake_description.h"
#include "server/tls/sha256.h"
#include "server/tls/signature_algorithms.h"
#include "server/tls/ssl_error.h"

namespace tlsd::tls {
namespace {

constexpr size_t kRecordHeaderBytes = 5;
// SSL_write takes an int.
constexpr size_t kWriteBytesMax = 1 << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<TlsEngine>> TlsEngine::Create(
    std::shared_ptr<const SecureContext> context, Role role,
    const EngineOptions& options, base::ChunkPool& pool) {
  auto engine = std::make_unique<BoringSslEngine>(std::move(context), role,
                                                  options, pool);
  TLSD_RETURN_IF_ERROR(engine->Start());
  return engine;
}

BoringSslEngine::BoringSslEngine(std::shared_ptr<const SecureContext> context,
                                 Role role, const EngineOptions& options,
                                 base::ChunkPool& pool)
    : context_(std::move(context)),
      role_(role),
      options_(options),
      ciphertext_(pool),
      bio_(ciphertext_) {}

absl::Status BoringSslEngine::Start() {
  const ErrorQueueGuard guard;
  if (role_ == Role::kServer && !context_->has_credentials()) {
    return MakeError(Reason::kCredentialsRequired,
                     "the secure context of a server needs credentials");
  }
  ssl_.reset(SSL_new(context().ssl_context.get()));
  bssl::UniquePtr<BIO> bio = bio_.NewBio();
  if (ssl_ == nullptr || bio == nullptr) return InternalError("SSL_new");
  // One reference serves for both directions.
  BIO* both = bio.release();
  SSL_set_bio(ssl_.get(), both, both);
  SSL_set_app_data(ssl_.get(), this);
  SSL_set_info_callback(ssl_.get(), OnInfo);
  SSL_set_cert_cb(ssl_.get(), OnCertificate, this);
  SSL_set_shed_handshake_config(ssl_.get(), 1);
  SSL_set_renegotiate_mode(ssl_.get(), ssl_renegotiate_never);
  if (role_ == Role::kServer) {
    SSL_set_accept_state(ssl_.get());
  } else {
    SSL_set_connect_state(ssl_.get());
    TLSD_RETURN_IF_ERROR(SetServerName());
  }
  SetUpPeerVerification();
  if (role_ == Role::kServer) return absl::OkStatus();
  EventList events;
  return AdvanceHandshake(events);
}

const SecureContextState& BoringSslEngine::context() const {
  return SecureContextAccess::GetState(*context_);
}

absl::Status BoringSslEngine::SetServerName() {
  const bool has_expected_name = !options_.expected_name.empty();
  if (has_expected_name && options_.skip_name_check) {
    return FieldError(Reason::kFieldsConflict, "expected_name",
                      options_.expected_name,
                      "either expected_name or skip_name_check");
  }
  if (has_expected_name) {
    TLSD_ASSIGN_OR_RETURN(
        expected_name_,
        ParseServerName("expected_name", options_.expected_name));
  }
  if (options_.server_name.empty() &&
      (options_.skip_name_check || has_expected_name)) {
    return absl::OkStatus();
  }
  TLSD_ASSIGN_OR_RETURN(ServerName name,
                        ParseServerName("server_name", options_.server_name));
  // RFC 6066 section 3: addresses are no server names. BoringSSL does not
  // mind.
  if (name.kind == ServerName::Kind::kDns &&
      !SSL_set_tlsext_host_name(ssl_.get(), name.text.c_str())) {
    return InternalError("SSL_set_tlsext_host_name");
  }
  if (!options_.skip_name_check && !has_expected_name) {
    expected_name_ = std::move(name);
  }
  return absl::OkStatus();
}

void BoringSslEngine::SetUpPeerVerification() {
  int mode = SSL_VERIFY_NONE;
  if (AsksForPeerCertificate()) mode = SSL_VERIFY_PEER;
  if (role_ == Role::kServer && RefusesUnauthorizedPeer()) {
    mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  }
  SSL_set_custom_verify(ssl_.get(), mode, OnVerify);
}

bool BoringSslEngine::AsksForPeerCertificate() const {
  return role_ == Role::kClient ||
         context().client_certificate_mode != ClientCertificateMode::kNone;
}

bool BoringSslEngine::RefusesUnauthorizedPeer() const {
  if (role_ == Role::kClient) {
    return options_.verification == PeerVerification::kRequire;
  }
  return context().client_certificate_mode == ClientCertificateMode::kRequire;
}

Role BoringSslEngine::peer_role() const {
  return role_ == Role::kClient ? Role::kServer : Role::kClient;
}

PeerVerdict BoringSslEngine::JudgePeer() const {
  return VerifyPeer({context().trust_anchors, context().peer_rules},
                    SSL_get_peer_full_cert_chain(ssl_.get()), peer_role(),
                    expected_name_.has_value() ? &*expected_name_ : nullptr);
}

ssl_verify_result_t BoringSslEngine::OnVerify(SSL* ssl, uint8_t* out_alert) {
  auto* self = static_cast<BoringSslEngine*>(SSL_get_app_data(ssl));
  self->verdict_ = self->JudgePeer();
  const PeerVerdict& verdict = *self->verdict_;
  if (verdict.authorized) return ssl_verify_ok;
  if (!self->RefusesUnauthorizedPeer() && !verdict.is_hostile) {
    return ssl_verify_ok;
  }
  *out_alert = verdict.alert;
  return ssl_verify_invalid;
}

int BoringSslEngine::OnCertificate(SSL* /*ssl*/, void* engine) {
  return static_cast<BoringSslEngine*>(engine)->ChooseCredentials() ? 1 : 0;
}

bool BoringSslEngine::ChooseCredentials() {
  PeerOffer offer;
  offer.version = static_cast<uint16_t>(SSL_version(ssl_.get()));
  const uint16_t* algorithms = nullptr;
  const size_t count = SSL_get0_peer_verify_algorithms(ssl_.get(), &algorithms);
  offer.signature_algorithms =
      SharedAlgorithms({algorithms, count}, context().signing_algorithms);
  shared_algorithms_ = offer.signature_algorithms;
  return role_ == Role::kServer ? ChooseServerCredentials(offer)
                                : ChooseClientCredentials(offer);
}

bool BoringSslEngine::ChooseServerCredentials(PeerOffer& offer) {
  if (!BindSessionToServerName()) return false;
  AddClientOffer(ssl_.get(), context().facts.groups, offer);
  for (const auto& candidate : context().credentials) {
    if (Suits(candidate->credentials, offer)) return Show(*candidate);
  }
  // The library then says what the peer lacks.
  return Show(*context().credentials[0]);
}

bool BoringSslEngine::ChooseClientCredentials(const PeerOffer& requested) {
  certificate_requested_ = true;
  PeerOffer offer = requested;
  // Who gives one certificate means that one, whatever the server asks for.
  if (context().credentials.size() > 1) {
    offer.authorities = SSL_get_client_CA_list(ssl_.get());
  }
  for (const auto& candidate : context().credentials) {
    if (Suits(candidate->credentials, offer)) return Show(*candidate);
  }
  SSL_certs_clear(ssl_.get());
  certificate_withheld_ = true;
  return true;
}

bool BoringSslEngine::Show(const ShownCredentials& shown) {
  shown_ = &shown;
  // These are in BoringSSL's context already.
  if (&shown == context().credentials[0].get()) return true;
  std::vector<CRYPTO_BUFFER*> buffers;
  for (const auto& buffer : shown.buffers) buffers.push_back(buffer.get());
  return SSL_set_chain_and_key(ssl_.get(), buffers.data(), buffers.size(),
                               shown.credentials.key.get(),
                               /*privkey_method=*/nullptr) == 1;
}

// RFC 6066 section 3: a session is not resumed under another server name.
bool BoringSslEngine::BindSessionToServerName() {
  const std::string digest = Sha256(absl::StrCat(
      context().session_id_context, absl::AsciiStrToLower(server_name())));
  return SSL_set_session_id_context(
             ssl_.get(), reinterpret_cast<const uint8_t*>(digest.data()),
             digest.size()) == 1;
}

void BoringSslEngine::OnInfo(const SSL* ssl, int type, int value) {
  auto* self = static_cast<BoringSslEngine*>(SSL_get_app_data(ssl));
  const uint8_t alert = static_cast<uint8_t>(value & 0xff);
  const bool is_fatal = (value >> 8) == SSL3_AL_FATAL;
  if (type == SSL_CB_WRITE_ALERT && is_fatal) self->alert_sent_ = alert;
  if (type == SSL_CB_READ_ALERT && is_fatal) {
    self->has_received_fatal_alert_ = true;
  }
}

absl::StatusOr<size_t> BoringSslEngine::Receive(
    absl::Span<const uint8_t> ciphertext, size_t cleartext_limit,
    base::ByteQueue& cleartext, EventList& events) {
  if (!final_error_.ok()) return final_error_;
  const ErrorQueueGuard guard;
  bio_.Lend(ciphertext);
  absl::Status status;
  if (state_ == State::kHandshaking) status = AdvanceHandshake(events);
  // Cleartext may stand right behind the last record of the handshake.
  if (status.ok() && state_ == State::kOpen) {
    status = ReadCleartext(cleartext_limit, cleartext, events);
  }
  const size_t taken = bio_.TakeBack();
  if (!status.ok()) return Fail(status);
  return taken;
}

absl::Status BoringSslEngine::AdvanceHandshake(EventList& events) {
  const int result = SSL_do_handshake(ssl_.get());
  // SSL_get_error is right only at once after the call.
  const int ssl_error = SSL_get_error(ssl_.get(), result);
  if (result == 1) return CompleteHandshake(events);
  if (ssl_error == SSL_ERROR_WANT_READ) return absl::OkStatus();
  return ErrorOfCall(ssl_error);
}

absl::Status BoringSslEngine::CompleteHandshake(EventList& events) {
  TLSD_RETURN_IF_ERROR(JudgeResumedPeer());
  if (role_ == Role::kServer && SSL_version(ssl_.get()) >= TLS1_3_VERSION) {
    // BoringSSL keeps the tickets back until the server writes. Success is 0
    // here, for zero bytes.
    const int result = SSL_write(ssl_.get(), "", 0);
    if (result < 0) return ErrorOfCall(SSL_get_error(ssl_.get(), result));
  }
  state_ = State::kOpen;
  events.push_back(HandshakeCompleted{DescribeHandshake()});
  // Nothing is verified any more; an idle connection shall be small.
  verdict_.reset();
  expected_name_.reset();
  shown_ = nullptr;
  shared_algorithms_ = {};
  return absl::OkStatus();
}

// BoringSSL verifies no client certificate when a session is resumed, although
// trust, time and policy may have changed since.
absl::Status BoringSslEngine::JudgeResumedPeer() {
  if (!SSL_session_reused(ssl_.get()) || !AsksForPeerCertificate()) {
    return absl::OkStatus();
  }
  verdict_ = JudgePeer();
  if (verdict_->authorized || !RefusesUnauthorizedPeer()) {
    return absl::OkStatus();
  }
  SendAlertUnlessSent(SSL_AD_ACCESS_DENIED);
  return ErrorOfVerdict();
}

HandshakeFacts BoringSslEngine::DescribeHandshake() const {
  HandshakeFacts facts = DescribeAgreement(ssl_.get());
  facts.server_name = server_name();
  for (const uint16_t algorithm : shared_algorithms_) {
    facts.shared_signature_algorithms.push_back(
        SignatureAlgorithmName(algorithm));
  }
  facts.certificate_requested = certificate_requested_;
  if (shown_ != nullptr && !facts.resumed) {
    facts.own_certificate_sha256 = shown_->sha256_fingerprint;
  }
  DescribePeer(facts);
  return facts;
}

void BoringSslEngine::DescribePeer(HandshakeFacts& facts) const {
  if (AsksForPeerCertificate()) {
    // BoringSSL does not call back for a client without a certificate.
    PeerVerdict judged;
    if (!verdict_.has_value()) judged = JudgePeer();
    const PeerVerdict& verdict = verdict_.has_value() ? *verdict_ : judged;
    facts.authorized = verdict.authorized;
    facts.authorization_error = verdict.error;
    facts.authorization_error_code = verdict.code;
    facts.authorization_error_text = verdict.text;
    for (const auto& certificate : verdict.chain) {
      facts.peer_chain.push_back(ShareCertificateFacts(certificate.get()));
    }
  }
  for (X509* certificate : SSL_get_peer_full_cert_chain(ssl_.get())) {
    facts.peer_certificates_sent.push_back(ShareCertificateFacts(certificate));
  }
  if (facts.peer_certificates_sent.empty()) return;
  facts.peer_certificate = facts.peer_certificates_sent[0];
}

absl::Status BoringSslEngine::ReadCleartext(size_t limit,
                                            base::ByteQueue& cleartext,
                                            EventList& events) {
  while (cleartext.size() < limit) {
    const absl::Span<uint8_t> space = cleartext.Prepare();
    const size_t size = std::min(space.size(), limit - cleartext.size());
    const int result =
        SSL_read(ssl_.get(), space.data(), static_cast<int>(size));
    const int ssl_error = SSL_get_error(ssl_.get(), result);
    cleartext.Commit(static_cast<size_t>(std::max(result, 0)));
    if (result > 0) continue;
    if (ssl_error == SSL_ERROR_WANT_READ) return absl::OkStatus();
    if (ssl_error != SSL_ERROR_ZERO_RETURN) return ErrorOfCall(ssl_error);
    state_ = State::kPeerClosed;
    events.push_back(PeerClosed{});
    return absl::OkStatus();
  }
  return absl::OkStatus();
}

bool BoringSslEngine::has_more() const {
  return final_error_.ok() && state_ == State::kOpen &&
         SSL_pending(ssl_.get()) > 0;
}

absl::Status BoringSslEngine::ReceiveEof() {
  if (!final_error_.ok()) return final_error_;
  if (state_ == State::kPeerClosed) return absl::OkStatus();
  final_error_ =
      state_ == State::kHandshaking
          ? MakeError(Reason::kTlsTruncated,
                      "the peer closed the transport during the handshake",
                      {{"phase", "handshake"}})
          : MakeError(Reason::kTlsTruncated,
                      "the peer closed the transport without close_notify: "
                      "bytes may be missing",
                      {{"phase", "open"}});
  return final_error_;
}

absl::Status BoringSslEngine::Send(absl::Span<const uint8_t> cleartext) {
  if (!final_error_.ok()) return final_error_;
  if (state_ == State::kHandshaking) {
    return MakeError(Reason::kHandshakeNotComplete,
                     "cleartext can be sent once the handshake is complete");
  }
  if (has_sent_close_notify_) {
    return MakeError(Reason::kWriteAfterShutdown,
                     "close_notify has been sent; no cleartext can follow");
  }
  const ErrorQueueGuard guard;
  while (!cleartext.empty()) {
    const int size =
        static_cast<int>(std::min(cleartext.size(), kWriteBytesMax));
    const int result = SSL_write(ssl_.get(), cleartext.data(), size);
    if (result <= 0) {
      return Fail(ErrorOfCall(SSL_get_error(ssl_.get(), result)));
    }
    cleartext.remove_prefix(static_cast<size_t>(result));
  }
  return absl::OkStatus();
}

absl::Status BoringSslEngine::Shutdown() {
  if (!final_error_.ok()) return final_error_;
  if (state_ == State::kHandshaking) {
    return MakeError(Reason::kHandshakeNotComplete,
                     "close_notify can be sent once the handshake is complete");
  }
  // A second SSL_shutdown would read, and fail on cleartext.
  if (has_sent_close_notify_) return absl::OkStatus();
  const ErrorQueueGuard guard;
  has_sent_close_notify_ = true;
  const int result = SSL_shutdown(ssl_.get());
  if (result < 0) {
    return Fail(ErrorOfCall(SSL_get_error(ssl_.get(), result)));
  }
  return absl::OkStatus();
}

void BoringSslEngine::Abort(const absl::Status& reason) {
  if (!final_error_.ok()) return;
  const ErrorQueueGuard guard;
  const bool is_cancelled = HasReason(reason, Reason::kHandshakeTimeout) ||
                            HasReason(reason, Reason::kCallCancelled);
  SendAlertUnlessSent(is_cancelled ? SSL_AD_USER_CANCELLED
                                   : SSL_AD_INTERNAL_ERROR);
  final_error_ = reason;
}

std::string BoringSslEngine::server_name() const {
  const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
  return name != nullptr ? DisplayServerName(name) : "";
}

absl::Status BoringSslEngine::ErrorOfCall(int ssl_error) {
  const uint32_t error = ERR_peek_error();
  if (verdict_.has_value() && !verdict_->authorized &&
      ERR_GET_LIB(error) == ERR_LIB_SSL &&
      ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    return ErrorOfVerdict();
  }
  FailedCall call;
  call.ssl_error = ssl_error;
  call.handshake_complete = state_ != State::kHandshaking;
  call.at_first_record = bio_.bytes_read() <= kRecordHeaderBytes;
  call.alert_sent = alert_sent_;
  call.certificate_withheld = certificate_withheld_;
  call.cleartext_alert = CleartextAlert();
  return ErrorOfFailedCall(call);
}

// OpenSSL's TLS 1.3 client refuses the server's certificate before it has keys
// to send with, so its alert comes in cleartext. BoringSSL fails to decrypt
// that. The handshake has failed either way: a forger gains only what the error
// says.
std::optional<uint8_t> BoringSslEngine::CleartextAlert() const {
  if (role_ != Role::kServer || state_ != State::kHandshaking ||
      SSL_version(ssl_.get()) < TLS1_3_VERSION) {
    return std::nullopt;
  }
  // RFC 8446 section 5.1: an alert, legacy version, two bytes: level and
  // description. Two bytes of ciphertext would have no room for a tag.
  constexpr uint8_t kHeader[] = {SSL3_RT_ALERT, 3, 3, 0, 2};
  const auto& bytes = bio_.last_bytes();
  if (!std::equal(std::begin(kHeader), std::end(kHeader), bytes.begin())) {
    return std::nullopt;
  }
  return bytes.back();
}

absl::Status BoringSslEngine::ErrorOfVerdict() const {
  return VerdictError(*verdict_, peer_role(),
                      expected_name_.has_value() ? &*expected_name_ : nullptr);
}

// BoringSSL sends no alert for some local failures, which would leave the peer
// with a bare end of the transport.
void BoringSslEngine::SendAlertUnlessSent(uint8_t alert) {
  if (alert_sent_.has_value() || has_received_fatal_alert_) return;
  SSL_send_fatal_alert(ssl_.get(), alert);
}

absl::Status BoringSslEngine::Fail(const absl::Status& error) {
  SendAlertUnlessSent(HasReason(error, Reason::kPeerCertificateInvalid)
                          ? SSL_AD_UNSUPPORTED_CERTIFICATE
                          : SSL_AD_INTERNAL_ERROR);
  final_error_ = error;
  return error;
}

}  // namespace tlsd::tls
