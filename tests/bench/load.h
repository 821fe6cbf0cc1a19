// Load keeps a number of handshakes under way on a listener: as soon as one
// peer is done the next is dialled.
//
// One thread owns it; its own threads live only while it runs. With `resumes`
// its peers offer sessions that earlier ones were given.
#ifndef TLSD_TESTS_BENCH_LOAD_H_
#define TLSD_TESTS_BENCH_LOAD_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/bench/bench_peer.h"

namespace tlsd::bench {

struct LoadOptions {
  int port = 0;
  PeerOptions peer;
  // Under way at once, and threads that drive them: at most as many.
  int connection_count = 1;
  int thread_count = 1;
  // Offer sessions, of which so many are kept. 0: full handshakes.
  int session_count = 0;
};

// LoadResult is what was counted.
struct LoadResult {
  int64_t handshake_count = 0;
  int64_t total_count = 0;    // with those that ended after the time was up
  int64_t offered_count = 0;  // of those, the peers that offered a session
  int64_t resumed_count = 0;  // and of those, the ones that resumed it
  absl::Duration time;
  // From dialling to the byte that came back, of each handshake.
  std::vector<absl::Duration> latencies;

  double rate() const;  // handshakes each second
};

class Load {
 public:
  explicit Load(const LoadOptions& options);
  ~Load();

  // Prime makes the sessions that peers will offer, if there are too few.
  absl::Status Prime();

  // Run counts for `time`, and longer if nothing was done by then; it returns
  // when nothing is under way. Both fail if any handshake does, or takes more
  // than a minute.
  absl::StatusOr<LoadResult> Run(absl::Duration time);

 private:
  class Driver;

  // OnEachThread returns the first error of `work`.
  absl::Status OnEachThread(const std::function<void(Driver&)>& work);

  std::vector<std::unique_ptr<Driver>> drivers_;
};

// HandshakeLatencies returns how long `count` full handshakes take, one after
// the other, on `port`.
absl::StatusOr<std::vector<absl::Duration>> HandshakeLatencies(int port,
                                                               int count);

}  // namespace tlsd::bench

#endif  // TLSD_TESTS_BENCH_LOAD_H_
