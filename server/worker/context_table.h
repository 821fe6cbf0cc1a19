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
#include "absl/time/time.h"
#include "server/tls/secure_context.h"
#include "server/tls/secure_context_options.h"

namespace tlsd::worker {

// ContextRecord is a secure context with what is told of it. It holds no
// secret: `options` has no private key and no passphrase.
struct ContextRecord {
  // "secureContexts/ID".
  std::string name;
  tls::SecureContextOptions options;
  std::shared_ptr<const tls::SecureContext> secure_context;
  absl::Time create_time;
  std::string etag;
};

class ContextTable {
 public:
  static constexpr size_t kCountMax = 10000;

  // Add keeps `secure_context` under "secureContexts/`id`"; an empty id picks
  // one. Secrets in `options` are dropped. It fails with CONTEXT_EXISTS or
  // LIMIT_REACHED.
  absl::StatusOr<std::shared_ptr<const ContextRecord>> Add(
      std::string id, tls::SecureContextOptions options,
      std::shared_ptr<const tls::SecureContext> secure_context);

  // Get fails with CONTEXT_NOT_FOUND.
  absl::StatusOr<std::shared_ptr<const ContextRecord>> Get(
      const std::string& name) const;

  // List returns at most `count_max` records after the name `after`, ordered by
  // name.
  std::vector<std::shared_ptr<const ContextRecord>> List(
      const std::string& after, size_t count_max) const;

  // Remove fails with CONTEXT_NOT_FOUND, and with ETAG_MISMATCH if `etag` is
  // set and not the record's.
  absl::Status Remove(const std::string& name, const std::string& etag);

  size_t size() const;

 private:
  mutable absl::Mutex mutex_;
  std::map<std::string, std::shared_ptr<const ContextRecord>> records_
      ABSL_GUARDED_BY(mutex_);
};

// CheckEtag fails with ETAG_MISMATCH if `wanted` is set and not `etag`.
absl::Status CheckEtag(const std::string& name, const std::string& wanted,
                       const std::string& etag);

}  // namespace tlsd::worker

#endif  // TLSD_SERVER_WORKER_CONTEXT_TABLE_H_
