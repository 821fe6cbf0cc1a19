#include "tests/bench/load/result.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tlsd::bench::load {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(ResultTest, DividesByTheTimeOfTheServer) {
  Result result = {.length = absl::Seconds(2), .server_time = absl::Seconds(1)};
  result.tally.count = 3000;
  result.tally.latencies.Add(absl::Microseconds(250));

  const std::string json = ToJson({.cpu_of = {1}}, result);

  EXPECT_THAT(json, AllOf(HasSubstr("{\"mode\":\"handshakes\""),
                          HasSubstr("\"count\":3000,"),
                          HasSubstr("\"per_second\":1500.000000"),
                          HasSubstr("\"per_cpu_second\":3000.000000"),
                          HasSubstr("\"latency_p50_us\":250.000000")));
}

TEST(ResultTest, CountsBytesAsMegabytes) {
  Result result = {.length = absl::Seconds(1),
                   .server_time = absl::Milliseconds(500)};
  result.tally.bytes = {1000000, 3000000};

  const std::string json = ToJson({.mode = Mode::kDown, .cpu_of = {1}}, result);

  EXPECT_THAT(json, AllOf(HasSubstr("\"bytes\":4000000,"),
                          HasSubstr("\"fairness\":0.500000"),
                          HasSubstr("\"per_cpu_second\":8.000000")));
}

TEST(ResultTest, SharesMemoryOutAmongConnections) {
  const Result result = {.memory_before = 1000, .memory_after = 31000};

  const std::string json =
      ToJson({.mode = Mode::kIdle, .connections = 10}, result);

  EXPECT_THAT(json, HasSubstr("\"bytes_per_connection\":3000.000000"));
}

TEST(ResultTest, LeavesOutWhatItDoesNotHave) {
  const std::string json =
      ToJson({.version = kWithoutTls}, {.length = absl::Seconds(1)});

  EXPECT_THAT(json, AllOf(Not(HasSubstr("server_cpu_seconds")),
                          Not(HasSubstr("latency")), Not(HasSubstr("version")),
                          Not(HasSubstr("bytes")), Not(HasSubstr("resumed"))));
}

TEST(ResultTest, FindsTheWorstConnection) {
  EXPECT_EQ(Fairness({5, 5, 5}), 1);
  EXPECT_EQ(Fairness({0, 10}), 0);
  EXPECT_EQ(Fairness({}), 0);
}

TEST(ResultTest, AddsWhatThreadsHaveCounted) {
  Tally tally = {.count = 1, .resumed = 1, .bytes = {1}};

  tally.Add({.count = 2, .resumed = 0, .bytes = {2, 3}});

  EXPECT_EQ(tally.count, 3);
  EXPECT_EQ(tally.resumed, 1);
  EXPECT_THAT(tally.bytes, ::testing::ElementsAre(1, 2, 3));
}

}  // namespace
}  // namespace tlsd::bench::load
