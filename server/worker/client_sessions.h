// ClientSessions keeps TLS sessions of clients, for Connects that ask for it.
//
// It judges no session; engines do when they resume one. The daemon owns it;
// any thread may use it.
#ifndef TLSD_SERVER_WORKER_CLIENT_SESSIONS_H_
#define TLSD_SERVER_WORKER_CLIENT_SESSIONS_H_

#include <cstddef>
#include <deque>
#include <list>
#include <string>
#include <unordered_map>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/tls/tls_engine.h"

namespace tlsd::worker {

class ClientSessions {
 public:
  // Of each server, and in all: those that were not used for longest go first.
  static constexpr size_t kServerCountMax = 4;
  static constexpr size_t kCountMax = 1000;

  ~ClientSessions();

  // Put keeps `session` for `server`, which stands for all that must be equal
  // for it to be resumed.
  void Put(const std::string& server, const tls::ClientSession& session);

  // Take returns the newest session for `server` that has not ended by `now`,
  // and forgets it if it is for one use; empty if there is none.
  std::string Take(const std::string& server, absl::Time now);

  size_t size() const;

 private:
  struct Kept {
    std::string server;
    tls::ClientSession session;
  };
  using KeptList = std::list<Kept>;

  void Drop(KeptList::iterator kept) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex mutex_;
  // Used last comes first.
  KeptList kept_ ABSL_GUARDED_BY(mutex_);
  // The newest comes first.
  std::unordered_map<std::string, std::deque<KeptList::iterator>> by_server_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace tlsd::worker

#endif  // TLSD_SERVER_WORKER_CLIENT_SESSIONS_H_
