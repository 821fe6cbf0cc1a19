// LoopThread is a thread that runs an event loop, from Start until it is
// destroyed.
//
// Whoever started it owns it, and destroys it from another thread.
// `loop().Post` is the only way in.
#ifndef TLSD_SERVER_WORKER_LOOP_THREAD_H_
#define TLSD_SERVER_WORKER_LOOP_THREAD_H_

#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "server/net/event_loop.h"

namespace tlsd::worker {

class LoopThread {
 public:
  // Start fails as EventLoop::Create does.
  static absl::StatusOr<std::unique_ptr<LoopThread>> Start();

  // As Stop.
  ~LoopThread();
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  net::EventLoop& loop() { return *loop_; }

  // Stop stops the loop and waits for the thread; what is posted then is
  // dropped. To call it twice is no error.
  void Stop();

  // Call runs `task` on the thread and waits for it. Not from the thread
  // itself, and not after the loop was stopped.
  void Call(net::EventLoop::Task task);

 private:
  explicit LoopThread(std::unique_ptr<net::EventLoop> loop);

  std::unique_ptr<net::EventLoop> loop_;
  std::thread thread_;
};

}  // namespace tlsd::worker

#endif  // TLSD_SERVER_WORKER_LOOP_THREAD_H_
