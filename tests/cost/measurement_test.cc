#include "tests/cost/measurement.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tlsd::cost {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(MeasurementTest, ReadsTheInstructionsOfOneUnit) {
  Counts counts;

  const absl::Status read = ReadDump(
      "# callgrind format\n"
      "desc: Trigger: Client Request: handshake_tls13/20\n"
      "summary: 31\nfn=(1) main\n1 2\ntotals: 30791724\n",
      counts);

  ASSERT_TRUE(read.ok()) << read;
  EXPECT_THAT(counts,
              ElementsAre(Pair("handshake_tls13.instructions", 1539586)));
}

TEST(MeasurementTest, LeavesTheRestOfTheProgramOut) {
  Counts counts;

  const absl::Status read = ReadDump(
      "desc: Trigger: Program termination\nsummary: 7\ntotals: 7\n", counts);

  EXPECT_TRUE(read.ok()) << read;
  EXPECT_THAT(counts, IsEmpty());
}

TEST(MeasurementTest, RefusesWhatIsNoDump) {
  for (const char* dump :
       {"", "totals: 7\n", "desc: Trigger: Client Request: a/1\n",
        "desc: Trigger: Client Request: a\ntotals: 7\n",
        "desc: Trigger: Client Request: a/0\ntotals: 7\n",
        "desc: Trigger: Client Request: a/1\ntotals: x\n"}) {
    Counts counts;

    EXPECT_EQ(ReadDump(dump, counts).code(), absl::StatusCode::kInvalidArgument)
        << dump;
    EXPECT_THAT(counts, IsEmpty()) << dump;
  }
}

}  // namespace
}  // namespace tlsd::cost
