// SessionStore keeps the TLS sessions of servers in memory, and answers
// SESSION_STORE and SESSION_LOOKUP with them.
//
//   SessionStore store;
//   Answerers answerers;
//   store.AddTo(answerers);
//   auto handler = client.HandleDecisions({}, std::move(answerers));
//
// One store may serve the handlers of several daemons, which then resume each
// other's sessions, if their contexts are alike. It writes nothing to disk, and
// forgets everything with its process: it is an example for stores that do not.
// It holds secrets of connections. Anybody may own it; it must outlive the
// handlers that it answers for. Any thread may use it.
#ifndef TLSD_CLIENT_SESSION_STORE_H_
#define TLSD_CLIENT_SESSION_STORE_H_

#include <cstddef>
#include <functional>
#include <list>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/decision.h"
#include "client/decision_handler.h"

namespace tlsd::client {

class SessionStore {
 public:
  using Clock = std::function<absl::Time()>;

  // A store of at most `session_count_max` sessions. Beyond that the one that
  // was not used for longest goes.
  explicit SessionStore(
      size_t session_count_max = 100000,
      Clock clock = [] { return absl::Now(); });
  SessionStore(const SessionStore&) = delete;
  SessionStore& operator=(const SessionStore&) = delete;

  // Store keeps `session` until its lifetime is over. One with the same ID is
  // replaced.
  void Store(const StoredSession& session);

  // Lookup returns the session that was stored under `session_id`, or "" if
  // there is none. A single-use session is returned once.
  std::string Lookup(absl::string_view session_id);

  // size returns how many sessions it has, maybe with some whose lifetime is
  // over.
  size_t size() const;

  // AddTo makes this the store of a handler.
  void AddTo(Answerers& answerers);

 private:
  struct Entry {
    std::string session_id;
    std::string session;
    absl::Time expire_time;
    bool single_use = false;
  };
  using Entries = std::list<Entry>;

  void Remove(Entries::iterator entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t session_count_max_;
  const Clock clock_;

  mutable absl::Mutex mutex_;
  // The last used is at the front.
  Entries entries_ ABSL_GUARDED_BY(mutex_);
  // Keys are those of the entries.
  absl::flat_hash_map<absl::string_view, Entries::iterator> by_id_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_SESSION_STORE_H_
