// The load works, and notices what is wrong. What it measures is nobody's
// business here.
#include <unistd.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "client/secure_context_options.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/bench/bench_daemon.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/subprocess.h"
#include "tests/testing/test_identities.h"

namespace tlsd::bench::load {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::IsOk;
using ::testing::Not;
using testing::RunCommand;
using testing::RunResult;
using testing::Subprocess;

constexpr char kLoad[] = "tests/bench/load/tls_load";
constexpr char kBackend[] = "tests/bench/load/tcp_backend";
constexpr absl::Duration kPatience = absl::Minutes(1);

using Ports = std::map<std::string, int>;

// ParsePorts reads `{"echo":PORT,...}`.
Ports ParsePorts(const std::string& line) {
  Ports ports;
  const std::string members =
      absl::StrReplaceAll(line, {{"{", ""}, {"}", ""}, {"\"", ""}, {"\n", ""}});
  for (const absl::string_view member : absl::StrSplit(members, ',')) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(member, ':');
    EXPECT_TRUE(absl::SimpleAtoi(parts.second, &ports[parts.first])) << line;
  }
  return ports;
}

class SmokeTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto daemon = BenchDaemon::Start(1);
    ASSERT_THAT(daemon, IsOk());
    daemon_ = *std::move(daemon);
  }
  static void TearDownTestSuite() { daemon_.reset(); }

  // StartBackend starts a backend behind listeners of the daemon: `port_of_`
  // tells theirs, and which report is the backend's.
  void StartBackend(const std::vector<std::string>& flags = {},
                    const std::string& context = "secureContexts/plain") {
    std::vector<std::string> command = {kBackend};
    command.insert(command.end(), flags.begin(), flags.end());
    auto backend = Subprocess::Start(command);
    ASSERT_THAT(backend, IsOk());
    backend_ = *std::move(backend);
    ASSERT_THAT(backend_->WaitForOutput("}\n"), IsOk());
    for (const auto& [name, port] : ParsePorts(backend_->output())) {
      ASSERT_OK_AND_ASSIGN(
          port_of_[name],
          name == "report" ? port : daemon_->Forward(context, port));
    }
  }

  // UseBackendAlone takes the listeners away from before the backend.
  void UseBackendAlone() { port_of_ = ParsePorts(backend_->output()); }

  // Load runs a load against the listener in front of `name`.
  RunResult Load(const std::string& name, const std::string& mode,
                 const std::vector<std::string>& flags = {}) const {
    std::vector<std::string> command = {
        kLoad,
        absl::StrCat("--port=", port_of_.at(name)),
        absl::StrCat("--mode=", mode),
        absl::StrCat("--cpu_of=", daemon_->pid()),
        absl::StrCat("--report_port=", port_of_.at("report")),
        "--time=20ms",
        "--warmup=20ms"};
    command.insert(command.end(), flags.begin(), flags.end());
    auto result = RunCommand(command, "", kPatience);
    EXPECT_THAT(result, IsOk());
    return result.value_or(RunResult{-1, "", ""});
  }

  static const BenchDaemon& daemon() { return *daemon_; }

  Ports port_of_;

 private:
  static std::unique_ptr<BenchDaemon> daemon_;
  std::unique_ptr<Subprocess> backend_;
};

std::unique_ptr<BenchDaemon> SmokeTest::daemon_;

struct Case {
  std::string name;
  // Of the backend.
  std::string port;
  std::string mode;
  std::vector<std::string> flags;
  // What the result has.
  std::string key;
};

class ModeTest : public SmokeTest,
                 public ::testing::WithParamInterface<Case> {};

TEST_P(ModeTest, MeasuresInBothVersions) {
  const Case& row = GetParam();
  StartBackend();

  for (const std::string version : {"1.2", "1.3"}) {
    std::vector<std::string> flags = row.flags;
    flags.push_back("--version=" + version);
    const RunResult result = Load(row.port, row.mode, flags);

    EXPECT_EQ(result.exit_code, 0) << result.error_output;
    EXPECT_THAT(result.output,
                AllOf(HasSubstr(absl::StrCat("{\"mode\":\"", row.mode, "\"")),
                      HasSubstr(absl::StrCat("\"version\":\"", version, "\"")),
                      HasSubstr(absl::StrCat("\"", row.key, "\":")),
                      Not(HasSubstr(absl::StrCat("\"", row.key, "\":0,"))),
                      HasSubstr("\"server_cpu_seconds\":"), HasSubstr("}\n")));
  }
}

INSTANTIATE_TEST_SUITE_P(
    , ModeTest,
    ::testing::Values(
        Case{"Handshakes", "echo", "handshakes", {"--connections=4"}, "count"},
        Case{"Resumed",
             "echo",
             "handshakes",
             {"--connections=4", "--resume"},
             "resumed"},
        Case{"Threads",
             "echo",
             "handshakes",
             {"--connections=4", "--threads=2"},
             "latency_p99_us"},
        Case{"Paced", "echo", "paced", {"--rate=200"}, "latency_max_us"},
        Case{"Down", "source", "down", {"--connections=3"}, "bytes"},
        Case{"Up", "sink", "up", {"--connections=3"}, "fairness"},
        Case{"Echo", "echo", "echo", {"--connections=3"}, "bytes"},
        Case{"EchoOnThreads",
             "echo",
             "echo",
             {"--connections=3", "--threads=2"},
             "bytes"},
        Case{"RoundTrips",
             "echo",
             "round_trips",
             {"--connections=3", "--size=40000"},
             "latency_p50_us"},
        Case{"Idle",
             "echo",
             "idle",
             {"--connections=70", "--move=65536"},
             "memory_after_bytes"},
        Case{"Sequence", "echo", "sequence", {"--count=3"}, "count"},
        Case{"SequenceAtOnce",
             "echo",
             "sequence",
             {"--count=12", "--connections=4", "--resume"},
             "resumed"},
        Case{"MegabytesDown", "request", "megabytes", {"--count=2"}, "bytes"},
        Case{"MegabytesUp",
             "sink",
             "megabytes",
             {"--count=2", "--direction=up"},
             "bytes"}),
    [](const auto& info) { return info.param.name; });

class WrongByteTest : public SmokeTest,
                      public ::testing::WithParamInterface<Case> {};

TEST_P(WrongByteTest, Fails) {
  const Case& row = GetParam();
  StartBackend({"--wrong_byte_at=0"});

  const RunResult result = Load(row.port, row.mode, row.flags);

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.output, "");
  EXPECT_THAT(result.error_output, HasSubstr(row.key));
}

INSTANTIATE_TEST_SUITE_P(
    , WrongByteTest,
    ::testing::Values(
        Case{"Handshakes", "echo", "handshakes", {}, "not the byte sent"},
        Case{"Paced", "echo", "paced", {"--rate=200"}, "not the byte sent"},
        Case{"Down", "source", "down", {}, "a wrong byte has come"},
        Case{"Echo", "echo", "echo", {}, "a wrong byte has come"},
        Case{"RoundTrips", "echo", "round_trips", {}, "a wrong byte has come"},
        Case{"Idle", "echo", "idle", {"--move=10"}, "a wrong byte has come"},
        Case{"Sequence", "echo", "sequence", {"--count=1"}, "not the byte"},
        Case{"MegabytesDown",
             "request",
             "megabytes",
             {"--count=1"},
             "a wrong byte has come"}),
    [](const auto& info) { return info.param.name; });

TEST_F(SmokeTest, FailsWhereNobodyListens) {
  // Port 1 is of a protocol that nobody speaks.
  port_of_ = {{"echo", 1}, {"report", 1}};

  const RunResult result = Load("echo", "handshakes");

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.error_output, HasSubstr("Connection refused"));
}

TEST_F(SmokeTest, FailsWhenTheServerEnds) {
  StartBackend();

  // The report is said at once, and in the clear.
  port_of_["echo"] = port_of_["report"];
  const RunResult result = Load("echo", "down");

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.output, "");
}

TEST_F(SmokeTest, FailsWhenNothingArrivesAtTheSink) {
  StartBackend();

  const RunResult result = Load("echo", "up", {"--patience=1s"});

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.error_output, HasSubstr("the sink has 0 connections"));
}

TEST_F(SmokeTest, FailsWhenNothingComes) {
  StartBackend();

  const RunResult result = Load("sink", "down", {"--time=5s", "--patience=1s"});

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.error_output, HasSubstr("nothing has happened"));
}

TEST_F(SmokeTest, FailsWhereSessionsAreNotResumed) {
  const testing::TestIdentity& identity = testing::ServerIdentity();
  ASSERT_THAT(daemon().client().CreateSecureContext(
                  {.id = "no-tickets",
                   .credentials = {client::PemCredentials{
                       .certificate_chain = identity.ChainPem(),
                       .private_key = identity.KeyPem()}},
                   .disable_session_tickets = true}),
              IsOk());
  StartBackend({}, "secureContexts/no-tickets");

  const RunResult strict = Load("echo", "handshakes", {"--resume"});
  const RunResult lax =
      Load("echo", "handshakes", {"--resume", "--allow_full"});

  EXPECT_EQ(strict.exit_code, 1);
  EXPECT_THAT(strict.error_output, HasSubstr("only 0 of"));
  EXPECT_EQ(lax.exit_code, 0) << lax.error_output;
  EXPECT_THAT(lax.output, HasSubstr("\"resumed\":0"));
}

TEST_F(SmokeTest, SpeaksWithoutTls) {
  StartBackend();
  UseBackendAlone();
  for (const auto& [mode, port] :
       std::map<std::string, std::string>{{"down", "source"},
                                          {"up", "sink"},
                                          {"handshakes", "echo"},
                                          {"round_trips", "echo"}}) {
    const RunResult none = Load(port, mode, {"--version=none"});
    EXPECT_EQ(none.exit_code, 0) << mode << ": " << none.error_output;
    EXPECT_THAT(none.output, Not(HasSubstr("version"))) << mode;
    EXPECT_EQ(Load(port, mode, {"--patience=1s"}).exit_code, 1) << mode;
  }
}

TEST_F(SmokeTest, SeesAWrongByteWithoutTls) {
  StartBackend({"--wrong_byte_at=1000"});
  UseBackendAlone();
  EXPECT_EQ(Load("source", "down", {"--version=none"}).exit_code, 1);
}

TEST_F(SmokeTest, RefusesAServerWithAnotherCipher) {
  const testing::TestIdentity& identity = testing::ServerIdentity();
  ASSERT_THAT(daemon().client().CreateSecureContext(
                  {.id = "chacha",
                   .credentials = {client::PemCredentials{
                       .certificate_chain = identity.ChainPem(),
                       .private_key = identity.KeyPem()}},
                   .ciphers = "ECDHE-ECDSA-CHACHA20-POLY1305"}),
              IsOk());
  StartBackend({}, "secureContexts/chacha");

  const RunResult result = Load("echo", "handshakes", {"--version=1.2"});

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.error_output, HasSubstr("handshake: "));
}

TEST_F(SmokeTest, RefusesWhatItDoesNotDo) {
  port_of_ = {{"echo", 1}, {"report", 1}};

  const RunResult mode = Load("echo", "everything");
  const RunResult number = Load("echo", "handshakes", {"--connections=-1"});
  const RunResult word = Load("echo", "handshakes", {"more"});

  EXPECT_EQ(mode.exit_code, 2);
  EXPECT_THAT(mode.error_output, HasSubstr("--mode: got \"everything\""));
  EXPECT_EQ(number.exit_code, 2);
  EXPECT_THAT(number.error_output, HasSubstr("--connections: got -1"));
  EXPECT_EQ(word.exit_code, 2);
  EXPECT_THAT(word.error_output, HasSubstr("unexpected argument: more"));
}

}  // namespace
}  // namespace tlsd::bench::load
