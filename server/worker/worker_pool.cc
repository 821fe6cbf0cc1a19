#include "server/worker/worker_pool.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "proto/status/error.h"
#include "server/base/status_macros.h"
#include "server/conn/echo_sink.h"
#include "server/net/transport_pair.h"

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

std::optional<int> WorkerPool::FindIndex(const std::string& name) const {
  const std::optional<int> index = WorkerIndex(name);
  if (!index.has_value() || *index < 0 || *index >= size()) return std::nullopt;
  return index;
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
  const std::optional<int> index = FindIndex(carrier);
  if (!index.has_value()) {
    std::move(done)(ConnectionNotFound(carrier));
    return "";
  }
  options.name = MakeConnectionName(*index);
  std::string name = options.name;
  Worker& owner = worker(*index);
  owner.Post([&owner, carrier, options = std::move(options),
              done = std::move(done)]() mutable {
    owner.Upgrade(carrier, std::move(options), std::move(done));
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

void WorkerPool::Pipe(const std::string& name, const std::string& peer,
                      Worker::ConnectDone done) {
  Visit(name, [this, name, peer, done = std::move(done)](
                  absl::StatusOr<conn::Connection*> connection) mutable {
    absl::Status claimed = connection.status();
    if (claimed.ok()) claimed = ClaimCleartext(**connection).status();
    if (!claimed.ok()) {
      std::move(done)(claimed);
    } else if (name == peer) {
      (*connection)->SetSink(std::make_unique<conn::EchoSink>(), name);
      std::move(done)((*connection)->facts());
    } else {
      JoinPeer(name, peer, std::move(done));
    }
  });
}

void WorkerPool::JoinPeer(const std::string& name, const std::string& peer,
                          Worker::ConnectDone done) {
  Visit(peer, [this, name, peer, done = std::move(done)](
                  absl::StatusOr<conn::Connection*> connection) mutable {
    absl::Status claimed = connection.status();
    if (claimed.ok()) claimed = ClaimCleartext(**connection).status();
    std::unique_ptr<net::Transport> end;
    if (claimed.ok()) {
      Worker& far = worker(*FindIndex(name));
      Worker& near = worker(*FindIndex(peer));
      net::TransportPair pair = net::MakeTransportPair(
          far.loop(), far.pool(), near.loop(), near.pool());
      end = std::move(pair.first);
      (*connection)
          ->SetSink(std::make_unique<conn::TransportSink>(
                        std::move(pair.second),
                        conn::FarEnd{Reason::kPipeBroken, name}),
                    name);
    }
    JoinName(name, peer, claimed, std::move(end), std::move(done));
  });
}

void WorkerPool::JoinName(const std::string& name, const std::string& peer,
                          const absl::Status& joined,
                          std::unique_ptr<net::Transport> end,
                          Worker::ConnectDone done) {
  Visit(name, [peer, joined, end = std::move(end), done = std::move(done)](
                  absl::StatusOr<conn::Connection*> connection) mutable {
    if (!connection.ok()) {
      std::move(done)(connection.status());
    } else if (!joined.ok()) {
      // What was claimed is still there.
      (*conn::StreamSink::Of(**connection))->Release(conn::Direction::kBoth);
      std::move(done)(joined);
    } else {
      (*connection)
          ->SetSink(
              std::make_unique<conn::TransportSink>(
                  std::move(end), conn::FarEnd{Reason::kPipeBroken, peer}),
              peer);
      std::move(done)((*connection)->facts());
    }
  });
}

void WorkerPool::CancelConnect(const std::string& name) {
  const std::optional<int> index = FindIndex(name);
  if (!index.has_value()) return;
  Worker& owner = worker(*index);
  owner.Post([&owner, name] { owner.CancelConnect(name); });
}

void WorkerPool::Visit(const std::string& name, Visitor visitor) {
  const std::optional<int> index = FindIndex(name);
  if (!index.has_value()) {
    std::move(visitor)(ConnectionNotFound(name));
    return;
  }
  Worker& owner = worker(*index);
  owner.Post([&owner, name, visitor = std::move(visitor)]() mutable {
    if (conn::Connection* connection = owner.Find(name)) {
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
