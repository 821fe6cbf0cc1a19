// What `tlsctl keylog` writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "proto/status/error.h"
#include "tests/unit/client/cli/tlsctl_fixture.h"

namespace tlsd::client::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class KeyLogCommandTest : public TlsctlTest {
 protected:
  const std::string path_ = folder_.path() + "/out";
};

// ServeKeyLog tells two lines and a gap, then nothing.
void ServeKeyLog(testing::Handlers& on, std::string& listener) {
  on.watch_key_log = [&listener](
                         const v1::WatchKeyLogRequest& request,
                         grpc::ServerContext& context,
                         grpc::ServerWriter<v1::WatchKeyLogResponse>& writer) {
    listener = request.listener();
    v1::WatchKeyLogResponse response;
    response.mutable_started();
    writer.Write(response);
    response.mutable_line()->set_line("CLIENT_RANDOM 01 02");
    writer.Write(response);
    response.mutable_gap()->set_dropped_count(3);
    writer.Write(response);
    response.mutable_line()->set_line("CLIENT_RANDOM 03 04");
    while (!context.IsCancelled()) writer.Write(response);
    return absl::OkStatus();
  };
}

TEST_F(KeyLogCommandTest, WritesTheKeyLogAsSslKeyLogFileHasIt) {
  std::string listener;
  ServeKeyLog(daemon_.on, listener);

  const Outcome outcome = Run("keylog --listener l --limit 2");

  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  EXPECT_EQ(outcome.out, "CLIENT_RANDOM 01 02\nCLIENT_RANDOM 03 04\n");
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("watching"),
                                 HasSubstr("3 lines were dropped here")));
  EXPECT_EQ(listener, "listeners/l");
  EXPECT_THAT(Run("keylog --limit 1 -o json").out,
              HasSubstr("{\"line\":\"CLIENT_RANDOM 01 02\""));
}

TEST_F(KeyLogCommandTest, AddsTheKeyLogToAFile) {
  std::string listener;
  ServeKeyLog(daemon_.on, listener);
  std::ofstream(path_) << "# before\n";

  const Outcome outcome = Run("keylog --limit 1 --out " + path_);

  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(ContentOf(path_), "# before\nCLIENT_RANDOM 01 02\n");
  EXPECT_TRUE(IsOwnersAlone(path_));
  EXPECT_EQ(Run("keylog --limit 1 --out /no/file").code, ExitCode::kUsage);
}

TEST_F(KeyLogCommandTest, TellsThatTheDaemonKeepsItsSecrets) {
  daemon_.on.watch_key_log = [](const auto&, auto&, auto&) {
    return MakeError(Reason::kKeyLogDisabled, "no key log");
  };

  const Outcome outcome = Run("keylog");

  EXPECT_EQ(outcome.code, ExitCode::kOtherError);
  EXPECT_THAT(outcome.err, HasSubstr("--key_log"));
}

}  // namespace
}  // namespace tlsd::client::cli
