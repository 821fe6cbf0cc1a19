// What a load has counted, and what it says of it. Plain values.
#ifndef TLSD_TESTS_BENCH_LOAD_RESULT_H_
#define TLSD_TESTS_BENCH_LOAD_RESULT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/bench/load/latencies.h"
#include "tests/bench/load/options.h"

namespace tlsd::bench::load {

// Tally is what one thread has counted.
struct Tally {
  int64_t count = 0;    // of handshakes or round trips
  int64_t resumed = 0;  // of these handshakes
  Latencies latencies = {};
  // What each connection has moved.
  std::vector<int64_t> bytes = {};

  void Add(const Tally& other);
};

struct Result {
  Tally tally = {};
  absl::Duration length = {};
  absl::Duration server_time = {};
  absl::Duration own_time = {};
  // Of the servers, in bytes.
  std::optional<int64_t> memory_before = {};
  std::optional<int64_t> memory_after = {};
};

// Fairness returns what the worst connection has moved over the mean of all; 0
// if nothing was moved.
double Fairness(const std::vector<int64_t>& bytes);

// ToJson returns one line. What a mode does not have is left out, and what
// servers use if --cpu_of is empty.
std::string ToJson(const Options& options, Result result);

}  // namespace tlsd::bench::load

#endif  // TLSD_TESTS_BENCH_LOAD_RESULT_H_
