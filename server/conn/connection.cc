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

absl::Status ConnectionClosedError() {
  return MakeError(Reason::kConnectionClosed, "the connection has ended");
}

Connection::Connection(ConnectionOptions options,
                       std::unique_ptr<CleartextSink> sink,
                       ConnectionOwner& owner, net::EventLoop& loop,
                       base::ChunkPool& pool)
    : sink_(std::move(sink)),
      owner_(owner),
      loop_(loop),
      pool_(pool),
      facts_(std::make_shared<ConnectionFacts>()),
      options_(std::make_unique<ConnectionOptions>(std::move(options))),
      backlog_(pool),
      cleartext_(pool),
      plain_(pool),
      handshake_timeout_(options_->handshake_timeout),
      depth_(options_->depth),
      protection_(options_->protection) {
  facts_->name = options_->name;
  facts_->role = options_->role;
  facts_->listener = options_->listener;
  facts_->secure_context = options_->secure_context_name;
  facts_->carrier = options_->carrier;
  facts_->create_time = absl::Now();
  if (options_->accept_proxy_header) {
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
  const bool is_carried = !facts_->carrier.empty();
  facts_->local_address = is_carried ? options_->carrier_local_address
                                     : transport_->local_address();
  facts_->remote_address = is_carried ? options_->carrier_remote_address
                                      : transport_->remote_address();
  SetSocketOptions(options_->socket_options);
  const bool opens_at_once = is_plain() && proxy_reader_ == nullptr;
  if (!opens_at_once) StartHandshakeTimer();
  transport_->Start(*this);
  if (!options_->preamble.empty()) {
    plain_.Append(base::AsBytes(options_->preamble));
    Flush();
  }
  if (opens_at_once) {
    Open();
  } else if (role() == tls::Role::kClient) {
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
  handshake_timer_ = loop_.After(handshake_timeout_, [this] {
    Abort(HandshakeTimeoutError(handshake_timeout_));
  });
}

void Connection::Open() {
  handshake_timer_.reset();
  options_.reset();
  state_ = ConnectionState::kOpen;
  ChangeFacts().open_time = absl::Now();
  owner_.OnOpen(*this);
}

absl::Status Connection::StartEngine() {
  const std::unique_ptr<ConnectionOptions> options = std::move(options_);
  early_data_size_ = static_cast<uint32_t>(options->engine.early_data.size());
  if (role() == tls::Role::kClient) {
    renegotiations_ = std::make_unique<Renegotiations>();
    renegotiations_->limit = options->renegotiation_limit;
  }
  absl::StatusOr<std::unique_ptr<tls::TlsEngine>> engine =
      tls::TlsEngine::Create(std::move(options->secure_context), role(),
                             std::move(options->engine), pool_);
  if (!engine.ok()) return std::move(engine).status();
  engine_ = *std::move(engine);
  return absl::OkStatus();
}

ConnectionFacts& Connection::ChangeFacts() {
  if (std::exchange(are_facts_shared_, false)) {
    facts_ = std::make_shared<ConnectionFacts>(*facts_);
  }
  return *facts_;
}

ConnectionFacts Connection::facts() const {
  ConnectionFacts facts = *facts_;
  FillFacts(facts);
  return facts;
}

std::shared_ptr<const ConnectionFacts> Connection::ShareFacts() {
  FillFacts(ChangeFacts());
  are_facts_shared_ = true;
  return facts_;
}

void Connection::FillFacts(ConnectionFacts& facts) const {
  facts.state = state_;
  facts.encrypted = !is_plain();
  facts.cleartext_bytes_received = cleartext_bytes_received_;
  facts.cleartext_bytes_sent = cleartext_bytes_sent_;
  facts.wire_bytes_received = wire_bytes_received_;
  facts.wire_bytes_sent = wire_bytes_sent_;
  if (is_early_) facts.early_bytes_received = cleartext_bytes_received_;
  const bool is_open = engine_ != nullptr && state_ == ConnectionState::kOpen;
  facts.max_send_fragment = is_open ? engine_->max_send_fragment() : 0;
  facts.peer_closed = peer_closed_;
  facts.shut_down = shut_down_;
  facts.failure = failure_;
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
    return ConnectionClosedError();
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
    FlushLast();
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
  if (facts_->piped_with != piped_with) {
    ChangeFacts().piped_with = std::move(piped_with);
  }
  Pump();
}

void Connection::SetSocketOptions(const SocketOptions& options) {
  if (state_ == ConnectionState::kClosed) return;
  transport_->SetOptions(options.socket);
  ChangeFacts().socket_options = options;
  idle_.reset();
  if (options.idle_timeout == absl::InfiniteDuration()) return;
  idle_ = std::make_unique<IdleWatch>();
  idle_->move_time = std::chrono::steady_clock::now();
  idle_->timer = loop_.After(options.idle_timeout, [this] { EndIdle(); });
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
  if (transport_ != nullptr && farewell == Farewell::kGentle) FlushLast();
  state_ = ConnectionState::kClosed;
  ChangeFacts().close_time = absl::Now();
  failure_ = failure;
  handshake_timer_.reset();
  idle_.reset();
  options_.reset();
  backlog_.Clear();
  if (facts_->has_session) {
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
