// What the data plane costs is what accepted.txt says.
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "gtest/gtest.h"
#include "tests/cost/counts.h"
#include "tests/cost/measurement.h"

namespace tlsd::cost {
namespace {

TEST(CostTest, NothingCostsOtherThanIsAccepted) {
  if (const absl::Status fits = CheckProcessor(); !fits.ok()) {
    GTEST_SKIP() << fits.message();
  }
  std::ifstream file{std::string(kAcceptedPath)};
  std::ostringstream text;
  text << file.rdbuf();
  const absl::StatusOr<Counts> accepted = ParseCounts(text.str());
  ASSERT_TRUE(accepted.ok()) << kAcceptedPath << ": " << accepted.status();
  const std::string folder = ::testing::TempDir() + "/dumps";
  std::filesystem::create_directory(folder);

  const absl::StatusOr<Counts> measured = Measure(folder);

  ASSERT_TRUE(measured.ok()) << measured.status();
  const std::vector<ComparedCount> compared = Compare(*accepted, *measured);
  EXPECT_TRUE(AllAccepted(compared))
      << FormatTable(compared)
      << "If it shall cost that: bazel run //tests/cost:accept, and say in the "
         "commit why.";
}

}  // namespace
}  // namespace tlsd::cost
