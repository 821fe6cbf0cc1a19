#include "server/worker/worker.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "proto/status/error.h"
#include "server/base/log.h"
#include "server/base/names.h"
#include "server/base/status_macros.h"
#include "server/conn/echo_sink.h"
#include "server/conn/stream_sink.h"

namespace tlsd::worker {
namespace {

std::unique_ptr<conn::CleartextSink> MakeSink(Handler handler) {
  if (handler == Handler::kEcho) return std::make_unique<conn::EchoSink>();
  return std::make_unique<conn::StreamSink>();
}

}  // namespace

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
    : index_(index), parts_(parts), thread_(std::move(thread)) {}

Worker::~Worker() { Stop(); }

void Worker::Stop() {
  if (std::exchange(is_stopped_, true)) return;
  // What lives on the loop must go on its thread, while it still runs. Those
  // who are told of their end find nothing here any more.
  thread_->Call([this] {
    auto connecting = std::exchange(connecting_, {});
    for (auto& [name, waiting] : connecting) {
      std::move(waiting.done)(
          MakeError(Reason::kShuttingDown, "the daemon is stopping"));
    }
    const auto parked = std::exchange(parked_, {});
    for (const auto& [name, waiting] : parked) {
      parts_.decisions.Withdraw(waiting.decision);
    }
    const auto connections = std::exchange(connections_, {});
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
    net::Transport::Reset(std::move(transport));
    if (admission == Listener::Admission::kRejectedReport) {
      parts_.events.Publish(EventType::kConnectionRejected, listener->facts());
    }
    return;
  }
  const ListenerOptions& listening = listener->options();
  conn::ConnectionOptions options;
  options.name = MakeConnectionName(index_);
  options.role = tls::Role::kServer;
  const std::shared_ptr<const ContextRecord> context =
      listening.secure_context->record();
  options.secure_context = context->secure_context;
  options.secure_context_name = context->name;
  options.listener = listening.name;
  options.engine.hooks = listening.hooks;
  options.engine.contexts = listener->contexts();
  options.handshake_timeout = listening.handshake_timeout;
  StartConnection(std::move(options), listening.handler, std::move(transport),
                  {nullptr, listener, ""});
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

// Connect.

void Worker::Connect(const std::string& name, DialOptions options,
                     ConnectDone done) {
  Connecting& connecting = connecting_[name];
  connecting.options = std::move(options);
  connecting.done = std::move(done);
  const absl::Duration timeout = connecting.options.timeout;
  // The dial has a timeout of its own; this one is for what follows it.
  connecting.timer = loop().After(timeout, [this, name, timeout] {
    if (conn::Connection* connection = Find(name)) {
      connection->Abort(MakeError(
          Reason::kHandshakeTimeout, "the handshake was not complete in time",
          {{"timeout", absl::FormatDuration(timeout)}}));
    }
  });
  connecting.dial = net::Dial::Start(
      loop(), pool_, connecting.options.endpoint, timeout,
      [this, name](absl::StatusOr<std::unique_ptr<net::Transport>> transport) {
        OnDialed(name, std::move(transport));
      });
}

void Worker::OnDialed(
    const std::string& name,
    absl::StatusOr<std::unique_ptr<net::Transport>> transport) {
  if (!transport.ok()) {
    FinishConnect(name, transport.status());
    return;
  }
  const auto found = connecting_.find(name);
  // Cancelled in the same turn of the loop: the dial is not freed yet.
  if (found == connecting_.end()) return;
  DialOptions& dialled = found->second.options;
  conn::ConnectionOptions options;
  options.name = name;
  options.role = tls::Role::kClient;
  options.secure_context = dialled.secure_context;
  options.secure_context_name = dialled.secure_context_name;
  options.engine = std::move(dialled.engine);
  if (!dialled.session_key.empty()) {
    options.engine.session =
        parts_.sessions.Take(dialled.session_key, absl::Now());
  }
  options.handshake_timeout = dialled.timeout;
  StartConnection(std::move(options), Handler::kStream, *std::move(transport),
                  {nullptr, nullptr, std::move(dialled.session_key)});
}

void Worker::CancelConnect(const std::string& name) {
  if (connecting_.find(name) == connecting_.end()) return;
  const absl::Status reason =
      MakeError(Reason::kCallCancelled, "the caller has left");
  if (conn::Connection* connection = Find(name)) {
    connection->Abort(reason);
  } else {
    FinishConnect(name, reason);
  }
}

void Worker::FinishConnect(const std::string& name,
                           absl::StatusOr<conn::ConnectionFacts> result) {
  const auto found = connecting_.find(name);
  if (found == connecting_.end()) return;
  // The callback of the dial may run: it must not be freed under its feet.
  const auto connecting =
      std::make_shared<Connecting>(std::move(found->second));
  connecting_.erase(found);
  std::move(connecting->done)(std::move(result));
  Post([connecting] {});
}

// Connections.

void Worker::StartConnection(conn::ConnectionOptions options, Handler handler,
                             std::unique_ptr<net::Transport> transport,
                             Owned owned) {
  const std::string name = options.name;
  conn::ConnectionOwner& owner = *this;
  owned.connection = std::make_unique<conn::Connection>(
      std::move(options), MakeSink(handler), owner, loop(), pool_);
  conn::Connection& started = *owned.connection;
  connections_.emplace(name, std::move(owned));
  started.Start(std::move(transport));
}

void Worker::OnOcspResponse(conn::Connection& connection) {
  parts_.events.Publish(EventType::kOcspResponse, connection.facts());
}

void Worker::OnSession(conn::Connection& connection) {
  parts_.events.Publish(EventType::kSession, connection.facts());
  const std::string& key = connections_.at(connection.name()).session_key;
  if (!key.empty()) parts_.sessions.Put(key, *connection.session());
}

void Worker::OnSecret(conn::Connection& connection, std::string line) {
  if (parts_.key_log == nullptr) return;
  parts_.key_log->Publish(
      {std::move(line), connection.name(), connection.listener()});
}

void Worker::OnOpen(conn::Connection& connection) {
  conn::ConnectionFacts facts = connection.facts();
  if (facts.role == tls::Role::kClient) {
    parts_.events.Publish(EventType::kSecureConnect, facts);
    FinishConnect(connection.name(), std::move(facts));
    return;
  }
  parts_.events.Publish(EventType::kSecureConnection, facts);
  Listener& listener = *connections_.at(facts.name).listener;
  if (listener.options().handler == Handler::kStream) {
    listener.accept_queue().Offer(std::move(facts.name));
  }
}

void Worker::OnClosed(conn::Connection& connection) {
  conn::ConnectionFacts facts = connection.facts();
  const bool was_open = facts.open_time != absl::InfiniteFuture();
  if (const auto parked = parked_.find(facts.name); parked != parked_.end()) {
    parts_.decisions.Withdraw(parked->second.decision);
    parked_.erase(parked);
  }
  if (was_open) {
    KeepClosed(connection);
  } else {
    Forget(facts.name);
  }
  if (facts.role == tls::Role::kClient && !was_open) {
    FinishConnect(facts.name, facts.failure);
    return;
  }
  const std::shared_ptr<Listener> listener =
      std::move(connections_.at(facts.name).listener);
  if (was_open) {
    parts_.events.Publish(EventType::kConnectionClosed, std::move(facts));
  } else if (facts.wire_bytes_received > 0 ||
             HasReason(facts.failure, Reason::kHandshakeTimeout)) {
    // Port scans and health checks, which come and go without a byte, would
    // drown what matters.
    parts_.events.Publish(EventType::kClientError, std::move(facts));
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

// Decisions.

void Worker::OnQuestion(conn::Connection& connection,
                        tls::QuestionAsked asked) {
  const std::string& name = connection.name();
  const conn::ConnectionFacts facts = connection.facts();
  Decision decision;
  decision.question = std::move(asked.question);
  decision.connection = name;
  decision.listener = facts.listener;
  decision.secure_context = facts.secure_context;
  decision.role = facts.role;
  decision.local_address = facts.local_address;
  decision.remote_address = facts.remote_address;
  // However the client has spelt it: handlers compare.
  decision.server_name =
      absl::AsciiStrToLower(absl::StripSuffix(facts.server_name, "."));
  decision.create_time = absl::Now();
  decision.expire_time = decision.create_time + asked.hook.timeout;
  decision.skip_without_handler = asked.hook.skip_without_handler;
  Parked& parked = parked_[name];
  parked.hook = asked.hook;
  parked.timer = loop().After(asked.hook.timeout,
                              [this, name] { OnDecisionTimeout(name); });
  parked.decision = parts_.decisions.Ask(
      std::move(decision), [this, name](std::optional<tls::Answer> answer) {
        Post([this, name, answer = std::move(answer)]() mutable {
          OnDecided(name, std::move(answer));
        });
      });
}

void Worker::OnDecided(const std::string& name,
                       std::optional<tls::Answer> answer) {
  const auto found = parked_.find(name);
  // The connection may have ended while the answer was on its way.
  if (found == parked_.end()) return;
  const tls::Hook hook = found->second.hook;
  parked_.erase(found);
  if (answer.has_value()) {
    Find(name)->Answer(*std::move(answer));
  } else {
    DoWithoutAnswer(name, hook);
  }
}

void Worker::OnDecisionTimeout(const std::string& name) {
  const auto found = parked_.find(name);
  // Else an answer is on its way.
  if (!parts_.decisions.Withdraw(found->second.decision)) return;
  const tls::Hook hook = found->second.hook;
  parked_.erase(found);
  DoWithoutAnswer(name, hook);
}

void Worker::DoWithoutAnswer(const std::string& name, const tls::Hook& hook) {
  if (!hook.fails_without_answer) {
    Find(name)->Answer(tls::NoOpinion());
    return;
  }
  const std::string type(tls::HookName(hook.type));
  Find(name)->Abort(MakeError(
      Reason::kDecisionTimeout, absl::StrCat("nobody has decided ", type),
      {{"decision_type", type},
       {"timeout", absl::FormatDuration(hook.timeout)}}));
}

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
