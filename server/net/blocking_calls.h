// BlockingCalls makes calls of the system that block in a few threads of its
// own, so that a loop need not wait. Calls begin in the order in which they
// came.
//
// It is internal to server/net. A loop owns it; its thread alone adds and
// cancels.
#ifndef TLSD_SERVER_NET_BLOCKING_CALLS_H_
#define TLSD_SERVER_NET_BLOCKING_CALLS_H_

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"

namespace tlsd::net {

class BlockingCalls {
 public:
  using Call = absl::AnyInvocable<void() &&>;

  // How many calls are made at a time.
  static constexpr size_t kThreadsMax = 4;

  BlockingCalls() = default;
  // It waits for the calls that have begun, and drops the others.
  ~BlockingCalls();
  BlockingCalls(const BlockingCalls&) = delete;
  BlockingCalls& operator=(const BlockingCalls&) = delete;

  // Add makes `call`, which has to tell of its end itself, e.g. with a task for
  // the loop. It returns the name of the call.
  uint64_t Add(Call call);

  // Cancel drops a call that has not begun; one that has begun goes on.
  void Cancel(uint64_t name);

 private:
  void RunThread();

  // Started when they are first needed, and kept.
  std::vector<std::thread> threads_;
  uint64_t last_name_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  // All under `mutex_`.
  std::deque<std::pair<uint64_t, Call>> waiting_;
  size_t idle_count_ = 0;
  bool is_ending_ = false;
};

}  // namespace tlsd::net

#endif  // TLSD_SERVER_NET_BLOCKING_CALLS_H_
