// KeyLog brings the secrets of handshakes to those who watch them.
//
//   worker -- Publish --> KeyLog --- OnLines ---> watcher
//                         KeyLog <--- Read ------ watcher
//
// It holds a bounded queue for each watcher: publishing never waits, and a
// watcher that falls behind loses its oldest lines. While nobody watches it
// keeps nothing. A daemon has one only if it was started with --key_log. Any
// thread may use it.
#ifndef TLSD_SERVER_WORKER_KEY_LOG_H_
#define TLSD_SERVER_WORKER_KEY_LOG_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "server/base/secret.h"

namespace tlsd::worker {

// KeyLogLine is one secret. It wipes its line when it goes.
struct KeyLogLine {
  ~KeyLogLine() { base::Wipe(line); }

  // As SSLKEYLOGFILE has it, without its end.
  std::string line;
  // "connections/ID" it belongs to, and the "listeners/ID" that accepted that;
  // empty for a client.
  std::string connection;
  std::string listener;
};

class KeyLog {
 public:
  // So many lines wait for one watcher; for another line the oldest is dropped.
  static constexpr size_t kLineCountMax = 10'000;

  KeyLog() = default;
  KeyLog(const KeyLog&) = delete;
  KeyLog& operator=(const KeyLog&) = delete;

  // is_watched is false if Publish would do nothing.
  bool is_watched() const { return is_watched_; }

  // Publish brings `line` to all who watch its listener.
  void Publish(KeyLogLine line);

  // Subscribe begins a watch of the connections of `listener`, or of all if it
  // is empty, and returns its id. `on_lines` is called when there is something
  // to read after there was nothing: on the thread that publishes, which it
  // must not hold up, and from which it must not use the key log.
  using OnLines = absl::AnyInvocable<void()>;
  int64_t Subscribe(std::string listener, OnLines on_lines);

  // Unsubscribe ends a watch, and wipes what nobody else watches. When it
  // returns, `on_lines` does not run and is not called any more. To end a watch
  // twice is no error.
  void Unsubscribe(int64_t subscription);

  struct Batch {
    // Lines that were dropped before the first of `lines`.
    int64_t dropped_count = 0;
    std::vector<std::shared_ptr<const KeyLogLine>> lines;
  };
  // Read takes at most `count_max` lines that wait for a watcher, in their
  // order.
  Batch Read(int64_t subscription, size_t count_max);

 private:
  struct Watcher {
    std::string listener;
    OnLines on_lines;
    std::deque<std::shared_ptr<const KeyLogLine>> lines;
    int64_t dropped_count = 0;
  };

  std::atomic<bool> is_watched_{false};
  absl::Mutex mutex_;
  int64_t next_subscription_ ABSL_GUARDED_BY(mutex_) = 1;
  std::map<int64_t, Watcher> watchers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tlsd::worker

#endif  // TLSD_SERVER_WORKER_KEY_LOG_H_
