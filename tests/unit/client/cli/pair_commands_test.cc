#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/status/error.h"
#include "tests/unit/client/cli/tlsctl_fixture.h"

namespace tlsd::client::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class PairCommandsTest : public TlsctlTest {
 protected:
  PairCommandsTest() {
    daemon_.on.create_secure_pair = [this](const auto& request, auto& pair) {
      seen_ = request;
      pair.mutable_cleartext()->set_name("connections/a");
      pair.mutable_encrypted()->set_name("connections/b");
      return absl::OkStatus();
    };
  }

  v1::CreateSecurePairRequest seen_;
};

TEST_F(PairCommandsTest, MakesAPairInEitherRole) {
  const Outcome outcome =
      Run("pair create --server-name a.test --idle-timeout 5s --early-data " +
          File("early", "GET"));

  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  EXPECT_EQ(outcome.out,
            "secure pair\n"
            "  cleartext  connections/a\n"
            "  encrypted  connections/b\n");
  EXPECT_EQ(seen_.client().server_name(), "a.test");
  EXPECT_EQ(seen_.client().early_data(), "GET");
  EXPECT_EQ(seen_.client().socket_options().idle_timeout().seconds(), 5);

  EXPECT_THAT(Run("pair create --server -c web --idle-timeout 7s -o json").out,
              HasSubstr("\"encrypted\": {"));
  EXPECT_EQ(seen_.server().socket_options().idle_timeout().seconds(), 7);
  EXPECT_EQ(seen_.server().secure_context(), "secureContexts/web");
}

TEST_F(PairCommandsTest, TellsWhyThereIsNone) {
  daemon_.on.create_secure_pair = [](const auto&, auto&) {
    return MakeError(Reason::kCredentialsRequired, "no certificate");
  };

  const Outcome outcome = Run("pair create --server -c friend");

  EXPECT_EQ(outcome.code, ExitCode::kOtherError);
  EXPECT_THAT(outcome.err, HasSubstr("CREDENTIALS_REQUIRED"));
}

TEST_F(PairCommandsTest, RefusesABadCommandLine) {
  for (const char* line : {"pair", "pair create --server --early-data f",
                           "pair create --listener l", "pair create extra",
                           "pair create --early-data /none"}) {
    const Outcome outcome = Run(line);

    EXPECT_EQ(outcome.code, ExitCode::kUsage) << line;
    EXPECT_NE(outcome.err, "") << line;
  }
}

TEST_F(PairCommandsTest, PrintsTheRequestThatItWouldSend) {
  daemon_.on = testing::Handlers();

  EXPECT_THAT(Run("pair create -n a.test --print-grpc").out,
              AllOf(HasSubstr("tlsd.v1.SecurePairService/CreateSecurePair"),
                    HasSubstr("'{\"client\":{\"serverName\":\"a.test\"}}'")));
  EXPECT_THAT(Run("pair create --early-data none --print-grpc").out,
              HasSubstr("cat none | base64"));
}

}  // namespace
}  // namespace tlsd::client::cli
