// Answers that cannot be used, and answers that come too late.
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "proto/status/reason.h"
#include "tests/integration/decision_fixture.h"
#include "tests/testing/handler_client.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_ocsp_response.h"

namespace tlsd::testing {
namespace {

class DecisionAnswersTest : public DecisionTest {
 protected:
  // BadAnswer is one that cannot be used, and how that is told; `field` is
  // empty if none is.
  struct BadAnswer {
    v1::DecisionAnswer answer;
    Reason reason;
    std::string field;
  };

  // AnswerOfType says something that fits questions of `type`.
  static v1::DecisionAnswer AnswerOfType(v1::DecisionType type) {
    v1::DecisionAnswer answer;
    switch (type) {
      case v1::DECISION_TYPE_CLIENT_HELLO:
        answer.mutable_client_hello();
        break;
      case v1::DECISION_TYPE_OCSP_STAPLE:
        answer.mutable_ocsp_staple();
        break;
      case v1::DECISION_TYPE_SESSION_LOOKUP:
        answer.mutable_session_lookup();
        break;
      case v1::DECISION_TYPE_SESSION_STORE:
        answer.mutable_session_store();
        break;
      case v1::DECISION_TYPE_VERIFY_PEER:
        answer.mutable_verify_peer()->set_accept(true);
        break;
      default:
        answer.mutable_sign()->set_signature("signature");
    }
    return answer;
  }

  // OfOtherTypes returns the answers to all questions but `type`.
  static std::vector<BadAnswer> OfOtherTypes(v1::DecisionType type) {
    std::vector<BadAnswer> answers = {
        {v1::DecisionAnswer(), Reason::kFieldRequired, "answer.answer"}};
    for (const v1::DecisionType other : ServerQuestions()) {
      if (other == type) continue;
      answers.push_back({AnswerOfType(other), Reason::kDecisionAnswerInvalid,
                         "answer.answer"});
    }
    BadAnswer alert = {{}, Reason::kFieldInvalid, "answer.refuse.alert"};
    alert.answer.mutable_refuse()->set_alert("close_notify");
    answers.push_back(alert);
    return answers;
  }

  static std::vector<BadAnswer> BadClientHelloAnswers() {
    std::vector<BadAnswer> answers;
    const auto add = [&](Reason reason, const std::string& field) {
      answers.push_back({{}, reason, "answer.client_hello." + field});
      return answers.back().answer.mutable_client_hello();
    };
    answers.push_back({{}, Reason::kContextNotFound, ""});
    answers.back().answer.mutable_client_hello()->set_secure_context(
        "secureContexts/none");
    add(Reason::kNameInvalid, "secure_context")->set_secure_context("none");
    add(Reason::kCredentialsRequired, "secure_context")
        ->set_secure_context("secureContexts/client");
    add(Reason::kAlpnInvalid, "alpn_protocol")->set_alpn_protocol("h2");
    add(Reason::kFieldInvalid, "client_certificate_mode")
        ->set_client_certificate_mode(
            static_cast<v1::ClientCertificateMode>(77));
    return answers;
  }

  static std::vector<BadAnswer> BadStaples() {
    BadAnswer malformed = {
        {}, Reason::kOcspResponseInvalid, "answer.ocsp_staple.ocsp_response"};
    malformed.answer.mutable_ocsp_staple()->set_ocsp_response("x");
    BadAnswer too_long = {
        {}, Reason::kFieldInvalid, "answer.ocsp_staple.reuse_for"};
    *too_long.answer.mutable_ocsp_staple()->mutable_reuse_for() =
        ToProto(absl::Hours(24 * 8));
    return {malformed, too_long};
  }

  static std::vector<BadAnswer> BadSignatures(const v1::Decision& decision) {
    const std::string field = "answer.sign.signature";
    BadAnswer of_another_key = {SignatureTo(decision, StrangerIdentity()),
                                Reason::kDecisionAnswerInvalid, field};
    v1::Decision other_input = decision;
    other_input.mutable_sign()->mutable_input()->append("x");
    BadAnswer of_another_text = {SignatureTo(other_input, ServerIdentity()),
                                 Reason::kDecisionAnswerInvalid, field};
    BadAnswer empty = {{}, Reason::kDecisionAnswerInvalid, field};
    empty.answer.mutable_sign();
    return {of_another_key, of_another_text, empty};
  }

  static std::vector<BadAnswer> BadVerdicts() {
    BadAnswer alert = {{}, Reason::kFieldInvalid, "answer.verify_peer.alert"};
    alert.answer.mutable_verify_peer()->set_alert("no such alert");
    return {alert};
  }

  static std::vector<BadAnswer> BadAnswersTo(const v1::Decision& decision) {
    std::vector<BadAnswer> answers = OfOtherTypes(decision.type());
    const auto add = [&](const std::vector<BadAnswer>& more) {
      answers.insert(answers.end(), more.begin(), more.end());
    };
    if (decision.has_client_hello()) add(BadClientHelloAnswers());
    if (decision.has_ocsp_staple()) add(BadStaples());
    if (decision.has_verify_peer()) add(BadVerdicts());
    if (decision.has_sign()) add(BadSignatures(decision));
    return answers;
  }

  static v1::DecisionAnswer GoodAnswerTo(const v1::Decision& decision) {
    if (decision.has_sign()) return SignatureTo(decision, ServerIdentity());
    v1::DecisionAnswer answer = AnswerOfType(decision.type());
    answer.set_decision(decision.name());
    return answer;
  }
};
INSTANTIATE_IN_BOTH_VERSIONS(DecisionAnswersTest);

TEST_P(DecisionAnswersTest, ThatCannotBeUsedLeaveTheQuestionOpen) {
  for (const v1::DecisionType type : ServerQuestions()) {
    SCOPED_TRACE(NameOf(type));
    const Asking asking = AskingFor(type);
    Handshake handshake = Start(asking);
    ASSERT_OK_AND_ASSIGN(const v1::Decision decision, Next(asking));

    for (BadAnswer& bad : BadAnswersTo(decision)) {
      bad.answer.set_decision(decision.name());
      const absl::Status status = Answer(bad.answer);
      EXPECT_THAT(status, FailsWith(bad.reason))
          << bad.answer.ShortDebugString();
      EXPECT_EQ(MetadataOf(status, "field"), bad.field);
      EXPECT_TRUE(IsPending(client(), decision));
    }

    EXPECT_THAT(Answer(GoodAnswerTo(decision)), IsOk());
    EXPECT_THAT(handshake.get(), IsOk());
  }
}

TEST_P(DecisionAnswersTest, ThatCannotBeUsedAreToldToHandlers) {
  for (const v1::DecisionType type : ServerQuestions()) {
    SCOPED_TRACE(NameOf(type));
    const Asking asking = AskingFor(type);
    v1::HandlerRegistration registration;
    registration.add_subjects(asking.listener.name());
    registration.add_types(type);
    ASSERT_OK_AND_ASSIGN(auto handler,
                         HandlerClient::Register(client(), registration));
    Handshake handshake = Start(asking);
    ASSERT_OK_AND_ASSIGN(const v1::Decision decision, handler->Next());

    for (BadAnswer& bad : BadAnswersTo(decision)) {
      bad.answer.set_decision(decision.name());
      ASSERT_TRUE(handler->Answer(bad.answer));
      ASSERT_OK_AND_ASSIGN(const v1::AnswerFailed failed,
                           handler->NextFailure());
      EXPECT_EQ(failed.decision(), decision.name());
      EXPECT_EQ(failed.failure().reason(), GetReasonInfo(bad.reason).name);
      const auto& metadata = failed.failure().metadata();
      const auto field = metadata.find("field");
      EXPECT_EQ(field != metadata.end() ? field->second : "", bad.field);
      EXPECT_TRUE(IsPending(client(), decision));
    }

    ASSERT_TRUE(handler->Answer(GoodAnswerTo(decision)));
    EXPECT_THAT(handshake.get(), IsOk());
  }
}

TEST_P(DecisionAnswersTest, NameADecisionThatWaits) {
  v1::DecisionAnswer answer;
  answer.mutable_no_opinion();
  EXPECT_THAT(Answer(answer),
              FailsWith(Reason::kFieldRequired, "answer.decision"));
  answer.set_decision("connections/c");
  EXPECT_THAT(Answer(answer),
              FailsWith(Reason::kNameInvalid, "answer.decision"));
  answer.set_decision("decisions/d-none");
  EXPECT_THAT(Answer(answer), FailsWith(Reason::kDecisionNotPending));
  EXPECT_THAT(client().Call(v1::ResolveDecisionRequest()),
              FailsWith(Reason::kFieldRequired, "answer"));
}

TEST_P(DecisionAnswersTest, CannotGiveAContextThatIsGone) {
  const Asking asking = AskingFor(v1::DECISION_TYPE_CLIENT_HELLO);
  const std::string gone = NewContext(ServerOptions());
  const std::string there = NewContext(ServerOptions());
  Handshake handshake = Start(asking);
  ASSERT_OK_AND_ASSIGN(const v1::Decision decision, Next(asking));
  v1::DeleteSecureContextRequest request;
  request.set_name(gone);
  ASSERT_THAT(client().Call(request), IsOk());

  EXPECT_THAT(Answer(ContextFor(decision, gone)),
              FailsWith(Reason::kContextNotFound));

  EXPECT_THAT(Answer(ContextFor(decision, there)), IsOk());
  EXPECT_THAT(handshake.get(), IsOk());
}

// The first wins.

TEST_P(DecisionAnswersTest, ThatComeSecondChangeNothing) {
  for (const v1::DecisionType type : ServerQuestions()) {
    SCOPED_TRACE(NameOf(type));
    const Asking asking = AskingFor(type);
    v1::HandlerRegistration registration;
    registration.add_subjects(asking.listener.name());
    registration.add_types(type);
    ASSERT_OK_AND_ASSIGN(auto handler,
                         HandlerClient::Register(client(), registration));
    Handshake handshake = Start(asking);
    ASSERT_OK_AND_ASSIGN(const v1::Decision decision, handler->Next());

    EXPECT_THAT(Answer(GoodAnswerTo(decision)), IsOk());
    ASSERT_TRUE(handler->Answer(RefusalOf(decision)));

    ASSERT_OK_AND_ASSIGN(const v1::AnswerFailed failed, handler->NextFailure());
    EXPECT_EQ(failed.decision(), decision.name());
    EXPECT_EQ(failed.failure().reason(), "DECISION_NOT_PENDING");
    EXPECT_THAT(Answer(RefusalOf(decision)),
                FailsWith(Reason::kDecisionNotPending));
    EXPECT_THAT(handshake.get(), IsOk());
  }
}

TEST_P(DecisionAnswersTest, ThatComeTooLateChangeNothing) {
  const Asking asking =
      AskingFor(HookOf(v1::DECISION_TYPE_CLIENT_HELLO, absl::Milliseconds(20)));
  v1::HandlerRegistration registration;
  registration.add_subjects(asking.listener.name());
  ASSERT_OK_AND_ASSIGN(auto handler,
                       HandlerClient::Register(client(), registration));
  Handshake handshake = Start(asking);
  ASSERT_OK_AND_ASSIGN(const v1::Decision decision, handler->Next());
  ASSERT_THAT(handshake.get(), IsOk());

  ASSERT_TRUE(handler->Answer(RefusalOf(decision)));

  ASSERT_OK_AND_ASSIGN(const v1::AnswerFailed failed, handler->NextFailure());
  EXPECT_EQ(failed.failure().reason(), "DECISION_NOT_PENDING");
  ExpectGone(decision);
  // The handler goes on.
  handshake = Start(asking);
  ASSERT_OK_AND_ASSIGN(const v1::Decision next, handler->Next());
  EXPECT_NE(next.name(), decision.name());
  EXPECT_THAT(handshake.get(), IsOk());
}

TEST_P(DecisionAnswersTest, ThatRaceAreUsedOnce) {
  constexpr int kCount = 4;
  std::vector<std::string> contexts;
  std::vector<std::string> certificates;
  for (int i = 0; i < kCount; ++i) {
    IdentitySpec spec;
    spec.common_name = absl::StrCat("racer ", i);
    const TestIdentity identity = IntermediateIdentity().Issue(spec);
    contexts.push_back(NewContext(ServerOptions(identity)));
    certificates.push_back(DerOf(identity));
  }
  const Asking asking = AskingFor(v1::DECISION_TYPE_CLIENT_HELLO);
  for (int round = 0; round < 10; ++round) {
    Handshake handshake = Start(asking);
    ASSERT_OK_AND_ASSIGN(const v1::Decision decision, Next(asking));
    std::atomic<int> winner = -1;
    std::atomic<int> winner_count = 0;
    std::vector<std::thread> racers;
    for (int i = 0; i < kCount; ++i) {
      racers.emplace_back([&, i] {
        const absl::Status status = Answer(ContextFor(decision, contexts[i]));
        if (status.ok()) {
          winner = i;
          ++winner_count;
        } else {
          EXPECT_THAT(status, FailsWith(Reason::kDecisionNotPending));
        }
      });
    }
    for (std::thread& racer : racers) racer.join();

    ASSERT_EQ(winner_count, 1);
    ASSERT_OK_AND_ASSIGN(const v1::Connection connection, handshake.get());
    EXPECT_EQ(connection.peer_certificate().der(), certificates[winner]);
  }
}

}  // namespace
}  // namespace tlsd::testing
