// Latencies is how long each of many things took. It keeps every one of them:
// nothing is rounded. It belongs to one thread.
#ifndef TLSD_TESTS_BENCH_LOAD_LATENCIES_H_
#define TLSD_TESTS_BENCH_LOAD_LATENCIES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"

namespace tlsd::bench::load {

class Latencies {
 public:
  void Add(absl::Duration latency) {
    nanoseconds_.push_back(absl::ToInt64Nanoseconds(latency));
  }
  void Add(const Latencies& others);

  bool empty() const { return nanoseconds_.empty(); }

  // Percentile returns the smallest latency that `percent` of all do not
  // exceed; 100 is the longest. There must be some.
  absl::Duration Percentile(double percent);

 private:
  std::vector<int64_t> nanoseconds_;
};

// Uptime is a clock that nobody sets.
absl::Duration Uptime();

}  // namespace tlsd::bench::load

#endif  // TLSD_TESTS_BENCH_LOAD_LATENCIES_H_
