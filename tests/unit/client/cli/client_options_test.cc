#include "client/cli/client_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "proto/status/error.h"
#include "tests/unit/client/cli/options_fixture.h"

namespace tlsd::client::cli {
namespace {

class ClientCommandLineTest : public OptionsTest<ClientCommandLine> {
 protected:
  absl::Status Fill() {
    request_.Clear();
    return options_.Fill(FileContents(FileUse::kRead), request_);
  }

  v1::ConnectRequest request_;
};

TEST_F(ClientCommandLineTest, SaysNothingByDefault) {
  ASSERT_TRUE(Parse({}));

  ASSERT_TRUE(Fill().ok());

  EXPECT_EQ(request_.ByteSizeLong(), 0u);
  EXPECT_EQ(options_.context(), "");
}

TEST_F(ClientCommandLineTest, SaysWhatAClientsHandshakeCanBeTold) {
  ASSERT_TRUE(
      Parse({"-c", "web", "-n", "a.test", "--expected-name", "b.test", "-k",
             "--request-ocsp", "--ech-config-list", File("ech"),
             "--renegotiation-limit", "0", "--renegotiation-window", "5s"}));

  ASSERT_TRUE(Fill().ok());

  EXPECT_EQ(request_.secure_context(), "secureContexts/web");
  EXPECT_EQ(request_.server_name(), "a.test");
  EXPECT_EQ(request_.expected_name(), "b.test");
  EXPECT_EQ(request_.verification(), v1::PEER_VERIFICATION_REPORT);
  EXPECT_TRUE(request_.request_ocsp());
  EXPECT_EQ(request_.ech_config_list(), "ech");
  ASSERT_TRUE(request_.has_renegotiation_limit());
  EXPECT_EQ(request_.renegotiation_limit().count(), 0);
  EXPECT_EQ(request_.renegotiation_limit().window().seconds(), 5);
}

TEST_F(ClientCommandLineTest, LeavesTheWindowToTheDaemon) {
  ASSERT_TRUE(Parse({"--skip-name-check", "--renegotiation-limit", "2"}));

  ASSERT_TRUE(Fill().ok());
  EXPECT_TRUE(request_.skip_name_check());
  EXPECT_EQ(request_.renegotiation_limit().count(), 2);
  EXPECT_FALSE(request_.renegotiation_limit().has_window());
}

TEST_F(ClientCommandLineTest, RefusesWhatContradictsItself) {
  EXPECT_FALSE(Parse({"--expected-name", "a", "--skip-name-check"}));
  EXPECT_FALSE(Parse({"--renegotiation-window", "5s"}));
  EXPECT_FALSE(Parse({"--renegotiation-limit", "-1"}));
  EXPECT_FALSE(Parse({"--renegotiation-limit", "1001"}));
}

TEST_F(ClientCommandLineTest, NamesAFileThatItCannotRead) {
  ASSERT_TRUE(Parse({"--ech-config-list", "/none"}));

  EXPECT_TRUE(HasReason(Fill(), Reason::kFieldInvalid));
}

TEST_F(ClientCommandLineTest, KnowsTheNameThatIsChecked) {
  ASSERT_TRUE(Parse({}));
  EXPECT_EQ(options_.checked_name("h"), "h");
  ASSERT_TRUE(Parse({"-n", "a"}));
  EXPECT_EQ(options_.checked_name("h"), "a");
  ASSERT_TRUE(Parse({"-n", "a", "--expected-name", "b"}));
  EXPECT_EQ(options_.checked_name("h"), "b");
  ASSERT_TRUE(Parse({"-n", "a", "--skip-name-check"}));
  EXPECT_EQ(options_.checked_name("h"), "");
}

TEST(PrefixedClientCommandLineTest, HasNamesOfItsOwn) {
  CLI::App app;
  ClientCommandLine options(app, "forward-");
  v1::ConnectRequest request;

  EXPECT_THROW(app.parse(std::vector<std::string>{"web", "-c"}),
               CLI::ParseError);
  EXPECT_THROW(app.parse(std::vector<std::string>{"web", "--context"}),
               CLI::ParseError);
  app.parse(std::vector<std::string>{"web", "--forward-context"});

  ASSERT_TRUE(options.Fill(FileContents(FileUse::kRead), request).ok());
  EXPECT_EQ(request.secure_context(), "secureContexts/web");
}

class RoleCommandLineTest : public OptionsTest<RoleCommandLine> {
 protected:
  absl::Status Fill(std::optional<absl::Duration> timeout = {}) {
    request_.Clear();
    return options_.Fill(FileContents(FileUse::kRead), timeout, request_);
  }

  v1::UpgradeRequest request_;
};

TEST_F(RoleCommandLineTest, PlaysTheClientUnlessItIsTold) {
  ASSERT_TRUE(Parse({"-c", "web", "-n", "a.test", "--session-in", File("s"),
                     "--hook", "verify-peer"}));

  ASSERT_TRUE(Fill(absl::Seconds(4)).ok());

  ASSERT_TRUE(request_.has_client());
  EXPECT_EQ(request_.client().secure_context(), "secureContexts/web");
  EXPECT_EQ(request_.client().server_name(), "a.test");
  EXPECT_EQ(request_.client().session(), "s");
  EXPECT_EQ(request_.client().hooks_size(), 1);
  EXPECT_EQ(request_.client().timeout().seconds(), 4);
}

TEST_F(RoleCommandLineTest, PlaysTheServer) {
  ASSERT_TRUE(Parse({"--server", "-c", "web", "--client-cert", "require",
                     "--hook", "client-hello"}));

  ASSERT_TRUE(Fill(absl::Seconds(4)).ok());

  ASSERT_TRUE(request_.has_server());
  EXPECT_EQ(request_.server().secure_context(), "secureContexts/web");
  EXPECT_EQ(request_.server().client_certificate_mode(),
            v1::CLIENT_CERTIFICATE_MODE_REQUIRE);
  EXPECT_EQ(request_.server().hooks_size(), 1);
  EXPECT_EQ(request_.server().handshake_timeout().seconds(), 4);

  ASSERT_TRUE(Parse({"--server", "--listener", "l"}));
  ASSERT_TRUE(Fill().ok());
  EXPECT_EQ(request_.server().listener(), "listeners/l");
  EXPECT_FALSE(request_.server().has_handshake_timeout());
}

TEST_F(RoleCommandLineTest, RefusesWhatIsOfTheOtherRole) {
  EXPECT_FALSE(Parse({"--server", "-n", "a.test"}));
  EXPECT_FALSE(Parse({"--server", "--insecure"}));
  EXPECT_FALSE(Parse({"--server", "--session-in", "s"}));
  EXPECT_FALSE(Parse({"--listener", "l"}));
  EXPECT_FALSE(Parse({"--client-cert", "require"}));
  EXPECT_FALSE(Parse({"--server", "--listener", "l", "-c", "web"}));
}

TEST_F(RoleCommandLineTest, NamesAFileThatItCannotRead) {
  ASSERT_TRUE(Parse({"--session-in", "/none"}));

  EXPECT_TRUE(HasReason(Fill(), Reason::kFieldInvalid));
}

TEST_F(RoleCommandLineTest, KnowsHowLongAHandshakeMayTake) {
  ASSERT_TRUE(Parse({}));
  EXPECT_EQ(options_.HandshakeTimeMax({}), absl::Seconds(30));
  EXPECT_EQ(options_.HandshakeTimeMax(absl::Seconds(1)), absl::Seconds(1));
  ASSERT_TRUE(Parse({"--server", "-c", "web"}));
  EXPECT_EQ(options_.HandshakeTimeMax({}), absl::Seconds(120));
  ASSERT_TRUE(Parse({"--server", "--listener", "l"}));
  EXPECT_EQ(options_.HandshakeTimeMax({}), absl::Hours(1));
}

}  // namespace
}  // namespace tlsd::client::cli
