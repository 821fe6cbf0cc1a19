#include "client/control_channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "client/unreachable.h"
#include "proto/rpc/callback_waker.h"
#include "proto/status/error.h"
#include "tests/unit/client/fake_daemon.h"

namespace tlsd::client {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

absl::StatusOr<v1::ServerInfo> GetInfo(ControlChannel& channel,
                                       absl::Duration timeout) {
  return channel.Call(&v1::AdminService::Stub::GetServerInfo,
                      v1::GetServerInfoRequest(), timeout);
}

TEST(ControlChannelTest, OpensUnixSocketsAndLoopbackOnly) {
  for (const char* address :
       {"unix:/run/tlsd.sock", "127.0.0.1:1", "127.9.9.9:65535", "[::1]:443",
        "localhost:443"}) {
    EXPECT_TRUE(ControlChannel::Open(address).ok()) << address;
  }
  for (const char* address :
       {"", "unix:", "unix:relative", "/run/tlsd.sock", "127.0.0.1",
        "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "localhost:http",
        "10.0.0.1:443", "example.com:443", "::1:443", "localhost.evil.com:1"}) {
    EXPECT_TRUE(HasReason(ControlChannel::Open(address).status(),
                          Reason::kAddressInvalid))
        << address;
  }
}

TEST(ControlChannelTest, SaysThatNoDaemonAnswersAndWhy) {
  testing::SocketFolder folder;
  const std::string address = absl::StrCat("unix:", folder.path(), "/none");
  const auto channel = ControlChannel::Open(address);
  ASSERT_TRUE(channel.ok());

  const absl::Status status = GetInfo(**channel, kCallTimeout).status();

  EXPECT_TRUE(IsDaemonUnreachable(status));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(address), HasSubstr("No such file")));
}

TEST(ControlChannelTest, KeepsTheErrorsOfTheDaemon) {
  testing::FakeDaemon daemon;
  daemon.on.get_server_info = [](const v1::GetServerInfoRequest&,
                                 v1::ServerInfo&) {
    return MakeError(Reason::kConnectRefused, "refused", {{"address", "x"}});
  };
  const auto channel = ControlChannel::Open(daemon.address());
  ASSERT_TRUE(channel.ok());

  const absl::Status status = GetInfo(**channel, kCallTimeout).status();

  EXPECT_FALSE(IsDaemonUnreachable(status));
  ASSERT_TRUE(HasReason(status, Reason::kConnectRefused));
  EXPECT_EQ(GetErrorDetail(status)->metadata.at("address"), "x");
}

TEST(ControlChannelTest, EndsACallAtItsDeadline) {
  testing::FakeDaemon daemon;
  absl::Notification ended;
  daemon.on.get_server_info = [&](const v1::GetServerInfoRequest&,
                                  v1::ServerInfo&) {
    ended.WaitForNotification();
    return absl::OkStatus();
  };
  const auto channel = ControlChannel::Open(daemon.address());
  ASSERT_TRUE(channel.ok());

  const absl::Status status =
      GetInfo(**channel, absl::Milliseconds(20)).status();
  ended.Notify();

  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(status.message()), HasSubstr(daemon.address()));
}

TEST(ControlChannelTest, StaysAwakeOnceItIsTold) {
  auto channel = ControlChannel::Open("unix:/run/x");
  ASSERT_TRUE(channel.ok());
  EXPECT_EQ(rpc::CallbackWaker::Shared().use_count(), 1);

  (*channel)->StayAwake();
  (*channel)->StayAwake();

  EXPECT_EQ(rpc::CallbackWaker::Shared().use_count(), 2);
  channel->reset();
  EXPECT_EQ(rpc::CallbackWaker::Shared().use_count(), 1);
}

TEST(ControlChannelTest, ExplainsWhatGrpcSays) {
  const auto channel = ControlChannel::Open("unix:/run/x");
  ASSERT_TRUE(channel.ok());
  const auto explain = [&](grpc::StatusCode code, const std::string& message) {
    return (*channel)->Explain(grpc::Status(code, message));
  };

  EXPECT_TRUE(HasReason(explain(grpc::StatusCode::CANCELLED, "Cancelled"),
                        Reason::kCallCancelled));
  EXPECT_TRUE(IsDaemonUnreachable(
      explain(grpc::StatusCode::UNAVAILABLE, "Socket closed")));
  EXPECT_EQ(explain(grpc::StatusCode::UNAVAILABLE,
                    "failed to connect: UNKNOWN: Permission denied")
                .code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(explain(grpc::StatusCode::UNIMPLEMENTED, "").code(),
            absl::StatusCode::kUnimplemented);
  EXPECT_EQ(explain(grpc::StatusCode::RESOURCE_EXHAUSTED, "m").message(), "m");
  EXPECT_TRUE((*channel)->Explain(grpc::Status::OK).ok());
}

TEST(ControlChannelTest, TakesAnUnknownReasonOfANewerDaemonForAnAnswer) {
  const auto channel = ControlChannel::Open("unix:/run/x");
  ASSERT_TRUE(channel.ok());

  const absl::Status status = (*channel)->Explain(
      grpc::Status(grpc::StatusCode::UNAVAILABLE, "m", "details"));

  EXPECT_FALSE(IsDaemonUnreachable(status));
}

}  // namespace
}  // namespace tlsd::client
