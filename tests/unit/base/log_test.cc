#include "server/base/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "absl/cleanup/cleanup.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tlsd::base {
namespace {

using ::testing::EndsWith;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

// Runs `action` with standard error going to `descriptor`.
template <typename Action>
void WithStandardError(int descriptor, Action action) {
  const int previous = dup(STDERR_FILENO);
  dup2(descriptor, STDERR_FILENO);
  action();
  dup2(previous, STDERR_FILENO);
  close(previous);
}

TEST(LogTest, WritesOneLineForAFact) {
  testing::internal::CaptureStderr();

  Log(Severity::kWarning, "listening",
      {{"address", "[::]:8443"}, {"count", "2"}});

  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              MatchesRegex("[0-9-]+T[0-9:]+\\.[0-9][0-9][0-9]Z warning "
                           "listening address=\"\\[::\\]:8443\" "
                           "count=\"2\"\n"));
}

TEST(LogTest, EscapesWhatWouldForgeALine) {
  testing::internal::CaptureStderr();

  Log(Severity::kInfo, "seen", {{"name", "a\"\nerror forged"}});

  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              EndsWith(" info seen name=\"a\\\"\\nerror forged\"\n"));
}

TEST(LogTest, CutsALongLine) {
  testing::internal::CaptureStderr();

  Log(Severity::kError, "long", {{"value", std::string(10'000, 'x')}});

  const std::string line = testing::internal::GetCapturedStderr();
  EXPECT_THAT(line, SizeIs(4096));
  EXPECT_THAT(line, EndsWith("x\n"));
}

TEST(LogTest, LosesTheLineWhenStandardErrorIsFull) {
  int pipe_ends[2];
  ASSERT_EQ(pipe2(pipe_ends, O_NONBLOCK), 0);
  absl::Cleanup close_pipe = [&] {
    close(pipe_ends[0]);
    close(pipe_ends[1]);
  };
  const std::string block(4096, 'x');
  while (write(pipe_ends[1], block.data(), block.size()) > 0) {
  }
  ASSERT_EQ(fcntl(pipe_ends[1], F_SETFL, 0), 0);

  WithStandardError(pipe_ends[1], [] { Log(Severity::kInfo, "lost"); });
}

TEST(LogTest, LosesTheLineWhenStandardErrorHasNoReader) {
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  absl::Cleanup close_pipe = [&] { close(pipe_ends[1]); };
  close(pipe_ends[0]);

  WithStandardError(pipe_ends[1], [] { Log(Severity::kInfo, "lost"); });
}

}  // namespace
}  // namespace tlsd::base
