#include "server/net/event_loop.h"

#include <pthread.h>
#include <signal.h>
#include <uv.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/base/log.h"
#include "server/net/os_error.h"
#include "server/net/uv_handle.h"

namespace tlsd::net {
namespace {

// One recv of this size takes all that a connection's window has in store in
// most cases; the kernel touches only the pages that it fills.
constexpr size_t kReadScratchBytes = 256 * 1024;

// libuv writes with write(2), which raises SIGPIPE when the peer has gone.
// Blocked, the signal waits for this thread, and is taken back before the
// thread's own mask returns.
class SigpipeBlock {
 public:
  SigpipeBlock() {
    sigemptyset(&sigpipe_);
    sigaddset(&sigpipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &sigpipe_, &previous_);
  }
  ~SigpipeBlock() {
    if (sigismember(&previous_, SIGPIPE) == 1) return;
    const timespec at_once = {};
    sigtimedwait(&sigpipe_, nullptr, &at_once);
    pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
  }
  SigpipeBlock(const SigpipeBlock&) = delete;
  SigpipeBlock& operator=(const SigpipeBlock&) = delete;

 private:
  sigset_t sigpipe_;
  sigset_t previous_;
};

class TimerHandle : public UvHandle {
 public:
  TimerHandle(uv_loop_t* loop, uint64_t delay_ms, EventLoop::Task callback)
      : callback_(std::move(callback)) {
    uv_timer_init(loop, &timer_);
    timer_.data = static_cast<UvHandle*>(this);
    // The loop's clock stands still within a turn; the timer must not be early.
    uv_update_time(loop);
    uv_timer_start(&timer_, Expired, delay_ms, 0);
  }

 private:
  uv_handle_t* handle() override {
    return reinterpret_cast<uv_handle_t*>(&timer_);
  }

  void OnClose() override { callback_ = nullptr; }

  static void Expired(uv_timer_t* timer) {
    auto* self = static_cast<TimerHandle*>(static_cast<UvHandle*>(timer->data));
    // The callback may close the timer, and with it what it stands on.
    EventLoop::Task callback = std::move(self->callback_);
    std::move(callback)();
  }

  uv_timer_t timer_;
  EventLoop::Task callback_;
};

class LoopTimer : public Timer {
 public:
  explicit LoopTimer(TimerHandle* handle) : handle_(handle) {}
  ~LoopTimer() override { handle_->Close(); }

 private:
  TimerHandle* const handle_;
};

uint64_t ToMilliseconds(absl::Duration delay) {
  if (delay <= absl::ZeroDuration()) return 0;
  const absl::Duration whole = absl::Ceil(delay, absl::Milliseconds(1));
  // libuv's clock has lost what is less than a millisecond, so that a timer
  // started late in one would be early.
  return static_cast<uint64_t>(absl::ToInt64Milliseconds(whole)) + 1;
}

absl::Status LoopError(int error) {
  return MakeError(
      IsShortage(error) ? Reason::kDescriptorsExhausted : Reason::kInternal,
      absl::StrCat("cannot create an event loop: ", DescribeErrno(error)));
}

}  // namespace

struct EventLoop::State {
  uv_loop_t loop;
  uv_async_t wake;
  // Tasks that the loop's own thread posts need no wake-up: they run before and
  // after each poll, and `awake` keeps the poll from sleeping in between.
  uv_prepare_t before_poll;
  uv_check_t after_poll;
  uv_idle_t awake;
  bool has_own_tasks = false;
  std::vector<Task> running;
  std::unique_ptr<uint8_t[]> read_scratch;

  // The thread that is in Run; 0 if none is.
  std::atomic<pthread_t> thread = 0;

  std::mutex mutex;
  // Both under `mutex`.
  std::vector<Task> tasks;
  bool is_stopped = false;

  bool IsOwnThread() const {
    return thread.load(std::memory_order_relaxed) == pthread_self();
  }
  void Init();
  void WakeLocked();
  void RunTasks();
  void CloseAbandoned();
  void CloseAll();
};

void EventLoop::State::Init() {
  uv_prepare_init(&loop, &before_poll);
  uv_check_init(&loop, &after_poll);
  uv_idle_init(&loop, &awake);
  wake.data = before_poll.data = after_poll.data = awake.data = nullptr;
  loop.data = this;
  uv_prepare_start(&before_poll, [](uv_prepare_t* handle) {
    auto* state = static_cast<State*>(handle->loop->data);
    if (state->has_own_tasks) state->RunTasks();
    if (state->has_own_tasks) {
      uv_idle_start(&state->awake, [](uv_idle_t*) {});
    } else {
      uv_idle_stop(&state->awake);
    }
  });
  uv_check_start(&after_poll, [](uv_check_t* handle) {
    auto* state = static_cast<State*>(handle->loop->data);
    if (state->has_own_tasks) state->RunTasks();
  });
}

void EventLoop::State::WakeLocked() {
  if (IsOwnThread()) {
    has_own_tasks = true;
  } else {
    // Under the lock: a task may lead to the end of the loop, and cannot run
    // before this thread has let go of it.
    uv_async_send(&wake);
  }
}

void EventLoop::State::RunTasks() {
  has_own_tasks = false;
  bool must_stop;
  {
    const std::lock_guard<std::mutex> lock(mutex);
    running.swap(tasks);
    must_stop = is_stopped;
  }
  for (Task& waiting : running) {
    Task task = std::move(waiting);
    std::move(task)();
  }
  running.clear();
  if (must_stop) uv_stop(&loop);
}

void EventLoop::State::CloseAbandoned() {
  uv_walk(
      &loop,
      [](uv_handle_t* handle, void*) {
        auto* ours = static_cast<UvHandle*>(handle->data);
        if (ours != nullptr && !uv_is_closing(handle) && ours->is_abandoned()) {
          ours->Close();
        }
      },
      nullptr);
}

void EventLoop::State::CloseAll() {
  CloseAbandoned();
  uv_walk(
      &loop,
      [](uv_handle_t* handle, void*) {
        if (uv_is_closing(handle)) return;
        if (handle->data == nullptr) {
          uv_close(handle, nullptr);
          return;
        }
        // Its owner would use freed memory.
        base::Log(base::Severity::kError, "an object outlives its event loop",
                  {{"kind", uv_handle_type_name(handle->type)}});
        std::abort();
      },
      nullptr);
  // Waits for name look-ups that the system has begun, too.
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
}

absl::StatusOr<std::unique_ptr<EventLoop>> EventLoop::Create() {
  auto state = std::make_unique<State>();
  if (const int error = uv_loop_init(&state->loop); error != 0) {
    return LoopError(-error);
  }
  const int error =
      uv_async_init(&state->loop, &state->wake, [](uv_async_t* wake) {
        static_cast<State*>(wake->loop->data)->RunTasks();
      });
  if (error != 0) {
    uv_loop_close(&state->loop);
    return LoopError(-error);
  }
  state->Init();
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
  state_->CloseAll();
}

void EventLoop::Run() {
  const SigpipeBlock sigpipe_block;
  state_->thread = pthread_self();
  uv_run(&state_->loop, UV_RUN_DEFAULT);
  state_->CloseAbandoned();
  state_->thread = 0;
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
  // Tasks that wait already have seen to it that the loop comes.
  if (state_->tasks.size() == 1) state_->WakeLocked();
}

std::unique_ptr<Timer> EventLoop::After(absl::Duration delay, Task callback) {
  return std::make_unique<LoopTimer>(new TimerHandle(
      &state_->loop, ToMilliseconds(delay), std::move(callback)));
}

absl::Span<uint8_t> EventLoop::read_scratch() {
  return {state_->read_scratch.get(), kReadScratchBytes};
}

uv_loop_s* EventLoop::uv() { return &state_->loop; }

}  // namespace tlsd::net
