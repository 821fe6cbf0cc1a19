#include "tests/unit/worker/data_plane.h"

#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "tests/testing/engine_pair.h"

namespace tlsd::worker {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);

EventFilter FilterFor(EventType type, const std::string& subject) {
  EventFilter filter;
  filter.types = {type};
  if (!subject.empty()) filter.subjects = {subject};
  return filter;
}

}  // namespace

absl::Status Detached(const absl::Status& status) {
  absl::Status copy(status.code(), status.message());
  status.ForEachPayload(
      [&copy](absl::string_view type, const absl::Cord& payload) {
        copy.SetPayload(type, absl::Cord(std::string(payload)));
      });
  return copy;
}

std::shared_ptr<LiveContext> Live(const std::string& name,
                                  const tls::SecureContextOptions& options) {
  return std::make_shared<LiveContext>(
      name, ContextParts{options, testing::MakeContext(options)});
}

DataPlane::DataPlane(int worker_count)
    : events_(EventHub::Create().value()),
      pool_(WorkerPool::Create(worker_count, {*events_, decisions_, sessions_})
                .value()),
      listeners_(std::make_unique<ListenerTable>(*pool_, *events_)) {}

DataPlane::~DataPlane() {
  // Workers tell the table of listeners that close.
  pool_.reset();
}

ListenerOptions DataPlane::OptionsFor(Handler handler) {
  ListenerOptions options;
  options.endpoint.host = "127.0.0.1";
  options.secure_context = Live(
      "secureContexts/test", testing::ServerOptions(tls::TlsVersion::kTls13));
  options.handler = handler;
  return options;
}

ListenerFacts DataPlane::Listen(const std::string& id, Handler handler) {
  const absl::StatusOr<ListenerFacts> facts =
      listeners_->Create(id, OptionsFor(handler));
  EXPECT_TRUE(facts.ok()) << facts.status();
  return facts.ok() ? *facts : ListenerFacts();
}

DialOptions DataPlane::DialTo(const net::SocketAddress& address) {
  DialOptions options;
  options.endpoint = {std::string(address.ip()), address.port,
                      std::string(address.path())};
  options.connection.secure_context =
      testing::MakeContext(testing::ClientOptions(tls::TlsVersion::kTls13));
  options.connection.secure_context_name = "secureContexts/client";
  options.connection.engine = testing::LocalhostOptions();
  options.connection.handshake_timeout = kPatience;
  return options;
}

absl::StatusOr<conn::ConnectionFacts> DataPlane::Connect(DialOptions options) {
  auto answer =
      std::make_shared<Answer<absl::StatusOr<conn::ConnectionFacts>>>();
  pool_->Connect(std::move(options),
                 [answer](absl::StatusOr<conn::ConnectionFacts> facts) {
                   answer->Set(std::move(facts));
                 });
  return answer->Get();
}

absl::StatusOr<ListenerFacts> DataPlane::Delete(
    const std::string& name, std::optional<absl::Duration> drain_timeout) {
  auto answer = std::make_shared<Answer<absl::StatusOr<ListenerFacts>>>();
  listeners_->Delete(name, /*etag=*/"", drain_timeout,
                     [answer](absl::StatusOr<ListenerFacts> facts) {
                       answer->Set(std::move(facts));
                     });
  return answer->Get();
}

absl::Status DataPlane::Visit(const std::string& name,
                              std::function<void(conn::Connection&)> task) {
  auto answer = std::make_shared<Answer<absl::Status>>();
  pool_->Visit(name, [answer, task = std::move(task)](
                         absl::StatusOr<conn::Connection*> connection) {
    if (connection.ok()) task(**connection);
    answer->Set(connection.status());
  });
  return answer->Get();
}

void DataPlane::OnWorker(int index, std::function<void(Worker&)> task) {
  auto answer = std::make_shared<Answer<bool>>();
  Worker& worker = pool_->worker(index);
  worker.Post([answer, &worker, task = std::move(task)] {
    task(worker);
    answer->Set(true);
  });
  answer->Get();
}

std::vector<conn::ConnectionFacts> DataPlane::List(
    Worker::ListOptions options) {
  auto answer = std::make_shared<Answer<std::vector<conn::ConnectionFacts>>>();
  pool_->List(options, [answer](std::vector<conn::ConnectionFacts> facts) {
    answer->Set(std::move(facts));
  });
  return answer->Get();
}

int64_t DataPlane::CountOpen() {
  auto answer = std::make_shared<Answer<int64_t>>();
  pool_->CountOpen([answer](int64_t count) { answer->Set(count); });
  return answer->Get();
}

std::shared_ptr<const Event> DataPlane::Await(EventType type,
                                              const std::string& subject) {
  struct Waiter {
    absl::Mutex mutex;
    bool woken ABSL_GUARDED_BY(mutex) = true;
  };
  auto waiter = std::make_shared<Waiter>();
  const int64_t subscription = events_->Subscribe([waiter] {
    absl::MutexLock lock(&waiter->mutex);
    waiter->woken = true;
  });
  std::shared_ptr<const Event> event;
  const absl::Time deadline = absl::Now() + kPatience;
  bool in_time = true;
  while (event == nullptr && in_time) {
    {
      absl::MutexLock lock(&waiter->mutex);
      in_time = waiter->mutex.AwaitWithDeadline(absl::Condition(&waiter->woken),
                                                deadline);
      waiter->woken = false;
    }
    EventHub::Batch batch = events_->Read(0, FilterFor(type, subject), 1);
    if (!batch.events.empty()) event = batch.events.front();
  }
  events_->loop().Post([events = events_.get(), subscription] {
    events->Unsubscribe(subscription);
  });
  EXPECT_NE(event, nullptr) << "no such event about " << subject;
  return event;
}

size_t DataPlane::CountOf(EventType type, const std::string& subject) {
  return events_->Read(0, FilterFor(type, subject), 1'000'000).events.size();
}

}  // namespace tlsd::worker
