// EventLoop is one thread's loop: sockets, timers and tasks from elsewhere.
//
// It is the libuv loop, and starts no thread itself: whoever calls Run is its
// thread. All methods and all objects made on it belong to that thread (before
// Run: to the thread that will call it), except Post and Stop, which any thread
// may call.
#ifndef TLSD_SERVER_NET_EVENT_LOOP_H_
#define TLSD_SERVER_NET_EVENT_LOOP_H_

#include <cstdint>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

struct uv_loop_s;

namespace tlsd::net {

// Timer calls back once, after a time. Destroying it cancels it.
class Timer {
 public:
  virtual ~Timer() = default;
};

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
  // While it runs, SIGPIPE is blocked in its thread. Run a loop once.
  void Run();

  // Stop makes Run return soon. Tasks posted before it still run. Any thread.
  void Stop();

  // Post runs `task` on the loop's thread, after the tasks posted before it.
  // Any thread; from the loop's own thread it runs later, never at once. After
  // Stop the task is dropped, and destroyed, without being run.
  void Post(Task task);

  // After runs `callback` once, `delay` from now, unless the returned timer is
  // destroyed first. `callback` may destroy the timer.
  std::unique_ptr<Timer> After(absl::Duration delay, Task callback);

  // Scratch memory for one read from a socket, shared by all sockets of the
  // loop: what is in it is valid during one callback only.
  absl::Span<uint8_t> read_scratch();

  // uv is for the other files of server/net.
  uv_loop_s* uv();

 private:
  struct State;
  explicit EventLoop(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace tlsd::net

#endif  // TLSD_SERVER_NET_EVENT_LOOP_H_
