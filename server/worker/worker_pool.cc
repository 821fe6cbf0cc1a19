#include "server/worker/worker_pool.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "proto/status/error.h"
#include "server/base/status_macros.h"

namespace tlsd::worker {
absl::StatusOr<std::unique_ptr<WorkerPool>> WorkerPool::Create(
    int count, const WorkerParts& parts) {
  std::vector<std::unique_ptr<Worker>> workers;
  for (int index = 0; index < count; ++index) {
    TLSD_ASSIGN_OR_RETURN(std::unique_ptr<Worker> worker,
                          Worker::Create(index, parts));
    workers.push_back(std::move(worker));
  }
  return std::unique_ptr<WorkerPool>(new WorkerPool(std::move(workers)));
}

WorkerPool::WorkerPool(std::vector<std::unique_ptr<Worker>> workers)
    : workers_(std::move(workers)) {}

WorkerPool::~WorkerPool() {
  // A worker that still runs may post to any other.
  for (const std::unique_ptr<Worker>& worker : workers_) worker->Stop();
}

int WorkerPool::NextIndex() {
  return static_cast<int>(next_.fetch_add(1) % workers_.size());
}

Worker* WorkerPool::FindWorker(const std::string& name) {
  const std::optional<int> index = WorkerIndex(name);
  if (!index.has_value() || *index < 0 || *index >= size()) return nullptr;
  return &worker(*index);
}

std::string WorkerPool::Connect(DialOptions options, Worker::ConnectDone done) {
  const int index = NextIndex();
  std::string name = MakeConnectionName(index);
  Worker& next = worker(index);
  next.Post([&next, name, options = std::move(options),
             done = std::move(done)]() mutable {
    next.Connect(name, std::move(options), std::move(done));
  });
  return name;
}

std::string WorkerPool::Upgrade(const std::string& carrier,
                                conn::ConnectionOptions options,
                                Worker::ConnectDone done) {
  Worker* owner = FindWorker(carrier);
  if (owner == nullptr) {
    std::move(done)(ConnectionNotFound(carrier));
    return "";
  }
  options.name = MakeConnectionName(owner->index());
  std::string name = options.name;
  owner->Post([owner, carrier, options = std::move(options),
               done = std::move(done)]() mutable {
    owner->Upgrade(carrier, std::move(options), std::move(done));
  });
  return name;
}

void WorkerPool::CreatePair(conn::ConnectionOptions options,
                            Worker::PairDone done) {
  Worker& next = worker(NextIndex());
  next.Post(
      [&next, options = std::move(options), done = std::move(done)]() mutable {
        next.CreatePair(std::move(options), std::move(done));
      });
}

void WorkerPool::CancelConnect(const std::string& name) {
  Worker* owner = FindWorker(name);
  if (owner == nullptr) return;
  owner->Post([owner, name] { owner->CancelConnect(name); });
}

void WorkerPool::Visit(const std::string& name, Visitor visitor) {
  Worker* owner = FindWorker(name);
  if (owner == nullptr) {
    std::move(visitor)(ConnectionNotFound(name));
    return;
  }
  owner->Post([owner, name, visitor = std::move(visitor)]() mutable {
    if (conn::Connection* connection = owner->Find(name)) {
      std::move(visitor)(connection);
    } else {
      std::move(visitor)(ConnectionNotFound(name));
    }
  });
}

void WorkerPool::List(const Worker::ListOptions& options, ListDone done) {
  struct Collected {
    absl::Mutex mutex;
    std::vector<conn::ConnectionFacts> facts ABSL_GUARDED_BY(mutex);
  };
  auto collected = std::make_shared<Collected>();
  OnAll(
      [collected, options](Worker& worker) {
        std::vector<conn::ConnectionFacts> facts;
        worker.List(options, facts);
        absl::MutexLock lock(&collected->mutex);
        std::move(facts.begin(), facts.end(),
                  std::back_inserter(collected->facts));
      },
      [collected, count_max = options.count_max,
       done = std::move(done)]() mutable {
        std::vector<conn::ConnectionFacts> facts;
        {
          absl::MutexLock lock(&collected->mutex);
          facts = std::move(collected->facts);
        }
        std::sort(
            facts.begin(), facts.end(),
            [](const conn::ConnectionFacts& a, const conn::ConnectionFacts& b) {
              return a.name < b.name;
            });
        if (facts.size() > count_max) facts.resize(count_max);
        std::move(done)(std::move(facts));
      });
}

void WorkerPool::CountOpen(absl::AnyInvocable<void(int64_t) &&> done) {
  auto count = std::make_shared<std::atomic<int64_t>>(0);
  OnAll([count](Worker& worker) { *count += worker.OpenCount(); },
        [count, done = std::move(done)]() mutable {
          std::move(done)(count->load());
        });
}

void WorkerPool::OnAll(absl::AnyInvocable<void(Worker&)> task,
                       absl::AnyInvocable<void() &&> done) {
  struct Shared {
    absl::AnyInvocable<void(Worker&)> task;
    absl::AnyInvocable<void() &&> done;
    std::atomic<size_t> left;
    // The task is one callable that several threads share.
    absl::Mutex mutex;
  };
  auto shared = std::make_shared<Shared>();
  shared->task = std::move(task);
  shared->done = std::move(done);
  shared->left = workers_.size();
  for (const std::unique_ptr<Worker>& worker : workers_) {
    worker->Post([shared, &worker = *worker] {
      {
        absl::MutexLock lock(&shared->mutex);
        shared->task(worker);
      }
      if (shared->left.fetch_sub(1) == 1) std::move(shared->done)();
    });
  }
}

}  // namespace tlsd::worker
