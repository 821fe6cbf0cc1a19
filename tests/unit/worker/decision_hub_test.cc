#include "server/worker/decision_hub.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/names.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/worker/decision_asker.h"

namespace tlsd::worker {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::UnorderedElementsAre;
using tls::HookType;

class DecisionHubTest : public ::testing::Test {
 protected:
  DecisionHub hub_;
  DecisionAsker asker_{hub_};
};

DecisionFilter OfType(HookType type) { return {{type}, {}}; }
DecisionFilter OfSubject(const std::string& name) { return {{}, {name}}; }

TEST_F(DecisionHubTest, GivesAnAnswerToWhoAsked) {
  asker_.Ask("d1");
  asker_.Ask("d2");
  EXPECT_EQ(hub_.pending_count(), 2u);
  EXPECT_THAT(asker_.Resolve("d2"), IsOk());

  EXPECT_THAT(asker_.done(), ElementsAre("d2:answer"));
  EXPECT_EQ(hub_.pending_count(), 1u);
  EXPECT_FALSE(hub_.is_pending(asker_.name("d2")));
  EXPECT_TRUE(hub_.is_pending(asker_.name("d1")));
}

TEST_F(DecisionHubTest, GivesTheAnswerItself) {
  std::optional<tls::Answer> given;
  const std::string name =
      hub_.Ask(DecisionOf("d1", HookType::kSessionLookup),
               [&](std::optional<tls::Answer> answer) { given = answer; });

  EXPECT_THAT(hub_.Resolve(name, tls::SessionLookupAnswer{"the session"}),
              IsOk());
  ASSERT_TRUE(given.has_value());
  EXPECT_EQ(std::get<tls::SessionLookupAnswer>(*given).session, "the session");
}

TEST_F(DecisionHubTest, NamesDecisionsAndKeepsWhatIsKnownOfThem) {
  Decision decision = DecisionOf("d1", HookType::kSign);
  decision.expire_time = absl::FromUnixSeconds(5);
  asker_.Ask(std::move(decision));

  const auto listed = hub_.List("", 10);
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_THAT(base::CheckName("name", kDecisions, listed[0]->name), IsOk());
  EXPECT_EQ(listed[0]->name, asker_.name("d1"));
  EXPECT_EQ(listed[0]->type(), HookType::kSign);
  EXPECT_EQ(listed[0]->listener, "listeners/a");
  EXPECT_EQ(listed[0]->expire_time, absl::FromUnixSeconds(5));
}

TEST_F(DecisionHubTest, TakesTheFirstAnswerOnly) {
  asker_.Ask("d1");
  EXPECT_THAT(asker_.Resolve("d1"), IsOk());

  EXPECT_THAT(asker_.Resolve("d1"), FailsWith(Reason::kDecisionNotPending));
  EXPECT_FALSE(asker_.Withdraw("d1"));
  EXPECT_THAT(asker_.done(), ElementsAre("d1:answer"));
}

TEST_F(DecisionHubTest, TakesNoAnswerToWhatWasWithdrawn) {
  asker_.AddHandler("h");
  asker_.Ask("d1");
  EXPECT_TRUE(asker_.Withdraw("d1"));

  EXPECT_FALSE(asker_.Withdraw("d1"));
  EXPECT_THAT(asker_.Resolve("d1"), FailsWith(Reason::kDecisionNotPending));
  EXPECT_THAT(asker_.done(), IsEmpty());
  EXPECT_EQ(hub_.pending_count(), 0u);
}

TEST_F(DecisionHubTest, TakesNoAnswerToWhatWasNeverAsked) {
  EXPECT_THAT(hub_.Resolve("decisions/d-1", tls::NoOpinion()),
              FailsWith(Reason::kDecisionNotPending));
  EXPECT_FALSE(hub_.Withdraw("decisions/d-1"));
  EXPECT_FALSE(hub_.is_pending("decisions/d-1"));
}

TEST_F(DecisionHubTest, KeepsADecisionWhoseAnswerCannotBeUsed) {
  asker_.AddHandler("h");
  asker_.Ask("d1");
  EXPECT_THAT(asker_.Resolve("d1", tls::SignAnswer{"signature"}),
              FailsWith(Reason::kDecisionAnswerInvalid));
  EXPECT_THAT(asker_.done(), IsEmpty());

  EXPECT_THAT(asker_.Resolve("d1"), IsOk());
  EXPECT_THAT(asker_.done(), ElementsAre("d1:answer"));
}

TEST_F(DecisionHubTest, FreesACallbackThatItNeverCalls) {
  const auto held = std::make_shared<int>(1);
  const std::string name =
      hub_.Ask(DecisionOf("d1", HookType::kClientHello),
               [held](std::optional<tls::Answer>) { FAIL(); });
  EXPECT_EQ(held.use_count(), 2);
  EXPECT_TRUE(hub_.Withdraw(name));

  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(DecisionHubTest, TellsAHandlerInTheOrderInWhichTheyWereAsked) {
  asker_.AddHandler("h");
  for (const char* label : {"d1", "d2", "d3"}) asker_.Ask(label);

  EXPECT_THAT(asker_.told(), ElementsAre("h:d1", "h:d2", "h:d3"));
}

TEST_F(DecisionHubTest, TellsAHandlerWhatWasAskedBeforeItCame) {
  asker_.Ask("d1");
  asker_.Ask("d2", HookType::kSign);
  asker_.Ask("d3");
  asker_.AddHandler("h");
  asker_.AddHandler("late");

  EXPECT_THAT(asker_.told(), ElementsAre("h:d1", "h:d2", "h:d3"));
}

TEST_F(DecisionHubTest, GivesADecisionToTheHandlerThatHoldsFewest) {
  asker_.AddHandler("h1");
  asker_.AddHandler("h2");
  asker_.Ask("d1");
  asker_.Ask("d2");
  asker_.Ask("d3");
  asker_.Ask("d4");
  EXPECT_THAT(asker_.told(), ElementsAre("h1:d1", "h2:d2", "h1:d3", "h2:d4"));
  EXPECT_THAT(asker_.Resolve("d2"), IsOk());
  EXPECT_TRUE(asker_.Withdraw("d4"));
  asker_.Ask("d5");
  asker_.Ask("d6");

  EXPECT_THAT(asker_.told(), ElementsAre("h1:d1", "h2:d2", "h1:d3", "h2:d4",
                                         "h2:d5", "h2:d6"));
}

TEST_F(DecisionHubTest, PassesOverAHandlerAtItsLimit) {
  asker_.AddHandler("small", {}, 1);
  asker_.AddHandler("large", {}, 10);
  for (const char* label : {"d1", "d2", "d3"}) asker_.Ask(label);

  EXPECT_THAT(asker_.told(), ElementsAre("small:d1", "large:d2", "large:d3"));
}

TEST_F(DecisionHubTest, GivesAFreeSlotTheOldest) {
  asker_.AddHandler("h", {}, 2);
  for (const char* label : {"d1", "d2", "d3", "d4", "d5"}) asker_.Ask(label);
  EXPECT_THAT(asker_.told(), ElementsAre("h:d1", "h:d2"));
  EXPECT_THAT(asker_.Resolve("d2"), IsOk());
  EXPECT_THAT(asker_.told(), ElementsAre("h:d1", "h:d2", "h:d3"));

  EXPECT_TRUE(asker_.Withdraw("d1"));
  EXPECT_THAT(asker_.told(), ElementsAre("h:d1", "h:d2", "h:d3", "h:d4"));
}

TEST_F(DecisionHubTest, GivesAFreeSlotNothingThatIsNotForIt) {
  asker_.AddHandler("h", OfType(HookType::kSign), 1);
  asker_.Ask("s1", HookType::kSign);
  asker_.Ask("v1", HookType::kVerifyPeer);
  asker_.Ask("s2", HookType::kSign);
  asker_.Ask("s3", HookType::kSign);
  EXPECT_TRUE(asker_.Withdraw("s2"));
  EXPECT_TRUE(asker_.Withdraw("s1"));

  EXPECT_THAT(asker_.told(), ElementsAre("h:s1", "h:s3"));
}

// Held by nobody, it frees no slot.
TEST_F(DecisionHubTest, GivesNoSlotForWhatNobodyHolds) {
  asker_.AddHandler("h", {}, 1);
  for (const char* label : {"d1", "d2", "d3"}) asker_.Ask(label);
  EXPECT_TRUE(asker_.Withdraw("d2"));

  EXPECT_THAT(asker_.told(), ElementsAre("h:d1"));
}

TEST_F(DecisionHubTest, GivesAHandlerItsTypesOnly) {
  asker_.Ask("early", HookType::kSign);
  asker_.Ask("early hello");
  asker_.AddHandler("sign", OfType(HookType::kSign));
  asker_.AddHandler("hello", OfType(HookType::kClientHello));
  asker_.Ask("late", HookType::kSign);
  asker_.Ask("other", HookType::kVerifyPeer);

  EXPECT_THAT(asker_.told(),
              ElementsAre("sign:early", "hello:early hello", "sign:late"));
}

TEST_F(DecisionHubTest, GivesAHandlerItsListenersAndContextsOnly) {
  Decision other = DecisionOf("other", HookType::kSign);
  other.listener = "listeners/b";
  other.secure_context = "secureContexts/b";
  Decision client = DecisionOf("client", HookType::kSign);
  client.listener = "";
  asker_.Ask("first", HookType::kSign);
  asker_.Ask(other);
  asker_.Ask(client);
  asker_.AddHandler("listener", OfSubject("listeners/a"));
  asker_.AddHandler("context", OfSubject("secureContexts/a"));
  asker_.AddHandler("none", OfSubject("listeners/c"));
  EXPECT_THAT(asker_.told(), ElementsAre("listener:first", "context:client"));

  other.server_name = "next";
  other.listener = "listeners/a";
  asker_.Ask(other);
  EXPECT_EQ(asker_.told().back(), "listener:next");
}

TEST_F(DecisionHubTest, FindsTheOldestForAFilterOfSeveralSubjects) {
  asker_.AddHandler("h",
                    {{HookType::kSign, HookType::kClientHello},
                     {"secureContexts/a", "listeners/b"}},
                    1);
  Decision b = DecisionOf("d2", HookType::kSign);
  b.listener = "listeners/b";
  b.secure_context = "";
  asker_.Ask("d1");
  asker_.Ask(b);
  asker_.Ask("d3");
  EXPECT_THAT(asker_.Resolve("d1"), IsOk());
  EXPECT_TRUE(asker_.Withdraw("d2"));

  EXPECT_THAT(asker_.told(), ElementsAre("h:d1", "h:d2", "h:d3"));
}

TEST_F(DecisionHubTest, HandsOverWhatAHandlerThatGoesHasNotAnswered) {
  const int64_t first = asker_.AddHandler("h1");
  for (const char* label : {"d1", "d2", "d3"}) asker_.Ask(label);
  EXPECT_THAT(asker_.Resolve("d2"), IsOk());
  asker_.AddHandler("h2");
  hub_.RemoveHandler(first);

  EXPECT_THAT(asker_.told(),
              ElementsAre("h1:d1", "h1:d2", "h1:d3", "h2:d1", "h2:d3"));
  EXPECT_THAT(asker_.Resolve("d1"), IsOk());
  EXPECT_THAT(asker_.done(), ElementsAre("d2:answer", "d1:answer"));
}

TEST_F(DecisionHubTest, KeepsForTheNextHandlerWhatNobodyHolds) {
  const int64_t first = asker_.AddHandler("h1", {}, 2);
  for (const char* label : {"d1", "d2", "d3"}) asker_.Ask(label);
  hub_.RemoveHandler(first);
  EXPECT_EQ(hub_.pending_count(), 3u);
  asker_.Ask("d4");
  asker_.AddHandler("h2", {}, 1);
  EXPECT_TRUE(asker_.Withdraw("d1"));
  EXPECT_TRUE(asker_.Withdraw("d2"));
  EXPECT_TRUE(asker_.Withdraw("d3"));

  EXPECT_THAT(asker_.told(), ElementsAre("h1:d1", "h1:d2", "h2:d1", "h2:d2",
                                         "h2:d3", "h2:d4"));
  EXPECT_THAT(asker_.done(), IsEmpty());
}

TEST_F(DecisionHubTest, TellsAHandlerNothingOnceItHasGone) {
  const auto held = std::make_shared<int>(1);
  const int64_t id = hub_.AddHandler(
      {}, 10, [held](std::shared_ptr<const Decision>) { FAIL(); });
  hub_.RemoveHandler(id);
  hub_.RemoveHandler(id);
  asker_.Ask("d1");

  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(DecisionHubTest, TakesAnAnswerFromAnybody) {
  const int64_t first = asker_.AddHandler("h1");
  asker_.Ask("d1");
  hub_.RemoveHandler(first);

  EXPECT_THAT(asker_.Resolve("d1"), IsOk());
}

TEST_F(DecisionHubTest, GivesTheOldestToWhoWaits) {
  asker_.Ask("d1");
  asker_.Ask("d2");
  asker_.Wait("w");

  EXPECT_THAT(asker_.told(), ElementsAre("w:d1"));
}

TEST_F(DecisionHubTest, GivesTheNextToWhoWaitsBeforeHandlers) {
  asker_.AddHandler("h");
  asker_.Wait("w1");
  asker_.Wait("w2");
  for (const char* label : {"d1", "d2", "d3"}) asker_.Ask(label);

  EXPECT_THAT(asker_.told(), ElementsAre("w1:d1", "w2:d2", "h:d3"));
}

TEST_F(DecisionHubTest, GivesWhoWaitsNothingThatAHandlerHolds) {
  asker_.AddHandler("h");
  asker_.Ask("d1");
  asker_.Wait("w");

  EXPECT_THAT(asker_.told(), ElementsAre("h:d1"));
}

TEST_F(DecisionHubTest, GivesWhoWaitsNothingThatIsNotForIt) {
  asker_.Ask("d1");
  asker_.Wait("w", OfType(HookType::kSign));
  asker_.Ask("d2");
  EXPECT_THAT(asker_.told(), IsEmpty());
  asker_.Ask("d3", HookType::kSign);

  EXPECT_THAT(asker_.told(), ElementsAre("w:d3"));
}

TEST_F(DecisionHubTest, GivesNobodyElseWhatWasTaken) {
  asker_.Wait("w");
  asker_.Ask("d1");
  const int64_t handler = asker_.AddHandler("h");
  hub_.RemoveHandler(handler);
  asker_.Wait("w2");

  EXPECT_THAT(asker_.told(), ElementsAre("w:d1"));
  EXPECT_THAT(asker_.Resolve("d1"), IsOk());
}

TEST_F(DecisionHubTest, EndsAWaitOnce) {
  const int64_t taken = asker_.Wait("w1");
  const int64_t cancelled = asker_.Wait("w2");
  asker_.Ask("d1");
  EXPECT_FALSE(hub_.CancelWait(taken));
  EXPECT_TRUE(hub_.CancelWait(cancelled));
  EXPECT_FALSE(hub_.CancelWait(cancelled));
  EXPECT_FALSE(hub_.CancelWait(12345));
  asker_.Ask("d2");

  EXPECT_THAT(asker_.told(), ElementsAre("w1:d1"));
}

TEST_F(DecisionHubTest, OffersWhatWasGivenBackInItsOldPlace) {
  asker_.Wait("w1");
  asker_.Ask("d1");
  asker_.Ask("d2");
  asker_.GiveBack("d1");
  asker_.Wait("w2");
  asker_.GiveBack("d1");
  asker_.AddHandler("h");

  EXPECT_THAT(asker_.told(), ElementsAre("w1:d1", "w2:d1", "h:d1", "h:d2"));
}

TEST_F(DecisionHubTest, OffersWhatWasGivenBackToWhoWaits) {
  asker_.Wait("w1");
  asker_.Wait("w2");
  asker_.Ask("d1");
  asker_.GiveBack("d1");

  EXPECT_THAT(asker_.told(), ElementsAre("w1:d1", "w2:d1"));
}

TEST_F(DecisionHubTest, TakesNothingBackThatWasNotTaken) {
  asker_.AddHandler("h", {}, 1);
  asker_.Ask("held");
  asker_.Ask("parked");
  asker_.GiveBack("held");
  asker_.GiveBack("parked");
  EXPECT_THAT(asker_.Resolve("held"), IsOk());
  asker_.GiveBack("held");
  hub_.GiveBack("decisions/d-1");

  EXPECT_THAT(asker_.told(), ElementsAre("h:held", "h:parked"));
  EXPECT_EQ(hub_.pending_count(), 1u);
}

TEST_F(DecisionHubTest, SkipsWhatNobodyHandles) {
  asker_.AddHandler("sign", OfType(HookType::kSign));
  asker_.AskOrSkip("d1");

  EXPECT_THAT(asker_.done(), ElementsAre("d1:nothing"));
  EXPECT_EQ(hub_.pending_count(), 0u);
  EXPECT_THAT(asker_.Resolve("d1"), FailsWith(Reason::kDecisionNotPending));
}

TEST_F(DecisionHubTest, SkipsNothingThatSomebodyHandlesOrWaitsFor) {
  asker_.Wait("w");
  asker_.AskOrSkip("d1");
  asker_.AddHandler("h", {}, 1);
  asker_.AskOrSkip("d2");
  asker_.AskOrSkip("d3");
  EXPECT_THAT(asker_.told(), ElementsAre("w:d1", "h:d2"));
  EXPECT_THAT(asker_.Resolve("d2"), IsOk());

  EXPECT_THAT(asker_.told(), ElementsAre("w:d1", "h:d2", "h:d3"));
  EXPECT_THAT(asker_.done(), ElementsAre("d2:answer"));
}

TEST_F(DecisionHubTest, SkipsWhatTheLastHandlerHasLeft) {
  const int64_t id = asker_.AddHandler("h", {}, 1);
  asker_.AskOrSkip("held");
  asker_.AskOrSkip("parked");
  asker_.Ask("waiting");
  asker_.AskOrSkip("parked too");
  hub_.RemoveHandler(id);

  EXPECT_THAT(asker_.done(),
              UnorderedElementsAre("held:nothing", "parked:nothing",
                                   "parked too:nothing"));
  EXPECT_EQ(hub_.pending_count(), 1u);
}

TEST_F(DecisionHubTest, SkipsNothingAsLongAsAHandlerIsLeft) {
  asker_.AddHandler("h1", {}, 1);
  const int64_t id = asker_.AddHandler("h2", {}, 1);
  asker_.AddHandler("sign", OfType(HookType::kSign));
  for (const char* label : {"d1", "d2", "d3"}) asker_.AskOrSkip(label);
  hub_.RemoveHandler(id);
  EXPECT_THAT(asker_.done(), IsEmpty());
  EXPECT_THAT(asker_.Resolve("d1"), IsOk());

  EXPECT_THAT(asker_.told(), ElementsAre("h1:d1", "h2:d2", "h1:d2"));
}

TEST_F(DecisionHubTest, SkipsWhatWasGivenBackAndNobodyHandles) {
  asker_.Wait("w");
  asker_.AskOrSkip("d1");
  asker_.Wait("w");
  asker_.Ask("d2");
  asker_.GiveBack("d1");
  asker_.GiveBack("d2");

  EXPECT_THAT(asker_.done(), ElementsAre("d1:nothing"));
  EXPECT_EQ(hub_.pending_count(), 1u);
}

TEST_F(DecisionHubTest, AnswersNothingBeyondItsBound) {
  std::string last;
  for (size_t i = 0; i < DecisionHub::kPendingCountMax; ++i) {
    last = hub_.Ask(DecisionOf("", HookType::kClientHello),
                    [](std::optional<tls::Answer>) {});
  }
  asker_.Ask("beyond");
  EXPECT_THAT(asker_.done(), ElementsAre("beyond:nothing"));
  EXPECT_EQ(hub_.pending_count(), DecisionHub::kPendingCountMax);
  EXPECT_TRUE(hub_.Withdraw(last));
  asker_.Ask("within");

  EXPECT_THAT(asker_.done(), ElementsAre("beyond:nothing"));
  EXPECT_EQ(hub_.pending_count(), DecisionHub::kPendingCountMax);
}

TEST_F(DecisionHubTest, ListsAllThatWaitByName) {
  asker_.AddHandler("h", OfType(HookType::kSign));
  asker_.Ask("held", HookType::kSign);
  asker_.Ask("parked");
  asker_.Ask("answered");
  asker_.Ask("taken");
  EXPECT_THAT(asker_.Resolve("answered"), IsOk());
  asker_.Wait("w");
  std::vector<std::string> names = {asker_.name("held"), asker_.name("parked"),
                                    asker_.name("taken")};
  std::sort(names.begin(), names.end());

  std::vector<std::string> listed;
  for (const auto& decision : hub_.List("", 10)) {
    listed.push_back(decision->name);
  }
  EXPECT_EQ(listed, names);
  const auto first = hub_.List("", 1);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0]->name, names[0]);
  const auto rest = hub_.List(names[0], 2);
  ASSERT_EQ(rest.size(), 2u);
  EXPECT_EQ(rest[0]->name, names[1]);
  EXPECT_EQ(rest[1]->name, names[2]);
  EXPECT_THAT(hub_.List(names[2], 2), IsEmpty());
}

TEST_F(DecisionHubTest, LetsCallbacksCallIt) {
  hub_.Wait({}, [&](std::shared_ptr<const Decision> taken) {
    hub_.GiveBack(taken->name);
    asker_.AddHandler("h");
  });
  const std::string name =
      hub_.Ask(DecisionOf("d1", HookType::kClientHello),
               [&](std::optional<tls::Answer>) { asker_.Ask("d2"); });
  EXPECT_THAT(hub_.Resolve(name, tls::NoOpinion()), IsOk());

  EXPECT_THAT(asker_.told(), ElementsAre("h:d1", "h:d2"));
}

}  // namespace
}  // namespace tlsd::worker
