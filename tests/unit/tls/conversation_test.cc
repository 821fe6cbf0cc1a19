#include "server/tls/conversation.h"

#include <string>
#include <utility>
#include <variant>

#include "gtest/gtest.h"

namespace tlsd::tls {
namespace {

constexpr Hook kLookup = {HookType::kSessionLookup, absl::Seconds(3),
                          /*fails_without_answer=*/true,
                          /*skip_without_handler=*/true};
constexpr Hook kStaple = {HookType::kOcspStaple};

class ConversationTest : public ::testing::Test {
 protected:
  std::optional<Answer> AskLookup(const std::string& id = "id") {
    return conversation_.Ask(
        kLookup,
        [&] {
          ++made_count_;
          return SessionLookupQuestion{id};
        },
        events_);
  }
  std::optional<Answer> AskStaple() {
    return conversation_.Ask(
        kStaple, [] { return OcspStapleQuestion(); }, events_);
  }

  static Answer Found(const std::string& session) {
    return SessionLookupAnswer{session};
  }

  Conversation conversation_;
  EventList events_;
  int made_count_ = 0;
};

TEST_F(ConversationTest, WaitsForNobodyAtFirst) {
  EXPECT_FALSE(conversation_.waits());
  EXPECT_FALSE(conversation_.has_answer());
}

TEST_F(ConversationTest, AsksOnce) {
  EXPECT_FALSE(AskLookup().has_value());
  EXPECT_FALSE(AskLookup().has_value());
  EXPECT_FALSE(AskLookup("another id").has_value());

  EXPECT_TRUE(conversation_.waits());
  EXPECT_FALSE(conversation_.has_answer());
  EXPECT_EQ(made_count_, 1);
  ASSERT_EQ(events_.size(), 1u);
  const auto& asked = std::get<QuestionAsked>(events_[0]);
  EXPECT_EQ(std::get<SessionLookupQuestion>(*asked.question).session_id, "id");
  EXPECT_EQ(asked.hook.type, HookType::kSessionLookup);
  EXPECT_EQ(asked.hook.timeout, absl::Seconds(3));
  EXPECT_TRUE(asked.hook.fails_without_answer);
  EXPECT_TRUE(asked.hook.skip_without_handler);
}

TEST_F(ConversationTest, ReturnsTheAnswerOnce) {
  AskLookup();
  conversation_.Give(Found("session"));
  EXPECT_FALSE(conversation_.waits());
  EXPECT_TRUE(conversation_.has_answer());

  const std::optional<Answer> answer = AskLookup();

  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(std::get<SessionLookupAnswer>(*answer).session, "session");
  EXPECT_FALSE(conversation_.waits());
  EXPECT_FALSE(conversation_.has_answer());
  EXPECT_EQ(events_.size(), 1u);
}

TEST_F(ConversationTest, AsksAgainOnceTheAnswerIsTaken) {
  AskLookup();
  conversation_.Give(Found("session"));
  AskLookup();

  EXPECT_FALSE(AskLookup("another id").has_value());

  EXPECT_TRUE(conversation_.waits());
  ASSERT_EQ(events_.size(), 2u);
  const auto& asked = std::get<QuestionAsked>(events_[1]);
  EXPECT_EQ(std::get<SessionLookupQuestion>(*asked.question).session_id,
            "another id");
}

TEST_F(ConversationTest, AsksOneQuestionAtATime) {
  AskLookup();

  EXPECT_FALSE(AskStaple().has_value());

  EXPECT_EQ(events_.size(), 1u);
  EXPECT_TRUE(conversation_.waits());
}

TEST_F(ConversationTest, GivesNoAnswerToAnotherQuestion) {
  AskLookup();
  conversation_.Give(Found("session"));

  EXPECT_FALSE(AskStaple().has_value());
  EXPECT_TRUE(conversation_.has_answer());

  EXPECT_TRUE(AskLookup().has_value());
  EXPECT_FALSE(AskStaple().has_value());
  EXPECT_EQ(events_.size(), 2u);
}

TEST_F(ConversationTest, ReturnsWhatIsNoAnswerToo) {
  AskStaple();
  conversation_.Give(NoOpinion());

  const std::optional<Answer> answer = AskStaple();

  ASSERT_TRUE(answer.has_value());
  EXPECT_TRUE(std::holds_alternative<NoOpinion>(*answer));
}

}  // namespace
}  // namespace tlsd::tls
