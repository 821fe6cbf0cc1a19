#include "server/worker/loop_thread.h"

#include <utility>

#include "absl/synchronization/notification.h"
#include "server/base/status_macros.h"

namespace tlsd::worker {

absl::StatusOr<std::unique_ptr<LoopThread>> LoopThread::Start() {
  TLSD_ASSIGN_OR_RETURN(std::unique_ptr<net::EventLoop> loop,
                        net::EventLoop::Create());
  return std::unique_ptr<LoopThread>(new LoopThread(std::move(loop)));
}

LoopThread::LoopThread(std::unique_ptr<net::EventLoop> loop)
    : loop_(std::move(loop)), thread_([this] { loop_->Run(); }) {}

LoopThread::~LoopThread() { Stop(); }

void LoopThread::Stop() {
  if (!thread_.joinable()) return;
  loop_->Stop();
  thread_.join();
}

void LoopThread::Call(net::EventLoop::Task task) {
  absl::Notification done;
  loop_->Post([&task, &done] {
    std::move(task)();
    done.Notify();
  });
  done.WaitForNotification();
}

}  // namespace tlsd::worker
