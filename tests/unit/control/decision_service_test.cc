// DecisionService's unary methods as clients see them, over a channel in this
// process.
#include "server/control/decision_service.h"

#include <algorithm>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/control/decision_server.h"

namespace tlsd::control {
namespace {

using testing::FailsWith;
using testing::IsOk;

v1::WaitDecisionRequest For(int seconds) {
  v1::WaitDecisionRequest request;
  request.mutable_timeout()->set_seconds(seconds);
  return request;
}

class DecisionServiceTest : public ::testing::Test {
 protected:
  absl::StatusOr<v1::Decision> Wait(const v1::WaitDecisionRequest& request) {
    grpc::ClientContext context;
    WithDeadline(context);
    v1::Decision response;
    const grpc::Status status =
        server_.stub().WaitDecision(&context, request, &response);
    if (!status.ok()) return FromRpcStatus(status);
    return response;
  }

  // The label of what a wait has brought.
  std::string WaitForLabel(const v1::WaitDecisionRequest& request) {
    const absl::StatusOr<v1::Decision> decision = Wait(request);
    return decision.ok() ? decision->server_name()
                         : std::string(decision.status().message());
  }

  absl::Status Resolve(const v1::DecisionAnswer& answer) {
    v1::ResolveDecisionRequest request;
    *request.mutable_answer() = answer;
    return Resolve(request);
  }
  absl::Status Resolve(const v1::ResolveDecisionRequest& request) {
    grpc::ClientContext context;
    WithDeadline(context);
    v1::ResolveDecisionResponse response;
    return FromRpcStatus(
        server_.stub().ResolveDecision(&context, request, &response));
  }

  absl::StatusOr<v1::ListDecisionsResponse> List(int32_t page_size,
                                                 const std::string& token) {
    grpc::ClientContext context;
    WithDeadline(context);
    v1::ListDecisionsRequest request;
    request.set_page_size(page_size);
    request.set_page_token(token);
    v1::ListDecisionsResponse response;
    const grpc::Status status =
        server_.stub().ListDecisions(&context, request, &response);
    if (!status.ok()) return FromRpcStatus(status);
    return response;
  }

  DecisionServer server_;
};

v1::DecisionAnswer NoOpinionOn(const std::string& decision) {
  v1::DecisionAnswer answer;
  answer.set_decision(decision);
  answer.mutable_no_opinion();
  return answer;
}

TEST_F(DecisionServiceTest, GivesTheOldestToWhoWaits) {
  const Asked asked = server_.Ask("d1", tls::SessionLookupQuestion{"id"});
  server_.Ask("d2");

  ASSERT_OK_AND_ASSIGN(const v1::Decision first, Wait(For(0)));
  EXPECT_EQ(first.name(), asked.name());
  EXPECT_EQ(first.session_lookup().session_id(), "id");
  EXPECT_EQ(WaitForLabel({}), "d2");
  EXPECT_THAT(Wait(For(0)), FailsWith(Reason::kWaitTimeout));
}

TEST_F(DecisionServiceTest, WaitsForADecisionToCome) {
  std::string label;
  std::thread waiting([&] { label = WaitForLabel(For(20)); });
  // It finds it, or is found.
  const Asked asked = server_.Ask("d1");
  waiting.join();

  EXPECT_EQ(label, "d1");
  EXPECT_FALSE(asked.is_done());
}

TEST_F(DecisionServiceTest, LosesNothingToAWaitThatTimedOut) {
  EXPECT_THAT(Wait(For(0)), FailsWith(Reason::kWaitTimeout));
  server_.Ask("d1");

  EXPECT_EQ(WaitForLabel(For(20)), "d1");
}

TEST_F(DecisionServiceTest, LosesNothingToACallerThatLeaves) {
  for (int i = 0; i < 50; ++i) {
    grpc::ClientContext leaving;
    WithDeadline(leaving);
    bool has_taken = false;
    std::thread waiting([&] {
      v1::Decision response;
      has_taken = server_.stub().WaitDecision(&leaving, {}, &response).ok();
    });
    std::thread cancelling([&] { leaving.TryCancel(); });
    const std::string label = absl::StrCat("d", i);
    server_.Ask(label);
    waiting.join();
    cancelling.join();

    if (!has_taken) {
      ASSERT_EQ(WaitForLabel(For(20)), label);
    }
  }
}

TEST_F(DecisionServiceTest, GivesWhoWaitsWhatItWants) {
  server_.Ask("hello");
  server_.Ask("sign", tls::SignQuestion());
  worker::Decision elsewhere =
      DecisionServer::DecisionOf("elsewhere", tls::ClientHelloFacts());
  elsewhere.secure_context = "secureContexts/b";
  server_.Ask(std::move(elsewhere));
  v1::WaitDecisionRequest of_type = For(0);
  of_type.add_types(v1::DECISION_TYPE_SIGN);
  v1::WaitDecisionRequest of_subject = For(0);
  of_subject.add_subjects("secureContexts/b");

  EXPECT_EQ(WaitForLabel(of_type), "sign");
  EXPECT_THAT(Wait(of_type), FailsWith(Reason::kWaitTimeout));
  EXPECT_EQ(WaitForLabel(of_subject), "elsewhere");
  EXPECT_THAT(Wait(of_subject), FailsWith(Reason::kWaitTimeout));
  EXPECT_EQ(WaitForLabel(For(0)), "hello");
}

TEST_F(DecisionServiceTest, RefusesToWaitForWhatIsNone) {
  v1::WaitDecisionRequest types;
  types.add_types(v1::DECISION_TYPE_UNSPECIFIED);
  EXPECT_THAT(Wait(types), FailsWith(Reason::kFieldInvalid, "types"));
  v1::WaitDecisionRequest subjects;
  subjects.add_subjects("decisions/d-1");
  EXPECT_THAT(Wait(subjects), FailsWith(Reason::kNameInvalid, "subjects"));
  EXPECT_THAT(Wait(For(-1)), FailsWith(Reason::kFieldInvalid, "timeout"));
}

TEST_F(DecisionServiceTest, ResolvesADecisionOnce) {
  const Asked asked = server_.Ask("d1");
  EXPECT_THAT(Resolve(NoOpinionOn(asked.name())), IsOk());
  const std::optional<tls::Answer> given = asked.Answer();
  ASSERT_TRUE(given.has_value());
  EXPECT_TRUE(std::holds_alternative<tls::NoOpinion>(*given));

  EXPECT_THAT(Resolve(NoOpinionOn(asked.name())),
              FailsWith(Reason::kDecisionNotPending));
}

TEST_F(DecisionServiceTest, ResolvesWhatAnotherHolds) {
  Handler handler(server_.stub());
  handler.Register({});
  const Asked asked = server_.Ask("d1");
  EXPECT_EQ(handler.NextLabel(), "d1");

  EXPECT_THAT(Resolve(NoOpinionOn(asked.name())), IsOk());
  EXPECT_TRUE(asked.Answer().has_value());
}

TEST_F(DecisionServiceTest, ResolvesWithAContext) {
  const auto web = server_.AddContext("web");
  const Asked asked = server_.Ask("d1");
  v1::DecisionAnswer answer;
  answer.set_decision(asked.name());
  answer.mutable_client_hello()->set_secure_context("secureContexts/none");
  EXPECT_THAT(Resolve(answer), FailsWith(Reason::kContextNotFound));
  answer.mutable_client_hello()->set_secure_context("secureContexts/web");
  EXPECT_THAT(Resolve(answer), IsOk());

  const std::optional<tls::Answer> given = asked.Answer();
  ASSERT_TRUE(given.has_value());
  const auto& hello = std::get<tls::ClientHelloAnswer>(*given);
  EXPECT_EQ(hello.context.name, "secureContexts/web");
  EXPECT_EQ(hello.context.context, web);
}

TEST_F(DecisionServiceTest, RefusesAnswersThatCannotBe) {
  const Asked asked = server_.Ask("d1");
  EXPECT_THAT(Resolve(v1::ResolveDecisionRequest()),
              FailsWith(Reason::kFieldRequired, "answer"));
  v1::DecisionAnswer answer;
  EXPECT_THAT(Resolve(answer),
              FailsWith(Reason::kFieldRequired, "answer.decision"));
  answer.set_decision("d-1");
  EXPECT_THAT(Resolve(answer),
              FailsWith(Reason::kNameInvalid, "answer.decision"));
  answer.set_decision(asked.name());
  EXPECT_THAT(Resolve(answer),
              FailsWith(Reason::kFieldRequired, "answer.answer"));
  answer.mutable_sign();
  EXPECT_THAT(Resolve(answer),
              FailsWith(Reason::kDecisionAnswerInvalid, "answer.answer"));

  EXPECT_FALSE(asked.is_done());
}

TEST_F(DecisionServiceTest, ListsDecisionsPageByPage) {
  std::vector<std::string> names = {server_.Ask("d1").name(),
                                    server_.Ask("d2").name(),
                                    server_.Ask("d3").name()};
  std::sort(names.begin(), names.end());
  Handler handler(server_.stub());
  handler.Register({});
  EXPECT_EQ(handler.NextLabel(), "d1");

  ASSERT_OK_AND_ASSIGN(const v1::ListDecisionsResponse first, List(2, ""));
  ASSERT_EQ(first.decisions_size(), 2);
  EXPECT_EQ(first.decisions(0).name(), names[0]);
  EXPECT_EQ(first.decisions(1).name(), names[1]);
  ASSERT_OK_AND_ASSIGN(const v1::ListDecisionsResponse second,
                       List(2, first.next_page_token()));
  ASSERT_EQ(second.decisions_size(), 1);
  EXPECT_EQ(second.decisions(0).name(), names[2]);
  EXPECT_EQ(second.next_page_token(), "");
  ASSERT_OK_AND_ASSIGN(const v1::ListDecisionsResponse all, List(0, ""));
  EXPECT_EQ(all.decisions_size(), 3);
}

TEST_F(DecisionServiceTest, EndsAPageThatWouldBeTooLarge) {
  tls::ClientHelloFacts facts;
  facts.raw = std::string(1200 * 1024, 'r');
  for (int i = 0; i < 3; ++i) server_.Ask("large", facts);

  ASSERT_OK_AND_ASSIGN(const v1::ListDecisionsResponse first, List(0, ""));
  EXPECT_EQ(first.decisions_size(), 2);
  ASSERT_OK_AND_ASSIGN(const v1::ListDecisionsResponse second,
                       List(0, first.next_page_token()));
  EXPECT_EQ(second.decisions_size(), 1);
  EXPECT_EQ(second.next_page_token(), "");
}

TEST_F(DecisionServiceTest, RefusesPagesThatAreNone) {
  EXPECT_THAT(List(-1, ""), FailsWith(Reason::kFieldInvalid, "page_size"));
  EXPECT_THAT(List(0, "token"),
              FailsWith(Reason::kPageTokenInvalid, "page_token"));
}

TEST_F(DecisionServiceTest, ListsNothingIfNothingWaits) {
  const Asked asked = server_.Ask("d1");
  EXPECT_TRUE(server_.hub().Withdraw(asked.name()));

  ASSERT_OK_AND_ASSIGN(const v1::ListDecisionsResponse none, List(0, ""));
  EXPECT_EQ(none.decisions_size(), 0);
  EXPECT_EQ(none.next_page_token(), "");
}

}  // namespace
}  // namespace tlsd::control
