#include "tests/contract/transport_contract.h"

#include <utility>

#include "absl/time/time.h"
#include "server/net/event_loop.h"
#include "server/net/socket_address.h"
#include "server/net/transport_pair.h"

namespace tlsd::net {
namespace {

Ends OverSockets(LoopFixture& home, const Endpoint& endpoint) {
  ConnectedSockets sockets = ConnectSockets(home, endpoint);
  return {std::move(sockets.client), std::move(sockets.server), &home, &home};
}

Ends OverAPair(LoopFixture& first, LoopFixture& second) {
  TransportPair pair =
      MakeTransportPair(*first.loop, first.pool, *second.loop, second.pool);
  return {std::move(pair.first), std::move(pair.second), &first, &second};
}

}  // namespace

std::vector<Carrier> AllCarriers() {
  return {
      {"Tcp",
       [](LoopFixture& home, LoopFixture&, const TempFolder&) {
         return OverSockets(home, LoopbackEndpoint());
       },
       /*is_pair=*/false, /*shows_resets=*/true},
      {"Unix",
       [](LoopFixture& home, LoopFixture&, const TempFolder& folder) {
         return OverSockets(home, {"", 0, folder.Path("socket")});
       }},
      {"Pair",
       [](LoopFixture& home, LoopFixture&, const TempFolder&) {
         return OverAPair(home, home);
       },
       /*is_pair=*/true, /*shows_resets=*/true},
      {"PairAcrossLoops",
       [](LoopFixture& home, LoopFixture& other, const TempFolder&) {
         return OverAPair(home, other);
       },
       /*is_pair=*/true, /*shows_resets=*/true},
  };
}

void PrintTo(const Carrier& carrier, std::ostream* out) {
  *out << carrier.name;
}

const std::string& MuchNoise() {
  static const std::string* const noise = new std::string(Noise(kMuch));
  return *noise;
}

absl::Status ResetReason() { return absl::CancelledError("the reason"); }

TransportContractTest::TransportContractTest() {
  Ends ends = carrier().connect(fixture_, other_, folder_);
  near_ = std::move(ends.client);
  far_ = std::move(ends.server);
  near_home_ = ends.client_home;
  far_home_ = ends.server_home;
  if (std::get<1>(GetParam())) {
    near_.swap(far_);
    std::swap(near_home_, far_home_);
  }
}

void TransportContractTest::SetUp() {
  ASSERT_NE(near_, nullptr);
  ASSERT_NE(far_, nullptr);
  near_->Start(near_seen_);
  far_->Start(far_seen_);
}

void TransportContractTest::Write(Transport& transport,
                                  absl::string_view text) {
  WriteText(&transport == near_.get() ? *near_home_ : *far_home_, transport,
            text);
}

std::string TransportContractTest::Fill() {
  const std::string& text = MuchNoise();
  Write(*near_, text);
  EXPECT_GT(near_->unsent_size(), 0);
  return text;
}

bool TransportContractTest::RunUntil(const std::function<bool()>& condition) {
  return fixture_.RunUntil([&] {
    other_.RunOnce();
    return condition();
  });
}

void TransportContractTest::RunOnce() {
  fixture_.RunOnce();
  other_.RunOnce();
}

void TransportContractTest::RunForAWhile() {
  bool is_over = false;
  const auto timer =
      fixture_.loop->After(absl::Milliseconds(20), [&] { is_over = true; });
  RunUntil([&] { return is_over; });
}

size_t TransportContractTest::LentCount() const {
  return fixture_.pool.lent_count() + other_.pool.lent_count();
}

std::string NameOfRun(
    const testing::TestParamInfo<TransportContractTest::ParamType>& info) {
  return std::get<0>(info.param).name +
         (std::get<1>(info.param) ? "Accepted" : "Dialled");
}

}  // namespace tlsd::net
