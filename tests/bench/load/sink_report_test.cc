#include "tests/bench/load/sink_report.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::bench::load {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(SinkReportTest, ReadsWhatItWrites) {
  const std::string text =
      FormatSinkReport({.error_count = 2, .sizes = {{7, 1000}, {9, 0}}});

  ASSERT_OK_AND_ASSIGN(const SinkReport report, ParseSinkReport(text));

  EXPECT_EQ(report.error_count, 2);
  EXPECT_THAT(report.sizes, ElementsAre(Pair(7, 1000), Pair(9, 0)));
}

TEST(SinkReportTest, RefusesAReportThatWasCutOff) {
  const std::string text =
      FormatSinkReport({.error_count = 2, .sizes = {{7, 1000}, {9, 0}}});

  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(ParseSinkReport(text.substr(0, size)).ok()) << size;
  }
}

TEST(SinkReportTest, RefusesOtherText) {
  for (const char* text : {"hello", "errors x\nend\n", "7 1\nend\n",
                           "errors 0\n7\nend\n", "errors 0\nx 1\nend\n"}) {
    EXPECT_FALSE(ParseSinkReport(text).ok()) << text;
  }
}

}  // namespace
}  // namespace tlsd::bench::load
