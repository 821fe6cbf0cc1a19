// The loads over gRPC work, and notice what is wrong. What they measure is
// nobody's business here.
#include <sys/types.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/bench/bench_daemon.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/subprocess.h"

namespace tlsd::bench {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::IsOk;
using ::testing::Not;
using testing::RunCommand;
using testing::RunResult;
using testing::Subprocess;

constexpr char kRawServer[] = "tests/bench/grpc/raw_echo_server";
constexpr char kHandler[] = "tests/bench/grpc/echo_handler";
constexpr char kGrpcLoad[] = "tests/bench/grpc/grpc_load";
constexpr char kTlsLoad[] = "tests/bench/load/tls_load";
constexpr absl::Duration kPatience = absl::Minutes(1);

// Server is a program that prints one line with one value, and serves until its
// input ends.
class Server {
 public:
  explicit Server(const std::vector<std::string>& command) {
    auto process = Subprocess::Start(command);
    EXPECT_THAT(process, IsOk());
    if (!process.ok()) return;
    process_ = *std::move(process);
    EXPECT_THAT(process_->WaitForOutput("}\n"), IsOk());
  }

  // value returns what stands behind the first colon, without quotation marks.
  std::string value() const {
    std::string line = process_->output();
    line = line.substr(line.find(':') + 1);
    line = line.substr(0, line.find('}'));
    return absl::StrJoin(absl::StrSplit(line, '"', absl::SkipEmpty()), "");
  }

  pid_t pid() const { return process_->pid(); }

  int End() {
    process_->CloseInput();
    return process_->Wait().value_or(-1);
  }

 private:
  std::unique_ptr<Subprocess> process_;
};

RunResult RunLoad(std::vector<std::string> command,
                  const std::vector<std::string>& flags) {
  command.insert(command.end(), flags.begin(), flags.end());
  command.insert(command.end(), {"--time=20ms", "--warmup=20ms"});
  auto result = RunCommand(command, "", kPatience);
  EXPECT_THAT(result, IsOk());
  return result.value_or(RunResult{-1, "", ""});
}

RunResult LoadRaw(const Server& server, const std::vector<std::string>& flags) {
  return RunLoad({kGrpcLoad, absl::StrCat("--target=", server.value()),
                  absl::StrCat("--cpu_of=", server.pid())},
                 flags);
}

TEST(RawEchoTest, CountsMessages) {
  Server server({kRawServer});

  const RunResult result = LoadRaw(server, {"--streams=10"});

  EXPECT_EQ(result.exit_code, 0) << result.error_output;
  EXPECT_THAT(
      result.output,
      AllOf(HasSubstr("{\"mode\":\"round_trips\",\"connections\":10"),
            HasSubstr("\"size\":1024"), HasSubstr("\"latency_p99_us\":"),
            HasSubstr("\"per_cpu_second\":"), Not(HasSubstr("\"version\""))));
  EXPECT_EQ(server.End(), 0);
}

TEST(RawEchoTest, CountsBytesOverAUnixSocket) {
  const std::string path = absl::StrCat("/tmp/tlsd-raw-echo-", getpid());
  Server server({kRawServer, absl::StrCat("--listen=unix:", path)});

  const RunResult result =
      LoadRaw(server, {"--mode=echo", "--streams=2", "--outstanding=3"});

  EXPECT_EQ(result.exit_code, 0) << result.error_output;
  EXPECT_THAT(result.output,
              AllOf(HasSubstr("\"mode\":\"echo\""), HasSubstr("\"fairness\":"),
                    Not(HasSubstr("\"bytes\":0,"))));
  EXPECT_EQ(server.End(), 0);
}

TEST(RawEchoTest, FailsAtAWrongByte) {
  Server server({kRawServer, "--spoil"});

  const RunResult result = LoadRaw(server, {});

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.output, "");
  EXPECT_THAT(result.error_output, HasSubstr("a wrong message"));
}

TEST(RawEchoTest, FailsWhereNobodyListens) {
  // Port 1 is of a protocol that nobody speaks.
  const RunResult result = RunLoad({kGrpcLoad, "--target=127.0.0.1:1"}, {});

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.error_output, HasSubstr("a stream has ended"));
}

TEST(RawEchoTest, RefusesWhatItDoesNotDo) {
  const RunResult mode = RunLoad({kGrpcLoad, "--target=x", "--mode=down"}, {});
  const RunResult target = RunLoad({kGrpcLoad}, {});
  const RunResult outstanding =
      RunLoad({kGrpcLoad, "--target=x", "--mode=echo", "--outstanding=0"}, {});

  EXPECT_EQ(mode.exit_code, 2);
  EXPECT_THAT(mode.error_output, HasSubstr("--mode: "));
  EXPECT_EQ(target.exit_code, 2);
  EXPECT_THAT(target.error_output, HasSubstr("--target: required"));
  EXPECT_EQ(outstanding.exit_code, 2);
  EXPECT_THAT(outstanding.error_output, HasSubstr("--outstanding: "));
}

class EchoHandlerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto daemon = BenchDaemon::Start(1);
    ASSERT_THAT(daemon, IsOk());
    daemon_ = *std::move(daemon);
  }
  static void TearDownTestSuite() { daemon_.reset(); }

  static std::vector<std::string> Handler() {
    return {kHandler, absl::StrCat("--control=", daemon_->control_address())};
  }

  static RunResult Load(const Server& handler,
                        const std::vector<std::string>& flags) {
    return RunLoad({kTlsLoad, absl::StrCat("--port=", handler.value()),
                    absl::StrCat("--cpu_of=", daemon_->pid())},
                   flags);
  }

 private:
  static std::unique_ptr<BenchDaemon> daemon_;
};

std::unique_ptr<BenchDaemon> EchoHandlerTest::daemon_;

TEST_F(EchoHandlerTest, EchoesToManyConnections) {
  Server handler(Handler());

  const RunResult result =
      Load(handler, {"--mode=round_trips", "--connections=50", "--size=1024"});

  EXPECT_EQ(result.exit_code, 0) << result.error_output;
  EXPECT_THAT(result.output, HasSubstr("\"latency_p99_us\":"));
  EXPECT_EQ(handler.End(), 0);
}

TEST_F(EchoHandlerTest, EchoesInBulk) {
  Server handler(Handler());

  const RunResult result = Load(handler, {"--mode=echo", "--connections=4"});

  EXPECT_EQ(result.exit_code, 0) << result.error_output;
  EXPECT_THAT(result.output, Not(HasSubstr("\"bytes\":0,")));
  EXPECT_EQ(handler.End(), 0);
}

TEST_F(EchoHandlerTest, LoadFailsAtAWrongByte) {
  std::vector<std::string> command = Handler();
  command.push_back("--spoil");
  Server handler(command);

  const RunResult result = Load(handler, {"--mode=echo", "--connections=4"});

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.error_output, HasSubstr("a wrong byte has come"));
}

TEST_F(EchoHandlerTest, FailsWithoutADaemon) {
  const auto result =
      RunCommand({kHandler, "--control=unix:/nowhere/tlsd.sock"});

  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->exit_code, 1);
  EXPECT_THAT(result->error_output, HasSubstr("/nowhere/tlsd.sock"));
}

}  // namespace
}  // namespace tlsd::bench
