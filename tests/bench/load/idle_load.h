// IdleLoad opens connections, moves some bytes there and back on each if it is
// told to, and leaves them alone. What they cost a server in memory is measured
// before the first and after the last, when the server has come to rest.
#ifndef TLSD_TESTS_BENCH_LOAD_IDLE_LOAD_H_
#define TLSD_TESTS_BENCH_LOAD_IDLE_LOAD_H_

#include <cstdint>
#include <vector>

#include "tests/bench/load/load_part.h"
#include "tests/bench/load/stream_client.h"

namespace tlsd::bench::load {

class IdleLoad : public LoadPart {
 public:
  explicit IdleLoad(const Options& options);

  // Of the servers, in bytes.
  int64_t memory_before() const { return memory_before_; }
  int64_t memory_after() const { return memory_after_; }

 private:
  void Drive() override;
  std::vector<const TlsClient*> Waiting() const override;

  void Dial();
  // OnIdle is called when a connection has done all that it will do.
  void OnIdle();
  // Measure waits until the servers have come to rest, and returns what is
  // theirs.
  int64_t Measure();

  StreamClient::Events events_;
  int dialled_count_ = 0;
  int idle_count_ = 0;
  int64_t memory_before_ = 0;
  int64_t memory_after_ = 0;
  Clients<StreamClient> clients_;
};

}  // namespace tlsd::bench::load

#endif  // TLSD_TESTS_BENCH_LOAD_IDLE_LOAD_H_
