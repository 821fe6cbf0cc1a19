#include "client/cli/answer_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proto/status/error.h"
#include "tests/unit/client/cli/options_fixture.h"

namespace tlsd::client::cli {
namespace {

using ::testing::HasSubstr;

class AnswerOptionsTest : public OptionsTest<AnswerOptions> {
 protected:
  absl::Status Fill() {
    answer_.Clear();
    return options_.Fill(FileContents(FileUse::kRead), answer_);
  }

  v1::DecisionAnswer answer_;
};

TEST_F(AnswerOptionsTest, AnswerAClientHello) {
  ASSERT_TRUE(Parse({"--context", "web", "--alpn", "h2"}));
  ASSERT_TRUE(Fill().ok());
  EXPECT_EQ(answer_.client_hello().secure_context(), "secureContexts/web");
  EXPECT_EQ(answer_.client_hello().alpn_protocol(), "h2");
  EXPECT_EQ(answer_.client_hello().client_certificate_mode(),
            v1::CLIENT_CERTIFICATE_MODE_UNSPECIFIED);

  ASSERT_TRUE(Parse({"--client-cert", "none"}));
  ASSERT_TRUE(Fill().ok());
  EXPECT_EQ(answer_.client_hello().client_certificate_mode(),
            v1::CLIENT_CERTIFICATE_MODE_NONE);
  EXPECT_FALSE(Parse({"--client-cert", "maybe"}));
}

TEST_F(AnswerOptionsTest, AnswerWithAStapleOrNone) {
  ASSERT_TRUE(Parse({"--ocsp-response", File("o"), "--reuse-for", "1m"}));
  ASSERT_TRUE(Fill().ok());
  EXPECT_EQ(answer_.ocsp_staple().ocsp_response(), "o");
  EXPECT_EQ(answer_.ocsp_staple().reuse_for().seconds(), 60);

  ASSERT_TRUE(Parse({"--ocsp-response", "none"}));
  ASSERT_TRUE(Fill().ok());
  EXPECT_TRUE(answer_.has_ocsp_staple());
  EXPECT_EQ(answer_.ocsp_staple().ocsp_response(), "");
  EXPECT_FALSE(Parse({"--reuse-for", "1m"}));
}

TEST_F(AnswerOptionsTest, AnswerWithASessionOrNone) {
  ASSERT_TRUE(Parse({"--session", File("s")}));
  ASSERT_TRUE(Fill().ok());
  EXPECT_EQ(answer_.session_lookup().session(), "s");

  ASSERT_TRUE(Parse({"--session", "none"}));
  ASSERT_TRUE(Fill().ok());
  EXPECT_TRUE(answer_.has_session_lookup());
  EXPECT_EQ(answer_.session_lookup().session(), "");

  ASSERT_TRUE(Parse({"--stored"}));
  ASSERT_TRUE(Fill().ok());
  EXPECT_TRUE(answer_.has_session_store());
}

TEST_F(AnswerOptionsTest, AcceptAndRejectPeers) {
  ASSERT_TRUE(Parse({"--accept"}));
  ASSERT_TRUE(Fill().ok());
  EXPECT_TRUE(answer_.verify_peer().accept());

  ASSERT_TRUE(Parse({"--reject"}));
  ASSERT_TRUE(Fill().ok());
  EXPECT_TRUE(answer_.has_verify_peer());
  EXPECT_FALSE(answer_.verify_peer().accept());

  ASSERT_TRUE(Parse({"--reject", "--alert", "certificate_revoked"}));
  ASSERT_TRUE(Fill().ok());
  EXPECT_EQ(answer_.verify_peer().alert(), "certificate_revoked");
}

TEST_F(AnswerOptionsTest, Sign) {
  ASSERT_TRUE(Parse({"--signature", File("s")}));

  ASSERT_TRUE(Fill().ok());

  EXPECT_EQ(answer_.sign().signature(), "s");
}

TEST_F(AnswerOptionsTest, RefuseOrHaveNoOpinion) {
  ASSERT_TRUE(Parse({"--refuse", "--alert", "access_denied"}));
  ASSERT_TRUE(Fill().ok());
  EXPECT_EQ(answer_.refuse().alert(), "access_denied");

  ASSERT_TRUE(Parse({"--no-opinion"}));
  ASSERT_TRUE(Fill().ok());
  EXPECT_TRUE(answer_.has_no_opinion());
}

TEST_F(AnswerOptionsTest, GiveExactlyOneAnswer) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{},
        std::vector<std::string>{"--accept", "--reject"},
        std::vector<std::string>{"--context", "web", "--refuse"},
        std::vector<std::string>{"--session", "none", "--stored"}}) {
    ASSERT_TRUE(Parse(words));

    EXPECT_TRUE(HasReason(Fill(), Reason::kFieldInvalid));
  }
}

TEST_F(AnswerOptionsTest, TakeAnAlertOnlyForAnEnd) {
  ASSERT_TRUE(Parse({"--accept", "--alert", "access_denied"}));

  const absl::Status status = Fill();

  EXPECT_TRUE(HasReason(status, Reason::kFieldInvalid));
  EXPECT_THAT(std::string(status.message()), HasSubstr("--refuse"));
}

TEST_F(AnswerOptionsTest, NameAFileThatTheyCannotRead) {
  for (const char* option : {"--ocsp-response", "--session", "--signature"}) {
    ASSERT_TRUE(Parse({option, "/none"}));

    EXPECT_THAT(std::string(Fill().message()), HasSubstr("/none")) << option;
  }
}

TEST_F(AnswerOptionsTest, MarkFilesThatAreNotRead) {
  ASSERT_TRUE(Parse({"--session", "/none"}));

  EXPECT_TRUE(options_.Fill(FileContents(FileUse::kMark), answer_).ok());
}

}  // namespace
}  // namespace tlsd::client::cli
