// TransferLoad moves a number of MiB on one connection, and no more, so that
// what a server does for it can be counted.
//
// Down, the server must lead to the port `request` of a Backend; up, to its
// sink.
#ifndef TLSD_TESTS_BENCH_LOAD_TRANSFER_LOAD_H_
#define TLSD_TESTS_BENCH_LOAD_TRANSFER_LOAD_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "tests/bench/load/load_part.h"
#include "tests/bench/load/sink_report.h"
#include "tests/bench/load/stream_client.h"

namespace tlsd::bench::load {

class TransferLoad : public LoadPart {
 public:
  explicit TransferLoad(const Options& options);

 private:
  void Drive() override;
  std::vector<const TlsClient*> Waiting() const override;

  void Request(StreamClient& client) const;
  void SendSome(StreamClient& client) const;
  void OnReceived(StreamClient& client) const;
  // AwaitArrival polls until all is in the sink.
  void AwaitArrival(SinkWatch& watch);

  // How many bytes to move.
  const int64_t size_;
  StreamClient::Events events_;
  bool has_ended_ = false;
  std::unique_ptr<StreamClient> client_;
};

}  // namespace tlsd::bench::load

#endif  // TLSD_TESTS_BENCH_LOAD_TRANSFER_LOAD_H_
