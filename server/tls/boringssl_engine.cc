#include "server/tls/boringssl_engine.h"

#include <openssl/err.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/base/status_macros.h"
#include "server/tls/ssl_error.h"

namespace tlsd::tls {
namespace {

constexpr size_t kRecordHeaderBytes = 5;
// SSL_write takes an int.
constexpr size_t kWriteBytesMax = 1 << 20;
constexpr int kToldSessionCountMax = 16;

// The alert for an error that BoringSSL has sent none for.
uint8_t AlertOf(const absl::Status& error) {
  if (HasReason(error, Reason::kPeerCertificateInvalid)) {
    return SSL_AD_UNSUPPORTED_CERTIFICATE;
  }
  if (HasReason(error, Reason::kServerNameUnrecognized)) {
    return SSL_AD_UNRECOGNIZED_NAME;
  }
  if (HasReason(error, Reason::kHandshakeTimeout) ||
      HasReason(error, Reason::kCallCancelled)) {
    return SSL_AD_USER_CANCELLED;
  }
  if (HasReason(error, Reason::kRenegotiationLimit)) {
    return SSL_AD_NO_RENEGOTIATION;
  }
  return SSL_AD_INTERNAL_ERROR;
}

ClientSession DescribeSession(const SSL_SESSION* session) {
  ClientSession described;
  uint8_t* data = nullptr;
  size_t size = 0;
  if (SSL_SESSION_to_bytes(session, &data, &size)) {
    const bssl::UniquePtr<uint8_t> owner(data);
    described.data = std::string(base::AsText({data, size}));
  }
  const uint8_t* ticket = nullptr;
  SSL_SESSION_get0_ticket(session, &ticket, &size);
  described.ticket = std::string(base::AsText({ticket, size}));
  described.single_use = SSL_SESSION_should_be_single_use(session) == 1;
  // Under TLS 1.2 the library goes by its own timeout alone.
  uint32_t lifetime = SSL_SESSION_get_timeout(session);
  const uint32_t hint = SSL_SESSION_get_ticket_lifetime_hint(session);
  if (hint > 0) lifetime = std::min(lifetime, hint);
  described.create_time = absl::FromUnixSeconds(
      static_cast<int64_t>(SSL_SESSION_get_time(session)));
  described.expire_time = described.create_time + absl::Seconds(lifetime);
  return described;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TlsEngine>> TlsEngine::Create(
    std::shared_ptr<const SecureContext> context, Role role,
    EngineOptions options, base::ChunkPool& pool) {
  auto engine = std::make_unique<BoringSslEngine>(std::move(context), role,
                                                  std::move(options), pool);
  TLSD_RETURN_IF_ERROR(engine->Begin());
  return engine;
}

BoringSslEngine::BoringSslEngine(std::shared_ptr<const SecureContext> context,
                                 Role role, EngineOptions options,
                                 base::ChunkPool& pool)
    : role_(role),
      ciphertext_(pool),
      bio_(ciphertext_),
      handshake_(std::make_unique<Handshake>(role, std::move(options),
                                             std::move(context))) {}

// EventScope lends `events` to `engine` for one call.
class BoringSslEngine::EventScope {
 public:
  EventScope(BoringSslEngine& engine, EventList& events) : engine_(engine) {
    Lend(&events);
  }
  ~EventScope() { Lend(nullptr); }
  EventScope(const EventScope&) = delete;
  EventScope& operator=(const EventScope&) = delete;

 private:
  void Lend(EventList* events) {
    engine_.events_ = events;
    if (engine_.handshake_ != nullptr) engine_.handshake_->Collect(events);
  }

  BoringSslEngine& engine_;
};

absl::Status BoringSslEngine::Begin() {
  const ErrorQueueGuard guard;
  if (role_ == Role::kServer &&
      !handshake_->secure_context()->has_credentials()) {
    return MakeError(Reason::kCredentialsRequired,
                     "the secure context of a server needs credentials");
  }
  if (handshake_->NeedsClientHello()) {
    state_ = State::kReadingHello;
    hello_reader_ = std::make_unique<HelloReader>(
        ciphertext_.pool(), handshake_->AsksAboutClientHello()
                                ? HelloReader::Detail::kAll
                                : HelloReader::Detail::kServerName);
    return absl::OkStatus();
  }
  TLSD_RETURN_IF_ERROR(StartHandshake());
  if (role_ == Role::kServer) return absl::OkStatus();
  EventList events;
  {
    const EventScope scope(*this, events);
    TLSD_RETURN_IF_ERROR(AdvanceHandshake());
  }
  if (!events.empty()) {
    first_events_ = std::make_unique<EventList>(std::move(events));
  }
  return handshake_->CheckFirstFlight();
}

absl::Status BoringSslEngine::MakeSsl() {
  context_ = handshake_->secure_context();
  ssl_.reset(
      SSL_new(SecureContextAccess::GetState(*context_).ssl_context.get()));
  bssl::UniquePtr<BIO> bio = bio_.NewBio();
  if (ssl_ == nullptr || bio == nullptr) return InternalError("SSL_new");
  // One reference serves for both directions.
  BIO* both = bio.release();
  SSL_set_bio(ssl_.get(), both, both);
  ConnectionCallbacks::SetOf(ssl_.get(), this);
  SSL_set_info_callback(ssl_.get(), OnInfo);
  SSL_set_shed_handshake_config(ssl_.get(), 1);
  SSL_set_renegotiate_mode(ssl_.get(), role_ == Role::kServer
                                           ? ssl_renegotiate_never
                                           : ssl_renegotiate_explicit);
  if (role_ == Role::kServer) {
    SSL_set_accept_state(ssl_.get());
  } else {
    SSL_set_connect_state(ssl_.get());
  }
  return absl::OkStatus();
}

absl::Status BoringSslEngine::StartHandshake() {
  TLSD_RETURN_IF_ERROR(MakeSsl());
  return handshake_->Start(ssl_.get());
}

// What arrives.

absl::StatusOr<size_t> BoringSslEngine::Receive(
    absl::Span<const uint8_t> ciphertext, size_t cleartext_limit,
    base::ByteQueue& cleartext, EventList& events) {
  if (!final_error_.ok()) return final_error_;
  if (waits() || state_ == State::kRenegotiationRequested) return 0;
  if (state_ == State::kRenegotiationAccepted) state_ = State::kRenegotiating;
  const ErrorQueueGuard guard;
  const EventScope scope(*this, events);
  if (first_events_ != nullptr) {
    absl::c_move(*std::exchange(first_events_, nullptr),
                 std::back_inserter(events));
  }
  size_t taken = 0;
  if (state_ == State::kReadingHello) {
    const absl::StatusOr<size_t> hello = ReceiveHello(ciphertext);
    if (!hello.ok()) return Fail(hello.status());
    if (state_ == State::kReadingHello) return *hello;
    taken = *hello;
  }
  bio_.Lend(ciphertext.subspan(taken));
  absl::Status status;
  if (state_ == State::kHandshaking || state_ == State::kRenegotiating) {
    status = AdvanceHandshake();
  }
  // Cleartext may stand right behind the last record of the handshake.
  if (status.ok() && state_ == State::kOpen) {
    status = ReadCleartext(cleartext_limit, cleartext);
    if (status.ok()) status = AnswerKeyUpdate();
    if (status.ok()) status = SendDelayedCloseNotify();
  }
  taken += bio_.TakeBack();
  if (!status.ok()) return Fail(status);
  return taken;
}

absl::StatusOr<size_t> BoringSslEngine::ReceiveHello(
    absl::Span<const uint8_t> ciphertext) {
  size_t taken = 0;
  if (!hello_reader_->facts().has_value()) {
    const HelloReader::Result result = hello_reader_->Receive(ciphertext);
    taken = ciphertext.size();
    if (result == HelloReader::Result::kNeedsMore) return taken;
    if (result == HelloReader::Result::kRead) {
      handshake_->OpenInnerHello(*hello_reader_);
    }
  }
  if (hello_reader_->facts().has_value()) {
    TLSD_ASSIGN_OR_RETURN(const Result chosen,
                          handshake_->ChooseContext(*hello_reader_->facts()));
    if (chosen == Result::kWait) return taken;
  } else {
    // BoringSSL says what is wrong with it. Should it find nothing, nobody has
    // chosen all the same.
    handshake_->RefuseUnread();
  }
  TLSD_RETURN_IF_ERROR(StartHandshake());
  bio_.Prepend(hello_reader_->bytes());
  hello_reader_.reset();
  state_ = State::kHandshaking;
  return taken;
}

absl::Status BoringSslEngine::AdvanceHandshake() {
  const int result = SSL_do_handshake(ssl_.get());
  // SSL_get_error is right only at once after the call.
  const int ssl_error = SSL_get_error(ssl_.get(), result);
  if (result == 1) {
    if (role_ == Role::kClient && SSL_in_early_data(ssl_.get())) {
      handshake_->SendEarlyData();
      return absl::OkStatus();
    }
    return state_ == State::kRenegotiating ? CompleteRenegotiation()
                                           : CompleteHandshake();
  }
  if (ssl_error == SSL_ERROR_EARLY_DATA_REJECTED) {
    SSL_reset_early_data_reject(ssl_.get());
    return AdvanceHandshake();
  }
  if (ssl_error == SSL_ERROR_WANT_READ || waits()) return absl::OkStatus();
  return ErrorOfCall(ssl_error);
}

absl::Status BoringSslEngine::CompleteHandshake() {
  const absl::StatusOr<Result> finished = handshake_->Finish();
  if (!finished.ok()) {
    SendAlertUnlessSent(handshake_->late_alert());
    return finished.status();
  }
  if (*finished == Result::kWait) return absl::OkStatus();
  if (role_ == Role::kServer && SSL_version(ssl_.get()) >= TLS1_3_VERSION) {
    // BoringSSL keeps the tickets back until the server writes. Success is 0
    // here, for zero bytes.
    const int result = SSL_write(ssl_.get(), "", 0);
    if (result < 0) return ErrorOfCall(SSL_get_error(ssl_.get(), result));
  }
  TLSD_RETURN_IF_ERROR(SendUnsentEarlyData());
  HandshakeCompleted completed{handshake_->Describe()};
  completed.facts.server_name = server_name();
  events_->push_back(std::move(completed));
  state_ = State::kOpen;
  is_in_early_data_ = SSL_in_early_data(ssl_.get()) == 1;
  certificate_withheld_ = handshake_->certificate_withheld();
  shown_ = handshake_->shown();
  if (role_ == Role::kClient && SSL_version(ssl_.get()) < TLS1_3_VERSION) {
    renegotiation_hooks_ = handshake_->hooks();
  }
  handshake_.reset();
  if (session_ != nullptr) {
    TellSession();
  } else if (role_ == Role::kClient &&
             SSL_version(ssl_.get()) < TLS1_3_VERSION &&
             SSL_SESSION_is_resumable(SSL_get_session(ssl_.get()))) {
    // One that was resumed can be again; there is no news in it.
    session_ = bssl::UpRef(SSL_get_session(ssl_.get()));
  }
  return absl::OkStatus();
}

absl::Status BoringSslEngine::ReadCleartext(size_t limit,
                                            base::ByteQueue& cleartext) {
  while (cleartext.size() < limit) {
    const absl::Span<uint8_t> space = cleartext.Prepare();
    const size_t size = std::min(space.size(), limit - cleartext.size());
    const int result =
        SSL_read(ssl_.get(), space.data(), static_cast<int>(size));
    const int ssl_error = SSL_get_error(ssl_.get(), result);
    cleartext.Commit(static_cast<size_t>(std::max(result, 0)));
    NoteEarlyData(std::max(result, 0));
    if (result > 0) continue;
    if (ssl_error == SSL_ERROR_WANT_READ) return absl::OkStatus();
    if (ssl_error == SSL_ERROR_WANT_RENEGOTIATE) {
      state_ = State::kRenegotiationRequested;
      events_->push_back(RenegotiationRequested{});
      return absl::OkStatus();
    }
    if (ssl_error != SSL_ERROR_ZERO_RETURN) return ErrorOfCall(ssl_error);
    state_ = State::kPeerClosed;
    events_->push_back(PeerClosed{});
    return absl::OkStatus();
  }
  return absl::OkStatus();
}

bool BoringSslEngine::has_more() const {
  if (!final_error_.ok()) return false;
  if (state_ == State::kRenegotiationAccepted) return true;
  if (handshake_ != nullptr) return handshake_->conversation().has_answer();
  return state_ == State::kOpen &&
         (SSL_pending(ssl_.get()) > 0 || bio_.has_prepended());
}

absl::Status BoringSslEngine::ReceiveEof() {
  if (!final_error_.ok()) return final_error_;
  if (state_ == State::kPeerClosed) return absl::OkStatus();
  final_error_ =
      handshake_ != nullptr
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
  if (handshake_ != nullptr) {
    return MakeError(Reason::kHandshakeNotComplete,
                     "cleartext can be sent once the handshake is complete");
  }
  if (is_shut_down_) {
    return MakeError(Reason::kWriteAfterShutdown,
                     "close_notify has been sent; no cleartext can follow");
  }
  const ErrorQueueGuard guard;
  const absl::Status written = Write(cleartext);
  return written.ok() ? written : Fail(written);
}

absl::Status BoringSslEngine::Write(absl::Span<const uint8_t> cleartext) {
  while (!cleartext.empty()) {
    const int size =
        static_cast<int>(std::min(cleartext.size(), kWriteBytesMax));
    const int result = SSL_write(ssl_.get(), cleartext.data(), size);
    if (result <= 0) return ErrorOfCall(SSL_get_error(ssl_.get(), result));
    cleartext.remove_prefix(static_cast<size_t>(result));
  }
  return absl::OkStatus();
}

absl::Status BoringSslEngine::Shutdown() {
  if (!final_error_.ok()) return final_error_;
  if (handshake_ != nullptr && !renegotiates()) {
    return MakeError(Reason::kHandshakeNotComplete,
                     "close_notify can be sent once the handshake is complete");
  }
  // A second SSL_shutdown would read, and fail on cleartext.
  if (is_shut_down_) return absl::OkStatus();
  const ErrorQueueGuard guard;
  is_shut_down_ = true;
  // BoringSSL sends none within a renegotiation, and begins none after it; nor
  // does it as long as there may be early data.
  if (renegotiates() || is_in_early_data_) return absl::OkStatus();
  const absl::Status sent = SendCloseNotify();
  return sent.ok() ? sent : Fail(sent);
}

absl::Status BoringSslEngine::SendCloseNotify() {
  const int result = SSL_shutdown(ssl_.get());
  if (result < 0) return ErrorOfCall(SSL_get_error(ssl_.get(), result));
  // Who cannot answer a request for renegotiation may ignore it (RFC 5246
  // section 7.4.1.1).
  if (role_ == Role::kClient) {
    SSL_set_renegotiate_mode(ssl_.get(), ssl_renegotiate_ignore);
  }
  return absl::OkStatus();
}

void BoringSslEngine::Abort(const absl::Status& reason) {
  if (!final_error_.ok()) return;
  const ErrorQueueGuard guard;
  SendAlertUnlessSent(AlertOf(reason));
  final_error_ = reason;
}

std::string BoringSslEngine::server_name() const {
  const char* name =
      ssl_ != nullptr
          ? SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name)
          : nullptr;
  if (name != nullptr) return DisplayServerName(name);
  // An SSL that was made for an alert alone has read no ClientHello.
  return handshake_ != nullptr
             ? DisplayServerName(handshake_->hello_server_name())
             : "";
}

std::optional<ClientSession> BoringSslEngine::session() const {
  if (session_ == nullptr) return std::nullopt;
  return DescribeSession(session_.get());
}

// Questions, and BoringSSL's calls.

bool BoringSslEngine::waits() const {
  return handshake_ != nullptr && handshake_->conversation().waits();
}

absl::Status BoringSslEngine::Answer(tls::Answer answer) {
  if (!final_error_.ok()) return final_error_;
  if (!waits()) return absl::OkStatus();
  const std::optional<HookType> asked = handshake_->conversation().asked();
  const auto* refusal = std::get_if<Refusal>(&answer);
  if (refusal == nullptr) {
    handshake_->conversation().Give(std::move(answer));
    return absl::OkStatus();
  }
  const ErrorQueueGuard guard;
  SendAlertUnlessSent(refusal->alert);
  return Fail(MakeError(Reason::kDecisionRefused,
                        "a handler of decisions has refused the handshake",
                        {{"decision_type", std::string(HookName(*asked))},
                         {"alert_sent", AlertName(refusal->alert)}}));
}

bool BoringSslEngine::StoresSessions() const {
  return handshake_ != nullptr && handshake_->StoresSessions();
}

void BoringSslEngine::StoreSession(std::string id, std::string session) {
  handshake_->StoreSession(std::move(id), std::move(session));
}

ConnectionCallbacks::Result BoringSslEngine::FindSession(absl::string_view id,
                                                         std::string& session) {
  return handshake_->FindSession(id, session);
}

void BoringSslEngine::OnClientSession(bssl::UniquePtr<SSL_SESSION> session) {
  session_ = std::move(session);
  // One that comes within the handshake is told behind it.
  if (handshake_ == nullptr) TellSession();
}

// A server can send tickets without end, and a flight has several: only the
// newest counts.
void BoringSslEngine::TellSession() {
  const bool is_told = !events_->empty() &&
                       std::holds_alternative<SessionReceived>(events_->back());
  if (is_told || told_session_count_ == kToldSessionCountMax) return;
  ++told_session_count_;
  events_->push_back(SessionReceived{});
}

ssl_verify_result_t BoringSslEngine::VerifyPeer(uint8_t* out_alert) {
  return handshake_->Verify(out_alert);
}

const std::string& BoringSslEngine::alpn_choice() const {
  return handshake_->alpn_choice();
}

void BoringSslEngine::OnKeyLogLine(absl::string_view line) {
  if (events_ != nullptr) events_->push_back(SecretMade{std::string(line)});
}

ConnectionCallbacks::Result BoringSslEngine::Sign(
    uint16_t algorithm, absl::Span<const uint8_t> input,
    std::string& signature) {
  return handshake_->Sign(algorithm, input, signature);
}

void BoringSslEngine::OnInfo(const SSL* ssl, int type, int value) {
  auto* self = static_cast<BoringSslEngine*>(
      static_cast<ConnectionCallbacks*>(SSL_get_app_data(ssl)));
  const uint8_t alert = static_cast<uint8_t>(value & 0xff);
  const bool is_fatal = (value >> 8) == SSL3_AL_FATAL;
  if (type == SSL_CB_WRITE_ALERT && is_fatal) self->alert_sent_ = alert;
  if (type == SSL_CB_READ_ALERT && is_fatal) {
    self->has_received_fatal_alert_ = true;
  }
}

absl::Status BoringSslEngine::ErrorOfCall(int ssl_error) {
  const uint32_t error = ERR_peek_error();
  if (handshake_ != nullptr && ERR_GET_LIB(error) == ERR_LIB_SSL &&
      ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    const std::optional<absl::Status> refused = handshake_->verdict_error();
    if (refused.has_value()) return *refused;
  }
  if (handshake_ != nullptr && ERR_GET_LIB(error) == ERR_LIB_SSL &&
      ERR_GET_REASON(error) == SSL_R_ECH_REJECTED) {
    return handshake_->EchRejectedError();
  }
  FailedCall call;
  call.ssl_error = ssl_error;
  call.handshake_complete = handshake_ == nullptr;
  call.at_first_record = bio_.bytes_read() <= kRecordHeaderBytes;
  call.renegotiating = renegotiates();
  call.alert_sent = alert_sent_;
  call.certificate_withheld = handshake_ != nullptr
                                  ? handshake_->certificate_withheld()
                                  : certificate_withheld_;
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

// BoringSSL sends no alert for some local failures, which would leave the peer
// with a bare end of the transport.
void BoringSslEngine::SendAlertUnlessSent(uint8_t alert) {
  if (alert_sent_.has_value() || has_received_fatal_alert_) return;
  if (ssl_ == nullptr && !MakeSsl().ok()) return;
  SSL_send_fatal_alert(ssl_.get(), alert);
}

absl::Status BoringSslEngine::Fail(const absl::Status& error) {
  SendAlertUnlessSent(AlertOf(error));
  final_error_ = error;
  return error;
}

}  // namespace tlsd::tls
