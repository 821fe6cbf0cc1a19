#include "server/net/process.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "tests/unit/net/net_testing.h"

namespace tlsd::net {
namespace {

// What follows changes the process for good, so each test does it in a child,
// which reports by its exit code.
using ProcessDeathTest = testing::Test;

[[noreturn]] void ExitWith(bool is_right) { _exit(is_right ? 0 : 1); }

[[noreturn]] void WriteToAPipeWithoutReader() {
  PrepareProcess();
  int ends[2];
  if (pipe(ends) != 0) _exit(2);
  close(ends[0]);
  ExitWith(write(ends[1], "x", 1) == -1 && errno == EPIPE);
}

TEST_F(ProcessDeathTest, SurvivesSigpipe) {
  EXPECT_EXIT(WriteToAPipeWithoutReader(), testing::ExitedWithCode(0), "");
}

[[noreturn]] void LookAtLimits() {
  PrepareProcess();
  rlimit descriptors = {};
  rlimit core = {};
  getrlimit(RLIMIT_NOFILE, &descriptors);
  getrlimit(RLIMIT_CORE, &core);
  ExitWith(descriptors.rlim_cur == descriptors.rlim_max && core.rlim_max == 0);
}

TEST_F(ProcessDeathTest, RaisesTheLimitOfDescriptorsAndDumpsNoCore) {
  EXPECT_EXIT(LookAtLimits(), testing::ExitedWithCode(0), "");
}

[[noreturn]] void LookWhetherKeysCanBeRead() {
  PrepareProcess();
  ExitWith(prctl(PR_GET_DUMPABLE) == 0);
}

TEST_F(ProcessDeathTest, KeepsDebuggersAway) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the leak check traces the process";
#endif
  EXPECT_EXIT(LookWhetherKeysCanBeRead(), testing::ExitedWithCode(0), "");
}

[[noreturn]] void StopBySignal(int signal, const std::string& name) {
  PrepareProcess();
  kill(getpid(), signal);
  ExitWith(WaitForStop(StandardInput::kIgnore) == name);
}

TEST_F(ProcessDeathTest, TellsWhichSignalStopsIt) {
  EXPECT_EXIT(StopBySignal(SIGTERM, "SIGTERM"), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(StopBySignal(SIGINT, "SIGINT"), testing::ExitedWithCode(0), "");
}

// Standard input holds `content` and has ended.
void EndStandardInput(const std::string& content) {
  int ends[2];
  if (pipe(ends) != 0 || dup2(ends[0], STDIN_FILENO) != STDIN_FILENO ||
      write(ends[1], content.data(), content.size()) < 0) {
    _exit(2);
  }
  close(ends[1]);
}

[[noreturn]] void StopByStandardInput() {
  PrepareProcess();
  EndStandardInput("some bytes that mean nothing");
  ExitWith(WaitForStop(StandardInput::kStopsAtEnd) == "standard input");
}

TEST_F(ProcessDeathTest, StopsAtTheEndOfStandardInput) {
  EXPECT_EXIT(StopByStandardInput(), testing::ExitedWithCode(0), "");
}

[[noreturn]] void StopBySignalAlthoughStandardInputHasEnded() {
  PrepareProcess();
  EndStandardInput("");
  kill(getpid(), SIGTERM);
  ExitWith(WaitForStop(StandardInput::kIgnore) == "SIGTERM");
}

TEST_F(ProcessDeathTest, IgnoresTheEndOfStandardInputIfTold) {
  EXPECT_EXIT(StopBySignalAlthoughStandardInputHasEnded(),
              testing::ExitedWithCode(0), "");
}

TEST(ProcessTest, KnowsItsId) { EXPECT_EQ(ProcessId(), getpid()); }

class WriteFileAtomicallyTest : public testing::Test {
 protected:
  std::string Content() {
    std::ifstream file(path_);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }

  size_t FileCount() {
    size_t count = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(folder_.Path(""))) {
      count += entry.exists();
    }
    return count;
  }

  TempFolder folder_;
  std::string path_ = folder_.Path("ready");
};

TEST_F(WriteFileAtomicallyTest, WritesAFileForItsOwnerOnly) {
  EXPECT_TRUE(WriteFileAtomically(path_, "content").ok());

  struct stat file = {};
  ASSERT_EQ(stat(path_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600);
  EXPECT_EQ(Content(), "content");
  EXPECT_EQ(FileCount(), 1);
}

TEST_F(WriteFileAtomicallyTest, ReplacesAFile) {
  std::ofstream(path_) << "something longer than the new content";

  EXPECT_TRUE(WriteFileAtomically(path_, "new").ok());

  EXPECT_EQ(Content(), "new");
  EXPECT_EQ(FileCount(), 1);
}

TEST_F(WriteFileAtomicallyTest, LeavesNothingBehindWhenItFails) {
  std::filesystem::create_directory(path_);
  std::ofstream(path_ + "/full") << "so that no file can take its place";

  const absl::Status error = WriteFileAtomically(path_, "content");

  EXPECT_TRUE(HasReason(error, Reason::kInternal)) << error;
  EXPECT_EQ(FileCount(), 1);
}

TEST_F(WriteFileAtomicallyTest, SaysThatTheFolderDoesNotExist) {
  const absl::Status error =
      WriteFileAtomically(folder_.Path("none/ready"), "content");

  EXPECT_TRUE(HasReason(error, Reason::kInternal)) << error;
}

}  // namespace
}  // namespace tlsd::net
