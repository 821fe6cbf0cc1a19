#include "server/net/event_loop.h"

#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/base/log.h"
#include "server/net/blocking_calls.h"
#include "server/net/descriptor.h"
#include "server/net/os_error.h"
#include "server/net/poller.h"
#include "server/net/timer_wheel.h"

namespace tlsd::net {
namespace {

// One recv of this size takes all that a connection's window has in store in
// most cases; the kernel touches only the pages that it fills.
constexpr size_t kReadScratchBytes = 256 * 1024;

// How often tasks and turns that follow from others are seen to before the loop
// asks for events again, which costs a call of the system.
constexpr int kRoundsMax = 8;

constexpr int64_t kNanosecondsOfTick = 1'000'000;

int64_t Nanoseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// Rounded down, so that a timer is not early.
TimerWheel::Tick TickOf(int64_t nanoseconds) {
  return static_cast<TimerWheel::Tick>(nanoseconds / kNanosecondsOfTick);
}

// The first tick that is `delay` from now; none has passed that is not
// positive.
TimerWheel::Tick TickAfter(absl::Duration delay) {
  if (delay <= absl::ZeroDuration()) return 0;
  const absl::Duration end = delay + absl::Nanoseconds(Nanoseconds());
  return static_cast<TimerWheel::Tick>(absl::ToInt64Milliseconds(
      absl::Ceil(end, absl::Nanoseconds(kNanosecondsOfTick))));
}

// Wakes a loop that waits for events. Each write to an eventfd is an edge, so
// nobody has to read from it.
class Waker final : public LoopObject {
 public:
  Waker(Poller& poller, Descriptor descriptor)
      : LoopObject(poller), descriptor_(std::move(descriptor)) {}
  ~Waker() override = default;

  // Start returns an errno.
  int Start() { return Watch(descriptor_.get(), EPOLLIN | EPOLLET); }

  // Any thread.
  void Wake() {
    const uint64_t one = 1;
    // It cannot fail: the number is far from its end.
    [[maybe_unused]] const ssize_t size =
        write(descriptor_.get(), &one, sizeof(one));
  }

  const char* kind() const override { return "waker"; }

 private:
  const Descriptor descriptor_;
};

absl::Status LoopError(int error) {
  return MakeError(
      IsShortage(error) ? Reason::kDescriptorsExhausted : Reason::kInternal,
      absl::StrCat("cannot create an event loop: ", DescribeErrno(error)));
}

}  // namespace

struct EventLoop::State {
  explicit State(Descriptor epoll)
      : poller(std::move(epoll)), wheel(TickOf(Nanoseconds())) {}

  Poller poller;
  TimerWheel wheel;
  // Closed by ~EventLoop.
  Waker* waker = nullptr;
  // The tasks that are being run; here to keep its memory.
  std::vector<Task> running;
  bool must_return = false;
  std::unique_ptr<uint8_t[]> read_scratch;
  std::optional<BlockingCalls> blocking_calls;

  std::mutex mutex;
  // Both under `mutex`.
  std::vector<Task> tasks;
  bool is_stopped = false;
  // The loop has found nothing to do, and waits for events. It becomes true
  // under `mutex`; who finds it true too late wakes a loop that is awake.
  std::atomic<bool> is_asleep = false;

  void WakeLocked();
  int FallAsleep(Wait wait);
  int Timeout();
  void TakeTasks();
  // RunTasks returns whether there were any.
  bool RunTasks();
  void CloseAll();
};

void EventLoop::State::WakeLocked() {
  // Under the lock: a task may lead to the end of the loop, and cannot run
  // before this thread has let go of it.
  if (is_asleep.exchange(false, std::memory_order_relaxed)) waker->Wake();
}

// FallAsleep returns how many milliseconds to wait for events. Whoever posts a
// task from then on wakes the loop.
int EventLoop::State::FallAsleep(Wait wait) {
  if (wait == Wait::kNever || poller.wants_turns()) return 0;
  const int timeout = Timeout();
  if (timeout == 0) return 0;
  const std::lock_guard<std::mutex> lock(mutex);
  if (!tasks.empty() || is_stopped) return 0;
  is_asleep.store(true, std::memory_order_relaxed);
  return timeout;
}

int EventLoop::State::Timeout() {
  const std::optional<TimerWheel::Tick> next = wheel.NextTick();
  if (!next.has_value()) return -1;
  const TimerWheel::Tick now = TickOf(Nanoseconds());
  if (*next <= now) return 0;
  return static_cast<int>(std::min<TimerWheel::Tick>(*next - now, INT_MAX));
}

void EventLoop::State::TakeTasks() {
  const std::lock_guard<std::mutex> lock(mutex);
  running.swap(tasks);
  must_return = is_stopped;
}

bool EventLoop::State::RunTasks() {
  TakeTasks();
  if (running.empty()) return false;
  for (Task& waiting : running) {
    Task task = std::move(waiting);
    std::move(task)();
  }
  running.clear();
  return true;
}

void EventLoop::State::CloseAll() {
  waker->Close();
  poller.CloseAbandoned();
  const LoopObject* const left = poller.FirstOpen();
  if (left != nullptr || !wheel.empty()) {
    // Its owner would use freed memory.
    base::Log(base::Severity::kError, "an object outlives its event loop",
              {{"kind", left == nullptr ? "timer" : left->kind()}});
    std::abort();
  }
  poller.FreeClosed();
}

absl::StatusOr<std::unique_ptr<EventLoop>> EventLoop::Create() {
  Descriptor epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.is_open()) return LoopError(errno);
  Descriptor event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event.is_open()) return LoopError(errno);
  auto state = std::make_unique<State>(std::move(epoll));
  // The loop frees it.
  state->waker =
      std::make_unique<Waker>(state->poller, std::move(event)).release();
  if (const int error = state->waker->Start(); error != 0) {
    state->waker->Close();
    return LoopError(error);
  }
  // Plain new: make_unique would touch every page.
  state->read_scratch.reset(new uint8_t[kReadScratchBytes]);
  return std::unique_ptr<EventLoop>(new EventLoop(std::move(state)));
}

EventLoop::EventLoop(std::unique_ptr<State> state) : state_(std::move(state)) {}

EventLoop::~EventLoop() {
  std::vector<Task> dropped;
  {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    state_->is_stopped = true;
    dropped.swap(state_->tasks);
  }
  // What a task holds may live on the loop.
  dropped.clear();
  // What is under way posts to the loop.
  state_->blocking_calls.reset();
  state_->CloseAll();
}

void EventLoop::Run() {
  while (!state_->must_return) Turn(Wait::kForEvents);
  state_->poller.CloseAbandoned();
  state_->poller.FreeClosed();
}

void EventLoop::Turn(Wait wait) {
  State& state = *state_;
  state.poller.Wait(state.FallAsleep(wait));
  state.is_asleep.store(false, std::memory_order_relaxed);
  state.poller.Dispatch();
  state.wheel.Advance(TickOf(Nanoseconds()));
  for (int round = 0; round < kRoundsMax; ++round) {
    const bool had_tasks = state.RunTasks();
    const bool had_turns = state.poller.GiveTurns();
    if (!had_tasks && !had_turns) break;
  }
  state.poller.FreeClosed();
}

void EventLoop::Stop() {
  const std::lock_guard<std::mutex> lock(state_->mutex);
  state_->is_stopped = true;
  state_->WakeLocked();
}

void EventLoop::Post(Task task) {
  const std::lock_guard<std::mutex> lock(state_->mutex);
  // The caller's `task` is destroyed after the lock is gone.
  if (state_->is_stopped) return;
  state_->tasks.push_back(std::move(task));
  state_->WakeLocked();
}

std::unique_ptr<Timer> EventLoop::After(absl::Duration delay, Task callback) {
  return state_->wheel.Start(TickAfter(delay), std::move(callback));
}

absl::Span<uint8_t> EventLoop::read_scratch() {
  return {state_->read_scratch.get(), kReadScratchBytes};
}

Poller& EventLoop::poller() { return state_->poller; }

BlockingCalls& EventLoop::blocking_calls() {
  if (!state_->blocking_calls.has_value()) state_->blocking_calls.emplace();
  return *state_->blocking_calls;
}

}  // namespace tlsd::net
