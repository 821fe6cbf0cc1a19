#include "server/conn/connection.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "proto/status/error.h"
#include "server/base/status_macros.h"

namespace tlsd::conn {

absl::Status HandshakeTimeoutError(absl::Duration timeout) {
  return MakeError(Reason::kHandshakeTimeout,
                   "the handshake was not complete in time",
                   {{"timeout", absl::FormatDuration(timeout)}});
}

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
      plain_(pool),
      create_time_(absl::Now()) {
  if (options_.accept_proxy_header) {
    proxy_reader_ = std::make_unique<net::ProxyHeaderReader>();
  }
}

Connection::~Connection() {
  if (transport_ == nullptr || !is_plain()) return;
  // Its peer would take the end of the socket for the end of all.
  net::Transport::Reset(
      std::move(transport_),
      MakeError(Reason::kTransportReset, "the connection is gone"));
}

void Connection::Start(std::unique_ptr<net::Transport> transport) {
  transport_ = std::move(transport);
  const bool is_carried = !options_.carrier.empty();
  local_address_ =
      is_carried ? options_.carrier_local_address : transport_->local_address();
  remote_address_ = is_carried ? options_.carrier_remote_address
                               : transport_->remote_address();
  SetSocketOptions(options_.socket_options);
  const bool opens_at_once = is_plain() && proxy_reader_ == nullptr;
  if (!opens_at_once) StartHandshakeTimer();
  transport_->Start(*this);
  if (!options_.preamble.empty()) {
    plain_.Append(base::AsBytes(options_.preamble));
    Flush();
  }
  if (opens_at_once) {
    Open();
  } else if (options_.role == tls::Role::kClient) {
    if (const absl::Status started = StartEngine(); !started.ok()) {
      End(started, Farewell::kGentle);
      return;
    }
  } else {
    // A server waits for the first byte: a silent peer costs no engine.
    return;
  }
  Pump();
}

void Connection::StartHandshakeTimer() {
  handshake_timer_ = loop_.After(options_.handshake_timeout, [this] {
    Abort(HandshakeTimeoutError(options_.handshake_timeout));
  });
}

void Connection::Open() {
  handshake_timer_.reset();
  state_ = ConnectionState::kOpen;
  open_time_ = absl::Now();
  owner_.OnOpen(*this);
}

absl::Status Connection::StartEngine() {
  early_data_size_ = options_.engine.early_data.size();
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
  facts.encrypted = !is_plain();
  facts.listener = options_.listener;
  facts.secure_context = options_.secure_context_name;
  facts.local_address = local_address_;
  facts.remote_address = remote_address_;
  facts.proxy_address = proxy_address_;
  facts.proxy_header = proxy_header_;
  facts.socket_options = options_.socket_options;
  facts.carrier = options_.carrier;
  facts.piped_with = piped_with_;
  facts.upstream = upstream_;
  facts.handshake = handshake_;
  facts.server_name = server_name_;
  facts.ocsp_response = ocsp_response_;
  facts.has_session = has_session_;
  facts.cleartext_bytes_received = cleartext_bytes_received_;
  facts.cleartext_bytes_sent = cleartext_bytes_sent_;
  facts.wire_bytes_received = wire_bytes_received_;
  facts.wire_bytes_sent = wire_bytes_sent_;
  facts.early_bytes_received =
      is_early_ ? cleartext_bytes_received_ : early_bytes_received_;
  facts.renegotiation_count = renegotiation_count_;
  if (engine_ != nullptr && state_ == ConnectionState::kOpen) {
    facts.max_send_fragment = engine_->max_send_fragment();
  }
  facts.peer_closed = peer_closed_;
  facts.shut_down = shut_down_;
  facts.create_time = create_time_;
  facts.open_time = open_time_;
  facts.close_time = close_time_;
  facts.failure = failure_;
  return facts;
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
         (engine_ == nullptr || engine_->can_send()) &&
         (engine_ == nullptr ? plain_ : engine_->ciphertext()).size() +
                 transport_->unsent_size() <
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
                     is_plain() ? "our direction has ended; nothing can follow"
                                : "close_notify has been sent; nothing can "
                                  "follow it");
  }
  return absl::OkStatus();
}

absl::Status Connection::CheckNotClosed() const {
  if (state_ != ConnectionState::kClosed) return absl::OkStatus();
  return MakeError(Reason::kConnectionClosed, name() + " has ended",
                   {{"connection", name()}});
}

absl::Status Connection::Write(absl::Span<const uint8_t> bytes) {
  TLSD_RETURN_IF_ERROR(CheckWrite());
  if (is_plain()) {
    plain_.Append(bytes);
  } else if (const absl::Status sent = engine_->Send(bytes); !sent.ok()) {
    // It is no failure of the engine that it renegotiates; and one that has
    // failed never works again.
    if (!HasReason(sent, Reason::kHandshakeNotComplete)) {
      End(sent, Farewell::kGentle);
    }
    return sent;
  }
  cleartext_bytes_sent_ += static_cast<int64_t>(bytes.size());
  Pump();
  return absl::OkStatus();
}

absl::Status Connection::Shutdown() {
  if (shut_down_) return absl::OkStatus();
  TLSD_RETURN_IF_ERROR(CheckWrite());
  if (is_plain()) {
    Flush();
    transport_->EndWriting();
  } else if (const absl::Status sent = engine_->Shutdown(); !sent.ok()) {
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
  if (is_joined()) {
    Abort(MakeError(Reason::kConnectionClosed,
                    "the connection was closed while another had its "
                    "cleartext"));
    return;
  }
  CloseCleanly();
}

void Connection::CloseCleanly() {
  if (state_ == ConnectionState::kClosed) return;
  cleartext_.Clear();
  backlog_.Clear();
  // An engine that cannot send close_notify has already sent an alert.
  if (!shut_down_) shut_down_ = is_plain() || engine_->Shutdown().ok();
  if (is_early_ && shut_down_) {
    closes_after_early_data_ = true;
    return;
  }
  End(absl::OkStatus(), Farewell::kGentle);
}

void Connection::Abort(const absl::Status& reason) {
  if (engine_ != nullptr) engine_->Abort(reason);
  const bool is_open_and_plain = is_plain() && state_ == ConnectionState::kOpen;
  End(reason, is_open_and_plain ? Farewell::kReset : Farewell::kGentle);
}

void Connection::Reset() {
  End(MakeError(Reason::kConnectionReset, "a caller has reset the connection"),
      Farewell::kReset);
}

// What can be changed.

void Connection::SetSink(std::unique_ptr<CleartextSink> sink,
                         std::string piped_with) {
  sink_ = std::move(sink);
  piped_with_ = std::move(piped_with);
  Pump();
}

void Connection::SetSocketOptions(const SocketOptions& options) {
  if (state_ == ConnectionState::kClosed) return;
  transport_->SetOptions(options.socket);
  options_.socket_options = options;
  idle_timer_.reset();
  if (options.idle_timeout == absl::InfiniteDuration()) return;
  move_time_ = std::chrono::steady_clock::now();
  idle_timer_ = loop_.After(options.idle_timeout, [this] { EndIdle(); });
}

absl::StatusOr<tls::TlsEngine*> Connection::OpenEngine() {
  if (is_plain()) {
    return MakeError(Reason::kProtectionMismatch,
                     absl::StrCat(name(), " is plain; TLS does not protect it"),
                     {{"connection", name()}});
  }
  if (state_ == ConnectionState::kOpen) return engine_.get();
  return CheckWrite();
}

absl::Status Connection::UpdateKeys(bool request_peer) {
  TLSD_ASSIGN_OR_RETURN(tls::TlsEngine * engine, OpenEngine());
  TLSD_RETURN_IF_ERROR(engine->UpdateKeys(request_peer));
  Pump();
  return absl::OkStatus();
}

void Connection::End(const absl::Status& failure, Farewell farewell) {
  if (state_ == ConnectionState::kClosed) return;
  if (transport_ != nullptr && farewell == Farewell::kGentle) Flush();
  state_ = ConnectionState::kClosed;
  close_time_ = absl::Now();
  failure_ = failure;
  handshake_timer_.reset();
  idle_timer_.reset();
  backlog_.Clear();
  if (has_session_) {
    last_session_ =
        std::make_unique<const tls::ClientSession>(*engine_->session());
  }
  engine_.reset();
  if (farewell == Farewell::kGentle) {
    net::Transport::CloseGently(std::move(transport_));
  } else if (farewell == Farewell::kReset) {
    net::Transport::Reset(std::move(transport_), failure);
  }
  transport_.reset();
  owner_.OnClosed(*this);
  Pump();
}

}  // namespace tlsd::conn
