// ContextTable keeps the secure contexts by name.
//
// It checks no configuration; `tls::SecureContext` does. The daemon owns it;
// any thread may use it.
#ifndef TLSD_SERVER_WORKER_CONTEXT_TABLE_H_
#define TLSD_SERVER_WORKER_CONTEXT_TABLE_H_

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "server/worker/live_context.h"

namespace tlsd::worker {

class ContextTable {
 public:
  static constexpr size_t kCountMax = 10000;

  // Add keeps `parts` under "secureContexts/`id`"; an empty id picks one. It
  // fails with CONTEXT_EXISTS or LIMIT_REACHED.
  absl::StatusOr<std::shared_ptr<const ContextRecord>> Add(std::string id,
                                                           ContextParts parts);

  // Find fails with CONTEXT_NOT_FOUND.
  absl::StatusOr<std::shared_ptr<LiveContext>> Find(
      const std::string& name) const;

  // Get returns the record of what Find finds.
  absl::StatusOr<std::shared_ptr<const ContextRecord>> Get(
      const std::string& name) const;

  // List returns at most `count_max` records after the name `after`, ordered by
  // name.
  std::vector<std::shared_ptr<const ContextRecord>> List(
      const std::string& after, size_t count_max) const;

  // Remove fails with CONTEXT_NOT_FOUND; with ETAG_MISMATCH if `etag` is set
  // and not the record's; and with CONTEXT_IN_USE if a listener uses the
  // context, unless `force`: then the listener keeps it.
  absl::Status Remove(const std::string& name, const std::string& etag,
                      bool force);

  size_t size() const;

 private:
  mutable absl::Mutex mutex_;
  std::map<std::string, std::shared_ptr<LiveContext>> contexts_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace tlsd::worker

#endif  // TLSD_SERVER_WORKER_CONTEXT_TABLE_H_
