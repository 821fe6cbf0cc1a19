// What tlsctl does with connections that are plain, or stay in the daemon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "proto/status/error.h"
#include "tests/unit/client/cli/tlsctl_fixture.h"

namespace tlsd::client::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class TlsctlCarryingTest : public TlsctlTest {
 protected:
  TlsctlCarryingTest() {
    daemon_.on.connect = [this](const auto& request, auto& connection) {
      seen_ = request;
      connection = answer_;
      return absl::OkStatus();
    };
    daemon_.on.stream = [this](const v1::StreamAttach&,
                               testing::CleartextStream& stream) {
      is_attached_ = true;
      testing::ReadAll(stream);
      stream.Write(testing::End());
      return absl::OkStatus();
    };
    answer_.set_name("connections/c");
    answer_.set_state(v1::Connection::STATE_OPEN);
    answer_.mutable_open_time()->set_seconds(1);
    answer_.mutable_remote_address()->set_family("IPv4");
    answer_.mutable_remote_address()->set_address("127.0.0.1");
    answer_.mutable_remote_address()->set_port(25);
  }

  v1::Connection answer_;
  v1::ConnectRequest seen_;
  std::atomic<bool> is_attached_ = false;
};

TEST_F(TlsctlCarryingTest, ConnectsWithoutTls) {
  const Outcome outcome =
      Run("connect h:25 --plain --local-address 127.0.0.1 --idle-timeout 5m "
          "--keep-alive 60s --delay-small-writes");

  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("protocol  plain\n"),
                                 Not(HasSubstr("authorized"))));
  EXPECT_EQ(seen_.protection(), v1::PROTECTION_NONE);
  EXPECT_EQ(seen_.local_address(), "127.0.0.1");
  EXPECT_EQ(seen_.socket_options().idle_timeout().seconds(), 300);
  EXPECT_EQ(seen_.socket_options().keep_alive().seconds(), 60);
  EXPECT_TRUE(seen_.socket_options().delay_small_writes());
}

TEST_F(TlsctlCarryingTest, SaysNothingOfTheTransportUnlessTold) {
  answer_.set_authorized(true);

  EXPECT_EQ(Run("connect h:25").code, ExitCode::kOk);

  EXPECT_EQ(seen_.protection(), v1::PROTECTION_UNSPECIFIED);
  EXPECT_FALSE(seen_.has_socket_options());
  EXPECT_FALSE(seen_.has_renegotiation_limit());
  EXPECT_EQ(seen_.early_data(), "");
  EXPECT_EQ(seen_.ech_config_list(), "");
}

TEST_F(TlsctlCarryingTest, SaysWhatTlsTakesFromOptions) {
  answer_.set_authorized(true);

  const Outcome outcome =
      Run("connect h:25 --early-data " + File("early", "GET") +
          " --ech-config-list " + File("ech", "ECH") +
          " --renegotiation-limit 1 --renegotiation-window 10s");

  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  EXPECT_EQ(seen_.early_data(), "GET");
  EXPECT_EQ(seen_.ech_config_list(), "ECH");
  EXPECT_EQ(seen_.renegotiation_limit().count(), 1);
  EXPECT_EQ(seen_.renegotiation_limit().window().seconds(), 10);
}

TEST_F(TlsctlCarryingTest, LeavesAConnectionInTheDaemon) {
  const Outcome outcome = Run("connect h:25 --plain --detach");

  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("connections/c\n"), HasSubstr("127.0.0.1:25\n")));
  EXPECT_THAT(Run("connect h:25 --plain --detach -o json").out,
              HasSubstr("\"name\": \"connections/c\""));
  EXPECT_FALSE(is_attached_);
}

TEST_F(TlsctlCarryingTest, ExitsWithOneForAnUnauthorizedServerAlsoDetached) {
  answer_.set_authorization_error("CERT_HAS_EXPIRED");

  EXPECT_EQ(Run("connect h:25 -k --detach").code, ExitCode::kTlsFailed);
}

TEST_F(TlsctlCarryingTest, LeavesWhatItAcceptsInTheDaemon) {
  daemon_.on.accept = [this](const auto& request, auto& connection) {
    EXPECT_EQ(request.listener(), "listeners/l");
    connection = answer_;
    return absl::OkStatus();
  };

  EXPECT_THAT(Run("accept l --detach").out, HasSubstr("connections/c\n"));
  EXPECT_FALSE(is_attached_);
  EXPECT_EQ(Run("accept l -q").code, ExitCode::kOk);
  EXPECT_TRUE(is_attached_);
}

TEST_F(TlsctlCarryingTest, SaysWhenTheServerCannotReadTheClientHello) {
  daemon_.on.connect = [](const auto&, auto&) {
    return MakeError(Reason::kEchRejected, "rejected");
  };

  const Outcome outcome =
      Run("connect h:25 --ech-config-list " + File("ech", "ECH"));

  EXPECT_EQ(outcome.code, ExitCode::kTlsFailed);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("ECH_REJECTED"),
                                 HasSubstr("leave --ech-config-list out")));
}

TEST_F(TlsctlCarryingTest, RefusesABadCommandLine) {
  for (const char* line :
       {"connect h:25 --early-data /none", "connect h:25 --keep-alive 5",
        "connect h:25 --renegotiation-window 5s",
        "connect h:25 --renegotiation-limit many", "accept --detach"}) {
    const Outcome outcome = Run(line);

    EXPECT_EQ(outcome.code, ExitCode::kUsage) << line;
    EXPECT_NE(outcome.err, "") << line;
  }
}

TEST_F(TlsctlCarryingTest, PrintsTheRequestThatItWouldSend) {
  daemon_.on = testing::Handlers();

  EXPECT_THAT(Run("connect h:25 --plain --detach --print-grpc").out,
              AllOf(HasSubstr("'{\"address\":\"h:25\",\"protection\":"
                              "\"PROTECTION_NONE\"}'"),
                    Not(HasSubstr("Stream"))));
  EXPECT_THAT(Run("connect h:25 --plain --print-grpc").out,
              HasSubstr("tlsd.v1.ConnectionService/Stream"));
  EXPECT_THAT(Run("connect h:25 --early-data none --print-grpc").out,
              HasSubstr("cat none | base64"));
}

}  // namespace
}  // namespace tlsd::client::cli
