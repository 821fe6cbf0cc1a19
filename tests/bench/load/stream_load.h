// StreamLoad moves bytes on all of its connections at once, for the interval:
// down, up, or there and back; in bulk or as round trips. Of what goes up the
// sink knows best how much has arrived, see SinkWatch: it is not in the tally.
#ifndef TLSD_TESTS_BENCH_LOAD_STREAM_LOAD_H_
#define TLSD_TESTS_BENCH_LOAD_STREAM_LOAD_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "tests/bench/load/load_part.h"
#include "tests/bench/load/stream_client.h"

namespace tlsd::bench::load {

class StreamLoad : public LoadPart {
 public:
  StreamLoad(const Options& options, int index, Interval* interval);

 private:
  // Client is one connection, and what the load knows of it.
  class Client : public StreamClient {
   public:
    using StreamClient::StreamClient;
    int64_t received_before = 0;  // the interval
    absl::Duration ask_time;      // of the round trip that is under way
  };

  void Drive() override;
  void OnPhase(Interval::Phase phase) override;
  std::vector<const TlsClient*> Waiting() const override;

  void OnOpen(Client& client);
  void Ask(Client& client);
  void OnAnswer(Client& client);

  StreamClient::Events events_;
  int open_count_ = 0;
  Clients<Client> clients_;
};

}  // namespace tlsd::bench::load

#endif  // TLSD_TESTS_BENCH_LOAD_STREAM_LOAD_H_
