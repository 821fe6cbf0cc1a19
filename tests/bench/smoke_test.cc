// The bench works. What it measures is nobody's business here.
#include <string>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/subprocess.h"

namespace tlsd::bench {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RunCommand;
using testing::RunResult;

constexpr char kBench[] = "tests/bench/decisions_bench";
constexpr absl::Duration kPatience = absl::Minutes(4);

TEST(DecisionsBenchTest, MeasuresEverything) {
  ASSERT_OK_AND_ASSIGN(const RunResult result,
                       RunCommand({kBench, "--smoke"}, "", kPatience));

  EXPECT_EQ(result.exit_code, 0) << result.error_output;
  EXPECT_THAT(result.output,
              AllOf(HasSubstr("| round trip of the decision"),
                    HasSubstr("| 1.2 | SIGN "), HasSubstr("| 1.3 | SIGN "),
                    HasSubstr("| 1.3 | in a store "), HasSubstr("| 100.00 % |"),
                    HasSubstr("| VERIFY_PEER ")));
}

TEST(DecisionsBenchTest, MeasuresOnlyWhatIsAskedFor) {
  ASSERT_OK_AND_ASSIGN(
      const RunResult result,
      RunCommand({kBench, "--smoke", "--only=resumption"}, "", kPatience));

  EXPECT_EQ(result.exit_code, 0) << result.error_output;
  EXPECT_THAT(result.output,
              AllOf(HasSubstr("in a store"), Not(HasSubstr("VERIFY_PEER"))));
}

TEST(DecisionsBenchTest, RefusesWhatItDoesNotMeasure) {
  ASSERT_OK_AND_ASSIGN(const RunResult result,
                       RunCommand({kBench, "--only=everything"}));

  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.error_output, HasSubstr("--only: got everything"));
}

TEST(DecisionsBenchTest, RefusesNoHandshakes) {
  ASSERT_OK_AND_ASSIGN(const RunResult result,
                       RunCommand({kBench, "--connections=0"}));

  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.error_output, HasSubstr("allowed: 1 and more"));
}

}  // namespace
}  // namespace tlsd::bench
