#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proto/status/error.h"
#include "tests/unit/client/cli/tlsctl_fixture.h"
#include "tests/unit/client/fake_daemon.h"

namespace tlsd::client::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CleartextCommandsTest : public TlsctlTest {
 protected:
  // RunWithInput runs tlsctl with `input` on its standard input.
  Outcome RunWithInput(const std::vector<std::string>& words,
                       const std::string& input) {
    const int in = open(File("input", input).c_str(), O_RDONLY | O_CLOEXEC);
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    std::ostringstream out;
    std::ostringstream err;
    const ExitCode code = RunTlsctl(words, {out, err, in, null});
    close(in);
    close(null);
    return {code, out.str(), err.str()};
  }
};

TEST_F(CleartextCommandsTest, ReadsNoMoreThanItIsTold) {
  v1::ReadRequest seen;
  daemon_.on.read = [&](const auto& request, auto& response) {
    seen = request;
    response.set_data(std::string("a\0b", 3));
    return absl::OkStatus();
  };

  const Outcome outcome = Run("connection read c --max-bytes 3 --timeout 2s");

  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  EXPECT_EQ(outcome.out, std::string("a\0b", 3));
  EXPECT_EQ(seen.name(), "connections/c");
  EXPECT_EQ(seen.max_bytes(), 3);
  EXPECT_EQ(seen.timeout().seconds(), 2);
  EXPECT_THAT(Run("connection read c -o json").out, HasSubstr("\"data\""));
  EXPECT_FALSE(seen.has_timeout());
}

TEST_F(CleartextCommandsTest, SaysThatThePeerHasEnded) {
  daemon_.on.read = [](const auto&, auto& response) {
    response.set_end(true);
    return absl::OkStatus();
  };

  const Outcome outcome = Run("connection read c");

  EXPECT_EQ(outcome.code, ExitCode::kOk);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr("the peer has ended"));
}

TEST_F(CleartextCommandsTest, SaysWhoHasTheCleartext) {
  daemon_.on.read = [](const auto&, auto&) {
    return MakeError(Reason::kConnectionAttached, "a stream has it");
  };

  const Outcome outcome = Run("connection read c");

  EXPECT_EQ(outcome.code, ExitCode::kOtherError);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("a stream has it"),
                                 HasSubstr("connect --detach")));
}

TEST_F(CleartextCommandsTest, WritesTextOrStandardInput) {
  std::vector<std::string> written;
  bool shut_down = false;
  daemon_.on.write = [&](const auto& request, auto&) {
    EXPECT_EQ(request.name(), "connections/c");
    written.push_back(request.has_text() ? "text:" + request.text()
                                         : request.data());
    shut_down = request.shut_down();
    return absl::OkStatus();
  };

  EXPECT_EQ(Run("connection write c --text STARTTLS").code, ExitCode::kOk);
  EXPECT_THAT(written, ElementsAre("text:STARTTLS"));
  EXPECT_FALSE(shut_down);

  written.clear();
  EXPECT_EQ(RunWithInput({"connection", "write", "c"}, "input").code,
            ExitCode::kOk);
  EXPECT_THAT(written, ElementsAre("input"));

  written.clear();
  EXPECT_EQ(
      RunWithInput({"connection", "write", "c", "--shut-down"}, "input").code,
      ExitCode::kOk);
  EXPECT_THAT(written, ElementsAre("input", ""));
  EXPECT_TRUE(shut_down);

  written.clear();
  EXPECT_EQ(Run("connection write c").code, ExitCode::kOk);
  EXPECT_THAT(written, IsEmpty());
}

TEST_F(CleartextCommandsTest, StopsWritingWhenItFails) {
  int count = 0;
  daemon_.on.write = [&](const auto&, auto&) {
    ++count;
    return MakeError(Reason::kWriteAfterShutdown, "too late");
  };

  const Outcome outcome =
      RunWithInput({"connection", "write", "c", "--shut-down"}, "input");

  EXPECT_EQ(outcome.code, ExitCode::kOtherError);
  EXPECT_EQ(count, 1);
}

TEST_F(CleartextCommandsTest, UpgradesInEitherRole) {
  v1::UpgradeRequest seen;
  daemon_.on.upgrade = [&](const auto& request, auto& connection) {
    seen = request;
    connection.set_name("connections/tls");
    connection.set_carrier(request.name());
    connection.set_encrypted(true);
    return absl::OkStatus();
  };

  const Outcome outcome =
      Run("connection upgrade c --server-name a.test -c friend --timeout 3s");

  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("connections/tls\n"),
                                 HasSubstr("carrier    connections/c\n")));
  EXPECT_EQ(seen.name(), "connections/c");
  EXPECT_EQ(seen.client().server_name(), "a.test");
  EXPECT_EQ(seen.client().secure_context(), "secureContexts/friend");
  EXPECT_EQ(seen.client().timeout().seconds(), 3);

  EXPECT_THAT(Run("connection upgrade c --server -c web -o json").out,
              HasSubstr("\"name\": \"connections/tls\""));
  EXPECT_EQ(seen.server().secure_context(), "secureContexts/web");
}

TEST_F(CleartextCommandsTest, ExitsWithOneWhenThereIsNoHandshake) {
  daemon_.on.upgrade = [](const auto&, auto&) {
    return MakeError(Reason::kNotTls, "that is no TLS");
  };

  EXPECT_EQ(Run("connection upgrade c -n a.test").code, ExitCode::kTlsFailed);
}

TEST_F(CleartextCommandsTest, SaysWhatToRetryEncryptedClientHellosWith) {
  daemon_.on.upgrade = [](const auto&, auto&) {
    return MakeError(Reason::kEchRejected, "rejected",
                     {{"retry_configs", "QUJD"}});
  };

  EXPECT_THAT(Run("connection upgrade c -n a.test").err,
              HasSubstr("echo QUJD | base64 -d"));
}

TEST_F(CleartextCommandsTest, PipesTwoConnections) {
  v1::PipeRequest seen;
  daemon_.on.pipe = [&](const auto& request, auto& connection) {
    seen = request;
    if (request.peer() == "connections/none") {
      return MakeError(Reason::kConnectionNotFound, "none");
    }
    connection.set_name(request.name());
    connection.set_piped_with(request.peer());
    return absl::OkStatus();
  };

  const Outcome outcome = Run("connection pipe a b");

  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("connections/a\n"),
                                 HasSubstr("piped with  connections/b\n")));
  EXPECT_EQ(seen.name(), "connections/a");
  EXPECT_EQ(Run("connection pipe a none").code, ExitCode::kNotFound);
}

TEST_F(CleartextCommandsTest, AttachesToAConnectionThatIsThere) {
  daemon_.on.get_connection = [](const auto& request, auto& connection) {
    if (request.name() != "connections/c") {
      return MakeError(Reason::kConnectionNotFound, "none");
    }
    connection.set_name(request.name());
    connection.set_role(v1::ROLE_SERVER);
    connection.set_carrier("connections/plain");
    return absl::OkStatus();
  };
  daemon_.on.stream = [](const v1::StreamAttach& attach,
                         testing::CleartextStream& stream) {
    EXPECT_EQ(attach.connection(), "connections/c");
    stream.Write(testing::Data("hello"));
    testing::ReadAll(stream);
    stream.Write(testing::End());
    return absl::OkStatus();
  };

  const Outcome outcome = Run("connection attach c");

  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  EXPECT_THAT(
      outcome.err,
      AllOf(HasSubstr("accepted over connections/plain as connections/c\n"),
            HasSubstr("closed: 0 B sent, 5 B received")));
  EXPECT_EQ(Run("connection attach c -q").err, "");
  EXPECT_EQ(Run("connection attach none").code, ExitCode::kNotFound);
}

TEST_F(CleartextCommandsTest, RefusesABadCommandLine) {
  for (const char* line :
       {"connection read", "connection read c --max-bytes 0",
        "connection read c --max-bytes 65537", "connection write",
        "connection upgrade", "connection upgrade c --server -n a.test",
        "connection upgrade c --listener l", "connection pipe a",
        "connection attach"}) {
    const Outcome outcome = Run(line);

    EXPECT_EQ(outcome.code, ExitCode::kUsage) << line;
    EXPECT_NE(outcome.err, "") << line;
  }
}

TEST_F(CleartextCommandsTest, PrintsTheRequestsThatItWouldSend) {
  daemon_.on = testing::Handlers();

  EXPECT_THAT(Run("connection read c --max-bytes 8 --print-grpc").out,
              AllOf(HasSubstr("tlsd.v1.ConnectionService/Read"),
                    HasSubstr("'{\"name\":\"connections/c\",\"maxBytes\":8,"
                              "\"asText\":true}'")));
  EXPECT_THAT(Run("connection write c --text x --shut-down --print-grpc").out,
              HasSubstr("'{\"name\":\"connections/c\",\"text\":\"x\","
                        "\"shutDown\":true}'"));
  EXPECT_THAT(Run("connection write c --print-grpc").out,
              HasSubstr("cat /dev/stdin | base64"));
  EXPECT_THAT(Run("connection upgrade c --server -c web --print-grpc").out,
              HasSubstr("\"server\":{\"secureContext\":"
                        "\"secureContexts/web\"}"));
  EXPECT_THAT(Run("connection pipe a b --print-grpc").out,
              HasSubstr("'{\"name\":\"connections/a\",\"peer\":"
                        "\"connections/b\"}'"));
  EXPECT_THAT(Run("connection attach c --print-grpc").out,
              AllOf(HasSubstr("tlsd.v1.ConnectionService/Stream"),
                    HasSubstr("\"connection\":\"connections/c\"")));
}

}  // namespace
}  // namespace tlsd::client::cli
