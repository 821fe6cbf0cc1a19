// ListenerTable keeps the listeners by name, and starts and stops them on the
// workers.
//
// The daemon owns it, and ends the workers before it, because they tell it of
// listeners that close; after that only its destructor may be called. Any
// thread may use it.
#ifndef TLSD_SERVER_WORKER_LISTENER_TABLE_H_
#define TLSD_SERVER_WORKER_LISTENER_TABLE_H_

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/worker/event_hub.h"
#include "server/worker/listener.h"
#include "server/worker/worker_pool.h"

namespace tlsd::worker {

class ListenerTable {
 public:
  static constexpr size_t kCountMax = 1000;

  ListenerTable(WorkerPool& pool, EventHub& events);

  // Create binds and starts a listener; an empty `id` picks one, and the name
  // in `options` is set from it. It has `contexts` by server name from its
  // first connection on. The socket accepts when it returns. It blocks while a
  // host name is resolved.
  //
  // Errors: CREDENTIALS_REQUIRED, CONTEXT_NOT_FOUND, LISTENER_EXISTS,
  // LIMIT_REACHED, those of ServerNameTable::Add, in "contexts[INDEX].", and
  // those of BoundSocket::Bind. Then nothing is left.
  absl::StatusOr<ListenerFacts> Create(
      std::string id, ListenerOptions options,
      const std::vector<ServerNameContext>& contexts = {});

  // Get fails with LISTENER_NOT_FOUND.
  absl::StatusOr<std::shared_ptr<Listener>> Get(const std::string& name) const;

  // List returns the facts of at most `count_max` listeners after the name
  // `after`, ordered by name.
  std::vector<ListenerFacts> List(const std::string& after,
                                  size_t count_max) const;

  // Delete drains a listener, see DeleteListener, and calls `done` when no
  // worker accepts for it any more; on a worker's thread, or at once with
  // LISTENER_NOT_FOUND or ETAG_MISMATCH.
  using DeleteDone = absl::AnyInvocable<void(absl::StatusOr<ListenerFacts>) &&>;
  void Delete(const std::string& name, const std::string& etag,
              std::optional<absl::Duration> drain_timeout, DeleteDone done);

  size_t size() const;

 private:
  // Reserve keeps `name` for a listener that is being made, Abandon gives it
  // back.
  absl::Status Reserve(const std::string& name);
  void Abandon(const std::string& name);
  // Start makes the listener of a name that is kept for it.
  absl::StatusOr<ListenerFacts> Start(
      ListenerOptions options, const std::vector<ServerNameContext>& contexts);
  void OnClosed(const Listener& listener);

  WorkerPool& pool_;
  EventHub& events_;
  mutable absl::Mutex mutex_;
  // Null while a listener is being made.
  std::map<std::string, std::shared_ptr<Listener>> listeners_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace tlsd::worker

#endif  // TLSD_SERVER_WORKER_LISTENER_TABLE_H_
