// DataPlane is hub, workers and listeners of one daemon, with real sockets on
// the loopback interface, for tests of server/worker.
//
//   DataPlane plane;
//   const ListenerFacts listener = plane.Listen("l1", Handler::kEcho);
//   const conn::ConnectionFacts client = plane.Connect(listener).value();
//
// Its methods block, for at most 20 seconds. They are the test thread's.
#ifndef TLSD_TESTS_UNIT_WORKER_DATA_PLANE_H_
#define TLSD_TESTS_UNIT_WORKER_DATA_PLANE_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "server/worker/event_hub.h"
#include "server/worker/listener_table.h"
#include "server/worker/live_context.h"
#include "server/worker/worker_pool.h"

namespace tlsd::worker {

// Detached returns a status that shares nothing with `status`, for another
// thread: ThreadSanitizer does not see how Abseil counts references.
absl::Status Detached(const absl::Status& status);
template <typename T>
absl::StatusOr<T> Detached(absl::StatusOr<T> result) {
  if (result.ok()) return result;
  return Detached(result.status());
}
template <typename T>
T Detached(T value) {
  return value;
}

// Answer waits for what a callback brings.
template <typename T>
class Answer {
 public:
  void Set(T value) {
    value_ = Detached(std::move(value));
    done_.Notify();
  }
  bool has_come() const { return done_.HasBeenNotified(); }
  T Get() {
    const bool came = done_.WaitForNotificationWithTimeout(absl::Seconds(20));
    EXPECT_TRUE(came) << "no answer";
    return came ? std::move(*value_) : T();
  }

 private:
  std::optional<T> value_;
  absl::Notification done_;
};

// Live returns the context of `options` under `name`.
std::shared_ptr<LiveContext> Live(const std::string& name,
                                  const tls::SecureContextOptions& options);

class DataPlane {
 public:
  explicit DataPlane(int worker_count = 2);
  ~DataPlane();

  EventHub& events() { return *events_; }
  DecisionHub& decisions() { return decisions_; }
  WorkerPool& pool() { return *pool_; }
  ListenerTable& listeners() { return *listeners_; }

  // Options of a listener on any port of 127.0.0.1.
  static ListenerOptions OptionsFor(Handler handler);

  // Listen fails the test if it fails.
  ListenerFacts Listen(const std::string& id, Handler handler);

  // How to reach `address`, with a client that trusts the listeners above.
  static DialOptions DialTo(const net::SocketAddress& address);

  absl::StatusOr<conn::ConnectionFacts> Connect(DialOptions options);
  absl::StatusOr<conn::ConnectionFacts> Connect(const ListenerFacts& listener) {
    return Connect(DialTo(listener.bound_address));
  }

  absl::StatusOr<ListenerFacts> Delete(
      const std::string& name, std::optional<absl::Duration> drain_timeout);

  // Visit runs `task` with the connection, on its worker's thread, and returns
  // CONNECTION_NOT_FOUND if there is none.
  absl::Status Visit(const std::string& name,
                     std::function<void(conn::Connection&)> task);

  // OnWorker runs `task` on a worker's thread, after all that was posted.
  void OnWorker(int index, std::function<void(Worker&)> task);

  std::vector<conn::ConnectionFacts> List(Worker::ListOptions options);
  int64_t CountOpen();

  // Await returns the first event of `type`, now or later, about `subject`.
  std::shared_ptr<const Event> Await(EventType type,
                                     const std::string& subject);
  // CountOf returns how many events of `type` there were about `subject`.
  size_t CountOf(EventType type, const std::string& subject);

 private:
  std::unique_ptr<EventHub> events_;
  DecisionHub decisions_;
  ClientSessions sessions_;
  std::unique_ptr<WorkerPool> pool_;
  std::unique_ptr<ListenerTable> listeners_;
};

}  // namespace tlsd::worker

#endif  // TLSD_TESTS_UNIT_WORKER_DATA_PLANE_H_
