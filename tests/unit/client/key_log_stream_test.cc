#include "client/key_log_stream.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <thread>

#include "absl/synchronization/notification.h"
#include "client/client.h"
#include "proto/status/error.h"
#include "tests/unit/client/fake_daemon.h"

namespace tlsd::client {
namespace {

using Writer = grpc::ServerWriter<v1::WatchKeyLogResponse>;

v1::WatchKeyLogResponse Started() {
  v1::WatchKeyLogResponse response;
  response.mutable_started();
  return response;
}

v1::WatchKeyLogResponse Line(const std::string& line) {
  v1::WatchKeyLogResponse response;
  response.mutable_line()->set_line(line);
  response.mutable_line()->set_connection("connections/c");
  return response;
}

class KeyLogStreamTest : public ::testing::Test {
 protected:
  ~KeyLogStreamTest() override {
    if (!finish_.HasBeenNotified()) finish_.Notify();
  }

  // Watch opens a watch on which the daemon does what `script` says, then
  // nothing until the test ends.
  absl::StatusOr<KeyLogStream> Watch(
      std::function<absl::Status(const v1::WatchKeyLogRequest&, Writer&)>
          script,
      const std::string& listener = "") {
    daemon_.on.watch_key_log = [this, script](
                                   const v1::WatchKeyLogRequest& request,
                                   grpc::ServerContext&, Writer& writer) {
      const absl::Status status = script(request, writer);
      if (status.ok()) finish_.WaitForNotification();
      return status;
    };
    const absl::StatusOr<Client> client = Client::Open(daemon_.address());
    EXPECT_TRUE(client.ok()) << client.status();
    return client->WatchKeyLog(listener);
  }

  absl::Notification finish_;
  testing::FakeDaemon daemon_;
};

TEST_F(KeyLogStreamTest, GivesLinesAndGapsInOrder) {
  auto key_log = Watch(
      [](const v1::WatchKeyLogRequest& request, Writer& writer) {
        EXPECT_EQ(request.listener(), "listeners/l");
        writer.Write(Started());
        writer.Write(Line("CLIENT_RANDOM 01 02"));
        v1::WatchKeyLogResponse gap;
        gap.mutable_gap()->set_dropped_count(3);
        writer.Write(gap);
        return absl::OkStatus();
      },
      "listeners/l");
  ASSERT_TRUE(key_log.ok()) << key_log.status();

  const absl::StatusOr<KeyLogEntry> line = key_log->Next();
  const absl::StatusOr<KeyLogEntry> gap = key_log->Next();

  ASSERT_TRUE(line.ok() && gap.ok());
  EXPECT_EQ(line->line, "CLIENT_RANDOM 01 02");
  EXPECT_EQ(line->connection, "connections/c");
  EXPECT_EQ(line->dropped_count, 0);
  EXPECT_EQ(gap->line, "");
  EXPECT_EQ(gap->dropped_count, 3);
  finish_.Notify();
}

TEST_F(KeyLogStreamTest, GivesTheErrorOfADaemonThatKeepsItsSecrets) {
  const auto key_log = Watch([](const auto&, Writer&) {
    return MakeError(Reason::kKeyLogDisabled, "start it with --key_log");
  });

  EXPECT_TRUE(HasReason(key_log.status(), Reason::kKeyLogDisabled));
}

TEST_F(KeyLogStreamTest, RefusesAWatchThatDoesNotSayThatItHasStarted) {
  const auto key_log = Watch([](const auto&, Writer& writer) {
    writer.Write(Line("CLIENT_RANDOM 01 02"));
    return absl::OkStatus();
  });

  EXPECT_TRUE(HasReason(key_log.status(), Reason::kInternal));
  finish_.Notify();
}

TEST_F(KeyLogStreamTest, LosesNothingToATimeout) {
  absl::Notification timed_out;
  auto key_log = Watch([&](const auto&, Writer& writer) {
    writer.Write(Started());
    timed_out.WaitForNotification();
    writer.Write(Line("a"));
    return absl::OkStatus();
  });
  ASSERT_TRUE(key_log.ok()) << key_log.status();

  EXPECT_TRUE(HasReason(key_log->Next(absl::Milliseconds(5)).status(),
                        Reason::kWaitTimeout));
  timed_out.Notify();

  EXPECT_EQ(key_log->Next()->line, "a");
  finish_.Notify();
}

TEST_F(KeyLogStreamTest, CancelWakesNextInAnotherThread) {
  auto key_log = Watch([](const auto&, Writer& writer) {
    writer.Write(Started());
    return absl::OkStatus();
  });
  ASSERT_TRUE(key_log.ok()) << key_log.status();
  absl::Status status;
  std::thread reader([&] { status = key_log->Next().status(); });

  key_log->Cancel();
  reader.join();
  finish_.Notify();

  EXPECT_TRUE(HasReason(status, Reason::kCallCancelled));
}

}  // namespace
}  // namespace tlsd::client
