// AcceptQueue brings connections that wait for a caller together with callers
// that wait for a connection, both in the order in which they came.
//
// It holds names only; a connection may have ended when its name is given out.
// Any thread may use it. Callbacks run without a lock, on the thread of the
// call that brought the two together.
#ifndef TLSD_SERVER_WORKER_ACCEPT_QUEUE_H_
#define TLSD_SERVER_WORKER_ACCEPT_QUEUE_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"

namespace tlsd::worker {

class AcceptQueue {
 public:
  using OnName = absl::AnyInvocable<void(absl::StatusOr<std::string>) &&>;

  // Offer gives the connection called `name` to the first caller. PutBack does
  // the same for one that a caller got and could not take: it is the next.
  void Offer(std::string name);
  void PutBack(std::string name);

  // Withdraw takes back the name of a connection that nobody can find any more,
  // if it waits.
  void Withdraw(const std::string& name);

  // Wait calls `on_name` with the next name, maybe at once. The ticket is for
  // Cancel.
  int64_t Wait(OnName on_name);

  // Cancel answers a caller that still waits with `reason`.
  void Cancel(int64_t ticket, const absl::Status& reason);

  // Close answers all callers, now and later, with `reason`, and forgets the
  // names.
  void Close(const absl::Status& reason);

 private:
  // Insert puts `name` at `place`, unless it waits already.
  void Insert(int64_t place, std::string name)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Deliver hands out what can be, without the lock.
  void Deliver();

  absl::Mutex mutex_;
  absl::Status closed_ ABSL_GUARDED_BY(mutex_);
  int64_t next_ticket_ ABSL_GUARDED_BY(mutex_) = 1;
  // Names by their place; those that are put back stand before all others.
  std::map<int64_t, std::string> names_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, int64_t> places_ ABSL_GUARDED_BY(mutex_);
  int64_t first_place_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t last_place_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<int64_t, OnName> callers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tlsd::worker

#endif  // TLSD_SERVER_WORKER_ACCEPT_QUEUE_H_
