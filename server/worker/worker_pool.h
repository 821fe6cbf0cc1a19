// WorkerPool owns the workers, and finds the one that a connection belongs to.
//
// The daemon owns it. Any thread may use it. Callbacks run on a worker's thread
// unless something else is said.
#ifndef TLSD_SERVER_WORKER_WORKER_POOL_H_
#define TLSD_SERVER_WORKER_WORKER_POOL_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "server/worker/worker.h"

namespace tlsd::worker {

class WorkerPool {
 public:
  // Create starts `count` workers.
  static absl::StatusOr<std::unique_ptr<WorkerPool>> Create(
      int count, const WorkerParts& parts);

  // Stops all workers before the first of them goes.
  ~WorkerPool();

  int size() const { return static_cast<int>(workers_.size()); }
  Worker& worker(int index) { return *workers_[static_cast<size_t>(index)]; }

  // Connect starts a Connect on the next worker, and returns the name of the
  // connection to come.
  std::string Connect(DialOptions options, Worker::ConnectDone done);
  void CancelConnect(const std::string& name);

  // Upgrade begins TLS over the cleartext of the connection called `carrier`,
  // and returns the name of the connection to come. CancelConnect ends it. It
  // fails with CONNECTION_NOT_FOUND, maybe at once on the caller's thread, and
  // as Worker::Upgrade.
  std::string Upgrade(const std::string& carrier,
                      conn::ConnectionOptions options,
                      Worker::ConnectDone done);

  // CreatePair makes a secure pair on the next worker.
  void CreatePair(conn::ConnectionOptions options, Worker::PairDone done);

  // FindWorker returns the worker that has, or had, the connection `name`; null
  // if there is none.
  Worker* FindWorker(const std::string& name);

  // Visit calls `visitor` with the connection called `name`, or with
  // CONNECTION_NOT_FOUND: then maybe at once, on the caller's thread.
  using Visitor =
      absl::AnyInvocable<void(absl::StatusOr<conn::Connection*>) &&>;
  void Visit(const std::string& name, Visitor visitor);

  // List calls `done` with the facts that Worker::List collects from all
  // workers: at most `count_max`, ordered by name.
  using ListDone =
      absl::AnyInvocable<void(std::vector<conn::ConnectionFacts>) &&>;
  void List(const Worker::ListOptions& options, ListDone done);

  // CountOpen calls `done` with the number of connections that have not ended.
  void CountOpen(absl::AnyInvocable<void(int64_t) &&> done);

  // OnAll runs `task` on each worker's thread, and then calls `done` on the
  // last of them.
  void OnAll(absl::AnyInvocable<void(Worker&)> task,
             absl::AnyInvocable<void() &&> done);

 private:
  explicit WorkerPool(std::vector<std::unique_ptr<Worker>> workers);

  int NextIndex();

  const std::vector<std::unique_ptr<Worker>> workers_;
  std::atomic<size_t> next_{0};
};

}  // namespace tlsd::worker

#endif  // TLSD_SERVER_WORKER_WORKER_POOL_H_
