// Worker is one thread of the data plane: a loop and the connections it owns,
// from accept or dial to the end.
//
// It knows no RPC. The pool owns it. `Post` is the only way in; all other
// methods belong to the worker's thread.
#ifndef TLSD_SERVER_WORKER_WORKER_H_
#define TLSD_SERVER_WORKER_WORKER_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/chunk_pool.h"
#include "server/conn/connection.h"
#include "server/conn/stream_sink.h"
#include "server/conn/transport_sink.h"
#include "server/net/acceptor.h"
#include "server/net/dialer.h"
#include "server/worker/client_sessions.h"
#include "server/worker/decision_hub.h"
#include "server/worker/dial_options.h"
#include "server/worker/event_hub.h"
#include "server/worker/key_log.h"
#include "server/worker/listener.h"
#include "server/worker/loop_thread.h"

namespace tlsd::worker {

// WorkerParts are what the workers of a daemon share; they outlive them.
struct WorkerParts {
  EventHub& events;
  DecisionHub& decisions;
  ClientSessions& sessions;
  // Null if the daemon tells no secrets.
  KeyLog* key_log = nullptr;
};

// The two connections of a secure pair.
struct PairFacts {
  conn::ConnectionFacts cleartext;
  conn::ConnectionFacts encrypted;
};

class Worker final : private conn::ConnectionOwner {
 public:
  // How long, and how many, ended connections can still be looked at.
  static constexpr absl::Duration kClosedTime = absl::Minutes(5);
  static constexpr size_t kClosedCountMax = 1000;

  // Create starts the thread of the worker number `index`.
  static absl::StatusOr<std::unique_ptr<Worker>> Create(
      int index, const WorkerParts& parts);
  // As Stop.
  ~Worker() override;

  // Stop ends what the worker does, without a word to its peers, and then its
  // thread. What is posted afterwards is dropped. Not from the thread itself;
  // to call it twice is no error.
  void Stop();

  // Post runs `task` on the worker's thread. Any thread.
  void Post(net::EventLoop::Task task) {
    thread_->loop().Post(std::move(task));
  }

  int index() const { return index_; }
  net::EventLoop& loop() { return thread_->loop(); }
  // pool is where connections of this worker take their chunks from.
  base::ChunkPool& pool() { return pool_; }

  // AddListener accepts connections of `listener` from `socket`.
  void AddListener(std::shared_ptr<Listener> listener,
                   std::unique_ptr<net::BoundSocket> socket);

  // StopListener stops accepting at once, and closes the listener's connections
  // after `drain_timeout`; never if there is none. A later call replaces the
  // timeout of an earlier one.
  void StopListener(const std::shared_ptr<Listener>& listener,
                    std::optional<absl::Duration> drain_timeout);

  // Connect dials, makes the handshake, and calls `done` once. The connection
  // is called `name`. CancelConnect ends it with CALL_CANCELLED if it is not
  // done yet.
  using ConnectDone =
      absl::AnyInvocable<void(absl::StatusOr<conn::ConnectionFacts>) &&>;
  void Connect(const std::string& name, DialOptions options, ConnectDone done);
  void CancelConnect(const std::string& name);

  // Upgrade begins TLS over the cleartext of the connection called `carrier`,
  // with a connection that has the name in `options`, and calls `done` once, as
  // Connect. CancelConnect ends it likewise.
  static constexpr int kDepthMax = 8;
  void Upgrade(const std::string& carrier, conn::ConnectionOptions options,
               ConnectDone done);

  // CreatePair makes a secure pair, whose cleartext side is as `options` say,
  // and calls `done` once. It fails with LIMIT_REACHED beyond kPairCountMax
  // that are open, and as TlsEngine::Create.
  static constexpr int kPairCountMax = 10000;
  using PairDone = absl::AnyInvocable<void(absl::StatusOr<PairFacts>) &&>;
  void CreatePair(conn::ConnectionOptions options, PairDone done);

  // Find returns the connection called `name`, or null.
  conn::Connection* Find(const std::string& name);

  // ForgetListener drops what is kept for a listener that is closed.
  void ForgetListener(const Listener* listener);

  // List appends the facts of at most `count_max` connections whose name is
  // greater than `after`, in the order of their names: those of `listener`, or
  // all if it is empty; those that have ended only if `closed`.
  struct ListOptions {
    std::string after;
    size_t count_max = 0;
    std::string listener;
    bool closed = false;
  };
  void List(const ListOptions& options,
            std::vector<conn::ConnectionFacts>& facts) const;
  // Connections that have not ended.
  int64_t OpenCount() const;

  // CloseAll closes all connections with close_notify.
  void CloseAll();

 private:
  // A listener that this worker works for.
  struct Listening {
    std::shared_ptr<Listener> listener;
    std::unique_ptr<net::Acceptor> acceptor;
    std::unique_ptr<net::Timer> drain_timer;
  };
  // The way to an upstream: a dial, or the name of a connection.
  struct UpstreamConnect {
    std::unique_ptr<net::Dial> dial;
    std::string connection;
  };
  // A connection, and the listener that counts it as long as it has not ended.
  // What few connections have, or only for a while, stands apart.
  struct Owned {
    std::unique_ptr<conn::Connection> connection = nullptr;
    std::shared_ptr<Listener> listener = nullptr;
    // As in DialOptions; null if there is none.
    std::unique_ptr<const std::string> session_key = nullptr;
    // While it is being forwarded.
    std::unique_ptr<UpstreamConnect> upstream = nullptr;
    // Its name was given out before the handshake.
    bool is_of_pair = false;
  };
  // A handshake that waits for a decision.
  struct Parked {
    std::string decision;
    tls::Hook hook;
    std::unique_ptr<net::Timer> timer;
  };
  // A Connect that is not done.
  struct Connecting {
    DialOptions options;
    ConnectDone done;
    std::unique_ptr<net::Dial> dial;
    std::unique_ptr<net::Timer> timer;
  };

  Worker(int index, const WorkerParts& parts,
         std::unique_ptr<LoopThread> thread);

  void OnQuestion(conn::Connection& connection,
                  tls::QuestionAsked asked) override;
  void OnOcspResponse(conn::Connection& connection) override;
  void OnOpen(conn::Connection& connection) override;
  void OnSession(conn::Connection& connection) override;
  void OnRenegotiated(conn::Connection& connection) override;
  void OnSecret(conn::Connection& connection, std::string line) override;
  void OnClosed(conn::Connection& connection) override;

  void OnAccept(const std::shared_ptr<Listener>& listener,
                std::unique_ptr<net::Transport> transport);
  void OnDialed(const std::string& name,
                absl::StatusOr<std::unique_ptr<net::Transport>> transport);
  void FinishConnect(const std::string& name,
                     absl::StatusOr<conn::ConnectionFacts> result);
  conn::Connection& StartConnection(conn::ConnectionOptions options,
                                    std::unique_ptr<conn::CleartextSink> sink,
                                    std::unique_ptr<net::Transport> transport,
                                    Owned owned);
  // ClaimCarrier takes the cleartext of a connection that shall carry another.
  static absl::StatusOr<conn::StreamSink*> ClaimCarrier(
      conn::Connection* carrier, const std::string& name);
  // Forward connects an open connection to its upstream; the others join the
  // two.
  void Forward(conn::Connection& connection, const ForwardOptions& options);
  void OnUpstream(const std::string& name, const conn::FarEnd& far_end,
                  const std::string& preamble,
                  absl::StatusOr<std::unique_ptr<net::Transport>> transport);
  void OnUpstreamConnected(const std::string& name, const conn::FarEnd& far_end,
                           absl::StatusOr<conn::ConnectionFacts> upstream);
  // OnDecided gives `answer` to the connection that waits for it; nothing means
  // that there is nobody to answer.
  void OnDecided(const std::string& name, std::optional<tls::Answer> answer);
  void OnDecisionTimeout(const std::string& name);
  void DoWithoutAnswer(const std::string& name, const tls::Hook& hook);
  void CloseConnectionsOf(const Listener& listener);
  void KeepClosed(const conn::Connection& connection);
  // Forget drops a connection that has ended, later: it may be calling.
  void Forget(const std::string& name);

  const int index_;
  const WorkerParts parts_;
  base::ChunkPool pool_;
  std::map<std::string, Listening> listening_;
  std::map<std::string, Connecting> connecting_;
  absl::btree_map<std::string, Owned> connections_;
  // By the names of connections.
  absl::flat_hash_map<std::string, Parked> parked_;
  // Pairs whose cleartext side has not ended.
  int pair_count_ = 0;
  // Names of ended connections, the oldest first, with the time of their end.
  std::deque<std::pair<absl::Time, std::string>> closed_;

  // Not the thread's.
  bool is_stopped_ = false;
  // Last, so that the thread ends before what it uses.
  std::unique_ptr<LoopThread> thread_;
};

// ConnectionNotFound is the error of a `name` that no connection has.
absl::Status ConnectionNotFound(const std::string& name);

// ClaimCleartext reserves the cleartext of a connection for another, both ways.
// It fails as StreamSink::Of, with CONNECTION_ATTACHED while a call has it, and
// with CONNECTION_CLOSED. What is claimed must be joined, or released.
absl::StatusOr<conn::StreamSink*> ClaimCleartext(conn::Connection& connection);

// Join gives the cleartext of a connection to `transport`.
void Join(conn::Connection& connection,
          std::unique_ptr<net::Transport> transport, conn::FarEnd far_end,
          const std::string& piped_with, std::string preamble = "");

// MakeConnectionName returns a fresh "connections/ID" for worker `index`, and
// WorkerIndex the index in such a name, if it has one.
std::string MakeConnectionName(int index);
std::optional<int> WorkerIndex(const std::string& name);

}  // namespace tlsd::worker

#endif  // TLSD_SERVER_WORKER_WORKER_H_
