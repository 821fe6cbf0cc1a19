#include "server/worker/listener_table.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/base/names.h"
#include "server/base/status_macros.h"
#include "server/net/acceptor.h"
#include "server/worker/live_context.h"

namespace tlsd::worker {
namespace {

absl::StatusOr<std::shared_ptr<ServerNameTable>> MakeServerNames(
    const ListenerOptions& options,
    const std::vector<ServerNameContext>& contexts) {
  auto table = std::make_shared<ServerNameTable>(
      options.name, options.strict_server_names ? UnknownNames::kTurnAway
                                                : UnknownNames::kAccept);
  for (size_t i = 0; i < contexts.size(); ++i) {
    const absl::Status added = table->Add(contexts[i]);
    if (!added.ok()) {
      return PrefixField(added, absl::StrCat("contexts[", i, "]."));
    }
  }
  return table;
}

}  // namespace

ListenerTable::ListenerTable(WorkerPool& pool, EventHub& events)
    : pool_(pool), events_(events) {}

absl::Status ListenerTable::Reserve(const std::string& name) {
  absl::MutexLock lock(&mutex_);
  if (listeners_.size() >= kCountMax) {
    return MakeError(Reason::kLimitReached,
                     absl::StrCat("the daemon has ", kCountMax, " listeners"),
                     {{"limit", absl::StrCat(kCountMax)}});
  }
  if (!listeners_.emplace(name, nullptr).second) {
    return MakeError(
        Reason::kListenerExists,
        absl::StrCat(name, " exists; delete it or choose another id"),
        {{"listener", name}});
  }
  return absl::OkStatus();
}

void ListenerTable::Abandon(const std::string& name) {
  absl::MutexLock lock(&mutex_);
  listeners_.erase(name);
}

absl::StatusOr<ListenerFacts> ListenerTable::Create(
    std::string id, ListenerOptions options,
    const std::vector<ServerNameContext>& contexts) {
  if (id.empty()) id = base::RandomId('l');
  options.name = base::MakeName(base::kListeners, id);
  const std::string name = options.name;
  TLSD_RETURN_IF_ERROR(Reserve(name));
  const std::shared_ptr<LiveContext> context = options.secure_context;
  if (context != nullptr) {
    absl::Status added = context->AddListener("listener.secure_context", name);
    if (!added.ok()) {
      Abandon(name);
      return added;
    }
  }
  absl::StatusOr<ListenerFacts> facts = Start(std::move(options), contexts);
  if (!facts.ok()) {
    if (context != nullptr) context->RemoveListener(name);
    Abandon(name);
  }
  return facts;
}

absl::StatusOr<ListenerFacts> ListenerTable::Start(
    ListenerOptions options, const std::vector<ServerNameContext>& contexts) {
  TLSD_ASSIGN_OR_RETURN(std::shared_ptr<ServerNameTable> server_names,
                        MakeServerNames(options, contexts));
  absl::StatusOr<std::vector<std::unique_ptr<net::BoundSocket>>> sockets =
      net::BoundSocket::Bind("listener.address", options.endpoint, pool_.size(),
                             {options.backlog, options.ipv6_only});
  if (!sockets.ok()) return std::move(sockets).status();
  absl::MutexLock lock(&mutex_);
  auto listener = std::make_shared<Listener>(
      std::move(options), std::move(server_names), sockets->front()->address(),
      pool_.size(), [this](const Listener& closed) { OnClosed(closed); });
  listeners_[listener->options().name] = listener;
  const ListenerFacts facts = listener->facts();
  // Before the workers accept, so that LISTENING comes before its connections.
  events_.Publish(EventType::kListening, PayloadOf(facts));
  for (int index = 0; index < pool_.size(); ++index) {
    Worker& worker = pool_.worker(index);
    worker.Post(
        [&worker, listener,
         socket = std::move((*sockets)[static_cast<size_t>(index)])]() mutable {
          worker.AddListener(listener, std::move(socket));
        });
  }
  return facts;
}

absl::StatusOr<std::shared_ptr<Listener>> ListenerTable::Get(
    const std::string& name) const {
  absl::MutexLock lock(&mutex_);
  const auto found = listeners_.find(name);
  if (found == listeners_.end() || found->second == nullptr) {
    return ListenerNotFound(name);
  }
  return found->second;
}

std::vector<ListenerFacts> ListenerTable::List(const std::string& after,
                                               size_t count_max) const {
  std::vector<ListenerFacts> facts;
  absl::MutexLock lock(&mutex_);
  for (auto next = listeners_.upper_bound(after);
       next != listeners_.end() && facts.size() < count_max; ++next) {
    if (next->second != nullptr) facts.push_back(next->second->facts());
  }
  return facts;
}

void ListenerTable::Delete(const std::string& name, const std::string& etag,
                           std::optional<absl::Duration> drain_timeout,
                           DeleteDone done) {
  absl::StatusOr<std::shared_ptr<Listener>> found = Get(name);
  absl::Status status = found.status();
  if (status.ok()) status = CheckEtag(name, etag, (*found)->facts().etag);
  if (!status.ok()) {
    std::move(done)(status);
    return;
  }
  std::shared_ptr<Listener> listener = *std::move(found);
  listener->BeginDrain();
  pool_.OnAll(
      [listener, drain_timeout](Worker& worker) {
        worker.StopListener(listener, drain_timeout);
      },
      [listener, done = std::move(done)]() mutable {
        std::move(done)(listener->facts());
      });
}

size_t ListenerTable::size() const {
  absl::MutexLock lock(&mutex_);
  return listeners_.size();
}

void ListenerTable::OnClosed(const Listener& listener) {
  {
    absl::MutexLock lock(&mutex_);
    listeners_.erase(listener.options().name);
  }
  const ListenerOptions& options = listener.options();
  if (options.secure_context != nullptr) {
    options.secure_context->RemoveListener(options.name);
  }
  events_.Publish(EventType::kListenerClosed, PayloadOf(listener.facts()));
  pool_.OnAll(
      [closed = &listener](Worker& worker) { worker.ForgetListener(closed); },
      [] {});
}

}  // namespace tlsd::worker
