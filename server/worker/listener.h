// Listener is one listening address: its configuration, its counts, its state,
// and the connections that wait to be accepted.
//
// It accepts nothing itself: each worker has an acceptor for it, and its
// connections belong to workers. Everybody who works for it shares it. Any
// thread may use it.
#ifndef TLSD_SERVER_WORKER_LISTENER_H_
#define TLSD_SERVER_WORKER_LISTENER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/conn/connection_options.h"
#include "server/net/socket_address.h"
#include "server/tls/hook.h"
#include "server/worker/accept_queue.h"
#include "server/worker/dial_options.h"
#include "server/worker/live_context.h"
#include "server/worker/server_name_table.h"

namespace tlsd::worker {

// What happens to the cleartext of accepted connections.
enum class Handler { kStream, kEcho, kForward };

enum class ListenerState { kActive, kDraining, kClosed };

// ListenerOptions is the configuration of a listener.
struct ListenerOptions {
  // "listeners/ID".
  std::string name;
  net::Endpoint endpoint;
  int backlog = 4096;
  bool ipv6_only = false;
  conn::Protection protection = conn::Protection::kTls;
  conn::SocketOptions socket_options;
  // Connections begin with a PROXY header.
  bool accept_proxy_header = false;
  // Each connection gets the context as it is when it is accepted. It may be
  // null if nothing protects connections.
  std::shared_ptr<LiveContext> secure_context;
  Handler handler = Handler::kStream;
  // For kForward.
  std::shared_ptr<const ForwardOptions> forward;
  absl::Duration handshake_timeout = absl::Seconds(120);
  int64_t connection_count_max = 10000;
  // Turn away clients whose server name has no context of its own.
  bool strict_server_names = false;
  // What its handshakes ask; before the hooks of contexts.
  tls::Hooks hooks;
};

// ListenerFacts is what can be told of a listener at one moment.
struct ListenerFacts {
  std::string name;
  std::string address;
  // Empty if there is none.
  std::string secure_context;
  Handler handler = Handler::kStream;
  std::shared_ptr<const ForwardOptions> forward;
  int backlog = 0;
  bool ipv6_only = false;
  conn::Protection protection = conn::Protection::kTls;
  conn::SocketOptions socket_options;
  bool accept_proxy_header = false;
  absl::Duration handshake_timeout;
  int64_t connection_count_max = 0;
  bool strict_server_names = false;
  tls::Hooks hooks;
  // How many server names have contexts.
  int64_t context_count = 0;
  net::SocketAddress bound_address;
  ListenerState state = ListenerState::kActive;
  int64_t connection_count = 0;
  int64_t accepted_count = 0;
  int64_t rejected_count = 0;
  absl::Time create_time;
  std::string etag;
};

class Listener {
 public:
  // Called once, when the listener is closed and its last connection gone.
  using OnClosed = absl::AnyInvocable<void(const Listener&) &&>;

  // `contexts` is its own. `acceptor_count` acceptors will work for it.
  Listener(ListenerOptions options, std::shared_ptr<ServerNameTable> contexts,
           net::SocketAddress bound_address, int acceptor_count,
           OnClosed on_closed);

  const ListenerOptions& options() const { return options_; }
  ListenerFacts facts() const;

  // secure_context_record returns its context as it is now; null if it has
  // none.
  std::shared_ptr<const ContextRecord> secure_context_record() const;

  // contexts returns its contexts by server name, for reading; engines keep
  // them.
  std::shared_ptr<const ServerNameTable> contexts() const { return contexts_; }

  // AddContext and RemoveContext change them, as ServerNameTable does, and the
  // etag. They return the listener as it is then, and fail besides with
  // LISTENER_NOT_FOUND when it is closed.
  absl::StatusOr<ListenerFacts> AddContext(const ServerNameContext& context);
  absl::StatusOr<ListenerFacts> RemoveContext(absl::string_view server_name);

  enum class Admission {
    kAdmitted,
    // The listener is full or drains.
    kRejected,
    // The same, and it should be reported: that is at most once a second.
    kRejectedReport,
  };
  // Admit counts a new connection in, if there is room. Leave counts it out.
  Admission Admit(absl::Time now);
  void Leave();

  // BeginDrain turns away all that come from now on, and those who wait in
  // Accept. AcceptorStopped must follow for each acceptor that has not stopped
  // before.
  void BeginDrain();
  void AcceptorStopped();

  AcceptQueue& accept_queue() { return accept_queue_; }

 private:
  ListenerFacts FactsLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // ChangeContexts makes one change, unless the listener is closed.
  absl::StatusOr<ListenerFacts> ChangeContexts(
      absl::FunctionRef<absl::Status()> change);
  // CloseIfDone ends the listener when nothing works for it any more.
  void CloseIfDone();

  const ListenerOptions options_;
  const net::SocketAddress bound_address_;
  const absl::Time create_time_;
  const std::shared_ptr<ServerNameTable> contexts_;
  AcceptQueue accept_queue_;

  // Before that of `contexts_`.
  mutable absl::Mutex mutex_;
  std::string etag_ ABSL_GUARDED_BY(mutex_);
  ListenerState state_ ABSL_GUARDED_BY(mutex_) = ListenerState::kActive;
  int acceptor_count_ ABSL_GUARDED_BY(mutex_);
  int64_t connection_count_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t accepted_count_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t rejected_count_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time report_time_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  OnClosed on_closed_ ABSL_GUARDED_BY(mutex_);
};

// ListenerNotFound is the error of a `name` that no listener has.
absl::Status ListenerNotFound(const std::string& name);

}  // namespace tlsd::worker

#endif  // TLSD_SERVER_WORKER_LISTENER_H_
