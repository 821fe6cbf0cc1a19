// The daemon's binary: its control endpoint, its start and its stop.
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/daemon_process.h"
#include "tests/integration/raw_socket.h"
#include "tests/integration/tls_peer.h"
#include "tests/testing/control_client.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/subprocess.h"

namespace tlsd::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ControlEndpointTest : public ::testing::Test {
 protected:
  std::string path() const { return folder_ / "control"; }
  std::string address() const { return "unix:" + path(); }

  absl::StatusOr<std::unique_ptr<Subprocess>> Start(
      std::vector<std::string> flags = {}, const std::string& shell = "") {
    return StartDaemonProcess(address(), std::move(flags), shell);
  }

  // ExpectRefusal expects the daemon to end, with a last line that says `text`.
  void ExpectRefusal(const std::string& control, const std::string& text,
                     std::vector<std::string> flags = {}, int exit_code = 1) {
    std::vector<std::string> command = {kDaemonBinary, "--control=" + control};
    command.insert(command.end(), flags.begin(), flags.end());
    ASSERT_OK_AND_ASSIGN(const RunResult result, RunCommand(command));
    EXPECT_EQ(result.exit_code, exit_code);
    const std::vector<std::string> lines =
        absl::StrSplit(absl::StripSuffix(result.error_output, "\n"), '\n');
    EXPECT_THAT(lines.back(), AllOf(StartsWith("tlsd: "), HasSubstr(text)));
  }

  static absl::StatusOr<int64_t> PidAt(const std::string& control) {
    ControlClient client(control);
    const absl::StatusOr<v1::ServerInfo> info =
        client.Call(v1::GetServerInfoRequest());
    if (!info.ok()) return info.status();
    return info->process_id();
  }

  const TemporaryFolder folder_;
};

TEST_F(ControlEndpointTest, IsForItsOwnerAloneWhateverTheUmask) {
  for (const char* umask : {"000", "077", "277"}) {
    ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Subprocess> daemon,
                         Start({}, absl::StrCat("umask ", umask)));

    struct stat file = {};
    ASSERT_EQ(lstat(path().c_str(), &file), 0);
    EXPECT_TRUE(S_ISSOCK(file.st_mode));
    EXPECT_EQ(file.st_mode & 07777, 0600u) << umask;
    EXPECT_THAT(PidAt(address()), IsOk());
    daemon->Signal(SIGTERM);
    EXPECT_THAT(daemon->Wait(), IsOk());
  }
}

TEST_F(ControlEndpointTest, BelongsToTheFirstDaemon) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Subprocess> first, Start());

  ExpectRefusal(address(), "[ADDRESS_IN_USE]");

  ASSERT_OK_AND_ASSIGN(const int64_t pid, PidAt(address()));
  EXPECT_EQ(pid, first->pid());
}

TEST_F(ControlEndpointTest, IsTakenOverFromADaemonThatWasKilled) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Subprocess> first, Start());
  first->Signal(SIGKILL);
  ASSERT_OK_AND_ASSIGN(const int exit_code, first->Wait());
  EXPECT_EQ(exit_code, 128 + SIGKILL);
  ASSERT_TRUE(std::filesystem::exists(path()));

  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Subprocess> second, Start());

  ASSERT_OK_AND_ASSIGN(const int64_t pid, PidAt(address()));
  EXPECT_EQ(pid, second->pid());
}

TEST_F(ControlEndpointTest, LeavesFilesAndLinksAlone) {
  std::ofstream(path()) << "precious";
  ExpectRefusal(address(), "[ADDRESS_IN_USE]");
  std::string content;
  std::ifstream(path()) >> content;
  EXPECT_EQ(content, "precious");

  const std::string link = folder_ / "link";
  std::filesystem::create_symlink(folder_ / "elsewhere", link);
  ExpectRefusal("unix:" + link, "[ADDRESS_IN_USE]");
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "elsewhere"));
}

TEST_F(ControlEndpointTest, SaysWhyItCannotBeBound) {
  ExpectRefusal("unix:/nonexistent/control", "[ADDRESS_UNAVAILABLE]");
  ExpectRefusal("unix:relative", "[ADDRESS_INVALID]");
  ExpectRefusal("unix:/" + std::string(200, 'x'), "[ADDRESS_INVALID]");
  ExpectRefusal("", "[ADDRESS_INVALID]");
}

TEST_F(ControlEndpointTest, IsNoTcpPortUnlessAllowed) {
  ExpectRefusal("127.0.0.1:0", "--allow_tcp_control");

  ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<Subprocess> daemon,
      StartDaemonProcess("127.0.0.1:0", {"--allow_tcp_control"}));
  const std::string output = daemon->error_output();
  const size_t begin = output.find("127.0.0.1:");
  const std::string bound =
      output.substr(begin, output.find('"', begin) - begin);
  ASSERT_OK_AND_ASSIGN(const int64_t pid, PidAt(bound));
  EXPECT_EQ(pid, daemon->pid());
  // And that one daemon's alone.
  ExpectRefusal(bound, "[ADDRESS_IN_USE]", {"--allow_tcp_control"});
}

TEST_F(ControlEndpointTest, NeverLeavesTheHost) {
  for (const char* control : {"0.0.0.0:0", "[::]:0", ":0", "192.0.2.1:0"}) {
    ExpectRefusal(control, "[ADDRESS_DENIED]");
    ExpectRefusal(control, "[ADDRESS_DENIED]", {"--allow_tcp_control"});
  }
}

TEST_F(ControlEndpointTest, SaysWhatIsWrongWithTheFlags) {
  ExpectRefusal(address(), "unexpected argument", {"stray"}, 2);
  ExpectRefusal(address(), "--workers", {"--workers=-1"}, 2);
  ExpectRefusal(address(), "--workers", {"--workers=257"}, 2);
  ExpectRefusal(address(), "cannot write", {"--ready_file=/nonexistent/ready"},
                1);
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(ControlEndpointTest, TellsInAFileThatItServes) {
  const std::string ready = folder_ / "ready";
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Subprocess> daemon,
                       Start({"--ready_file=" + ready}));

  std::ifstream file(ready);
  std::string line;
  ASSERT_TRUE(std::getline(file, line));
  EXPECT_EQ(line, absl::StrCat("{\"pid\": ", daemon->pid(), ", \"control\": \"",
                               address(), "\"}"));
  struct stat facts = {};
  ASSERT_EQ(stat(ready.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
}

TEST_F(ControlEndpointTest, KeepsServingWhenStandardInputEndsUnlessTold) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Subprocess> daemon, Start());

  daemon->CloseInput();

  EXPECT_THAT(PidAt(address()), IsOk());
}

// How a daemon is told to stop.
enum class Cause { kTerm, kInterrupt, kInputEnd };

class StopTest : public ControlEndpointTest,
                 public ::testing::WithParamInterface<Cause> {
 protected:
  void Stop(Subprocess& daemon) {
    switch (GetParam()) {
      case Cause::kTerm:
        daemon.Signal(SIGTERM);
        break;
      case Cause::kInterrupt:
        daemon.Signal(SIGINT);
        break;
      case Cause::kInputEnd:
        daemon.CloseInput();
        break;
    }
  }
};

INSTANTIATE_TEST_SUITE_P(, StopTest,
                         ::testing::Values(Cause::kTerm, Cause::kInterrupt,
                                           Cause::kInputEnd),
                         [](const ::testing::TestParamInfo<Cause>& info) {
                           return info.param == Cause::kTerm ? "Sigterm"
                                  : info.param == Cause::kInterrupt
                                      ? "Sigint"
                                      : "StandardInput";
                         });

TEST_P(StopTest, EndsPeersCleanlyAndLeavesNoFiles) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Subprocess> daemon,
                       Start({"--exit_on_stdin_eof"}));
  ControlClient client(address());
  ASSERT_OK_AND_ASSIGN(const v1::Listener tcp, StartEcho(client));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<TlsPeer> peer,
                       TlsPeer::Connect(AddressOf(tcp)));
  ASSERT_TRUE(peer->Send("x"));
  ASSERT_EQ(peer->Receive(1), "x");
  // Calls that wait do not hold it up.
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<EventWatch> watch,
                       EventWatch::Start(client, v1::WatchEventsRequest()));
  v1::ListEventsRequest list;
  list.set_resume_token(watch->first_bookmark().resume_token());
  list.add_subjects("listeners/nobody");
  *list.mutable_timeout() = ToProto(kCallTimeout);
  auto listing = InBackground([&] { return client.Call(list); });

  Stop(*daemon);

  EXPECT_EQ(peer->Receive(), "");
  EXPECT_EQ(peer->end(), TlsPeer::End::kCloseNotify);
  ASSERT_OK_AND_ASSIGN(const int exit_code, daemon->Wait());
  EXPECT_EQ(exit_code, 0);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
  EXPECT_FALSE(watch->WaitFor(v1::EVENT_TYPE_UNSPECIFIED).ok());
  listing.wait();
}

}  // namespace
}  // namespace tlsd::testing
