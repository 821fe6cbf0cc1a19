// ServerNameTable is the secure contexts of a listener by server name (SNI):
// names, and wildcards that stand for one label.
//
// It is not what hands a context to a handshake: the engine asks it, as a
// `tls::ContextChooser`. It holds names of contexts, so that each ClientHello
// gets a context as it is then. Its listener and the engines of that share it;
// any thread may use it. Engines share a lock, which only changes take alone.
#ifndef TLSD_SERVER_WORKER_SERVER_NAME_TABLE_H_
#define TLSD_SERVER_WORKER_SERVER_NAME_TABLE_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "server/tls/context_chooser.h"
#include "server/worker/live_context.h"

namespace tlsd::worker {

// What becomes of clients that ask for a name without a context, or for none:
// they get the listener's own context, or are turned away.
enum class UnknownNames { kAccept, kTurnAway };

// ServerNameContext is a context that a listener shall have for a name.
struct ServerNameContext {
  std::string server_name;
  std::shared_ptr<LiveContext> secure_context;
};

// ServerNameFacts is what can be told of one that it has.
struct ServerNameFacts {
  // In lower case, without a dot at its end; "*.example.com" for a wildcard.
  std::string server_name;
  // "secureContexts/ID".
  std::string secure_context;
};

class ServerNameTable final : public tls::ContextChooser {
 public:
  static constexpr size_t kCountMax = 10000;

  // `listener` is the name under which contexts know who uses them.
  ServerNameTable(std::string listener, UnknownNames unknown_names);
  ~ServerNameTable() override;

  // Add gives `context.server_name`, in place of what it had, a context, which
  // notes that the listener uses it. A name is a DNS name, or "*." and a DNS
  // name.
  //
  // It fails with FIELD_REQUIRED or SERVER_NAME_INVALID, naming "server_name";
  // as LiveContext::AddListener does, naming "secure_context"; and with
  // LIMIT_REACHED. Then nothing changes.
  absl::Status Add(const ServerNameContext& context);

  // Remove takes the context of a name away. It fails with FIELD_REQUIRED, or
  // with SERVER_NAME_NOT_FOUND.
  absl::Status Remove(absl::string_view server_name);

  // Clear removes all.
  void Clear();

  // List returns at most `count_max` contexts after the name `after`, ordered
  // by name.
  std::vector<ServerNameFacts> List(const std::string& after,
                                    size_t count_max) const;

  size_t size() const;

  bool has_choice() const override;
  // A name goes before a wildcard (RFC 6125 section 6.4.3: for one label).
  absl::StatusOr<tls::NamedContext> Choose(
      absl::string_view server_name) const override;

 private:
  using Contexts =
      std::map<std::string, std::shared_ptr<LiveContext>, std::less<>>;

  // Find returns the context for a client that asks for `server_name`, or the
  // end.
  Contexts::const_iterator Find(absl::string_view server_name) const
      ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  absl::Status Unrecognized(absl::string_view server_name) const;

  const std::string listener_;
  const UnknownNames unknown_names_;
  // Before those of contexts.
  mutable absl::Mutex mutex_;
  Contexts contexts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tlsd::worker

#endif  // TLSD_SERVER_WORKER_SERVER_NAME_TABLE_H_
