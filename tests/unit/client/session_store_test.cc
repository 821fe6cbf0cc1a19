#include "client/session_store.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"

namespace tlsd::client {
namespace {

class SessionStoreTest : public ::testing::Test {
 protected:
  // Session returns one of TLS 1.2, that may be used again and again.
  static StoredSession Session(const std::string& id,
                               absl::Duration lifetime = absl::Seconds(300)) {
    return {id, "session " + id, lifetime, false};
  }

  absl::Time now_ = absl::FromUnixSeconds(1000);
  SessionStore store_{3, [this] { return now_; }};
};

TEST_F(SessionStoreTest, ReturnsWhatWasStored) {
  store_.Store(Session("a"));

  EXPECT_EQ(store_.Lookup("a"), "session a");
  EXPECT_EQ(store_.Lookup("a"), "session a");
  EXPECT_EQ(store_.Lookup("b"), "");
}

TEST_F(SessionStoreTest, ReturnsASingleUseSessionOnce) {
  StoredSession session = Session("a");
  session.single_use = true;
  store_.Store(session);

  EXPECT_EQ(store_.Lookup("a"), "session a");
  EXPECT_EQ(store_.Lookup("a"), "");
  EXPECT_EQ(store_.size(), 0u);
}

TEST_F(SessionStoreTest, ForgetsASessionWhenItsLifetimeIsOver) {
  store_.Store(Session("a", absl::Seconds(10)));

  now_ += absl::Seconds(9);
  EXPECT_EQ(store_.Lookup("a"), "session a");

  now_ += absl::Seconds(1);
  EXPECT_EQ(store_.Lookup("a"), "");
  EXPECT_EQ(store_.size(), 0u);
}

TEST_F(SessionStoreTest, ClearsAwayWhatIsOverWhenSomethingComes) {
  store_.Store(Session("a", absl::Seconds(10)));
  now_ += absl::Seconds(10);

  store_.Store(Session("b"));

  EXPECT_EQ(store_.size(), 1u);
  EXPECT_EQ(store_.Lookup("b"), "session b");
}

TEST_F(SessionStoreTest, KeepsNoSessionWithoutALifetime) {
  store_.Store(Session("a", absl::ZeroDuration()));

  EXPECT_EQ(store_.size(), 0u);
}

TEST_F(SessionStoreTest, DropsWhatWasNotUsedForLongestBeyondItsBound) {
  store_.Store(Session("a"));
  store_.Store(Session("b"));
  store_.Store(Session("c"));
  EXPECT_EQ(store_.size(), 3u);
  EXPECT_EQ(store_.Lookup("a"), "session a");

  store_.Store(Session("d"));

  EXPECT_EQ(store_.size(), 3u);
  EXPECT_EQ(store_.Lookup("a"), "session a");
  EXPECT_EQ(store_.Lookup("b"), "");
  EXPECT_EQ(store_.Lookup("d"), "session d");
}

TEST_F(SessionStoreTest, ReplacesASessionOfTheSameId) {
  store_.Store(Session("a"));
  StoredSession other = Session("a");
  other.session = "other";

  store_.Store(other);

  EXPECT_EQ(store_.Lookup("a"), "other");
  EXPECT_EQ(store_.size(), 1u);
}

// Said returns what an answerer says to `question`.
template <typename Expected, typename QuestionType>
Expected Said(const Answerer<QuestionType, Expected>& answerer,
              const QuestionType& question) {
  Answer said;
  answerer(Decision(), question,
           Reply<Expected>([&said](const Answer& answer) { said = answer; }));
  EXPECT_TRUE(std::holds_alternative<Expected>(said));
  return std::get<Expected>(said);
}

TEST_F(SessionStoreTest, AnswersForAHandler) {
  Answerers answerers;
  store_.AddTo(answerers);

  Said<SessionStoreAnswer>(answerers.session_store,
                           SessionStoreQuestion{{Session("a"), Session("b")}});

  EXPECT_EQ(Said<SessionLookupAnswer>(answerers.session_lookup,
                                      SessionLookupQuestion{"b"})
                .session,
            "session b");
  EXPECT_EQ(Said<SessionLookupAnswer>(answerers.session_lookup,
                                      SessionLookupQuestion{"c"})
                .session,
            "");
  EXPECT_FALSE(answerers.sign);
}

TEST_F(SessionStoreTest, IsUsedByManyThreads) {
  constexpr int kThreadCount = 4;
  constexpr int kSessionCount = 500;
  SessionStore store(kThreadCount * kSessionCount);
  std::vector<std::thread> threads;
  std::vector<int> found(kThreadCount);
  for (int thread = 0; thread < kThreadCount; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kSessionCount; ++i) {
        const std::string id = absl::StrCat(thread, "-", i);
        store.Store(Session(id));
        if (store.Lookup(id) == "session " + id) ++found[thread];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(found, std::vector<int>(kThreadCount, kSessionCount));
  EXPECT_EQ(store.size(), size_t{kThreadCount * kSessionCount});
}

}  // namespace
}  // namespace tlsd::client
