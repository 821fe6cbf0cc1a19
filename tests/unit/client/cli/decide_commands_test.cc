// What `tlsctl decide` sends, and what it shows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "proto/status/error.h"
#include "tests/unit/client/cli/tlsctl_fixture.h"

namespace tlsd::client::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class DecideCommandsTest : public TlsctlTest {
 protected:
  DecideCommandsTest() {
    daemon_.on.wait_decision = [this](const auto& request, auto& decision) {
      waited_ = request;
      decision.set_name("decisions/d");
      decision.set_type(v1::DECISION_TYPE_VERIFY_PEER);
      decision.mutable_verify_peer()->add_chain("DER");
      return absl::OkStatus();
    };
    daemon_.on.resolve_decision = [this](const auto& request, auto&) {
      resolved_ = request.answer();
      return absl::OkStatus();
    };
  }

  v1::WaitDecisionRequest waited_;
  v1::DecisionAnswer resolved_;
};

TEST_F(DecideCommandsTest, WaitsAndShowsTheQuestionAndHowToAnswer) {
  daemon_.on.parse_certificate = [](const auto& request, auto& response) {
    EXPECT_THAT(request.pem(), HasSubstr("REVS\n"));
    response.add_certificates()->set_subject("CN=a.test");
    return absl::OkStatus();
  };

  const Outcome outcome =
      Run("decide wait --type verify-peer --type sign --about listeners/l "
          "--timeout 2s");

  EXPECT_EQ(outcome.code, ExitCode::kOk);
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("decisions/d\n"), HasSubstr("verify peer\n"),
                    HasSubstr("CN=a.test")));
  EXPECT_THAT(outcome.err, HasSubstr("tlsctl decide resolve d with --accept"));
  EXPECT_THAT(waited_.types(), ElementsAre(v1::DECISION_TYPE_VERIFY_PEER,
                                           v1::DECISION_TYPE_SIGN));
  EXPECT_THAT(waited_.subjects(), ElementsAre("listeners/l"));
  EXPECT_EQ(waited_.timeout().seconds(), 2);
}

TEST_F(DecideCommandsTest, ShowsTheQuestionAlthoughACertificateCannotBeRead) {
  daemon_.on.parse_certificate = [](const auto&, auto&) {
    return MakeError(Reason::kPemInvalid, "no certificate");
  };

  const Outcome outcome = Run("decide wait");

  EXPECT_EQ(outcome.code, ExitCode::kOk);
  EXPECT_THAT(outcome.out, HasSubstr("1 certificate\n"));
  EXPECT_FALSE(waited_.has_timeout());
}

TEST_F(DecideCommandsTest, PrintsTheQuestionAsJson) {
  const Outcome outcome = Run("decide wait -o json");

  EXPECT_THAT(outcome.out, AllOf(HasSubstr("\"name\": \"decisions/d\""),
                                 HasSubstr("\"chain\": [\n   \"REVS\"")));
  EXPECT_EQ(outcome.err, "");
}

TEST_F(DecideCommandsTest, ExitsWithFiveWhenNobodyAsks) {
  daemon_.on.wait_decision = [](const auto& request, auto&) {
    EXPECT_EQ(request.timeout().nanos(), 1000000);
    return MakeError(Reason::kWaitTimeout, "nobody asks");
  };

  EXPECT_EQ(Run("decide wait --timeout 1ms").code, ExitCode::kTimeout);
}

TEST_F(DecideCommandsTest, Answers) {
  const Outcome outcome = Run("decide resolve d --accept");

  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  EXPECT_EQ(outcome.out, "answered decisions/d\n");
  EXPECT_EQ(resolved_.decision(), "decisions/d");
  EXPECT_TRUE(resolved_.verify_peer().accept());

  EXPECT_EQ(Run("decide resolve decisions/e --context web").code,
            ExitCode::kOk);
  EXPECT_EQ(resolved_.decision(), "decisions/e");
  EXPECT_EQ(resolved_.client_hello().secure_context(), "secureContexts/web");

  EXPECT_EQ(Run("decide resolve d --signature " + File("s", "S")).code,
            ExitCode::kOk);
  EXPECT_EQ(resolved_.sign().signature(), "S");
}

TEST_F(DecideCommandsTest, AnswersNothingWithoutOneAnswer) {
  EXPECT_EQ(Run("decide resolve d").code, ExitCode::kUsage);
  EXPECT_EQ(Run("decide resolve d --accept --refuse").code, ExitCode::kUsage);
  EXPECT_EQ(Run("decide resolve --accept").code, ExitCode::kUsage);
  EXPECT_EQ(resolved_.ByteSizeLong(), 0u);
}

TEST_F(DecideCommandsTest, TellsThatItIsTooLate) {
  daemon_.on.resolve_decision = [](const auto&, auto&) {
    return MakeError(Reason::kDecisionNotPending, "its time is up");
  };

  const Outcome outcome = Run("decide resolve d --accept");

  EXPECT_EQ(outcome.code, ExitCode::kOtherError);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("its time is up"),
                                 HasSubstr("tlsctl decide list")));
}

TEST_F(DecideCommandsTest, ListsWhatWaits) {
  daemon_.on.list_decisions = [](const auto& request, auto& page) {
    const bool is_first = request.page_token().empty();
    page.add_decisions()->set_name(is_first ? "decisions/a" : "decisions/b");
    if (is_first) page.set_next_page_token("next");
    return absl::OkStatus();
  };

  EXPECT_THAT(Run("decide list").out,
              AllOf(HasSubstr("decisions/a"), HasSubstr("decisions/b"),
                    HasSubstr("TIME LEFT")));
  EXPECT_THAT(Run("decide list -o json").out,
              AllOf(HasSubstr("\"decisions/b\""), Not(HasSubstr("TIME"))));
}

}  // namespace
}  // namespace tlsd::client::cli
