#include "client/decision_handler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "client/client.h"
#include "proto/rpc/callback_waker.h"
#include "proto/status/error.h"
#include "tests/unit/client/fake_daemon.h"
#include "tests/unit/client/parse_text.h"

namespace tlsd::client {
namespace {

using ::testing::ElementsAre;
using testing::Parse;
using ::testing::UnorderedElementsAre;

// SetQuestion chooses what is asked.
using SetQuestion = std::function<void(v1::Decision&)>;

v1::HandleDecisionsResponse Asked(const std::string& name, SetQuestion set) {
  v1::HandleDecisionsResponse response;
  response.mutable_decision()->set_name(name);
  set(*response.mutable_decision());
  return response;
}

v1::HandleDecisionsResponse AskedToSign(const std::string& name) {
  return Asked(name, [](auto& decision) { decision.mutable_sign(); });
}

v1::HandleDecisionsResponse AskedToVerify(const std::string& name) {
  return Asked(name, [](auto& decision) { decision.mutable_verify_peer(); });
}

// Next returns the answer that comes next, or an empty one when the handler has
// ended.
v1::DecisionAnswer Next(testing::DecisionStream& stream) {
  v1::HandleDecisionsRequest request;
  stream.Read(&request);
  return request.answer();
}

class DecisionHandlerTest : public ::testing::Test {
 protected:
  using Script = std::function<absl::Status(testing::DecisionStream&)>;

  // Handle opens a handler. The daemon takes it in and does what `script` says,
  // then reads until the handler ends.
  absl::StatusOr<DecisionHandler> Handle(Answerers answerers, Script script,
                                         const HandlerOptions& options = {}) {
    daemon_.on.handle_decisions =
        [this, script = std::move(script)](
            const v1::HandlerRegistration& registration,
            testing::DecisionStream& stream) {
          registration_ = registration;
          v1::HandleDecisionsResponse registered;
          registered.mutable_registered();
          stream.Write(registered);
          const absl::Status status = script(stream);
          v1::HandleDecisionsRequest rest;
          while (status.ok() && stream.Read(&rest)) {
          }
          return status;
        };
    return Open().HandleDecisions(options, std::move(answerers));
  }

  Client Open() {
    absl::StatusOr<Client> client = Client::Open(daemon_.address());
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }

  // Said returns what the handler says to one question.
  v1::DecisionAnswer Said(Answerers answerers,
                          const v1::HandleDecisionsResponse& question) {
    v1::DecisionAnswer said;
    absl::Notification has_said;
    const auto handler =
        Handle(std::move(answerers), [&](testing::DecisionStream& stream) {
          stream.Write(question);
          said = Next(stream);
          has_said.Notify();
          return absl::OkStatus();
        });
    EXPECT_TRUE(handler.ok()) << handler.status();
    has_said.WaitForNotification();
    return said;
  }

  v1::HandlerRegistration registration_;
  testing::FakeDaemon daemon_;
};

absl::Status DoNothing(testing::DecisionStream&) { return absl::OkStatus(); }

SignAnswer SignOne(const Decision&, const SignQuestion&) {
  return SignAnswer{"signature"};
}

TEST_F(DecisionHandlerTest, StaysAwakeAsLongAsItIsThere) {
  EXPECT_EQ(rpc::CallbackWaker::Shared().use_count(), 1);
  {
    const auto handler = Handle({.sign = SignOne}, DoNothing);
    ASSERT_TRUE(handler.ok()) << handler.status();

    EXPECT_EQ(rpc::CallbackWaker::Shared().use_count(), 2);
  }
  EXPECT_EQ(rpc::CallbackWaker::Shared().use_count(), 1);
}

TEST_F(DecisionHandlerTest, RegistersForWhatItHasAnswerersFor) {
  const auto handler = Handle(
      {.verify_peer = [](const Decision&,
                         const VerifyPeerQuestion&) { return NoOpinion(); },
       .sign = SignOne},
      DoNothing, {.subjects = {"listeners/l"}, .max_pending = 7});

  ASSERT_TRUE(handler.ok()) << handler.status();
  EXPECT_THAT(registration_.types(),
              UnorderedElementsAre(v1::DECISION_TYPE_VERIFY_PEER,
                                   v1::DECISION_TYPE_SIGN));
  EXPECT_THAT(registration_.subjects(), ElementsAre("listeners/l"));
  EXPECT_EQ(registration_.max_pending(), 7);
  EXPECT_EQ(handler->status(), std::nullopt);
}

TEST_F(DecisionHandlerTest, RegistersForFewerTypesIfToldSo) {
  const auto handler = Handle(
      {.verify_peer = [](const Decision&,
                         const VerifyPeerQuestion&) { return NoOpinion(); },
       .sign = SignOne},
      DoNothing, {.types = {DecisionType::kSign}});

  ASSERT_TRUE(handler.ok()) << handler.status();
  EXPECT_THAT(registration_.types(), ElementsAre(v1::DECISION_TYPE_SIGN));
}

TEST_F(DecisionHandlerTest, RefusesToHandleWhatItHasNoAnswererFor) {
  EXPECT_TRUE(
      HasReason(Handle({}, DoNothing).status(), Reason::kFieldRequired));
  EXPECT_TRUE(HasReason(Handle({.sign = SignOne}, DoNothing,
                               {.types = {DecisionType::kVerifyPeer}})
                            .status(),
                        Reason::kFieldInvalid));
  EXPECT_EQ(registration_.types_size(), 0);
}

TEST_F(DecisionHandlerTest, GivesTheErrorOfADaemonThatRefusesIt) {
  daemon_.on.handle_decisions = [](const auto&, auto&) {
    return MakeError(Reason::kNameInvalid, "subjects[0]");
  };

  const auto handler = Open().HandleDecisions({}, {.sign = SignOne});

  EXPECT_TRUE(HasReason(handler.status(), Reason::kNameInvalid));
}

TEST_F(DecisionHandlerTest, RefusesADaemonThatDoesNotTakeItIn) {
  daemon_.on.handle_decisions = [](const auto&,
                                   testing::DecisionStream& stream) {
    stream.Write(AskedToSign("decisions/d"));
    Next(stream);
    return absl::OkStatus();
  };

  const auto handler = Open().HandleDecisions({}, {.sign = SignOne});

  EXPECT_TRUE(HasReason(handler.status(), Reason::kInternal));
}

// AnswerAll returns answerers for all types, each with something of its
// question in the answer.
Answerers AnswerAll() {
  return {
      .client_hello =
          [](const Decision& decision, const ClientHelloQuestion&) {
            return ClientHelloAnswer{.alpn_protocol = decision.server_name};
          },
      .ocsp_staple =
          [](const Decision&, const OcspStapleQuestion& question) {
            return OcspStapleAnswer{question.certificate + "'s"};
          },
      .session_lookup =
          [](const Decision&, const SessionLookupQuestion& question) {
            return SessionLookupAnswer{"of " + question.session_id};
          },
      .session_store =
          [](const Decision&, const SessionStoreQuestion&) {
            return SessionStoreAnswer();
          },
      .verify_peer =
          [](const Decision&, const VerifyPeerQuestion& question) {
            return VerifyPeerAnswer{.accept = question.authorized};
          },
      .sign =
          [](const Decision&, const SignQuestion& question) {
            return SignAnswer{"signed " + question.input};
          },
  };
}

TEST_F(DecisionHandlerTest, AnswersEachTypeOfQuestion) {
  const auto said = [this](const std::string& decision) {
    return Said(AnswerAll(), Parse<v1::HandleDecisionsResponse>(
                                 absl::StrCat("decision {", decision, "}")));
  };

  EXPECT_EQ(
      said("server_name: 'h2' client_hello {}").client_hello().alpn_protocol(),
      "h2");
  EXPECT_EQ(
      said("ocsp_staple { certificate: 'C' }").ocsp_staple().ocsp_response(),
      "C's");
  EXPECT_EQ(
      said("session_lookup { session_id: 'id' }").session_lookup().session(),
      "of id");
  EXPECT_TRUE(said("session_store {}").has_session_store());
  EXPECT_TRUE(said("verify_peer { authorized: true }").verify_peer().accept());
  EXPECT_FALSE(said("verify_peer {}").verify_peer().accept());
  const v1::DecisionAnswer sign =
      said("name: 'decisions/d' sign { input: 'in' }");
  EXPECT_EQ(sign.sign().signature(), "signed in");
  EXPECT_EQ(sign.decision(), "decisions/d");
}

TEST_F(DecisionHandlerTest, TakesErrorsRefusalsAndNoOpinionForAnswers) {
  const auto said_to_verify = [this](AnswerOr<VerifyPeerAnswer> answer) {
    return Said(
        {.verify_peer = [answer](const Decision&,
                                 const VerifyPeerQuestion&) { return answer; }},
        AskedToVerify("decisions/d"));
  };

  const v1::DecisionAnswer error = said_to_verify(absl::InternalError("oops"));
  EXPECT_TRUE(error.has_refuse());
  EXPECT_EQ(error.refuse().alert(), "");
  EXPECT_EQ(said_to_verify(Refusal{"access_denied"}).refuse().alert(),
            "access_denied");
  EXPECT_TRUE(said_to_verify(NoOpinion()).has_no_opinion());
  EXPECT_TRUE(said_to_verify(VerifyPeerAnswer()).has_verify_peer());
  EXPECT_FALSE(said_to_verify(VerifyPeerAnswer()).verify_peer().accept());
}

TEST_F(DecisionHandlerTest, TakesAnswerersThatMayFail) {
  EXPECT_TRUE(
      Said({.sign = [](const Decision&,
                       const SignQuestion&) -> absl::StatusOr<SignAnswer> {
             return absl::UnavailableError("no key");
           }},
           AskedToSign("decisions/d"))
          .has_refuse());
}

TEST_F(DecisionHandlerTest, AnswersLaterFromAnotherThreadInAnyOrder) {
  std::vector<Reply<SignAnswer>> replies;
  absl::Notification has_both;
  absl::Notification has_answers;
  std::vector<std::string> answered;
  const auto handler = Handle(
      {.sign =
           [&](const Decision&, const SignQuestion&, Reply<SignAnswer> reply) {
             replies.push_back(std::move(reply));
             if (replies.size() == 2) has_both.Notify();
           }},
      [&](testing::DecisionStream& stream) {
        stream.Write(AskedToSign("decisions/a"));
        stream.Write(AskedToSign("decisions/b"));
        answered.push_back(Next(stream).decision());
        answered.push_back(Next(stream).decision());
        has_answers.Notify();
        return absl::OkStatus();
      });
  ASSERT_TRUE(handler.ok()) << handler.status();
  has_both.WaitForNotification();

  std::thread([&] { replies[1].Send(SignAnswer{"b"}); }).join();
  std::thread([&] { replies[0].Send(SignAnswer{"a"}); }).join();
  has_answers.WaitForNotification();

  EXPECT_THAT(answered, ElementsAre("decisions/b", "decisions/a"));
}

TEST_F(DecisionHandlerTest, SendsTheAnswersOfManyThreads) {
  constexpr int kThreadCount = 4;
  constexpr int kAnswerCount = 200;
  std::optional<Reply<SignAnswer>> reply;
  absl::Notification has_reply;
  absl::Notification has_answers;
  int count = 0;
  const auto handler = Handle({.sign =
                                   [&](const Decision&, const SignQuestion&,
                                       const Reply<SignAnswer>& first) {
                                     reply = first;
                                     has_reply.Notify();
                                   }},
                              [&](testing::DecisionStream& stream) {
                                stream.Write(AskedToSign("decisions/a"));
                                while (count < kThreadCount * kAnswerCount) {
                                  if (Next(stream).sign().signature() == "s")
                                    ++count;
                                }
                                has_answers.Notify();
                                return absl::OkStatus();
                              });
  ASSERT_TRUE(handler.ok()) << handler.status();
  has_reply.WaitForNotification();

  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreadCount; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < kAnswerCount; ++i) reply->Send(SignAnswer{"s"});
    });
  }
  for (std::thread& thread : threads) thread.join();
  has_answers.WaitForNotification();

  EXPECT_EQ(count, kThreadCount * kAnswerCount);
}

TEST_F(DecisionHandlerTest, TellsThatAnAnswerWasNotUsed) {
  absl::Notification has_failed;
  std::string failed;
  absl::Status error;
  const auto handler =
      Handle({.sign = SignOne,
              .answer_failed =
                  [&](const std::string& decision, const absl::Status& status) {
                    failed = decision;
                    error = status;
                    has_failed.Notify();
                  }},
             [](testing::DecisionStream& stream) {
               stream.Write(AskedToSign("decisions/d"));
               v1::HandleDecisionsResponse response;
               v1::AnswerFailed& failure = *response.mutable_answer_failed();
               failure.set_decision(Next(stream).decision());
               failure.mutable_failure()->set_reason("DECISION_NOT_PENDING");
               failure.mutable_failure()->set_message("too late");
               stream.Write(response);
               return absl::OkStatus();
             });
  ASSERT_TRUE(handler.ok()) << handler.status();

  has_failed.WaitForNotification();

  EXPECT_EQ(failed, "decisions/d");
  EXPECT_TRUE(HasReason(error, Reason::kDecisionNotPending));
}

TEST_F(DecisionHandlerTest, GoesOnWhenNobodyHearsThatAnAnswerWasNotUsed) {
  absl::Notification has_answer;
  const auto handler =
      Handle({.sign = SignOne}, [&](testing::DecisionStream& stream) {
        v1::HandleDecisionsResponse response;
        response.mutable_answer_failed()->set_decision("decisions/d");
        stream.Write(response);
        stream.Write(AskedToSign("decisions/e"));
        EXPECT_EQ(Next(stream).decision(), "decisions/e");
        has_answer.Notify();
        return absl::OkStatus();
      });
  ASSERT_TRUE(handler.ok()) << handler.status();

  has_answer.WaitForNotification();
}

TEST_F(DecisionHandlerTest, LeavesQuestionsOfANewerDaemonAlone) {
  const v1::DecisionAnswer said = [&] {
    v1::DecisionAnswer first;
    absl::Notification has_said;
    const auto handler =
        Handle({.sign = SignOne}, [&](testing::DecisionStream& stream) {
          stream.Write(Asked("decisions/unknown", [](auto&) {}));
          stream.Write(AskedToVerify("decisions/unasked"));
          stream.Write(AskedToSign("decisions/known"));
          first = Next(stream);
          has_said.Notify();
          return absl::OkStatus();
        });
    has_said.WaitForNotification();
    return first;
  }();

  EXPECT_EQ(said.decision(), "decisions/known");
}

TEST_F(DecisionHandlerTest, SendsWhatWasAnsweredBeforeItStops) {
  std::optional<Reply<SignAnswer>> late;
  absl::Notification is_asked;
  absl::Notification has_ended;
  std::vector<std::string> answered;
  auto handler =
      Handle({.sign =
                  [&](const Decision&, const SignQuestion&,
                      const Reply<SignAnswer>& reply) {
                    late = reply;
                    is_asked.Notify();
                  }},
             [&](testing::DecisionStream& stream) {
               stream.Write(AskedToSign("decisions/d"));
               v1::HandleDecisionsRequest request;
               while (stream.Read(&request)) {
                 answered.push_back(request.answer().sign().signature());
               }
               has_ended.Notify();
               return absl::OkStatus();
             });
  ASSERT_TRUE(handler.ok()) << handler.status();
  is_asked.WaitForNotification();

  late->Send(SignAnswer{"one"});
  late->Send(SignAnswer{"two"});
  handler->Stop();
  late->Send(SignAnswer{"three"});
  has_ended.WaitForNotification();

  EXPECT_THAT(answered, ElementsAre("one", "two"));
  EXPECT_TRUE(handler->Wait().ok());
  EXPECT_EQ(handler->status(), absl::OkStatus());
}

TEST_F(DecisionHandlerTest, LetsAReplyOutliveIt) {
  std::optional<Reply<SignAnswer>> late;
  absl::Notification is_asked;
  {
    const auto handler = Handle({.sign =
                                     [&](const Decision&, const SignQuestion&,
                                         const Reply<SignAnswer>& reply) {
                                       late = reply;
                                       is_asked.Notify();
                                     }},
                                [&](testing::DecisionStream& stream) {
                                  stream.Write(AskedToSign("decisions/d"));
                                  return absl::OkStatus();
                                });
    ASSERT_TRUE(handler.ok()) << handler.status();
    is_asked.WaitForNotification();
  }

  late->Send(SignAnswer{"nobody hears it"});
}

TEST_F(DecisionHandlerTest, GivesTheErrorThatEndsTheStream) {
  const auto handler = Handle({.sign = SignOne}, [](auto&) {
    return MakeError(Reason::kShuttingDown, "the daemon stops");
  });
  ASSERT_TRUE(handler.ok()) << handler.status();

  EXPECT_TRUE(HasReason(handler->Wait(), Reason::kShuttingDown));
  EXPECT_TRUE(HasReason(*handler->status(), Reason::kShuttingDown));
}

TEST_F(DecisionHandlerTest, TakesAnEndWithoutAnErrorForTheDaemonsEnd) {
  daemon_.on.handle_decisions = [](const auto&,
                                   testing::DecisionStream& stream) {
    v1::HandleDecisionsResponse registered;
    registered.mutable_registered();
    stream.Write(registered);
    return absl::OkStatus();
  };

  const auto handler = Open().HandleDecisions({}, {.sign = SignOne});
  ASSERT_TRUE(handler.ok()) << handler.status();

  EXPECT_TRUE(HasReason(handler->Wait(), Reason::kShuttingDown));
}

TEST_F(DecisionHandlerTest, WaitsOnlyAsLongAsItIsTold) {
  const auto handler = Handle({.sign = SignOne}, DoNothing);
  ASSERT_TRUE(handler.ok()) << handler.status();

  EXPECT_TRUE(
      HasReason(handler->Wait(absl::Milliseconds(5)), Reason::kWaitTimeout));
  EXPECT_EQ(handler->status(), std::nullopt);
}

TEST_F(DecisionHandlerTest, EndsThatWhichItIsReplacedIn) {
  absl::Notification has_ended;
  auto first = Handle({.sign = SignOne}, [&](testing::DecisionStream& stream) {
    Next(stream);
    has_ended.Notify();
    return absl::OkStatus();
  });
  ASSERT_TRUE(first.ok()) << first.status();
  auto second = Handle({.sign = SignOne}, DoNothing);
  ASSERT_TRUE(second.ok()) << second.status();

  *first = *std::move(second);

  has_ended.WaitForNotification();
  EXPECT_EQ(first->status(), std::nullopt);
}

}  // namespace
}  // namespace tlsd::client
