// ExpiryWatch reports own certificates ahead of their end, see
// CERTIFICATE_EXPIRING in proto/tlsd/v1/event_service.proto.
//
// It looks at all secure contexts each hour, on the event hub's thread. The
// daemon owns it, and ends it before the table and the hub. Any thread may use
// it.
#ifndef TLSD_SERVER_WORKER_EXPIRY_WATCH_H_
#define TLSD_SERVER_WORKER_EXPIRY_WATCH_H_

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/net/event_loop.h"
#include "server/worker/context_table.h"
#include "server/worker/event_hub.h"

namespace tlsd::worker {

class ExpiryWatch {
 public:
  ExpiryWatch(const ContextTable& contexts, EventHub& events);
  // Waits for a look that goes on.
  ~ExpiryWatch();
  ExpiryWatch(const ExpiryWatch&) = delete;
  ExpiryWatch& operator=(const ExpiryWatch&) = delete;

  // Start looks at once, and then each hour.
  void Start();

  // Look reports, as of `now`, each own certificate of `record` that is past a
  // mark it was not reported for.
  void Look(const ContextRecord& record, absl::Time now);

  // LookAtAll does so for all contexts, and forgets those that are gone.
  void LookAtAll(absl::Time now);

 private:
  void Tick();

  const ContextTable& contexts_;
  EventHub& events_;
  // The hub's thread's.
  std::unique_ptr<net::Timer> timer_;

  absl::Mutex mutex_;
  // How many marks each certificate, by context and fingerprint, has passed.
  std::map<std::pair<std::string, std::string>, size_t> reported_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace tlsd::worker

#endif  // TLSD_SERVER_WORKER_EXPIRY_WATCH_H_
