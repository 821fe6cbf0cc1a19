// Interval is the time within which a load counts. A warm-up goes before it; it
// begins when every thread's load is on its way. What servers use in it is
// sampled as it begins and as it ends.
//
// The first thread calls Tick; the others see what came of it. Phases may be
// asked for by any thread, results when it is over.
#ifndef TLSD_TESTS_BENCH_LOAD_INTERVAL_H_
#define TLSD_TESTS_BENCH_LOAD_INTERVAL_H_

#include <atomic>
#include <functional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tests/bench/load/options.h"
#include "tests/bench/load/process_trees.h"

namespace tlsd::bench::load {

class Interval {
 public:
  enum class Phase { kWarmup, kCounted, kOver };

  // Observers are told that it begins, and that it has ended. An error ends the
  // load; but FAILED_PRECONDITION says that it is too early, and the phase goes
  // on for a while. Who observes the end says so if nothing was done.
  using Observer = std::function<absl::Status()>;

  explicit Interval(const Options& options);

  void set_observers(Observer on_begin, Observer on_end);

  Phase phase() const { return phase_.load(std::memory_order_acquire); }
  bool is_counted() const { return phase() == Phase::kCounted; }
  bool is_over() const { return phase() == Phase::kOver; }

  // Ready says that one thread's load is on its way.
  void Ready() { ready_count_.fetch_add(1); }
  // NoteDone says that something has been done that counts: until then it does
  // not end, unless patience does.
  void NoteDone() { has_done_.store(true, std::memory_order_relaxed); }
  // Abort ends it at once, because a load has failed.
  void Abort() { phase_.store(Phase::kOver, std::memory_order_release); }

  // Tick goes to the next phase when it is time. TimeToTick returns until when
  // it need not be called, at most 5 ms, so that all threads see a change soon.
  void Tick();
  absl::Duration TimeToTick() const;

  const absl::Status& status() const { return status_; }
  absl::Duration length() const { return end_ - begin_; }
  // What the servers and this process have used of all processors.
  absl::Duration server_time() const { return server_time_; }
  absl::Duration own_time() const { return own_time_; }

 private:
  absl::Status Begin();
  absl::Status End();

  const absl::Duration warmup_;
  const absl::Duration time_;
  const absl::Duration patience_;
  const int thread_count_;
  ProcessTrees servers_;
  Observer on_begin_;
  Observer on_end_;
  std::atomic<Phase> phase_ = Phase::kWarmup;
  std::atomic<int> ready_count_ = 0;
  std::atomic<bool> has_done_ = false;
  // When the next phase begins; infinite until all are ready.
  absl::Duration next_ = absl::InfiniteDuration();
  // When it should have begun.
  absl::Duration next_phase_;
  absl::Duration begin_;
  absl::Duration end_;
  absl::Duration server_time_;
  absl::Duration own_time_;
  absl::Status status_;
};

}  // namespace tlsd::bench::load

#endif  // TLSD_TESTS_BENCH_LOAD_INTERVAL_H_
