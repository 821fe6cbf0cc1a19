// Rates counts the handshakes each second of several loads on one daemon, in
// turns, and keeps the best run of each.
//
// One thread owns it; the daemon must outlive it.
#ifndef TLSD_TESTS_BENCH_RATES_H_
#define TLSD_TESTS_BENCH_RATES_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tests/bench/bench_daemon.h"
#include "tests/bench/load.h"
#include "tests/bench/measurements.h"

namespace tlsd::bench {

class Rates {
 public:
  // Row is one load and its best run.
  struct Row {
    std::string name;
    PeerOptions peer;
    // Index of the row that it is compared with; maybe its own.
    size_t base = 0;
    std::unique_ptr<Load> load;
    LoadResult best = {};
    // What each handshake has used of all processors: in the daemon, and here,
    // by the load and the handler.
    absl::Duration daemon_time = absl::ZeroDuration();
    absl::Duration load_time = absl::ZeroDuration();
  };

  Rates(const BenchDaemon& daemon, const BenchOptions& options)
      : daemon_(daemon), options_(options) {}

  // Add adds a load on `port`, and returns its index. `session_count` is as in
  // LoadOptions.
  size_t Add(const std::string& name, int port, const PeerOptions& peer,
             size_t base, int session_count = 0);

  // Run runs each load as often as the options say.
  absl::Status Run();

  const std::vector<Row>& rows() const { return rows_; }
  const Row& base(const Row& row) const { return rows_[row.base]; }

 private:
  absl::Status RunOnce(Row& row);

  const BenchDaemon& daemon_;
  const BenchOptions options_;
  std::vector<Row> rows_;
};

// VersionName returns "1.2" or "1.3".
std::string VersionName(const PeerOptions& peer);

}  // namespace tlsd::bench

#endif  // TLSD_TESTS_BENCH_RATES_H_
