// How bytes move through a connection: what arrives, and what goes.
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "proto/status/error.h"
#include "server/conn/connection.h"
#include "server/tls/handshake_table.h"

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
  if (protection_ == Protection::kDetect && !bytes.empty()) {
    protection_ = bytes.front() == kHandshakeRecord ? Protection::kTls
                                                    : Protection::kNone;
    if (is_plain()) {
      ChangeFacts().secure_context.clear();
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
  ConnectionFacts& facts = ChangeFacts();
  auto proxy = std::make_shared<ProxyFacts>();
  proxy->header = proxy_reader_->header();
  proxy_reader_.reset();
  if (!proxy->header.is_local) {
    proxy->address = std::exchange(facts.remote_address, proxy->header.source);
  }
  facts.proxy = std::move(proxy);
  if (is_plain()) Open();
  return *taken;
}

size_t Connection::ReceivePlain(absl::Span<const uint8_t> bytes) {
  if (state_ == ConnectionState::kClosed) return bytes.size();
  if (!has_room()) return 0;
  cleartext_.Append(bytes);
  cleartext_bytes_received_ += static_cast<int64_t>(bytes.size());
  return bytes.size();
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
  // All of one read or nothing: the rest would have to be copied.
  const size_t limit = has_room() ? std::numeric_limits<size_t>::max() : 0;
  const absl::StatusOr<size_t> taken =
      engine_->Receive(bytes, limit, cleartext_, events);
  cleartext_bytes_received_ +=
      static_cast<int64_t>(cleartext_.size() - size_before);
  NoteServerName();
  for (tls::EngineEvent& event : events) {
    // The owner may have ended it.
    if (state_ == ConnectionState::kClosed) break;
    Handle(std::move(event));
  }
  if (taken.ok()) return *taken;
  End(taken.status(), Farewell::kGentle);
  return bytes.size();
}

void Connection::NoteServerName() {
  if (facts_->handshake != nullptr) return;
  std::string server_name = engine_->server_name();
  if (server_name == facts_->server_name) return;
  ChangeFacts().server_name = std::move(server_name);
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

void Connection::CompleteHandshake(tls::HandshakeFacts settled) {
  ConnectionFacts& facts = ChangeFacts();
  // A session that was resumed under TLS 1.2 can be again.
  facts.has_session = settled.resumed && engine_->session().has_value();
  facts.server_name = settled.server_name;
  is_early_ = role() == tls::Role::kServer &&
              settled.early_data == tls::EarlyData::kAccepted;
  facts.handshake = tls::ShareHandshakeFacts(std::move(settled));
  cleartext_bytes_sent_ += early_data_size_;
  Open();
  // The flight may be a copy, which never finishes.
  if (is_early_) StartHandshakeTimer();
}

void Connection::Handle(tls::EngineEvent event) {
  if (auto* completed = std::get_if<tls::HandshakeCompleted>(&event)) {
    CompleteHandshake(std::move(completed->facts));
    return;
  }
  if (auto* chosen = std::get_if<tls::ContextChosen>(&event)) {
    ChangeFacts().secure_context = std::move(chosen->name);
  } else if (auto* asked = std::get_if<tls::QuestionAsked>(&event)) {
    owner_.OnQuestion(*this, std::move(*asked));
  } else if (auto* stapled = std::get_if<tls::OcspResponseReceived>(&event)) {
    ChangeFacts().ocsp_response = std::move(stapled->response);
    owner_.OnOcspResponse(*this);
  } else if (std::holds_alternative<tls::SessionReceived>(event)) {
    ChangeFacts().has_session = true;
    owner_.OnSession(*this);
  } else if (auto* secret = std::get_if<tls::SecretMade>(&event)) {
    owner_.OnSecret(*this, std::move(secret->line));
  } else if (std::holds_alternative<tls::RenegotiationRequested>(event)) {
    AnswerRenegotiation();
  } else if (std::holds_alternative<tls::Renegotiated>(event)) {
    handshake_timer_.reset();
    ++ChangeFacts().renegotiation_count;
    owner_.OnRenegotiated(*this);
  } else if (auto* early = std::get_if<tls::EarlyDataEnded>(&event)) {
    ChangeFacts().early_bytes_received = early->size;
    is_early_ = false;
    handshake_timer_.reset();
    if (closes_after_early_data_) End(absl::OkStatus(), Farewell::kGentle);
  } else {
    peer_closed_ = true;
  }
}

void Connection::AnswerRenegotiation() {
  const auto now = std::chrono::steady_clock::now();
  const RenegotiationLimit& limit = renegotiations_->limit;
  auto& times = renegotiations_->times;
  const auto window = absl::ToChronoNanoseconds(limit.window);
  std::erase_if(times, [&](const auto& time) { return time <= now - window; });
  if (times.size() >= static_cast<size_t>(limit.count)) {
    Abort(MakeError(
        Reason::kRenegotiationLimit,
        absl::StrCat("the server asked for more than ", limit.count,
                     " renegotiations in ", absl::FormatDuration(limit.window)),
        {{"limit", absl::StrCat(limit.count)}}));
    return;
  }
  times.push_back(now);
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
  // What is left then goes with the end.
  if (peer_closed_ && shut_down_) return false;
  if (transport_ == nullptr || outgoing().empty()) return false;
  const bool was_writable = writable();
  wire_bytes_sent_ += static_cast<int64_t>(outgoing().size());
  transport_->Write(outgoing());
  NoteMove();
  // What the kernel takes at once brings no OnDrained.
  return !was_writable && writable();
}

void Connection::FlushLast() {
  if (outgoing().empty()) return;
  wire_bytes_sent_ += static_cast<int64_t>(outgoing().size());
  transport_->WriteLast(outgoing());
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
  if (idle_ != nullptr) idle_->move_time = std::chrono::steady_clock::now();
}

void Connection::EndIdle() {
  const absl::Duration timeout = facts_->socket_options.idle_timeout;
  const absl::Duration left =
      timeout -
      absl::FromChrono(std::chrono::steady_clock::now() - idle_->move_time);
  const size_t unsent_size = transport_->unsent_size();
  const bool has_moved =
      std::exchange(idle_->unsent_size, unsent_size) > unsent_size;
  if (left > absl::ZeroDuration() || has_moved) {
    idle_->timer =
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
