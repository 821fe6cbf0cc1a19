// HandleDecisions as clients see it, over a channel in this process.
#include "server/control/handle_decisions_call.h"

#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/control/decision_server.h"

namespace tlsd::control {
namespace {

using testing::FailsWith;
using testing::IsOk;

class HandleDecisionsCallTest : public ::testing::Test {
 protected:
  // Nobody holds it.
  bool IsParked(const std::string& label) {
    std::string taken;
    const int64_t id = server_.hub().Wait(
        {}, [&](std::shared_ptr<const worker::Decision> decision) {
          taken = decision->server_name;
          server_.hub().GiveBack(decision->name);
        });
    return !server_.hub().CancelWait(id) && taken == label;
  }

  // How a stream ends whose first messages are `requests`.
  absl::Status EndOf(const std::vector<v1::HandleDecisionsRequest>& requests) {
    Handler handler(server_.stub());
    for (const v1::HandleDecisionsRequest& request : requests) {
      handler.Send(request);
    }
    handler.HalfClose();
    while (handler.Next().message_case() !=
           v1::HandleDecisionsResponse::MESSAGE_NOT_SET) {
    }
    return handler.Finish();
  }

  DecisionServer server_;
};

v1::HandlerRegistration OfType(v1::DecisionType type) {
  v1::HandlerRegistration registration;
  registration.add_types(type);
  return registration;
}

v1::HandleDecisionsRequest Registration(
    const v1::HandlerRegistration& registration) {
  v1::HandleDecisionsRequest request;
  *request.mutable_registration() = registration;
  return request;
}

TEST_F(HandleDecisionsCallTest, TellsDecisionsAndBringsAnswersBack) {
  const Asked early = server_.Ask("early");
  Handler handler(server_.stub());
  handler.Register({});
  const v1::HandleDecisionsResponse first = handler.Next();
  EXPECT_EQ(first.decision().name(), early.name());
  EXPECT_EQ(first.decision().type(), v1::DECISION_TYPE_CLIENT_HELLO);
  const Asked late = server_.Ask("late", tls::SessionLookupQuestion{"id"});
  const v1::HandleDecisionsResponse second = handler.Next();
  EXPECT_EQ(second.decision().session_lookup().session_id(), "id");

  v1::HandleDecisionsRequest answer;
  answer.mutable_answer()->set_decision(late.name());
  answer.mutable_answer()->mutable_session_lookup()->set_session("a session");
  handler.Send(answer);
  const std::optional<tls::Answer> given = late.Answer();
  ASSERT_TRUE(given.has_value());
  EXPECT_EQ(std::get<tls::SessionLookupAnswer>(*given).session, "a session");
  EXPECT_FALSE(early.is_done());

  handler.Answer(early.name());
  EXPECT_TRUE(early.Answer().has_value());
}

TEST_F(HandleDecisionsCallTest, BringsTheContextThatAnAnswerNames) {
  const auto web = server_.AddContext("web");
  const Asked asked = server_.Ask("d1");
  Handler handler(server_.stub());
  handler.Register({});
  v1::HandleDecisionsRequest request;
  request.mutable_answer()->set_decision(handler.Next().decision().name());
  request.mutable_answer()->mutable_client_hello()->set_secure_context(
      "secureContexts/web");
  handler.Send(request);

  const std::optional<tls::Answer> given = asked.Answer();
  ASSERT_TRUE(given.has_value());
  EXPECT_EQ(std::get<tls::ClientHelloAnswer>(*given).context.context, web);
}

TEST_F(HandleDecisionsCallTest, TellsThatAnAnswerCameTooLate) {
  const Asked answered = server_.Ask("answered");
  const Asked withdrawn = server_.Ask("withdrawn");
  Handler handler(server_.stub());
  handler.Register({});
  EXPECT_EQ(handler.NextLabel(), "answered");
  EXPECT_EQ(handler.NextLabel(), "withdrawn");
  handler.Answer(answered.name());
  EXPECT_TRUE(answered.Answer().has_value());
  EXPECT_TRUE(server_.hub().Withdraw(withdrawn.name()));

  for (const Asked& asked : {answered, withdrawn}) {
    handler.Answer(asked.name());
    const v1::HandleDecisionsResponse response = handler.Next();
    EXPECT_EQ(response.answer_failed().decision(), asked.name());
    EXPECT_EQ(response.answer_failed().failure().reason(),
              "DECISION_NOT_PENDING");
  }
  const Asked next = server_.Ask("next");
  EXPECT_EQ(handler.NextLabel(), "next");
  handler.HalfClose();
  EXPECT_THAT(handler.Finish(), IsOk());
}

TEST_F(HandleDecisionsCallTest, TakesAnotherAnswerAfterOneThatDoesNotFit) {
  const Asked asked = server_.Ask("d1");
  Handler handler(server_.stub());
  handler.Register({});
  EXPECT_EQ(handler.NextLabel(), "d1");
  v1::HandleDecisionsRequest request;
  v1::DecisionAnswer& answer = *request.mutable_answer();
  const auto failure = [&] {
    handler.Send(request);
    const v1::HandleDecisionsResponse response = handler.Next();
    EXPECT_EQ(response.answer_failed().decision(), answer.decision());
    const v1::Failure& failed = response.answer_failed().failure();
    return absl::StrCat(
        failed.reason(), " ",
        failed.metadata().count("field") ? failed.metadata().at("field") : "");
  };

  EXPECT_EQ(failure(), "FIELD_REQUIRED answer.decision");
  answer.set_decision("connections/c-1-0");
  EXPECT_EQ(failure(), "NAME_INVALID answer.decision");
  answer.set_decision(std::string(101, 'd'));
  handler.Send(request);
  EXPECT_EQ(handler.Next().answer_failed().decision(), std::string(100, 'd'));
  answer.set_decision(asked.name());
  EXPECT_EQ(failure(), "FIELD_REQUIRED answer.answer");
  answer.mutable_sign()->set_signature("signature");
  EXPECT_EQ(failure(), "DECISION_ANSWER_INVALID answer.answer");
  answer.mutable_refuse()->set_alert("no_such_alert");
  EXPECT_EQ(failure(), "FIELD_INVALID answer.refuse.alert");
  answer.mutable_client_hello()->set_alpn_protocol("h2");
  EXPECT_EQ(failure(), "ALPN_INVALID answer.client_hello.alpn_protocol");
  answer.mutable_client_hello()->set_secure_context("secureContexts/none");
  EXPECT_EQ(failure(), "CONTEXT_NOT_FOUND ");
  EXPECT_FALSE(asked.is_done());

  answer.mutable_refuse()->set_alert("access_denied");
  handler.Send(request);
  const std::optional<tls::Answer> given = asked.Answer();
  ASSERT_TRUE(given.has_value());
  EXPECT_EQ(std::get<tls::Refusal>(*given).alert, 49);
}

TEST_F(HandleDecisionsCallTest, TellsOfEachOfManyAnswersThatFailed) {
  constexpr int kCount = 500;
  Handler handler(server_.stub());
  handler.Register({});
  std::thread answering([&] {
    for (int i = 0; i < kCount; ++i) {
      handler.Answer(absl::StrCat("decisions/d-", i));
    }
    handler.HalfClose();
  });
  for (int i = 0; i < kCount; ++i) {
    EXPECT_EQ(handler.Next().answer_failed().decision(),
              absl::StrCat("decisions/d-", i));
  }
  answering.join();

  EXPECT_THAT(handler.Finish(), IsOk());
}

// Nothing is read of it for a while; that it has gone is seen all the same.
TEST_F(HandleDecisionsCallTest, HandsOverWhatAHandlerThatNeverListensHolds) {
  Handler deaf(server_.stub());
  deaf.SendRegistration({});
  std::thread answering([&] {
    for (int i = 0; i < 500; ++i) deaf.Answer("decisions/d-1");
  });
  server_.AskHandled("skipped");
  server_.Ask("d1");
  EXPECT_FALSE(IsParked("d1"));
  deaf.Cancel();
  answering.join();
  Handler next(server_.stub());
  next.Register({});

  EXPECT_EQ(next.NextLabel(), "d1");
}

TEST_F(HandleDecisionsCallTest, HandsOverWhatAHandlerThatDiesHolds) {
  Handler first(server_.stub());
  first.Register({});
  const Asked one = server_.Ask("d1");
  const Asked two = server_.Ask("d2");
  EXPECT_EQ(first.NextLabel(), "d1");
  EXPECT_EQ(first.NextLabel(), "d2");
  first.Answer(one.name());
  EXPECT_TRUE(one.Answer().has_value());
  Handler second(server_.stub());
  second.Register({});
  first.Cancel();

  EXPECT_EQ(second.NextLabel(), "d2");
  second.Answer(two.name());
  EXPECT_TRUE(two.Answer().has_value());
}

TEST_F(HandleDecisionsCallTest, HandsOverWhatAHandlerThatHalfClosesHolds) {
  Handler first(server_.stub());
  first.Register({});
  const Asked asked = server_.Ask("d1");
  EXPECT_EQ(first.NextLabel(), "d1");
  first.HalfClose();
  EXPECT_THAT(first.Finish(), IsOk());
  EXPECT_TRUE(IsParked("d1"));
  Handler second(server_.stub());
  second.Register({});

  EXPECT_EQ(second.NextLabel(), "d1");
  EXPECT_FALSE(asked.is_done());
}

TEST_F(HandleDecisionsCallTest, HandlesWhatWasSentBeforeAHalfClose) {
  const Asked asked = server_.Ask("d1");
  const Asked other = server_.Ask("d2");
  Handler handler(server_.stub());
  handler.Register({});
  EXPECT_EQ(handler.NextLabel(), "d1");
  EXPECT_EQ(handler.NextLabel(), "d2");
  handler.Answer("decisions/d-unknown");
  handler.Answer(asked.name());
  handler.HalfClose();

  EXPECT_EQ(handler.Next().answer_failed().decision(), "decisions/d-unknown");
  EXPECT_EQ(handler.Next().message_case(),
            v1::HandleDecisionsResponse::MESSAGE_NOT_SET);
  EXPECT_THAT(handler.Finish(), IsOk());
  EXPECT_TRUE(asked.is_done());
  EXPECT_FALSE(other.is_done());
}

TEST_F(HandleDecisionsCallTest, TellsDecisionsOfItsTypesOnly) {
  Handler handler(server_.stub());
  handler.Register(OfType(v1::DECISION_TYPE_SIGN));
  server_.Ask("hello");
  server_.Ask("sign", tls::SignQuestion());

  EXPECT_EQ(handler.NextLabel(), "sign");
  EXPECT_TRUE(IsParked("hello"));
}

TEST_F(HandleDecisionsCallTest, TellsDecisionsOfItsSubjectsOnly) {
  v1::HandlerRegistration registration;
  registration.add_subjects("listeners/b");
  Handler handler(server_.stub());
  handler.Register(registration);
  server_.Ask("other");
  worker::Decision decision =
      DecisionServer::DecisionOf("own", tls::SignQuestion());
  decision.listener = "listeners/b";
  server_.Ask(std::move(decision));

  EXPECT_EQ(handler.NextLabel(), "own");
  EXPECT_TRUE(IsParked("other"));
}

TEST_F(HandleDecisionsCallTest, HoldsNoMoreThanItWants) {
  v1::HandlerRegistration registration;
  registration.set_max_pending(1);
  Handler handler(server_.stub());
  handler.Register(registration);
  const Asked one = server_.Ask("d1");
  server_.Ask("d2");
  EXPECT_EQ(handler.NextLabel(), "d1");
  EXPECT_TRUE(IsParked("d2"));
  handler.Answer(one.name());

  EXPECT_EQ(handler.NextLabel(), "d2");
}

// A client that reads nothing for a while is not told what has ended meanwhile.
TEST_F(HandleDecisionsCallTest, TellsNothingThatDoesNotWaitAnyMore) {
  v1::HandlerRegistration registration;
  registration.set_max_pending(2);
  Handler handler(server_.stub());
  handler.SendRegistration(registration);
  for (int i = 0; i < 100; ++i) {
    const Asked asked = server_.AskHandled("old");
    EXPECT_TRUE(server_.hub().Withdraw(asked.name()));
  }
  server_.Ask("d1");
  server_.Ask("d2");

  EXPECT_TRUE(handler.Next().has_registered());
  EXPECT_EQ(handler.NextLabel(), "d1");
  EXPECT_EQ(handler.NextLabel(), "d2");
}

TEST_F(HandleDecisionsCallTest, TellsManyInTheirOrder) {
  constexpr int kCount = 500;
  Handler handler(server_.stub());
  handler.Register({});
  std::vector<Asked> asked;
  for (int i = 0; i < kCount; ++i) {
    asked.push_back(server_.Ask(absl::StrCat(i)));
  }
  for (int i = 0; i < kCount; ++i) {
    const v1::HandleDecisionsResponse response = handler.Next();
    ASSERT_EQ(response.decision().server_name(), absl::StrCat(i));
    handler.Answer(response.decision().name());
  }

  for (const Asked& each : asked) EXPECT_TRUE(each.Answer().has_value());
}

TEST_F(HandleDecisionsCallTest, RefusesMessagesOutOfOrder) {
  v1::HandleDecisionsRequest answer;
  answer.mutable_answer()->set_decision("decisions/d-1");

  EXPECT_THAT(EndOf({Registration({})}), IsOk());
  EXPECT_THAT(EndOf({Registration({}), answer}), IsOk());
  EXPECT_THAT(EndOf({}), FailsWith(Reason::kStreamMessageInvalid, "message"));
  EXPECT_THAT(EndOf({answer}),
              FailsWith(Reason::kStreamMessageInvalid, "message"));
  EXPECT_THAT(EndOf({{}}), FailsWith(Reason::kStreamMessageInvalid, "message"));
  EXPECT_THAT(EndOf({Registration({}), Registration({})}),
              FailsWith(Reason::kStreamMessageInvalid, "message"));
  EXPECT_THAT(EndOf({Registration({}), {}}),
              FailsWith(Reason::kStreamMessageInvalid, "message"));
}

TEST_F(HandleDecisionsCallTest, HandsOverWhatABadHandlerHolds) {
  server_.Ask("d1");
  Handler handler(server_.stub());
  handler.Register({});
  EXPECT_EQ(handler.NextLabel(), "d1");
  handler.Send({});
  EXPECT_THAT(handler.Finish(), FailsWith(Reason::kStreamMessageInvalid));

  EXPECT_TRUE(IsParked("d1"));
}

TEST_F(HandleDecisionsCallTest, RefusesABadRegistration) {
  const auto count_max = [](int32_t value) {
    v1::HandlerRegistration registration;
    registration.set_max_pending(value);
    return Registration(registration);
  };
  EXPECT_THAT(EndOf({count_max(10000)}), IsOk());
  EXPECT_THAT(EndOf({count_max(10001)}),
              FailsWith(Reason::kFieldInvalid, "registration.max_pending"));
  EXPECT_THAT(EndOf({count_max(-1)}),
              FailsWith(Reason::kFieldInvalid, "registration.max_pending"));
  EXPECT_THAT(EndOf({Registration(OfType(v1::DECISION_TYPE_UNSPECIFIED))}),
              FailsWith(Reason::kFieldInvalid, "registration.types"));
  v1::HandlerRegistration subjects;
  subjects.add_subjects("connections/c-1-0");
  EXPECT_THAT(EndOf({Registration(subjects)}),
              FailsWith(Reason::kNameInvalid, "registration.subjects"));
}

}  // namespace
}  // namespace tlsd::control
