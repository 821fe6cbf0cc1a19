#include "server/worker/decision.h"

#include <memory>
#include <string>

#include "gtest/gtest.h"

namespace tlsd::worker {
namespace {

using tls::HookType;

Decision Asked(tls::Question question, const std::string& listener,
               const std::string& secure_context) {
  Decision decision;
  decision.question =
      std::make_shared<const tls::Question>(std::move(question));
  decision.listener = listener;
  decision.secure_context = secure_context;
  return decision;
}

TEST(DecisionTest, HasTheTypeOfItsQuestion) {
  EXPECT_EQ(Asked(tls::ClientHelloFacts(), "", "").type(),
            HookType::kClientHello);
  EXPECT_EQ(Asked(tls::OcspStapleQuestion(), "", "").type(),
            HookType::kOcspStaple);
  EXPECT_EQ(Asked(tls::SessionLookupQuestion(), "", "").type(),
            HookType::kSessionLookup);
  EXPECT_EQ(Asked(tls::SessionStoreQuestion(), "", "").type(),
            HookType::kSessionStore);
  EXPECT_EQ(Asked(tls::VerifyPeerQuestion(), "", "").type(),
            HookType::kVerifyPeer);
  EXPECT_EQ(Asked(tls::SignQuestion(), "", "").type(), HookType::kSign);
}

TEST(DecisionFilterTest, LetsAllThroughIfItSaysNothing) {
  const DecisionFilter filter;

  EXPECT_TRUE(filter.Matches(Asked(tls::SignQuestion(), "", "")));
  EXPECT_TRUE(filter.Matches(
      Asked(tls::ClientHelloFacts(), "listeners/a", "secureContexts/a")));
}

TEST(DecisionFilterTest, LetsOnlyItsTypesThrough) {
  DecisionFilter filter;
  filter.types = {HookType::kSign, HookType::kVerifyPeer};

  EXPECT_TRUE(filter.Matches(Asked(tls::SignQuestion(), "", "")));
  EXPECT_TRUE(filter.Matches(Asked(tls::VerifyPeerQuestion(), "", "")));
  EXPECT_FALSE(filter.Matches(Asked(tls::ClientHelloFacts(), "", "")));
}

TEST(DecisionFilterTest, LetsOnlyItsListenersAndContextsThrough) {
  DecisionFilter filter;
  filter.subjects = {"listeners/a", "secureContexts/b"};

  EXPECT_TRUE(filter.Matches(
      Asked(tls::SignQuestion(), "listeners/a", "secureContexts/z")));
  EXPECT_TRUE(filter.Matches(
      Asked(tls::SignQuestion(), "listeners/z", "secureContexts/b")));
  EXPECT_TRUE(
      filter.Matches(Asked(tls::SignQuestion(), "", "secureContexts/b")));
  EXPECT_FALSE(filter.Matches(
      Asked(tls::SignQuestion(), "listeners/b", "secureContexts/a")));
  EXPECT_FALSE(filter.Matches(Asked(tls::SignQuestion(), "", "")));
}

TEST(DecisionFilterTest, LetsOnlyThroughWhatIsOfItsTypesAndItsSubjects) {
  DecisionFilter filter;
  filter.types = {HookType::kSign};
  filter.subjects = {"listeners/a"};

  EXPECT_TRUE(filter.Matches(Asked(tls::SignQuestion(), "listeners/a", "")));
  EXPECT_FALSE(filter.Matches(Asked(tls::SignQuestion(), "listeners/b", "")));
  EXPECT_FALSE(
      filter.Matches(Asked(tls::VerifyPeerQuestion(), "listeners/a", "")));
}

}  // namespace
}  // namespace tlsd::worker
