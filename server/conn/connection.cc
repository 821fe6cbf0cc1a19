#include "server/conn/connection.h"

#include <utility>

#include "absl/time/clock.h"
#include "proto/status/error.h"
#include "server/base/status_macros.h"

namespace tlsd::conn {

Connection::Connection(ConnectionOptions options,
                       std::unique_ptr<CleartextSink> sink,
                       ConnectionOwner& owner, net::EventLoop& loop,
                       base::ChunkPool& pool)
    : options_(std::move(options)),
      sink_(std::move(sink)),
      owner_(owner),
      loop_(loop),
      pool_(pool),
      backlog_(pool),
      cleartext_(pool),
      create_time_(absl::Now()) {}

Connection::~Connection() = default;

void Connection::Start(std::unique_ptr<net::Transport> transport) {
  transport_ = std::move(transport);
  local_address_ = transport_->local_address();
  remote_address_ = transport_->remote_address();
  handshake_timer_ = loop_.After(options_.handshake_timeout, [this] {
    Abort(MakeError(
        Reason::kHandshakeTimeout, "the handshake was not complete in time",
        {{"timeout", absl::FormatDuration(options_.handshake_timeout)}}));
  });
  transport_->Start(*this);
  // A server waits for the first byte: a silent peer costs no engine.
  if (options_.role == tls::Role::kServer) return;
  if (const absl::Status started = StartEngine(); !started.ok()) {
    End(started, Farewell::kGentle);
    return;
  }
  Pump();
}

absl::Status Connection::StartEngine() {
  absl::StatusOr<std::unique_ptr<tls::TlsEngine>> engine =
      tls::TlsEngine::Create(options_.secure_context, options_.role,
                             std::move(options_.engine), pool_);
  if (!engine.ok()) return std::move(engine).status();
  engine_ = *std::move(engine);
  return absl::OkStatus();
}

ConnectionFacts Connection::facts() const {
  ConnectionFacts facts;
  facts.name = options_.name;
  facts.role = options_.role;
  facts.state = state_;
  facts.listener = options_.listener;
  facts.secure_context = options_.secure_context_name;
  facts.local_address = local_address_;
  facts.remote_address = remote_address_;
  facts.handshake = handshake_;
  facts.server_name = server_name_;
  facts.ocsp_response = ocsp_response_;
  facts.has_session = has_session_;
  facts.cleartext_bytes_received = cleartext_bytes_received_;
  facts.cleartext_bytes_sent = cleartext_bytes_sent_;
  facts.wire_bytes_received = wire_bytes_received_;
  facts.wire_bytes_sent = wire_bytes_sent_;
  facts.peer_closed = peer_closed_;
  facts.shut_down = shut_down_;
  facts.create_time = create_time_;
  facts.open_time = open_time_;
  facts.close_time = close_time_;
  facts.failure = failure_;
  return facts;
}

// What arrives.

void Connection::OnBytes(absl::Span<const uint8_t> bytes) {
  wire_bytes_received_ += static_cast<int64_t>(bytes.size());
  if (peer_closed_) return;
  if (engine_ == nullptr) {
    if (const absl::Status started = StartEngine(); !started.ok()) {
      End(started, Farewell::kGentle);
      return;
    }
  }
  const size_t taken = backlog_.empty() ? Receive(bytes) : 0;
  // The owner may have ended it when it opened.
  if (state_ == ConnectionState::kClosed) return;
  if (!peer_closed_) backlog_.Append(bytes.subspan(taken));
  Pump();
}

void Connection::OnEnd() {
  if (peer_closed_) return;
  End(engine_ != nullptr
          ? engine_->ReceiveEof()
          : MakeError(Reason::kTlsTruncated,
                      "the peer went away before it had sent anything"),
      Farewell::kGentle);
}

void Connection::OnError(const absl::Status& error) {
  End(error, Farewell::kNone);
}

void Connection::OnDrained() { Pump(); }

size_t Connection::Receive(absl::Span<const uint8_t> bytes) {
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
  if (engine_ == nullptr || peer_closed_ ||
      cleartext_.size() > kQueueBytesLow) {
    return false;
  }
  if (backlog_.empty() && !engine_->has_more()) return false;
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
    handshake_timer_.reset();
    // A session that was resumed under TLS 1.2 can be again.
    has_session_ = completed->facts.resumed && engine_->session().has_value();
    handshake_ = std::make_shared<const tls::HandshakeFacts>(
        std::move(completed->facts));
    server_name_ = handshake_->server_name;
    state_ = ConnectionState::kOpen;
    open_time_ = absl::Now();
    owner_.OnOpen(*this);
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
  } else {
    peer_closed_ = true;
  }
}

void Connection::Answer(tls::Answer answer) {
  if (engine_ == nullptr) return;
  if (const absl::Status taken = engine_->Answer(std::move(answer));
      !taken.ok()) {
    End(taken, Farewell::kGentle);
    return;
  }
  Pump();
}

std::optional<tls::ClientSession> Connection::session() const {
  if (engine_ != nullptr) return engine_->session();
  if (last_session_ != nullptr) return *last_session_;
  return std::nullopt;
}

// The sink's side.

std::string Connection::TakeReadable(size_t size_max) {
  std::string taken = cleartext_.TakeText(size_max);
  Pump();
  return taken;
}

void Connection::Consume(size_t count) {
  cleartext_.Consume(count);
  Pump();
}

bool Connection::writable() const {
  return state_ == ConnectionState::kOpen && !shut_down_ &&
         engine_->ciphertext().size() + transport_->unsent_size() <
             kQueueBytesMax;
}

absl::Status Connection::CheckWrite() const {
  if (state_ == ConnectionState::kHandshaking) {
    return MakeError(Reason::kHandshakeNotComplete,
                     "the handshake is not complete");
  }
  if (!failure_.ok()) return failure_;
  if (state_ == ConnectionState::kClosed) {
    return MakeError(Reason::kConnectionClosed, "the connection has ended");
  }
  if (shut_down_) {
    return MakeError(Reason::kWriteAfterShutdown,
                     "close_notify has been sent; nothing can follow it");
  }
  return absl::OkStatus();
}

absl::Status Connection::Write(absl::Span<const uint8_t> bytes) {
  TLSD_RETURN_IF_ERROR(CheckWrite());
  if (const absl::Status sent = engine_->Send(bytes); !sent.ok()) {
    // An engine that has failed never works again.
    End(sent, Farewell::kGentle);
    return sent;
  }
  cleartext_bytes_sent_ += static_cast<int64_t>(bytes.size());
  Pump();
  return absl::OkStatus();
}

absl::Status Connection::Shutdown() {
  if (shut_down_) return absl::OkStatus();
  TLSD_RETURN_IF_ERROR(CheckWrite());
  if (const absl::Status sent = engine_->Shutdown(); !sent.ok()) {
    End(sent, Farewell::kGentle);
    return sent;
  }
  shut_down_ = true;
  Pump();
  return absl::OkStatus();
}

void Connection::Close() {
  if (state_ == ConnectionState::kHandshaking) {
    Abort(MakeError(Reason::kConnectionClosed,
                    "the connection was closed during the handshake"));
    return;
  }
  if (state_ == ConnectionState::kClosed) return;
  cleartext_.Clear();
  backlog_.Clear();
  // An engine that cannot send close_notify has already sent an alert.
  if (!shut_down_) shut_down_ = engine_->Shutdown().ok();
  End(absl::OkStatus(), Farewell::kGentle);
}

void Connection::Abort(const absl::Status& reason) {
  if (engine_ != nullptr) engine_->Abort(reason);
  End(reason, Farewell::kGentle);
}

void Connection::Reset() {
  End(MakeError(Reason::kConnectionReset, "a caller has reset the connection"),
      Farewell::kReset);
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
    sink_->OnProgress(*this);
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

bool Connection::Flush() {
  if (engine_ == nullptr || engine_->ciphertext().empty()) return false;
  const bool was_writable = writable();
  wire_bytes_sent_ += static_cast<int64_t>(engine_->ciphertext().size());
  transport_->Write(engine_->ciphertext());
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

void Connection::End(const absl::Status& failure, Farewell farewell) {
  if (state_ == ConnectionState::kClosed) return;
  if (transport_ != nullptr && farewell == Farewell::kGentle) Flush();
  state_ = ConnectionState::kClosed;
  close_time_ = absl::Now();
  failure_ = failure;
  handshake_timer_.reset();
  backlog_.Clear();
  if (has_session_) {
    last_session_ =
        std::make_unique<const tls::ClientSession>(*engine_->session());
  }
  engine_.reset();
  if (farewell == Farewell::kGentle) {
    net::Transport::CloseGently(std::move(transport_));
  } else if (farewell == Farewell::kReset) {
    net::Transport::Reset(std::move(transport_));
  }
  transport_.reset();
  owner_.OnClosed(*this);
  Pump();
}

}  // namespace tlsd::conn
