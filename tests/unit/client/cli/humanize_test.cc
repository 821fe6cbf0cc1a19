#include "client/cli/humanize.h"

#include <gtest/gtest.h>

#include "proto/status/error.h"

namespace tlsd::client::cli {
namespace {

TEST(HumanizeTest, ShowsBytesWithAUnit) {
  EXPECT_EQ(HumanBytes(0), "0 B");
  EXPECT_EQ(HumanBytes(1023), "1023 B");
  EXPECT_EQ(HumanBytes(1024), "1.0 KiB");
  EXPECT_EQ(HumanBytes(1536), "1.5 KiB");
  EXPECT_EQ(HumanBytes(10 * 1024), "10 KiB");
  EXPECT_EQ(HumanBytes(1024 * 1024 - 1), "1.0 MiB");
  EXPECT_EQ(HumanBytes(int64_t{5} << 40), "5.0 TiB");
  EXPECT_EQ(HumanBytes(INT64_MAX), "8.0 EiB");
}

TEST(HumanizeTest, ShowsTheTwoLargestUnitsOfADuration) {
  EXPECT_EQ(HumanDuration(absl::ZeroDuration()), "0ms");
  EXPECT_EQ(HumanDuration(absl::Milliseconds(850)), "850ms");
  EXPECT_EQ(HumanDuration(absl::Milliseconds(1850)), "1s");
  EXPECT_EQ(HumanDuration(absl::Seconds(200)), "3m 20s");
  EXPECT_EQ(HumanDuration(absl::Minutes(120)), "2h");
  EXPECT_EQ(HumanDuration(absl::Hours(24 * 41 + 3)), "41d 3h");
  EXPECT_EQ(HumanDuration(-absl::Seconds(5)), "-5s");
  EXPECT_EQ(HumanDuration(absl::InfiniteDuration()), "forever");
}

TEST(HumanizeTest, ShowsTimesRelativeToNow) {
  const absl::Time now = absl::FromUnixSeconds(1000000);

  EXPECT_EQ(HumanAge(now - absl::Seconds(12), now), "12s ago");
  EXPECT_EQ(HumanAge(now + absl::Hours(49), now), "in 2d 1h");
}

TEST(HumanizeTest, ParsesDurations) {
  EXPECT_EQ(ParseDuration("5s").value(), absl::Seconds(5));
  EXPECT_EQ(ParseDuration("500ms").value(), absl::Milliseconds(500));
  EXPECT_EQ(ParseDuration("2m").value(), absl::Minutes(2));
  EXPECT_EQ(ParseDuration("1h30m").value(), absl::Minutes(90));
  EXPECT_EQ(ParseDuration("0").value(), absl::ZeroDuration());
}

TEST(HumanizeTest, RefusesWhatIsNoDuration) {
  for (const char* text : {"", "5", "s", "-1s", "inf", "5 parsecs", "five"}) {
    EXPECT_TRUE(HasReason(ParseDuration(text).status(), Reason::kFieldInvalid))
        << text;
  }
}

}  // namespace
}  // namespace tlsd::client::cli
