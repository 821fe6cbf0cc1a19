#include "tests/bench/load/process_trees.h"

#include <sys/types.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/subprocess.h"

namespace tlsd::bench::load {
namespace {

using ::testing::HasSubstr;
using testing::IsOk;
using testing::Subprocess;

// Burn uses that much of a processor.
void Burn(absl::Duration time) {
  const absl::Duration end = OwnTime() + time;
  while (OwnTime() < end) {
  }
}

TEST(ProcessTreesTest, CountsThreadsThatHaveEnded) {
  ProcessTrees self({getpid()});
  ASSERT_THAT(self.Begin(), IsOk());

  std::thread([] { Burn(absl::Milliseconds(30)); }).join();

  ASSERT_OK_AND_ASSIGN(const absl::Duration used, self.TimeUsed());
  EXPECT_GE(used, absl::Milliseconds(30));
}

TEST(ProcessTreesTest, CountsNothingFromBefore) {
  ProcessTrees self({getpid()});
  Burn(absl::Milliseconds(200));

  ASSERT_THAT(self.Begin(), IsOk());

  ASSERT_OK_AND_ASSIGN(const absl::Duration used, self.TimeUsed());
  EXPECT_LT(used, absl::Milliseconds(200));
}

TEST(ProcessTreesTest, CountsWhatAProcessHasStarted) {
  // The inner shell says that it runs, and loops for ever.
  ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<Subprocess> shell,
      Subprocess::Start(
          {"sh", "-c", "sh -c 'echo runs; while :; do :; done' & wait"}));
  ASSERT_THAT(shell->WaitForOutput("runs"), IsOk());
  ProcessTrees trees({shell->pid()});
  ASSERT_THAT(trees.Begin(), IsOk());

  absl::Duration used;
  while (used < absl::Milliseconds(20)) {
    ASSERT_OK_AND_ASSIGN(used, trees.TimeUsed());
  }
}

TEST(ProcessTreesTest, FailsWhenAProcessEndsBecauseItsTimeIsLost) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Subprocess> shell,
                       Subprocess::Start({"sh", "-c", "echo runs; cat"}));
  ASSERT_THAT(shell->WaitForOutput("runs"), IsOk());
  ProcessTrees trees({shell->pid()});
  ASSERT_THAT(trees.Begin(), IsOk());

  shell->CloseInput();
  ASSERT_OK_AND_ASSIGN(const int exit_code, shell->Wait());

  EXPECT_EQ(exit_code, 0);
  EXPECT_TRUE(absl::IsAborted(trees.TimeUsed().status()));
  EXPECT_TRUE(absl::IsNotFound(trees.Begin()));
}

TEST(ProcessTreesTest, SeesMemoryThatIsWrittenTo) {
  ProcessTrees self({getpid()});
  constexpr size_t kSize = 32 * 1024 * 1024;
  ASSERT_OK_AND_ASSIGN(const int64_t before, self.OwnMemory());

  const std::vector<char> memory(kSize, 'x');

  ASSERT_OK_AND_ASSIGN(const int64_t after, self.OwnMemory());
  EXPECT_GE(after - before, static_cast<int64_t>(memory.size() / 10 * 9));
}

}  // namespace
}  // namespace tlsd::bench::load
