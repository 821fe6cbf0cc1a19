#include "server/net/blocking_calls.h"

#include <algorithm>

namespace tlsd::net {

BlockingCalls::~BlockingCalls() {
  std::deque<std::pair<uint64_t, Call>> dropped;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_ending_ = true;
    dropped.swap(waiting_);
  }
  dropped.clear();
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

uint64_t BlockingCalls::Add(Call call) {
  const uint64_t name = ++last_name_;
  bool needs_thread;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    waiting_.emplace_back(name, std::move(call));
    needs_thread =
        waiting_.size() > idle_count_ && threads_.size() < kThreadsMax;
  }
  if (needs_thread) {
    threads_.emplace_back([this] { RunThread(); });
  } else {
    changed_.notify_one();
  }
  return name;
}

void BlockingCalls::Cancel(uint64_t name) {
  Call dropped;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found =
      std::find_if(waiting_.begin(), waiting_.end(),
                   [name](const auto& call) { return call.first == name; });
  if (found == waiting_.end()) return;
  dropped = std::move(found->second);
  waiting_.erase(found);
}

void BlockingCalls::RunThread() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    ++idle_count_;
    changed_.wait(lock, [this] { return is_ending_ || !waiting_.empty(); });
    --idle_count_;
    if (is_ending_) return;
    Call call = std::move(waiting_.front().second);
    waiting_.pop_front();
    lock.unlock();
    std::move(call)();
    call = nullptr;
    lock.lock();
  }
}

}  // namespace tlsd::net
