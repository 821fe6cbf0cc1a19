#include "server/tls/handshake.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/base/byte_queue.h"
#include "server/base/status_macros.h"
#include "server/tls/certificate.h"
#include "server/tls/handshake_description.h"
#include "server/tls/signature_algorithms.h"
#include "server/tls/ssl_error.h"

namespace tlsd::tls {
namespace {

constexpr size_t kToldOcspResponseBytesMax = 16 * 1024;

const uint8_t* Bytes(absl::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

std::string EncodeProtocol(absl::string_view protocol) {
  if (protocol.empty()) return "";
  return absl::StrCat(std::string(1, static_cast<char>(protocol.size())),
                      protocol);
}

// The certificate was to be for the public name, and proves nothing of that.
absl::Status WithEchRejected(absl::Status error) {
  ErrorDetail detail = *GetErrorDetail(error);
  detail.metadata["ech_rejected"] = "true";
  SetErrorDetail(detail, error);
  return error;
}

}  // namespace

Handshake::Handshake(Role role, EngineOptions options,
                     std::shared_ptr<const SecureContext> context)
    : role_(role), options_(std::move(options)), context_(std::move(context)) {
  if (role_ == Role::kServer) mode_choice_ = options_.client_certificate_mode;
}

const SecureContextState& Handshake::context() const {
  return SecureContextAccess::GetState(*context_);
}

const Hook* Handshake::FindHook(HookType type) const {
  const Hook* hook = tls::FindHook(options_.hooks, type);
  return hook != nullptr ? hook : tls::FindHook(context().hooks, type);
}

// The ClientHello.

bool Handshake::NeedsClientHello() const {
  if (role_ == Role::kClient) return false;
  return AsksAboutClientHello() ||
         (options_.contexts != nullptr && options_.contexts->has_choice());
}

bool Handshake::AsksAboutClientHello() const {
  return FindHook(HookType::kClientHello) != nullptr;
}

absl::StatusOr<Handshake::Result> Handshake::ChooseContext(
    ClientHelloFacts& hello) {
  if (!conversation_.asked().has_value()) {
    hello_server_name_ = hello.server_name;
  }
  if (const Hook* hook = FindHook(HookType::kClientHello)) {
    const std::optional<Answer> answer =
        Ask(*hook, [&] { return std::move(hello); });
    if (!answer.has_value()) return Result::kWait;
    if (const auto* chosen = std::get_if<ClientHelloAnswer>(&*answer)) {
      TLSD_RETURN_IF_ERROR(ApplyHelloAnswer(*chosen));
      if (chosen->context.context != nullptr) return Result::kDone;
    }
  }
  if (options_.contexts == nullptr) return Result::kDone;
  TLSD_ASSIGN_OR_RETURN(const NamedContext named,
                        options_.contexts->Choose(hello_server_name_));
  if (named.context == nullptr) return Result::kDone;
  TLSD_RETURN_IF_ERROR(UseContext(named));
  return Result::kDone;
}

absl::Status Handshake::ApplyHelloAnswer(const ClientHelloAnswer& answer) {
  alpn_choice_ = EncodeProtocol(answer.alpn_protocol);
  if (answer.client_certificate_mode.has_value()) {
    mode_choice_ = answer.client_certificate_mode;
  }
  if (answer.context.context == nullptr) return absl::OkStatus();
  return UseContext(answer.context);
}

absl::Status Handshake::UseContext(const NamedContext& named) {
  if (!named.context->has_credentials()) {
    return MakeError(Reason::kCredentialsRequired,
                     absl::StrCat(named.name, " has no credentials"),
                     {{"secure_context", named.name}});
  }
  context_ = named.context;
  events_->push_back(ContextChosen{named.name});
  return absl::OkStatus();
}

// The beginning.

void Handshake::StartAgain(SSL* ssl) {
  is_renegotiation_ = true;
  TakeOver(ssl);
}

void Handshake::TakeOver(SSL* ssl) {
  ssl_ = ssl;
  SetUpSsl();
}

// What goes when an SSL gets another SSL_CTX.
void Handshake::SetUpSsl() {
  SSL_set_early_data_enabled(ssl_, TakesEarlyData() ? 1 : 0);
  SSL_set_cert_cb(
      ssl_,
      [](SSL* /*ssl*/, void* self) {
        return static_cast<Handshake*>(self)->ChooseCredentials();
      },
      this);
}

absl::Status Handshake::Start(SSL* ssl) {
  TakeOver(ssl);
  if (role_ == Role::kClient) {
    TLSD_RETURN_IF_ERROR(SetServerName());
    TLSD_RETURN_IF_ERROR(SetSession());
    TLSD_RETURN_IF_ERROR(SetEarlyData());
    TLSD_RETURN_IF_ERROR(SetEchConfigList());
    if (options_.request_ocsp) SSL_enable_ocsp_stapling(ssl);
  } else {
    TLSD_RETURN_IF_ERROR(LendEchKeys());
  }
  SetUpPeerVerification();
  return absl::OkStatus();
}

absl::Status Handshake::SetServerName() {
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
      !SSL_set_tlsext_host_name(ssl_, name.text.c_str())) {
    return InternalError("SSL_set_tlsext_host_name");
  }
  if (!options_.skip_name_check && !has_expected_name) {
    expected_name_ = std::move(name);
  }
  return absl::OkStatus();
}

absl::Status Handshake::SetSession() {
  if (options_.session.empty()) return absl::OkStatus();
  const bssl::UniquePtr<SSL_SESSION> session(
      SSL_SESSION_from_bytes(Bytes(options_.session), options_.session.size(),
                             context().ssl_context.get()));
  if (session == nullptr) {
    return ProblemError(
        Reason::kSessionInvalid, "session",
        absl::StrCat("these ", options_.session.size(),
                     " bytes are no session; allowed: what GetSession gave"));
  }
  // BoringSSL fails handshakes that resume a session of another context. What
  // that protects from does not happen: the server is judged anew.
  const std::string& id = context().session_id_context;
  if (!SSL_SESSION_set1_id_context(session.get(), Bytes(id), id.size())) {
    return InternalError("SSL_SESSION_set1_id_context");
  }
  // One that does not fit is not offered to the server, and no error.
  SSL_set_session(ssl_, session.get());
  return absl::OkStatus();
}

// The peer.

ClientCertificateMode Handshake::client_certificate_mode() const {
  return mode_choice_.value_or(context().client_certificate_mode);
}

bool Handshake::AsksForPeerCertificate() const {
  return role_ == Role::kClient ||
         client_certificate_mode() != ClientCertificateMode::kNone;
}

bool Handshake::RefusesUnauthorizedPeer() const {
  if (role_ == Role::kClient) {
    return ech_rejected_ || options_.verification == PeerVerification::kRequire;
  }
  return client_certificate_mode() == ClientCertificateMode::kRequire;
}

Role Handshake::peer_role() const {
  return role_ == Role::kClient ? Role::kServer : Role::kClient;
}

const ServerName* Handshake::expected_name() const {
  return expected_name_.has_value() ? &*expected_name_ : nullptr;
}

void Handshake::SetUpPeerVerification() {
  int mode = SSL_VERIFY_NONE;
  if (AsksForPeerCertificate()) mode = SSL_VERIFY_PEER;
  if (role_ == Role::kServer && RefusesUnauthorizedPeer()) {
    mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  }
  SSL_set_custom_verify(ssl_, mode, OnVerifyPeer);
  if (!mode_choice_.has_value() || mode == SSL_VERIFY_NONE) return;
  // The context has no list if it asks nobody.
  bssl::UniquePtr<STACK_OF(X509_NAME)> names(
      SSL_dup_CA_list(context().trust_anchors.names.get()));
  SSL_set_client_CA_list(ssl_, names.release());
}

PeerVerdict Handshake::JudgePeer() const {
  return VerifyPeer({context().trust_anchors, context().peer_rules},
                    SSL_get_peer_full_cert_chain(ssl_), peer_role(),
                    expected_name());
}

ssl_verify_result_t Handshake::Verify(uint8_t* out_alert) {
  if (!verdict_.has_value()) {
    if (role_ == Role::kClient) ExpectPublicName();
    verdict_ = JudgePeer();
    TellOcspResponse();
  }
  if (AskAboutPeer() == Result::kWait) return ssl_verify_retry;
  if (verdict_->authorized) return ssl_verify_ok;
  if (!RefusesUnauthorizedPeer() && !verdict_->is_hostile) return ssl_verify_ok;
  *out_alert = verdict_->alert;
  return ssl_verify_invalid;
}

void Handshake::TellOcspResponse() {
  const uint8_t* data = nullptr;
  size_t size = 0;
  SSL_get0_ocsp_response(ssl_, &data, &size);
  if (role_ == Role::kServer || size == 0) return;
  // It is part of every event of the connection.
  if (size > kToldOcspResponseBytesMax) return;
  const absl::string_view der = base::AsText({data, size});
  absl::StatusOr<OcspResponseFacts> facts =
      ParseOcspResponse("ocsp_response", der);
  // One that nobody can read is told as it is.
  if (!facts.ok()) facts.emplace().der = std::string(der);
  ocsp_response_ = std::make_shared<const OcspResponseFacts>(*std::move(facts));
  events_->push_back(OcspResponseReceived{ocsp_response_});
}

// A peer that costs too much to work with is nobody's to accept.
Handshake::Result Handshake::AskAboutPeer() {
  const Hook* hook = FindHook(HookType::kVerifyPeer);
  if (hook == nullptr || verdict_->is_hostile || is_peer_decided_) {
    return Result::kDone;
  }
  // What such a server says, others are led by: nobody vouches for it.
  if (ech_rejected_ && !verdict_->authorized) return Result::kDone;
  const std::optional<Answer> answer =
      Ask(*hook, [&] { return MakeVerifyQuestion(); });
  if (!answer.has_value()) return Result::kWait;
  is_peer_decided_ = true;
  if (const auto* given = std::get_if<VerifyPeerAnswer>(&*answer)) {
    ApplyVerdict(*given);
  }
  return Result::kDone;
}

VerifyPeerQuestion Handshake::MakeVerifyQuestion() const {
  VerifyPeerQuestion question;
  for (X509* certificate : SSL_get_peer_full_cert_chain(ssl_)) {
    question.certificates.push_back(EncodeDer(certificate));
  }
  question.authorized = verdict_->authorized;
  question.authorization_error = verdict_->error;
  question.authorization_error_text = verdict_->text;
  for (const auto& certificate : verdict_->chain) {
    question.chain.push_back(EncodeDer(certificate.get()));
  }
  if (ocsp_response_ != nullptr) question.ocsp_response = *ocsp_response_;
  if (expected_name_.has_value()) question.expected_name = expected_name_->text;
  question.resumed = SSL_session_reused(ssl_) == 1;
  return question;
}

void Handshake::ApplyVerdict(const VerifyPeerAnswer& answer) {
  verdict_->authorized = answer.accept;
  if (answer.accept) {
    verdict_->error.clear();
    verdict_->code = 0;
    verdict_->text.clear();
    return;
  }
  is_refused_by_handler_ = true;
  verdict_->alert = answer.alert;
  if (!verdict_->error.empty()) return;
  verdict_->error = "REJECTED_BY_HANDLER";
  verdict_->text = "a handler of decisions has rejected the certificate";
}

std::optional<absl::Status> Handshake::verdict_error() const {
  if (!verdict_.has_value() || verdict_->authorized) return std::nullopt;
  if (is_refused_by_handler_) {
    return MakeError(
        Reason::kDecisionRefused, "a handler of decisions has refused the peer",
        {{"decision_type", "VERIFY_PEER"}, {"verify_error", verdict_->error}});
  }
  const absl::Status error =
      VerdictError(*verdict_, peer_role(), expected_name());
  return ech_rejected_ ? WithEchRejected(error) : error;
}

// The end.

absl::StatusOr<Handshake::Result> Handshake::Finish() {
  TLSD_ASSIGN_OR_RETURN(const Result verified, FinishVerification());
  if (verified == Result::kWait) return Result::kWait;
  const Hook* hook = FindHook(HookType::kSessionStore);
  if (hook == nullptr || (new_sessions_.empty() && !is_storing_)) {
    return Result::kDone;
  }
  is_storing_ = true;
  const std::optional<Answer> answer = Ask(
      *hook, [&] { return SessionStoreQuestion{std::move(new_sessions_)}; });
  if (!answer.has_value()) return Result::kWait;
  is_storing_ = false;
  return Result::kDone;
}

// BoringSSL verifies no client certificate when a session is resumed, although
// trust, time and policy may have changed since.
absl::StatusOr<Handshake::Result> Handshake::FinishVerification() {
  if (!SSL_session_reused(ssl_) || !AsksForPeerCertificate()) {
    return Result::kDone;
  }
  if (!verdict_.has_value()) verdict_ = JudgePeer();
  const bool has_certificate = SSL_get_peer_full_cert_chain(ssl_) != nullptr;
  if (has_certificate && AskAboutPeer() == Result::kWait) return Result::kWait;
  if (verdict_->authorized ||
      (!RefusesUnauthorizedPeer() && !verdict_->is_hostile)) {
    return Result::kDone;
  }
  return *verdict_error();
}

uint8_t Handshake::late_alert() const {
  return is_refused_by_handler_ ? verdict_->alert : SSL_AD_ACCESS_DENIED;
}

const ShownCredentials* Handshake::shown() const {
  return role_ == Role::kServer && !SSL_session_reused(ssl_) ? shown_ : nullptr;
}

HandshakeFacts Handshake::Describe() const {
  HandshakeFacts facts = DescribeAgreement(ssl_);
  facts.early_data = DescribeEarlyData();
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

void Handshake::DescribePeer(HandshakeFacts& facts) const {
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
  for (X509* certificate : SSL_get_peer_full_cert_chain(ssl_)) {
    facts.peer_certificates_sent.push_back(ShareCertificateFacts(certificate));
  }
  if (facts.peer_certificates_sent.empty()) return;
  facts.peer_certificate = facts.peer_certificates_sent[0];
}

}  // namespace tlsd::tls
