#include "tests/bench/load/latencies.h"

#include "gtest/gtest.h"

namespace tlsd::bench::load {
namespace {

Latencies Milliseconds(int from, int to) {
  Latencies latencies;
  // Not in order.
  for (int i = to; i >= from; --i) latencies.Add(absl::Milliseconds(i));
  return latencies;
}

TEST(LatenciesTest, FindsPercentiles) {
  Latencies latencies = Milliseconds(1, 200);

  EXPECT_EQ(latencies.Percentile(50), absl::Milliseconds(100));
  EXPECT_EQ(latencies.Percentile(99), absl::Milliseconds(198));
  EXPECT_EQ(latencies.Percentile(100), absl::Milliseconds(200));
  EXPECT_EQ(latencies.Percentile(0), absl::Milliseconds(1));
}

TEST(LatenciesTest, FindsThemInOne) {
  Latencies latencies = Milliseconds(7, 7);

  EXPECT_EQ(latencies.Percentile(1), absl::Milliseconds(7));
  EXPECT_EQ(latencies.Percentile(99), absl::Milliseconds(7));
}

TEST(LatenciesTest, TakesThoseOfOthersIn) {
  Latencies latencies = Milliseconds(1, 99);

  latencies.Add(Milliseconds(500, 500));

  EXPECT_EQ(latencies.Percentile(99), absl::Milliseconds(99));
  EXPECT_EQ(latencies.Percentile(100), absl::Milliseconds(500));
}

}  // namespace
}  // namespace tlsd::bench::load
