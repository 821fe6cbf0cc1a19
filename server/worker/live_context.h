// LiveContext is a secure context under its name: what it is now, and which
// listeners use it.
//
// It can be changed while it is used: who accepts a connection takes the
// context of that moment, and the connection keeps it. The table, listeners and
// calls share it. Any thread may use it.
#ifndef TLSD_SERVER_WORKER_LIVE_CONTEXT_H_
#define TLSD_SERVER_WORKER_LIVE_CONTEXT_H_

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/tls/secure_context.h"
#include "server/tls/secure_context_options.h"

namespace tlsd::worker {

// ContextFacts is what can be told of a secure context at one moment: plain
// data, without any key.
struct ContextFacts {
  // "secureContexts/ID".
  std::string name;
  tls::SecureContextOptions options;
  tls::SecureContextFacts facts;
  // What each of the credentials staples; `der` is empty where nothing.
  std::vector<tls::OcspResponseFacts> staples;
  // What clients are to encrypt ClientHellos with; empty without keys.
  std::string ech_config_list;
  absl::Time create_time;
  absl::Time update_time;
  std::string etag;
};

// ContextRecord is a secure context at one moment. Its `options` hold no
// private key, passphrase, ticket key or ECH key; the context itself does.
struct ContextRecord {
  // "secureContexts/ID".
  std::string name;
  tls::SecureContextOptions options;
  std::shared_ptr<const tls::SecureContext> secure_context;
  absl::Time create_time;
  absl::Time update_time;
  std::string etag;
};

// FactsOf returns what can be told of `record`.
ContextFacts FactsOf(const ContextRecord& record);

// ContextParts is what a caller gives to make a record.
struct ContextParts {
  tls::SecureContextOptions options;
  std::shared_ptr<const tls::SecureContext> secure_context;
};

class LiveContext {
 public:
  // Secrets in `parts` are wiped.
  LiveContext(std::string name, ContextParts parts);

  const std::string& name() const { return name_; }

  // record returns the context as it is now.
  std::shared_ptr<const ContextRecord> record() const;

  enum class Effect {
    kReplace,
    // Nothing changes.
    kCheckOnly,
  };
  // Update replaces the context by what `make` makes of the present one, and
  // returns the new record. Updates wait for each other; readers never wait for
  // `make`. It fails with ETAG_MISMATCH if `etag` is set and not the present
  // one's; with CREDENTIALS_REQUIRED if a listener would be left without
  // credentials; with CONTEXT_NOT_FOUND if the context is retired; and as
  // `make` does: then nothing changes.
  using Make = absl::FunctionRef<absl::StatusOr<ContextParts>(
      const ContextRecord& present)>;
  // Called with the new record, in the order of the changes.
  using OnReplaced = absl::FunctionRef<void(const ContextRecord& record)>;
  absl::StatusOr<std::shared_ptr<const ContextRecord>> Update(
      const std::string& etag, Effect effect, Make make,
      OnReplaced on_replaced);

  // Retire ends the context: it gets no new listener and no change; those that
  // use it keep it. It fails with ETAG_MISMATCH, and with CONTEXT_IN_USE if a
  // listener uses it, unless `force`.
  absl::Status Retire(const std::string& etag, bool force);

  // AddListener notes one use of the context by `listener`, RemoveListener its
  // end. It fails with CREDENTIALS_REQUIRED, naming `field`, if the context has
  // none, and with CONTEXT_NOT_FOUND if it is retired.
  absl::Status AddListener(absl::string_view field,
                           const std::string& listener);
  void RemoveListener(const std::string& listener);

  // first_listener returns a listener that uses it, if there is one.
  std::optional<std::string> first_listener() const;

 private:
  // Put makes `next` the present record, or only checks whether it could be.
  absl::Status Put(std::shared_ptr<const ContextRecord> next,
                   bool has_credentials, Effect effect);

  const std::string name_;
  // Held while a change is made; before `mutex_`.
  absl::Mutex update_mutex_;
  mutable absl::Mutex mutex_;
  std::shared_ptr<const ContextRecord> record_ ABSL_GUARDED_BY(mutex_);
  // One of each use.
  std::multiset<std::string> listeners_ ABSL_GUARDED_BY(mutex_);
  bool is_retired_ ABSL_GUARDED_BY(mutex_) = false;
};

// ContextNotFound is the error of a `name` that no secure context has.
absl::Status ContextNotFound(const std::string& name);

// CheckEtag fails with ETAG_MISMATCH if `wanted` is set and not `etag`.
absl::Status CheckEtag(const std::string& name, const std::string& wanted,
                       const std::string& etag);

}  // namespace tlsd::worker

#endif  // TLSD_SERVER_WORKER_LIVE_CONTEXT_H_
