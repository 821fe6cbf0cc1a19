#include "server/worker/key_log.h"

#include <utility>

namespace tlsd::worker {

void KeyLog::Publish(KeyLogLine line) {
  if (!is_watched_) return;
  const auto shared = std::make_shared<const KeyLogLine>(line);
  absl::MutexLock lock(&mutex_);
  for (auto& [subscription, watcher] : watchers_) {
    if (!watcher.listener.empty() && watcher.listener != shared->listener) {
      continue;
    }
    const bool was_empty = watcher.lines.empty();
    watcher.lines.push_back(shared);
    if (watcher.lines.size() > kLineCountMax) {
      watcher.lines.pop_front();
      ++watcher.dropped_count;
    }
    if (was_empty) watcher.on_lines();
  }
}

int64_t KeyLog::Subscribe(std::string listener, OnLines on_lines) {
  absl::MutexLock lock(&mutex_);
  Watcher& watcher = watchers_[next_subscription_];
  watcher.listener = std::move(listener);
  watcher.on_lines = std::move(on_lines);
  is_watched_ = true;
  return next_subscription_++;
}

void KeyLog::Unsubscribe(int64_t subscription) {
  // Freed without the lock: what its callback holds may use the key log.
  std::map<int64_t, Watcher>::node_type ended;
  absl::MutexLock lock(&mutex_);
  ended = watchers_.extract(subscription);
  is_watched_ = !watchers_.empty();
}

KeyLog::Batch KeyLog::Read(int64_t subscription, size_t count_max) {
  Batch batch;
  absl::MutexLock lock(&mutex_);
  const auto found = watchers_.find(subscription);
  if (found == watchers_.end()) return batch;
  Watcher& watcher = found->second;
  batch.dropped_count = std::exchange(watcher.dropped_count, 0);
  while (!watcher.lines.empty() && batch.lines.size() < count_max) {
    batch.lines.push_back(std::move(watcher.lines.front()));
    watcher.lines.pop_front();
  }
  return batch;
}

}  // namespace tlsd::worker
