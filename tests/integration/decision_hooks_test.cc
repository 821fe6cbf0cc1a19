// Where questions are armed, for whom, how long they wait, and what becomes of
// handshakes without an answer.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/integration/decision_fixture.h"
#include "tests/testing/handler_client.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::testing {
namespace {

// Nobody answers in time.
constexpr absl::Duration kShort = absl::Milliseconds(20);

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) +
         absl::Nanoseconds(time.nanos());
}

// TimeOf returns how long the hook of `decision` waits.
absl::Duration TimeOf(const v1::Decision& decision) {
  return ToTime(decision.expire_time()) - ToTime(decision.create_time());
}

v1::Hook Failing(v1::Hook hook) {
  hook.set_without_answer(v1::Hook::WITHOUT_ANSWER_FAIL);
  return hook;
}

v1::Hook Skipping(v1::Hook hook) {
  hook.set_skip_without_handler(true);
  return hook;
}

class DecisionHooksTest : public DecisionTest {
 protected:
  static v1::HandlerRegistration Handling(const v1::Listener& listener,
                                          v1::DecisionType type) {
    v1::HandlerRegistration registration;
    registration.add_subjects(listener.name());
    registration.add_types(type);
    return registration;
  }

  // ArmContext arms `hook` in the context of `asking` too.
  static void ArmContext(const Asking& asking, const v1::Hook& hook) {
    v1::UpdateSecureContextRequest update;
    update.mutable_secure_context()->set_name(asking.listener.secure_context());
    *update.mutable_secure_context()->add_hooks() = hook;
    EXPECT_THAT(client().Call(update), IsOk());
  }
};
INSTANTIATE_IN_BOTH_VERSIONS(DecisionHooksTest);

TEST_P(DecisionHooksTest, OfAListenerGoBeforeThoseOfTheContext) {
  for (const v1::DecisionType type :
       {v1::DECISION_TYPE_CLIENT_HELLO, v1::DECISION_TYPE_OCSP_STAPLE,
        v1::DECISION_TYPE_VERIFY_PEER, v1::DECISION_TYPE_SIGN}) {
    SCOPED_TRACE(NameOf(type));
    Asking asking = AskingFor(HookOf(type, absl::Seconds(20)));
    ArmContext(asking, HookOf(type, absl::Seconds(25)));
    Handshake handshake = Start(asking);
    ASSERT_OK_AND_ASSIGN(const v1::Decision of_listener, Next(asking));
    EXPECT_EQ(TimeOf(of_listener), absl::Seconds(20));
    ASSERT_THAT(Answer(RefusalOf(of_listener)), IsOk());
    EXPECT_EQ(AlertSeen(handshake), "handshake_failure");

    v1::Listener without_hook;
    without_hook.set_secure_context(asking.listener.secure_context());
    asking.listener = Listen(without_hook);
    asking.request.set_address(AddressOf(asking.listener));
    handshake = Start(asking);
    ASSERT_OK_AND_ASSIGN(const v1::Decision of_context, Next(asking));
    EXPECT_EQ(TimeOf(of_context), absl::Seconds(25));
    ASSERT_THAT(Answer(RefusalOf(of_context)), IsOk());
    EXPECT_EQ(AlertSeen(handshake), "handshake_failure");
  }
}

TEST_P(DecisionHooksTest, OfSessionsDoSoToo) {
  for (const bool has_listener : {true, false}) {
    v1::SecureContext context = ServerOptions();
    std::vector<v1::Hook> of_listener;
    for (v1::Hook hook : SessionHooks()) {
      *context.add_hooks() = HookOf(hook.type(), absl::Seconds(25));
      if (!has_listener) continue;
      of_listener.push_back(HookOf(hook.type(), absl::Seconds(20)));
    }
    const v1::Listener listener = Serve(of_listener, context);
    const auto time = has_listener ? absl::Seconds(20) : absl::Seconds(25);
    Handshake handshake = Start(listener);
    ASSERT_OK_AND_ASSIGN(const v1::Decision store, Next(listener.name()));
    EXPECT_EQ(store.type(), v1::DECISION_TYPE_SESSION_STORE);
    EXPECT_EQ(TimeOf(store), time);
    ASSERT_THAT(Answer(NoOpinionOn(store)), IsOk());
    ASSERT_OK_AND_ASSIGN(const v1::Connection connection, handshake.get());

    v1::ConnectRequest request = ToConnect(listener, GetParam());
    request.set_session(NewestSession(connection));
    handshake = Start(request);
    ASSERT_OK_AND_ASSIGN(const v1::Decision lookup, Next(listener.name()));
    EXPECT_EQ(lookup.type(), v1::DECISION_TYPE_SESSION_LOOKUP);
    EXPECT_EQ(TimeOf(lookup), time);
    ASSERT_THAT(Answer(RefusalOf(lookup)), IsOk());
    EXPECT_EQ(AlertSeen(handshake), "handshake_failure");
  }
}

TEST_P(DecisionHooksTest, OfConnectGoBeforeThoseOfTheContext) {
  for (const v1::DecisionType type :
       {v1::DECISION_TYPE_VERIFY_PEER, v1::DECISION_TYPE_SIGN}) {
    const v1::Listener listener = Serve(
        {}, Judging(ServerOptions(), v1::CLIENT_CERTIFICATE_MODE_REQUEST));
    v1::SecureContext options = ClientOptions();
    *options.add_credentials() = type == v1::DECISION_TYPE_SIGN
                                     ? RemoteOf(ClientIdentity())
                                     : PemOf(ClientIdentity());
    *options.add_hooks() = HookOf(type, absl::Seconds(25));
    v1::ConnectRequest request = ToConnect(listener);
    request.set_secure_context(NewContext(options));
    for (const auto time : {absl::Seconds(25), absl::Seconds(20)}) {
      if (time == absl::Seconds(20)) *request.add_hooks() = HookOf(type, time);
      Handshake handshake = Start(request);
      ASSERT_OK_AND_ASSIGN(const v1::Decision decision,
                           Next(request.secure_context()));
      EXPECT_EQ(TimeOf(decision), time);
      ASSERT_THAT(Answer(RefusalOf(decision)), IsOk());
      EXPECT_THAT(handshake.get(), FailsWith(Reason::kDecisionRefused));
    }
  }
}

TEST_P(DecisionHooksTest, HoldForConnectionsThatBeginAfterwards) {
  const v1::Listener listener = Serve({});
  EXPECT_THAT(Start(listener).get(), IsOk());
  v1::UpdateSecureContextRequest update;
  update.mutable_secure_context()->set_name(listener.secure_context());
  update.mutable_update_mask()->add_paths("hooks");
  *update.mutable_secure_context()->add_hooks() =
      HookOf(v1::DECISION_TYPE_CLIENT_HELLO);
  ASSERT_THAT(client().Call(update), IsOk());
  Handshake asked = Start(listener);
  ASSERT_OK_AND_ASSIGN(const v1::Decision decision, Next(listener.name()));

  update.mutable_secure_context()->clear_hooks();
  ASSERT_THAT(client().Call(update), IsOk());

  EXPECT_THAT(Start(listener).get(), IsOk());
  EXPECT_TRUE(IsPending(client(), decision));
  ASSERT_THAT(Answer(RefusalOf(decision)), IsOk());
  EXPECT_THAT(asked.get(), FailsWith(Reason::kPeerAlert));
}

TEST_P(DecisionHooksTest, AreAskedOnlyWhereTheyAreArmed) {
  ASSERT_OK_AND_ASSIGN(const auto handler,
                       HandlerClient::Register(client(), {}));
  const Asking asking = AskingFor(v1::DECISION_TYPE_CLIENT_HELLO);

  EXPECT_THAT(Start(Serve({})).get(), IsOk());
  Handshake handshake = Start(asking);

  ASSERT_OK_AND_ASSIGN(const v1::Decision first, handler->Next());
  EXPECT_EQ(first.listener(), asking.listener.name());
  ASSERT_TRUE(handler->Answer(NoOpinionOn(first)));
  EXPECT_THAT(handshake.get(), IsOk());
}

TEST_P(DecisionHooksTest, ConnectHasNoneOfAServer) {
  v1::ConnectRequest request = ToConnect(Serve({}), GetParam());
  *request.add_hooks() = HookOf(v1::DECISION_TYPE_CLIENT_HELLO);
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kFieldInvalid, "hooks[0].type"));
}

// Without an answer.

TEST_P(DecisionHooksTest, WithoutAnAnswerEachDoesAsItsTypeSays) {
  for (const v1::DecisionType type : ServerQuestions()) {
    SCOPED_TRACE(NameOf(type));
    const bool fails =
        type == v1::DECISION_TYPE_VERIFY_PEER || type == v1::DECISION_TYPE_SIGN;
    const Asking asking = AskingFor(HookOf(type, kShort));
    Handshake handshake = Start(asking);
    ASSERT_OK_AND_ASSIGN(const v1::Decision decision, Next(asking));

    if (fails) {
      EXPECT_EQ(AlertSeen(handshake), "internal_error");
      EXPECT_EQ(FailureOf(asking.listener).reason(), "DECISION_TIMEOUT");
    } else {
      EXPECT_THAT(handshake.get(), IsOk());
      // A client is done before the server has stored its session.
      Await(v1::EVENT_TYPE_SECURE_CONNECTION, asking.listener.name());
    }
    ExpectGone(decision);
  }
}

TEST_P(DecisionHooksTest, WithoutAnAnswerEachFailsIfToldTo) {
  for (const v1::DecisionType type : ServerQuestions()) {
    SCOPED_TRACE(NameOf(type));
    const Asking asking = AskingFor(Failing(HookOf(type, kShort)));

    Handshake handshake = Start(asking);

    EXPECT_EQ(AlertSeen(handshake), "internal_error");
    const v1::Failure failure = FailureOf(asking.listener);
    EXPECT_EQ(failure.reason(), "DECISION_TIMEOUT");
    EXPECT_EQ("DECISION_TYPE_" + failure.metadata().at("decision_type"),
              v1::DecisionType_Name(type));
    EXPECT_EQ(failure.metadata().at("timeout"), absl::FormatDuration(kShort));
  }
}

TEST_P(DecisionHooksTest, WithoutAnAnswerTheVerdictOfTlsdCanHold) {
  for (const bool is_trusted : {true, false}) {
    const v1::Listener listener = Serve(
        {},
        ServerOptions(is_trusted ? ServerIdentity() : SelfSignedIdentity()));
    v1::ConnectRequest request = ToConnect(listener, GetParam());
    v1::Hook& hook = *request.add_hooks();
    hook = HookOf(v1::DECISION_TYPE_VERIFY_PEER, kShort);

    EXPECT_THAT(client().Call(request), FailsWith(Reason::kDecisionTimeout));

    hook.set_without_answer(v1::Hook::WITHOUT_ANSWER_CONTINUE);
    const auto connection = client().Call(request);
    if (is_trusted) {
      EXPECT_THAT(connection, IsOk());
    } else {
      EXPECT_THAT(connection, FailsWith(Reason::kPeerCertificateUntrusted));
    }
  }
}

TEST_P(DecisionHooksTest, WithoutAHandlerNobodyNeedWait) {
  for (const v1::DecisionType type : ServerQuestions()) {
    SCOPED_TRACE(NameOf(type));
    const bool fails =
        type == v1::DECISION_TYPE_VERIFY_PEER || type == v1::DECISION_TYPE_SIGN;
    const Asking asking = AskingFor(Skipping(HookOf(type)));
    // Who handles other questions does not count.
    v1::HandlerRegistration other = Handling(asking.listener, type);
    other.set_subjects(0, Serve({}).name());
    ASSERT_OK_AND_ASSIGN(auto stranger,
                         HandlerClient::Register(client(), other));
    const absl::Time start = absl::Now();

    Handshake handshake = Start(asking);

    if (fails) {
      EXPECT_EQ(AlertSeen(handshake), "internal_error");
      EXPECT_EQ(FailureOf(asking.listener).reason(), "DECISION_TIMEOUT");
    } else {
      EXPECT_THAT(handshake.get(), IsOk());
    }
    EXPECT_LT(absl::Now() - start, kCallTimeout / 2);
  }
}

TEST_P(DecisionHooksTest, WithAHandlerThoseAreAskedToo) {
  const Asking asking =
      AskingFor(Skipping(HookOf(v1::DECISION_TYPE_CLIENT_HELLO)));
  ASSERT_OK_AND_ASSIGN(auto handler,
                       HandlerClient::Register(
                           client(), Handling(asking.listener, asking.type)));
  Handshake refused = Start(asking);
  ASSERT_OK_AND_ASSIGN(const v1::Decision first, handler->Next());
  ASSERT_TRUE(handler->Answer(RefusalOf(first)));
  EXPECT_THAT(refused.get(), FailsWith(Reason::kPeerAlert));
  Handshake left = Start(asking);
  ASSERT_OK_AND_ASSIGN(const v1::Decision second, handler->Next());
  EXPECT_TRUE(IsPending(client(), second));

  // There is nobody to wait for once the last one has gone.
  handler->Cancel();

  EXPECT_THAT(left.get(), IsOk());
  ExpectGone(second);
}

// Handlers that go.

TEST_P(DecisionHooksTest, TheNextHandlerGetsWhatOneHasNotAnswered) {
  for (const bool dies : {true, false}) {
    const Asking asking = AskingFor(v1::DECISION_TYPE_VERIFY_PEER);
    const auto handling = Handling(asking.listener, asking.type);
    ASSERT_OK_AND_ASSIGN(auto first,
                         HandlerClient::Register(client(), handling));
    Handshake handshake = Start(asking);
    ASSERT_OK_AND_ASSIGN(const v1::Decision asked, first->Next());
    ASSERT_OK_AND_ASSIGN(auto second,
                         HandlerClient::Register(client(), handling));

    if (dies) {
      first->Cancel();
    } else {
      first->HalfClose();
      EXPECT_THAT(first->Finish(), IsOk());
    }

    ASSERT_OK_AND_ASSIGN(const v1::Decision again, second->Next());
    EXPECT_EQ(again.name(), asked.name());
    EXPECT_EQ(again.verify_peer().certificates(0), DerOf(ClientIdentity()));
    ASSERT_TRUE(second->Answer(VerdictOn(again, /*accept=*/true)));
    EXPECT_THAT(handshake.get(), IsOk());
  }
}

TEST_P(DecisionHooksTest, AHandlerThatComesLateGetsWhatWaits) {
  const Asking asking = AskingFor(v1::DECISION_TYPE_SIGN);
  const auto handling = Handling(asking.listener, asking.type);
  Handshake handshake = Start(asking);
  {
    ASSERT_OK_AND_ASSIGN(auto dead,
                         HandlerClient::Register(client(), handling));
    EXPECT_THAT(dead->Next(), IsOk());
  }
  ASSERT_OK_AND_ASSIGN(auto late, HandlerClient::Register(client(), handling));
  ASSERT_OK_AND_ASSIGN(const v1::Decision decision, late->Next());
  ASSERT_OK_AND_ASSIGN(const v1::Connection waiting, Waiting(decision));
  EXPECT_EQ(waiting.state(), v1::Connection::STATE_HANDSHAKING);
  ASSERT_TRUE(late->Answer(SignatureTo(decision, ServerIdentity())));
  EXPECT_THAT(handshake.get(), IsOk());
}

TEST_P(DecisionHooksTest, AGoneCallerOfWaitDecisionLosesNothing) {
  const Asking asking = AskingFor(v1::DECISION_TYPE_CLIENT_HELLO);
  v1::WaitDecisionRequest request;
  request.add_subjects(asking.listener.name());
  *request.mutable_timeout() = ToProto(absl::ZeroDuration());
  EXPECT_THAT(client().Call(request), FailsWith(Reason::kWaitTimeout));
  request.clear_timeout();
  CallContext gone;
  auto waiting =
      InBackground([&] { return client().Call(request, &gone).status(); });
  gone.Cancel();
  EXPECT_EQ(waiting.get().code(), absl::StatusCode::kCancelled);

  Handshake handshake = Start(asking);

  ASSERT_OK_AND_ASSIGN(const v1::Decision decision, Next(asking));
  ASSERT_THAT(Answer(NoOpinionOn(decision)), IsOk());
  EXPECT_THAT(handshake.get(), IsOk());
}

}  // namespace
}  // namespace tlsd::testing
