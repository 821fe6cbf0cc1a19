// What is measured: each function starts a daemon of its own, measures, and
// prints a table. None judges the figures; each fails if a handshake does.
//
// docs/performance.md says what the figures mean. One thread calls them.
#ifndef TLSD_TESTS_BENCH_MEASUREMENTS_H_
#define TLSD_TESTS_BENCH_MEASUREMENTS_H_

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace tlsd::bench {

// BenchOptions says how much is done.
struct BenchOptions {
  int worker_count = 0;      // threads of the daemon's data plane
  int connection_count = 0;  // handshakes under way at once
  int load_thread_count = 0;
  absl::Duration time;       // of each run that counts a rate
  int repeat_count = 0;      // of each run; the best is shown
  int round_trip_count = 0;  // handshakes, one after the other, for latencies
  int silence_count = 0;     // calls and handshakes after silence
  int stored_count = 0;      // sessions in the store
  int session_count = 0;     // of those, the ones that clients have
  int parked_count = 0;      // handshakes that wait
};

// How long an answer takes: of one handshake at a time, and of a unary call on
// the same socket, which is the limit.
absl::Status MeasureRoundTrips(const BenchOptions& options);

// Full handshakes each second, without a hook and with each.
absl::Status MeasureHandshakes(const BenchOptions& options);

// Resumed handshakes each second, with tickets and with a store.
absl::Status MeasureResumption(const BenchOptions& options);

// Memory of handshakes that wait, and what they cost those that do not.
absl::Status MeasureParked(const BenchOptions& options);

}  // namespace tlsd::bench

#endif  // TLSD_TESTS_BENCH_MEASUREMENTS_H_
