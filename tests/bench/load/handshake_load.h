// HandshakeLoad makes handshakes. Each connection sends a byte, and when that
// has come back it ends with close_notify and the end of the stream.
//
// As many as it has connections are under way at once, for a time or until a
// number of them is made; or they come at a rate, however many are under way.
#ifndef TLSD_TESTS_BENCH_LOAD_HANDSHAKE_LOAD_H_
#define TLSD_TESTS_BENCH_LOAD_HANDSHAKE_LOAD_H_

#include <random>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tests/bench/load/load_part.h"

namespace tlsd::bench::load {

class HandshakeLoad : public LoadPart {
 public:
  HandshakeLoad(const Options& options, int index, Interval* interval);
  ~HandshakeLoad() override;

 private:
  class Client;

  void Drive() override;
  absl::Duration OnTurn() override;
  std::vector<const TlsClient*> Waiting() const override;

  // AwaitSessions waits until each that is under way offers a session.
  void AwaitSessions();
  // Dial counts the time from `begin` on.
  void Dial(absl::Duration begin);
  void OnDone(const Client& client);
  void OnEnd(const Client& client, const absl::Status& status);

  // The next arrival, in Uptime, and how long until the one after it: they come
  // as independent users do, always at the same times.
  absl::Duration next_arrival_;
  std::mt19937_64 random_;
  std::exponential_distribution<double> gap_seconds_;

  // How many may still be dialled.
  int left_;
  int end_count_ = 0;
  Clients<Client> clients_;
};

}  // namespace tlsd::bench::load

#endif  // TLSD_TESTS_BENCH_LOAD_HANDSHAKE_LOAD_H_
