// DecisionHub brings questions of handshakes to those who answer them, and
// answers back.
//
//   worker -- Ask ---> DecisionHub --- OnDecision ---> handler
//   worker <-- Done --- DecisionHub <---- Resolve ----- handler, or anybody
//
// A decision is held by one handler, or by one who has waited for it; else it
// is parked, until somebody comes who can hold it.
//
// It has no clock: the worker that asks withdraws what has waited too long. It
// knows no RPC. The daemon owns it; any thread may use it. Callbacks run on the
// thread that causes them, or on one that calls the same handler at that
// moment, with no lock held.
#ifndef TLSD_SERVER_WORKER_DECISION_HUB_H_
#define TLSD_SERVER_WORKER_DECISION_HUB_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "server/tls/question.h"
#include "server/worker/decision.h"

namespace tlsd::worker {

class DecisionHub {
 public:
  // So many decisions wait at once; others get no answer.
  static constexpr size_t kPendingCountMax = 100000;

  DecisionHub() = default;
  DecisionHub(const DecisionHub&) = delete;
  DecisionHub& operator=(const DecisionHub&) = delete;

  // Ask offers `decision`, which has no name yet, and returns its name. `done`
  // is called once, maybe from inside, or by another thread before Ask returns:
  // with the answer, or with nothing if nobody can answer (see
  // `skip_without_handler` and kPendingCountMax). It is not called after
  // Withdraw has returned true.
  using Done = absl::AnyInvocable<void(std::optional<tls::Answer>) &&>;
  std::string Ask(Decision decision, Done done);

  // Withdraw takes a decision back, and reports whether it was still pending.
  bool Withdraw(const std::string& name);

  // Resolve answers a decision, whoever holds it. It fails with
  // DECISION_NOT_PENDING, and as tls::CheckAnswer does; then nothing changes,
  // and secrets in `answer` are wiped.
  absl::Status Resolve(const std::string& name, tls::Answer answer);

  // AddHandler gives to a handler the decisions that `filter` lets through, and
  // returns its id: those that nobody holds, at once and in their order, and
  // those to come, if no other that could take them holds fewer. It holds at
  // most `pending_count_max`. `on_decision` is called in the order in which
  // they were asked, maybe from inside; it must not call the hub but for
  // is_pending.
  using OnDecision =
      absl::AnyInvocable<void(std::shared_ptr<const Decision> decision)>;
  int64_t AddHandler(DecisionFilter filter, size_t pending_count_max,
                     OnDecision on_decision);
  // RemoveHandler offers to others what the handler holds. When it returns,
  // `on_decision` does not run and is not called any more; so it must not be
  // called from there.
  void RemoveHandler(int64_t id);

  // Wait calls `on_taken` once, maybe from inside, with the oldest decision
  // that nobody holds and that `filter` lets through. Who waits comes before
  // handlers, and holds it from then on. CancelWait reports whether the wait
  // has not ended yet; then `on_taken` is not called. GiveBack offers a
  // decision anew that did not reach who waited for it.
  using OnTaken =
      absl::AnyInvocable<void(std::shared_ptr<const Decision> decision) &&>;
  int64_t Wait(DecisionFilter filter, OnTaken on_taken);
  bool CancelWait(int64_t id);
  void GiveBack(const std::string& name);

  // List returns at most `count_max` pending decisions whose name is greater
  // than `after`, ordered by name.
  std::vector<std::shared_ptr<const Decision>> List(const std::string& after,
                                                    size_t count_max) const;
  bool is_pending(const std::string& name) const;
  size_t pending_count() const;

 private:
  // Who holds a decision, if not the handler with that id.
  static constexpr int64_t kNobody = 0;
  static constexpr int64_t kWaiter = -1;

  struct Pending {
    std::shared_ptr<const Decision> decision;
    Done done;
    // In the order in which they were asked.
    uint64_t place = 0;
    int64_t holder = kNobody;
  };
  using Queue = absl::btree_map<uint64_t, Pending*>;
  using Table = std::map<std::string, Pending>;

  // All but its constants is guarded by `mutex_`.
  struct Handler {
    DecisionFilter filter;
    size_t pending_count_max = 0;
    OnDecision on_decision;
    Queue held;
    // Not told yet, the oldest first; the one thread that tells it.
    std::deque<std::shared_ptr<const Decision>> untold;
    bool is_being_told = false;
  };
  struct Waiter {
    DecisionFilter filter;
    OnTaken on_taken;
  };

  // Calls is what is to be called once `mutex_` is released.
  class Calls;

  // Offer finds who can hold `pending`, or parks it, or drops it because nobody
  // comes.
  void Offer(Pending& pending, Calls& calls)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void GiveTo(int64_t id, const std::shared_ptr<Handler>& handler,
              Pending& pending, Calls& calls)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Fill gives to a handler what is parked and it can hold.
  void Fill(int64_t id, const std::shared_ptr<Handler>& handler, Calls& calls)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // DropSkipped drops parked decisions that no handler is left for, and that do
  // not wait for one to come.
  void DropSkipped(Calls& calls) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasHandler(const Decision& decision) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Drop(Pending& pending, Calls& calls)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Take removes a decision from the table, and returns how to answer it.
  Done Take(Table::iterator found, Calls& calls)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  void Park(Pending& pending) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Unpark(const Pending& pending) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // OldestParked returns null if `filter` lets none through.
  Pending* OldestParked(const DecisionFilter& filter) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Tell calls `handler` until there is nothing left to tell it.
  void Tell(Handler& handler) ABSL_LOCKS_EXCLUDED(mutex_);

  mutable absl::Mutex mutex_;
  uint64_t next_place_ ABSL_GUARDED_BY(mutex_) = 1;
  int64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1;
  Table table_ ABSL_GUARDED_BY(mutex_);
  std::map<int64_t, std::shared_ptr<Handler>> handlers_ ABSL_GUARDED_BY(mutex_);
  // By their ids, so that the first comes first.
  std::map<int64_t, Waiter> waiters_ ABSL_GUARDED_BY(mutex_);
  // Parked decisions by their type and each of their subjects, and under the
  // subject "" all of a type, so that no filter has to look at many.
  using QueueKey = std::pair<tls::HookType, std::string>;
  absl::flat_hash_map<QueueKey, Queue> parked_ ABSL_GUARDED_BY(mutex_);
  // Those of them that do not wait for a handler to come.
  Queue skipped_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tlsd::worker

#endif  // TLSD_SERVER_WORKER_DECISION_HUB_H_
