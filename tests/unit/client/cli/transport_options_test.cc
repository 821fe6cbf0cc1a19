#include "client/cli/transport_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "proto/status/error.h"
#include "tests/unit/client/cli/options_fixture.h"

namespace tlsd::client::cli {
namespace {

class SocketCommandLineTest : public OptionsTest<SocketCommandLine> {};

TEST_F(SocketCommandLineTest, SaysNothingByDefault) {
  ASSERT_TRUE(Parse({}));

  v1::SocketOptions options;
  options_.Fill(options);

  EXPECT_FALSE(options_.are_given());
  EXPECT_EQ(options.ByteSizeLong(), 0u);
}

TEST_F(SocketCommandLineTest, SaysHowSocketsAreTreated) {
  ASSERT_TRUE(Parse(
      {"--idle-timeout", "5m", "--keep-alive", "60s", "--delay-small-writes"}));

  v1::SocketOptions options;
  options_.Fill(options);

  EXPECT_TRUE(options_.are_given());
  EXPECT_EQ(options.idle_timeout().seconds(), 300);
  EXPECT_EQ(options.keep_alive().seconds(), 60);
  EXPECT_TRUE(options.delay_small_writes());
  EXPECT_FALSE(Parse({"--idle-timeout", "5"}));
  EXPECT_FALSE(Parse({"--keep-alive", "-1s"}));
}

class ForwardCommandLineTest : public OptionsTest<ForwardCommandLine> {
 protected:
  absl::Status Fill() {
    forward_.Clear();
    return options_.Fill(FileContents(FileUse::kRead), forward_);
  }

  v1::ForwardHandler forward_;
};

TEST_F(ForwardCommandLineTest, ForwardsNowhereByDefault) {
  ASSERT_TRUE(Parse({}));

  EXPECT_FALSE(options_.is_given());
}

TEST_F(ForwardCommandLineTest, ForwardsInTheClear) {
  ASSERT_TRUE(Parse({"--forward", "unix:/s", "--forward-plain"}));

  ASSERT_TRUE(Fill().ok());

  EXPECT_TRUE(options_.is_given());
  EXPECT_EQ(forward_.upstream().address(), "unix:/s");
  EXPECT_EQ(forward_.upstream().protection(), v1::PROTECTION_NONE);
  EXPECT_EQ(forward_.send_proxy_header(), v1::PROXY_HEADER_VERSION_UNSPECIFIED);
  EXPECT_FALSE(forward_.upstream().has_timeout());
}

TEST_F(ForwardCommandLineTest, ForwardsWithTls) {
  ASSERT_TRUE(Parse({"--forward", "h:1", "--forward-context", "up",
                     "--forward-server-name", "a.test", "--forward-timeout",
                     "3s", "--forward-local-address", "127.0.0.1"}));

  ASSERT_TRUE(Fill().ok());

  EXPECT_EQ(forward_.upstream().protection(), v1::PROTECTION_UNSPECIFIED);
  EXPECT_EQ(forward_.upstream().secure_context(), "secureContexts/up");
  EXPECT_EQ(forward_.upstream().server_name(), "a.test");
  EXPECT_EQ(forward_.upstream().timeout().seconds(), 3);
  EXPECT_EQ(forward_.upstream().local_address(), "127.0.0.1");
}

TEST_F(ForwardCommandLineTest, TellsTheUpstreamOfTheClient) {
  for (const auto& [word, version] :
       {std::pair{"v1", v1::PROXY_HEADER_VERSION_1},
        std::pair{"v2", v1::PROXY_HEADER_VERSION_2},
        std::pair{"v2-tls", v1::PROXY_HEADER_VERSION_2_TLS},
        std::pair{"v2-tls-certificate",
                  v1::PROXY_HEADER_VERSION_2_TLS_CERTIFICATE}}) {
    ASSERT_TRUE(Parse({"--forward", "h:1", "--send-proxy", word})) << word;
    ASSERT_TRUE(Fill().ok());
    EXPECT_EQ(forward_.send_proxy_header(), version);
  }
  EXPECT_FALSE(Parse({"--forward", "h:1", "--send-proxy", "v3"}));
}

TEST_F(ForwardCommandLineTest, NeedsAnUpstreamForAllElse) {
  EXPECT_FALSE(Parse({"--forward-plain"}));
  EXPECT_FALSE(Parse({"--send-proxy", "v1"}));
  EXPECT_FALSE(Parse({"--forward-context", "up"}));
  EXPECT_FALSE(Parse({"--forward-timeout", "3s"}));
}

TEST_F(ForwardCommandLineTest, NamesAFileThatItCannotRead) {
  ASSERT_TRUE(
      Parse({"--forward", "h:1", "--forward-ech-config-list", "/none"}));

  EXPECT_TRUE(HasReason(Fill(), Reason::kFieldInvalid));
}

}  // namespace
}  // namespace tlsd::client::cli
