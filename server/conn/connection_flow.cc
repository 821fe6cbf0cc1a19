// How bytes move through a connection: what arrives, and what goes.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "proto/status/error.h"
#include "server/conn/connection.h"

namespace tlsd::conn {
namespace {

// The first byte of a record that holds a ClientHello (RFC 8446 section 5.1).
constexpr uint8_t kHandshakeRecord = 22;

}  // namespace

// What arrives.

void Connection::OnBytes(absl::Span<const uint8_t> bytes) {
  wire_bytes_received_ += static_cast<int64_t>(bytes.size());
  NoteMove();
  if (peer_closed_) return;
  const size_t taken = backlog_.empty() ? Receive(bytes) : 0;
  // The owner may have ended it when it opened.
  if (state_ == ConnectionState::kClosed) return;
  if (!peer_closed_) backlog_.Append(bytes.subspan(taken));
  Pump();
}

void Connection::OnEnd() {
  if (peer_closed_) return;
  if (is_plain() && state_ == ConnectionState::kOpen) {
    peer_closed_ = true;
    Pump();
    return;
  }
  End(engine_ != nullptr
          ? engine_->ReceiveEof()
          : MakeError(Reason::kTlsTruncated,
                      "the peer went away before it had said what it wants"),
      Farewell::kGentle);
}

void Connection::OnError(const absl::Status& error) {
  // The other end of a pair has left after it had ended: nothing was cut off.
  const bool is_clean = is_plain() && peer_closed_ &&
                        HasReason(error, Reason::kConnectionClosed) &&
                        transport_->unsent_size() == 0;
  End(is_clean ? absl::OkStatus() : error, Farewell::kNone);
}

void Connection::OnDrained() {
  NoteMove();
  Pump();
}

size_t Connection::Receive(absl::Span<const uint8_t> bytes) {
  if (proxy_reader_ != nullptr) return ReceiveProxyHeader(bytes);
  if (options_.protection == Protection::kDetect && !bytes.empty()) {
    options_.protection = bytes.front() == kHandshakeRecord ? Protection::kTls
                                                            : Protection::kNone;
    if (is_plain()) {
      options_.secure_context_name.clear();
      Open();
    }
  }
  return is_plain() ? ReceivePlain(bytes) : ReceiveTls(bytes);
}

size_t Connection::ReceiveProxyHeader(absl::Span<const uint8_t> bytes) {
  const absl::StatusOr<size_t> taken = proxy_reader_->Receive(bytes);
  if (!taken.ok()) {
    End(taken.status(), Farewell::kGentle);
    return bytes.size();
  }
  if (!proxy_reader_->done()) return *taken;
  proxy_header_ =
      std::make_shared<const net::ProxyHeader>(proxy_reader_->header());
  proxy_reader_.reset();
  if (!proxy_header_->is_local) {
    proxy_address_ = std::exchange(remote_address_, proxy_header_->source);
  }
  if (is_plain()) Open();
  return *taken;
}

size_t Connection::ReceivePlain(absl::Span<const uint8_t> bytes) {
  if (state_ == ConnectionState::kClosed) return bytes.size();
  const size_t taken =
      cleartext_.size() >= kQueueBytesMax
          ? 0
          : std::min(bytes.size(), kQueueBytesMax - cleartext_.size());
  cleartext_.Append(bytes.subspan(0, taken));
  cleartext_bytes_received_ += static_cast<int64_t>(taken);
  return taken;
}

size_t Connection::ReceiveTls(absl::Span<const uint8_t> bytes) {
  if (engine_ == nullptr) {
    if (const absl::Status started = StartEngine(); !started.ok()) {
      End(started, Farewell::kGentle);
      return bytes.size();
    }
  }
  const size_t size_before = cleartext_.size();
  tls::EventList events;
  const absl::StatusOr<size_t> taken =
      engine_->Receive(bytes, kQueueBytesMax, cleartext_, events);
  cleartext_bytes_received_ +=
      static_cast<int64_t>(cleartext_.size() - size_before);
  if (handshake_ == nullptr) server_name_ = engine_->server_name();
  for (tls::EngineEvent& event : events) {
    // The owner may have ended it.
    if (state_ == ConnectionState::kClosed) break;
    Handle(std::move(event));
  }
  if (taken.ok()) return *taken;
  End(taken.status(), Farewell::kGentle);
  return bytes.size();
}

bool Connection::ReceiveBacklog() {
  if (peer_closed_ || cleartext_.size() > kQueueBytesLow) return false;
  const bool has_more = engine_ != nullptr && engine_->has_more();
  if (backlog_.empty() && !has_more) return false;
  const size_t size_before = cleartext_.size();
  const ConnectionState state_before = state_;
  const size_t taken = Receive(backlog_.Front());
  // The end has cleared the backlog; the sink has yet to hear of it.
  if (state_ == ConnectionState::kClosed) return true;
  backlog_.Consume(taken);
  if (peer_closed_) backlog_.Clear();
  return taken > 0 || cleartext_.size() != size_before || peer_closed_ ||
         state_ != state_before;
}

void Connection::Handle(tls::EngineEvent event) {
  if (auto* completed = std::get_if<tls::HandshakeCompleted>(&event)) {
    // A session that was resumed under TLS 1.2 can be again.
    has_session_ = completed->facts.resumed && engine_->session().has_value();
    handshake_ = std::make_shared<const tls::HandshakeFacts>(
        std::move(completed->facts));
    server_name_ = handshake_->server_name;
    is_early_ = role() == tls::Role::kServer &&
                handshake_->early_data == tls::EarlyData::kAccepted;
    cleartext_bytes_sent_ += static_cast<int64_t>(early_data_size_);
    Open();
    // The flight may be a copy, which never finishes.
    if (is_early_) StartHandshakeTimer();
    return;
  }
  if (auto* chosen = std::get_if<tls::ContextChosen>(&event)) {
    options_.secure_context_name = std::move(chosen->name);
  } else if (auto* asked = std::get_if<tls::QuestionAsked>(&event)) {
    owner_.OnQuestion(*this, std::move(*asked));
  } else if (auto* stapled = std::get_if<tls::OcspResponseReceived>(&event)) {
    ocsp_response_ = std::move(stapled->response);
    owner_.OnOcspResponse(*this);
  } else if (std::holds_alternative<tls::SessionReceived>(event)) {
    has_session_ = true;
    owner_.OnSession(*this);
  } else if (auto* secret = std::get_if<tls::SecretMade>(&event)) {
    owner_.OnSecret(*this, std::move(secret->line));
  } else if (std::holds_alternative<tls::RenegotiationRequested>(event)) {
    AnswerRenegotiation();
  } else if (std::holds_alternative<tls::Renegotiated>(event)) {
    handshake_timer_.reset();
    ++renegotiation_count_;
    owner_.OnRenegotiated(*this);
  } else if (auto* early = std::get_if<tls::EarlyDataEnded>(&event)) {
    early_bytes_received_ = early->size;
    is_early_ = false;
    handshake_timer_.reset();
    if (closes_after_early_data_) End(absl::OkStatus(), Farewell::kGentle);
  } else {
    peer_closed_ = true;
  }
}

void Connection::AnswerRenegotiation() {
  const auto now = std::chrono::steady_clock::now();
  const auto window =
      absl::ToChronoNanoseconds(options_.renegotiation_limit.window);
  std::erase_if(renegotiation_times_,
                [&](const auto& time) { return time <= now - window; });
  const size_t count_max =
      static_cast<size_t>(options_.renegotiation_limit.count);
  if (renegotiation_times_.size() >= count_max) {
    Abort(MakeError(
        Reason::kRenegotiationLimit,
        absl::StrCat("the server asked for more than ", count_max,
                     " renegotiations in ",
                     absl::FormatDuration(options_.renegotiation_limit.window)),
        {{"limit", absl::StrCat(count_max)}}));
    return;
  }
  renegotiation_times_.push_back(now);
  // A server that asks and is silent then would hold our writes for ever.
  StartHandshakeTimer();
  if (const absl::Status begun = engine_->AcceptRenegotiation(); !begun.ok()) {
    End(begun, Farewell::kGentle);
  }
}

// What moves.

void Connection::Pump() {
  // A sink that acts from OnProgress comes here too; the loop below sees what
  // it did.
  if (pumping_) return;
  pumping_ = true;
  ConnectionState told = state_;
  do {
    told = state_;
    if (sink_ != nullptr) sink_->OnProgress(*this);
    // A sink that ends the connection is told of that like any other.
  } while (told != state_ || ReceiveBacklog() || Flush());
  pumping_ = false;
  if (state_ == ConnectionState::kClosed) return;
  if (peer_closed_ && shut_down_) {
    End(absl::OkStatus(), Farewell::kGentle);
  } else {
    SteerReading();
  }
}

base::ByteQueue& Connection::outgoing() {
  return engine_ == nullptr ? plain_ : engine_->ciphertext();
}

bool Connection::Flush() {
  if (transport_ == nullptr || outgoing().empty()) return false;
  const bool was_writable = writable();
  wire_bytes_sent_ += static_cast<int64_t>(outgoing().size());
  transport_->Write(outgoing());
  NoteMove();
  // What the kernel takes at once brings no OnDrained.
  return !was_writable && writable();
}

void Connection::SteerReading() {
  const size_t bound = reading_paused_ ? kQueueBytesLow + 1 : kQueueBytesMax;
  // What did not fit must be taken before the transport's end is heard of.
  const bool full = !backlog_.empty() || cleartext_.size() >= bound ||
                    (engine_ != nullptr && engine_->has_more());
  if (full == reading_paused_) return;
  reading_paused_ = full;
  if (full) {
    transport_->PauseReading();
  } else {
    transport_->ResumeReading();
  }
}

void Connection::NoteMove() {
  if (idle_timer_ != nullptr) move_time_ = std::chrono::steady_clock::now();
}

void Connection::EndIdle() {
  const absl::Duration timeout = options_.socket_options.idle_timeout;
  const absl::Duration left =
      timeout - absl::FromChrono(std::chrono::steady_clock::now() - move_time_);
  const size_t unsent_size = transport_->unsent_size();
  const bool has_moved =
      std::exchange(idle_unsent_size_, unsent_size) > unsent_size;
  if (left > absl::ZeroDuration() || has_moved) {
    idle_timer_ =
        loop_.After(has_moved ? timeout : left, [this] { EndIdle(); });
    return;
  }
  const absl::Status reason = MakeError(
      Reason::kIdleTimeout,
      absl::StrCat("nothing has moved for ", absl::FormatDuration(timeout)),
      {{"timeout", absl::FormatDuration(timeout)}});
  // Nobody shall take it for the end of what was said.
  if (state_ == ConnectionState::kHandshaking || is_plain() || is_joined()) {
    Abort(reason);
    return;
  }
  if (!shut_down_) shut_down_ = engine_->Shutdown().ok();
  End(reason, Farewell::kGentle);
}

}  // namespace tlsd::conn
