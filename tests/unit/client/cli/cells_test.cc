#include "client/cli/cells.h"

#include <gtest/gtest.h>

namespace tlsd::client::cli {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1000000);
constexpr absl::Duration kDay = absl::Hours(24);

TEST(CellsTest, MakesWordsOfEnumerators) {
  EXPECT_EQ(EnumWord("STATE_ACTIVE", "STATE_"), "active");
  EXPECT_EQ(EnumWord("EVENT_TYPE_CLIENT_ERROR", "EVENT_TYPE_"), "client error");
  EXPECT_EQ(EnumWord("STATE_UNSPECIFIED", "STATE_"), "");
}

TEST(CellsTest, CountsOneAndMany) {
  EXPECT_EQ(Count(1, "text"), "1 text");
  EXPECT_EQ(Count(0, "text"), "0 texts");
  EXPECT_EQ(Count(2, "text"), "2 texts");
}

TEST(CellsTest, TellsAnAgeOnlyIfThereIsOne) {
  google::protobuf::Timestamp time;
  time.set_seconds(999988);

  EXPECT_EQ(AgeText(true, time, kNow), "12s");
  EXPECT_EQ(AgeText(false, time, kNow), "");
}

TEST(CellsTest, IsCarefulInTheLastTwoWeeks) {
  EXPECT_EQ(ExpiryTone(14 * kDay), Tone::kGood);
  EXPECT_EQ(ExpiryTone(14 * kDay - absl::Seconds(1)), Tone::kCareful);
  EXPECT_EQ(ExpiryTone(absl::ZeroDuration()), Tone::kCareful);
  EXPECT_EQ(ExpiryTone(absl::Seconds(-1)), Tone::kBad);
}

TEST(CellsTest, TellsWhenACertificateEnds) {
  EXPECT_EQ(ExpiryCell(kNow + 2 * kDay, kNow).text, "in 2d");
  EXPECT_EQ(ExpiryCell(kNow - 2 * kDay, kNow).text, "2d ago");
  EXPECT_EQ(ExpiryCell(kNow - 2 * kDay, kNow).tone, Tone::kBad);
}

TEST(CellsTest, CountsWholeDays) {
  EXPECT_EQ(DaysLeftCell(20 * kDay + absl::Hours(23)).text, "20");
  EXPECT_EQ(DaysLeftCell(absl::Hours(1)).text, "0");
  EXPECT_EQ(DaysLeftCell(absl::Hours(-1)).text, "-1");
  EXPECT_EQ(DaysLeftCell(absl::Hours(-1)).tone, Tone::kBad);
  EXPECT_EQ(DaysLeftCell(absl::Hours(1)).tone, Tone::kCareful);
}

}  // namespace
}  // namespace tlsd::client::cli
