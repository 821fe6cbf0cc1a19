// What the tests of Transport's contract share: the carriers that they run
// over, and two connected transports. A new transport joins with one more
// Carrier.
//
// All loops belong to the thread of the test, which turns them.
#ifndef TLSD_TESTS_CONTRACT_TRANSPORT_CONTRACT_H_
#define TLSD_TESTS_CONTRACT_TRANSPORT_CONTRACT_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "server/net/transport.h"
#include "tests/unit/net/net_testing.h"

namespace tlsd::net {

// Two transports that are connected, and where each lives.
struct Ends {
  std::unique_ptr<Transport> client;
  std::unique_ptr<Transport> server;
  LoopFixture* client_home = nullptr;
  LoopFixture* server_home = nullptr;
};

// How transports of one kind are made, and what they cannot do alike.
struct Carrier {
  std::string name;
  // The second loop is for carriers that have one for each end.
  std::function<Ends(LoopFixture&, LoopFixture&, const TempFolder&)> connect;
  bool is_pair = false;
  // Whether the peer can tell a reset from an end.
  bool shows_resets = false;
};

// PrintTo shows a carrier where a test fails.
void PrintTo(const Carrier& carrier, std::ostream* out);

// AllCarriers returns every transport that there is.
std::vector<Carrier> AllCarriers();

// More than any carrier buffers on the way.
inline constexpr size_t kMuch = 8 << 20;

// MuchNoise is kMuch bytes, always the same.
const std::string& MuchNoise();

// ResetReason is what resets are given.
absl::Status ResetReason();

// The transport under test is `near_`; what it did is seen at `far_`. The
// second parameter says whether it is the end that was accepted.
class TransportContractTest
    : public testing::TestWithParam<std::tuple<Carrier, bool>> {
 protected:
  TransportContractTest();
  void SetUp() override;

  const Carrier& carrier() const { return std::get<0>(GetParam()); }

  // Write sends `text` through `near_` or `far_`.
  void Write(Transport& transport, absl::string_view text);

  // Fill writes to `near_` until some of it stays unsent.
  std::string Fill();

  // RunUntil and RunOnce are those of LoopFixture, for both loops.
  bool RunUntil(const std::function<bool()>& condition);
  void RunOnce();

  // RunForAWhile handles all that is ready or becomes so in a short time.
  void RunForAWhile();

  // LentCount returns how many chunks are in use.
  size_t LentCount() const;

  TempFolder folder_;
  LoopFixture fixture_;
  LoopFixture other_;
  LoopFixture* near_home_ = nullptr;
  LoopFixture* far_home_ = nullptr;
  Recorder near_seen_;
  Recorder far_seen_;
  std::unique_ptr<Transport> near_;
  std::unique_ptr<Transport> far_;
};

// NameOfRun returns e.g. "TcpAccepted".
std::string NameOfRun(
    const testing::TestParamInfo<TransportContractTest::ParamType>& info);

}  // namespace tlsd::net

#endif  // TLSD_TESTS_CONTRACT_TRANSPORT_CONTRACT_H_
