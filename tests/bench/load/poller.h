// Poller tells watchers what their descriptors are ready for, again and again
// while they are.
//
// It owns no descriptor but its own. It belongs to one thread.
#ifndef TLSD_TESTS_BENCH_LOAD_POLLER_H_
#define TLSD_TESTS_BENCH_LOAD_POLLER_H_

#include <cstdint>

#include "absl/time/time.h"

namespace tlsd::bench::load {

class Poller {
 public:
  // A watcher may delete itself while it is told, and no other.
  class Watcher {
   public:
    // `events` are those of epoll(7).
    virtual void OnReady(uint32_t events) = 0;

   protected:
    ~Watcher() = default;
  };

  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // Watch begins to watch `descriptor` for `events`; that ends when it is
  // closed. Change watches for others.
  void Watch(int descriptor, uint32_t events, Watcher* watcher);
  void Change(int descriptor, uint32_t events, Watcher* watcher);

  // Wait waits until some are ready, at most for `timeout`, and tells them.
  void Wait(absl::Duration timeout);

 private:
  const int descriptor_;
};

}  // namespace tlsd::bench::load

#endif  // TLSD_TESTS_BENCH_LOAD_POLLER_H_
