// EventLoop is one thread's loop: sockets, timers and tasks from elsewhere.
//
// It stands on epoll(7), and starts no thread to run itself: whoever calls Run
// is its thread. All methods and all objects made on it belong to that thread
// (before Run: to the thread that will call it), except Post and Stop, which
// any thread may call.
#ifndef TLSD_SERVER_NET_EVENT_LOOP_H_
#define TLSD_SERVER_NET_EVENT_LOOP_H_

#include <cstdint>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/net/timer.h"

namespace tlsd::net {

class BlockingCalls;
class Poller;

class EventLoop {
 public:
  using Task = absl::AnyInvocable<void() &&>;

  // Create fails with DESCRIPTORS_EXHAUSTED or INTERNAL.
  static absl::StatusOr<std::unique_ptr<EventLoop>> Create();

  // The loop must have returned from Run, or never have run. Tasks that were
  // posted and did not run are dropped; objects on the loop must be gone. It
  // waits for name look-ups that the system has begun.
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Run handles events until Stop, then closes the sockets that still linger.
  // Run a loop once.
  void Run();

  // Stop makes Run return soon. Tasks posted before it still run. Any thread.
  void Stop();

  // Post runs `task` on the loop's thread, after the tasks posted before it.
  // Any thread; from the loop's own thread it runs later, never at once. After
  // Stop the task is dropped, and destroyed, without being run.
  void Post(Task task);

  // After runs `callback` once, `delay` from now and never before, unless the
  // returned timer is destroyed first. `callback` may destroy the timer. The
  // loop counts in milliseconds.
  std::unique_ptr<Timer> After(absl::Duration delay, Task callback);

  // Scratch memory for one read from a socket, shared by all sockets of the
  // loop: what is in it is valid during one callback only.
  absl::Span<uint8_t> read_scratch();

  // The rest is for the other files of server/net.

  // Turn is one round of Run, for tests that turn a loop themselves: it handles
  // what is ready, and what comes of that.
  enum class Wait { kForEvents, kNever };
  void Turn(Wait wait);

  Poller& poller();
  BlockingCalls& blocking_calls();

 private:
  struct State;
  explicit EventLoop(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace tlsd::net

#endif  // TLSD_SERVER_NET_EVENT_LOOP_H_
