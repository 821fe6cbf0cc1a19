#include "tests/cost/counts.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tlsd::cost {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

Verdict VerdictOf(double accepted, double measured) {
  return Compare({{"one", accepted}}, {{"one", measured}}).at(0).verdict;
}

TEST(CountsTest, ReadsNamesAndValues) {
  const auto counts = ParseCounts("# Comment\n\nb.bytes 5473\n a.count  0.5\n");

  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_THAT(*counts,
              ElementsAre(Pair("a.count", 0.5), Pair("b.bytes", 5473)));
}

TEST(CountsTest, RefusesLinesThatAreNoCounts) {
  for (const char* line : {"name", "name x", "name 1 2", "name -1", "name nan",
                           "name 1\nname 1"}) {
    const auto counts = ParseCounts(absl::StrCat("first 1\n", line));

    EXPECT_EQ(counts.status().code(), absl::StatusCode::kInvalidArgument)
        << line;
    EXPECT_THAT(counts.status().message(), HasSubstr("line ")) << line;
  }
}

TEST(CountsTest, ReadsWhatItWrites) {
  const Counts counts = {{"a", 1539586}, {"b", 0}, {"c", 228.35}};

  const std::string text = FormatCounts("First.\n\nThird.", counts);

  EXPECT_EQ(text, "# First.\n#\n# Third.\na 1539586\nb 0\nc 228.35\n");
  EXPECT_EQ(ParseCounts(text).value(), counts);
}

TEST(CountsTest, AcceptsFivePerCentInEitherDirection) {
  EXPECT_EQ(VerdictOf(1000, 1000), Verdict::kAccepted);
  EXPECT_EQ(VerdictOf(1000, 1050), Verdict::kAccepted);
  EXPECT_EQ(VerdictOf(1000, 950), Verdict::kAccepted);
  EXPECT_EQ(VerdictOf(0, 0), Verdict::kAccepted);
}

TEST(CountsTest, FindsARegression) {
  EXPECT_EQ(VerdictOf(1000, 1051), Verdict::kRegression);
  EXPECT_EQ(VerdictOf(0, 0.01), Verdict::kRegression);
}

TEST(CountsTest, FindsAGainThatIsNotWrittenDown) {
  EXPECT_EQ(VerdictOf(1000, 949), Verdict::kGain);
  EXPECT_EQ(VerdictOf(1, 0), Verdict::kGain);
}

TEST(CountsTest, FindsWhatIsNotAccepted) {
  const auto compared = Compare({}, {{"fresh", 1}});

  ASSERT_EQ(compared.size(), 1u);
  EXPECT_EQ(compared[0].verdict, Verdict::kUnknown);
  EXPECT_FALSE(AllAccepted(compared));
}

TEST(CountsTest, FindsWhatIsNotMeasured) {
  const auto compared = Compare({{"gone", 1}}, {});

  ASSERT_EQ(compared.size(), 1u);
  EXPECT_EQ(compared[0].verdict, Verdict::kMissing);
  EXPECT_FALSE(AllAccepted(compared));
}

TEST(CountsTest, OneBadCountIsEnough) {
  const Counts accepted = {{"a", 100}, {"b", 100}, {"c", 100}};

  EXPECT_TRUE(AllAccepted(Compare(accepted, accepted)));
  EXPECT_FALSE(
      AllAccepted(Compare(accepted, {{"a", 100}, {"b", 106}, {"c", 100}})));
}

TEST(CountsTest, ShowsEachCountOnALine) {
  const std::string table =
      FormatTable(Compare({{"gone", 2}, {"record", 1000}, {"same", 7}},
                          {{"record", 1100}, {"same", 7}}));

  EXPECT_EQ(table,
            "name      accepted    measured   ratio\n"
            "gone             2           -       -  not measured\n"
            "record        1000        1100   1.100  costs more\n"
            "same             7           7   1.000\n");
}

}  // namespace
}  // namespace tlsd::cost
