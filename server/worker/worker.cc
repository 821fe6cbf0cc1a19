#include "server/worker/worker.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "proto/status/error.h"
#include "server/base/log.h"
#include "server/base/names.h"
#include "server/base/status_macros.h"
#include "server/conn/echo_sink.h"
#include "server/conn/stream_sink.h"
#include "server/net/thread_schedule.h"

namespace tlsd::worker {
namespace {

// Null where cleartext waits for an upstream.
std::unique_ptr<conn::CleartextSink> MakeSink(Handler handler) {
  switch (handler) {
    case Handler::kEcho:
      return std::make_unique<conn::EchoSink>();
    case Handler::kStream:
      return std::make_unique<conn::StreamSink>();
    case Handler::kForward:
      return nullptr;
  }
  return nullptr;
}

}  // namespace

absl::Status ConnectionNotFound(const std::string& name) {
  return MakeError(Reason::kConnectionNotFound,
                   "there is no connection " + QuoteForMessage(name),
                   {{"connection", name}});
}

std::string MakeConnectionName(int index) {
  return base::MakeName(base::kConnections,
                        absl::StrCat(base::RandomId('c'), "-", index));
}

std::optional<int> WorkerIndex(const std::string& name) {
  int index = 0;
  if (!absl::SimpleAtoi(name.substr(name.rfind('-') + 1), &index)) {
    return std::nullopt;
  }
  return index;
}

absl::StatusOr<std::unique_ptr<Worker>> Worker::Create(
    int index, const WorkerParts& parts) {
  TLSD_ASSIGN_OR_RETURN(std::unique_ptr<LoopThread> thread,
                        LoopThread::Start());
  return std::unique_ptr<Worker>(new Worker(index, parts, std::move(thread)));
}

Worker::Worker(int index, const WorkerParts& parts,
               std::unique_ptr<LoopThread> thread)
    : index_(index), parts_(parts), thread_(std::move(thread)) {
  Post([] { net::ScheduleAs(net::Plane::kData); });
}

Worker::~Worker() { Stop(); }

void Worker::Stop() {
  if (std::exchange(is_stopped_, true)) return;
  // What lives on the loop must go on its thread, while it still runs. Those
  // who are told of their end find nothing here any more.
  thread_->Call([this] {
    const auto connections = std::exchange(connections_, {});
    auto connecting = std::exchange(connecting_, {});
    for (auto& [name, waiting] : connecting) {
      std::move(waiting.done)(
          MakeError(Reason::kShuttingDown, "the daemon is stopping"));
    }
    const auto parked = std::exchange(parked_, {});
    for (const auto& [name, waiting] : parked) {
      parts_.decisions.Withdraw(waiting.decision);
    }
    const auto listening = std::exchange(listening_, {});
  });
  thread_->Stop();
}

// Listeners.

void Worker::AddListener(std::shared_ptr<Listener> listener,
                         std::unique_ptr<net::BoundSocket> socket) {
  absl::StatusOr<std::unique_ptr<net::Acceptor>> acceptor =
      net::Acceptor::Create(
          loop(), pool_, std::move(socket),
          [this, listener](std::unique_ptr<net::Transport> transport) {
            OnAccept(listener, std::move(transport));
          });
  // Fresh: an earlier listener of that name may not be forgotten yet.
  Listening& listening = listening_[listener->options().name];
  listening = Listening();
  listening.listener = listener;
  if (acceptor.ok()) {
    listening.acceptor = *std::move(acceptor);
    return;
  }
  listener->AcceptorStopped();
  base::Log(base::Severity::kError, "worker cannot accept",
            {{"listener", listener->options().name},
             {"error", std::string(acceptor.status().message())}});
}

void Worker::StopListener(const std::shared_ptr<Listener>& listener,
                          std::optional<absl::Duration> drain_timeout) {
  const std::string& name = listener->options().name;
  const auto found = listening_.find(name);
  // By identity: another listener may have the name by now.
  if (found == listening_.end() || found->second.listener != listener) return;
  Listening& listening = found->second;
  listening.drain_timer.reset();
  if (drain_timeout == absl::ZeroDuration()) {
    CloseConnectionsOf(*listener);
  } else if (drain_timeout.has_value()) {
    listening.drain_timer = loop().After(
        *drain_timeout, [this, listener] { CloseConnectionsOf(*listener); });
  }
  if (listening.acceptor == nullptr) return;
  listening.acceptor.reset();
  listener->AcceptorStopped();
}

void Worker::OnAccept(const std::shared_ptr<Listener>& listener,
                      std::unique_ptr<net::Transport> transport) {
  const Listener::Admission admission = listener->Admit(absl::Now());
  if (admission != Listener::Admission::kAdmitted) {
    net::Transport::Reset(
        std::move(transport),
        MakeError(Reason::kLimitReached, "the listener takes no more"));
    if (admission == Listener::Admission::kRejectedReport) {
      parts_.events.Publish(EventType::kConnectionRejected,
                            PayloadOf(listener->facts()));
    }
    return;
  }
  const ListenerOptions& listening = listener->options();
  conn::ConnectionOptions options;
  options.name = MakeConnectionName(index_);
  options.role = tls::Role::kServer;
  options.protection = listening.protection;
  options.socket_options = listening.socket_options;
  options.accept_proxy_header = listening.accept_proxy_header;
  if (listening.protection != conn::Protection::kNone) {
    const std::shared_ptr<const ContextRecord> context =
        listener->secure_context_record();
    options.secure_context = context->secure_context;
    options.secure_context_name = context->name;
  }
  options.listener = listening.name;
  options.engine.hooks = listening.hooks;
  options.engine.contexts = listener->contexts();
  options.handshake_timeout = listening.handshake_timeout;
  StartConnection(std::move(options), MakeSink(listening.handler),
                  std::move(transport), {.listener = listener});
}

void Worker::CloseConnectionsOf(const Listener& listener) {
  for (const auto& [name, owned] : connections_) {
    if (owned.listener.get() == &listener) owned.connection->Close();
  }
}

void Worker::ForgetListener(const Listener* listener) {
  for (auto next = listening_.begin(); next != listening_.end(); ++next) {
    // By identity: another listener may have the name by now.
    if (next->second.listener.get() != listener) continue;
    listening_.erase(next);
    return;
  }
}

// Connections.

conn::Connection& Worker::StartConnection(
    conn::ConnectionOptions options, std::unique_ptr<conn::CleartextSink> sink,
    std::unique_ptr<net::Transport> transport, Owned owned) {
  const std::string name = options.name;
  conn::ConnectionOwner& owner = *this;
  owned.connection = std::make_unique<conn::Connection>(
      std::move(options), std::move(sink), owner, loop(), pool_);
  conn::Connection& started = *owned.connection;
  connections_.emplace(name, std::move(owned));
  started.Start(std::move(transport));
  return started;
}

void Worker::OnOcspResponse(conn::Connection& connection) {
  parts_.events.Publish(EventType::kOcspResponse, connection.ShareFacts());
}

void Worker::OnSession(conn::Connection& connection) {
  const auto& key = connections_.at(connection.name()).session_key;
  if (key != nullptr) parts_.sessions.Put(*key, *connection.session());
  // Who hears of it finds it.
  parts_.events.Publish(EventType::kSession, connection.ShareFacts());
}

void Worker::OnSecret(conn::Connection& connection, std::string line) {
  if (parts_.key_log == nullptr) return;
  parts_.key_log->Publish(
      {std::move(line), connection.name(), connection.listener()});
}

void Worker::OnRenegotiated(conn::Connection& connection) {
  parts_.events.Publish(EventType::kRenegotiated, connection.ShareFacts());
}

void Worker::OnOpen(conn::Connection& connection) {
  const Owned& owned = connections_.at(connection.name());
  const ListenerOptions* listening =
      owned.listener != nullptr ? &owned.listener->options() : nullptr;
  const bool is_forwarded =
      listening != nullptr && listening->handler == Handler::kForward;
  if (is_forwarded) {
    connection.set_upstream(listening->forward->upstream.endpoint.ToString());
  }
  const std::shared_ptr<const conn::ConnectionFacts> facts =
      connection.ShareFacts();
  const EventType type = !facts->encrypted ? EventType::kConnection
                         : facts->role == tls::Role::kClient
                             ? EventType::kSecureConnect
                             : EventType::kSecureConnection;
  parts_.events.Publish(type, facts);
  if (listening == nullptr) {
    FinishConnect(facts->name, *facts);
  } else if (is_forwarded) {
    Forward(connection, *listening->forward);
  } else if (listening->handler == Handler::kStream) {
    owned.listener->accept_queue().Offer(facts->name);
  }
}

void Worker::OnClosed(conn::Connection& connection) {
  const std::shared_ptr<const conn::ConnectionFacts> facts =
      connection.ShareFacts();
  Owned& owned = connections_.at(facts->name);
  // Whose name was given out, somebody may look for.
  const bool is_known =
      facts->open_time != absl::InfiniteFuture() || owned.is_of_pair;
  if (const auto parked = parked_.find(facts->name); parked != parked_.end()) {
    parts_.decisions.Withdraw(parked->second.decision);
    parked_.erase(parked);
  }
  if (is_known) {
    KeepClosed(connection);
  } else {
    Forget(facts->name);
  }
  if (owned.is_of_pair && !facts->carrier.empty()) --pair_count_;
  if (const auto upstream = std::move(owned.upstream);
      upstream != nullptr && !upstream->connection.empty()) {
    CancelConnect(upstream->connection);
  }
  const std::shared_ptr<Listener> listener = std::move(owned.listener);
  if (is_known) {
    parts_.events.Publish(EventType::kConnectionClosed, facts);
  } else if (listener == nullptr) {
    FinishConnect(facts->name, facts->failure);
  } else if (facts->wire_bytes_received > 0 ||
             HasReason(facts->failure, Reason::kHandshakeTimeout)) {
    // Port scans and health checks, which come and go without a byte, would
    // drown what matters.
    parts_.events.Publish(EventType::kClientError, facts);
  }
  if (listener != nullptr) listener->Leave();
}

void Worker::KeepClosed(const conn::Connection& connection) {
  const absl::Time now = absl::Now();
  closed_.emplace_back(now, connection.name());
  while (closed_.size() > kClosedCountMax ||
         closed_.front().first < now - kClosedTime) {
    Forget(closed_.front().second);
    closed_.pop_front();
  }
}

void Worker::Forget(const std::string& name) {
  Post([this, name] {
    const auto found = connections_.find(name);
    if (found == connections_.end()) return;
    const auto listening =
        listening_.find(found->second.connection->listener());
    if (listening != listening_.end()) {
      listening->second.listener->accept_queue().Withdraw(name);
    }
    connections_.erase(found);
  });
}

// What there is.

conn::Connection* Worker::Find(const std::string& name) {
  const auto found = connections_.find(name);
  return found == connections_.end() ? nullptr : found->second.connection.get();
}

void Worker::List(const ListOptions& options,
                  std::vector<conn::ConnectionFacts>& facts) const {
  size_t count = 0;
  for (auto next = connections_.upper_bound(options.after);
       next != connections_.end() && count < options.count_max; ++next) {
    const conn::Connection& connection = *next->second.connection;
    if (connection.state() == conn::ConnectionState::kClosed &&
        !options.closed) {
      continue;
    }
    if (!options.listener.empty() &&
        connection.listener() != options.listener) {
      continue;
    }
    facts.push_back(connection.facts());
    ++count;
  }
}

int64_t Worker::OpenCount() const {
  int64_t count = 0;
  for (const auto& [name, owned] : connections_) {
    if (owned.connection->state() != conn::ConnectionState::kClosed) ++count;
  }
  return count;
}

void Worker::CloseAll() {
  for (const auto& [name, owned] : connections_) owned.connection->Close();
}

}  // namespace tlsd::worker
