#include "server/worker/client_sessions.h"

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace tlsd::worker {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'000'000);

tls::ClientSession Session(const std::string& data, bool single_use = false) {
  tls::ClientSession session;
  session.data = data;
  session.single_use = single_use;
  session.create_time = kNow;
  session.expire_time = kNow + absl::Hours(1);
  return session;
}

TEST(ClientSessionsTest, HasNothingAtFirst) {
  ClientSessions sessions;
  EXPECT_EQ(sessions.Take("a", kNow), "");
  EXPECT_EQ(sessions.size(), 0u);
}

TEST(ClientSessionsTest, GivesASessionToItsServerOnly) {
  ClientSessions sessions;
  sessions.Put("a", Session("of a"));
  sessions.Put("b", Session("of b"));

  EXPECT_EQ(sessions.Take("a", kNow), "of a");
  EXPECT_EQ(sessions.Take("b", kNow), "of b");
  EXPECT_EQ(sessions.Take("c", kNow), "");
  EXPECT_EQ(sessions.Take("", kNow), "");
}

TEST(ClientSessionsTest, GivesTheNewest) {
  ClientSessions sessions;
  sessions.Put("a", Session("first"));
  sessions.Put("a", Session("second"));
  EXPECT_EQ(sessions.Take("a", kNow), "second");
  EXPECT_EQ(sessions.Take("a", kNow), "second");
  EXPECT_EQ(sessions.size(), 2u);
}

// RFC 8446 appendix C.4.
TEST(ClientSessionsTest, GivesSessionsForOneUseOnce) {
  ClientSessions sessions;
  sessions.Put("a", Session("first", /*single_use=*/true));
  sessions.Put("a", Session("second", /*single_use=*/true));

  EXPECT_EQ(sessions.Take("a", kNow), "second");
  EXPECT_EQ(sessions.Take("a", kNow), "first");
  EXPECT_EQ(sessions.Take("a", kNow), "");
  EXPECT_EQ(sessions.size(), 0u);
}

TEST(ClientSessionsTest, GivesNoSessionThatHasEnded) {
  ClientSessions sessions;
  sessions.Put("a", Session("session"));
  const absl::Time end = kNow + absl::Hours(1);

  EXPECT_EQ(sessions.Take("a", end - absl::Nanoseconds(1)), "session");
  EXPECT_EQ(sessions.Take("a", end), "");
  EXPECT_EQ(sessions.size(), 0u);
}

TEST(ClientSessionsTest, GivesAnOlderOneIfTheNewestHasEnded) {
  ClientSessions sessions;
  sessions.Put("a", Session("old"));
  tls::ClientSession brief = Session("brief");
  brief.expire_time = kNow + absl::Seconds(1);
  sessions.Put("a", brief);

  EXPECT_EQ(sessions.Take("a", kNow), "brief");
  EXPECT_EQ(sessions.Take("a", kNow + absl::Seconds(1)), "old");
  EXPECT_EQ(sessions.size(), 1u);
}

TEST(ClientSessionsTest, KeepsAFewOfEachServer) {
  ClientSessions sessions;
  sessions.Put("b", Session("of b"));
  for (int i = 1; i <= 6; ++i) {
    sessions.Put("a", Session(absl::StrCat(i), /*single_use=*/true));
  }

  EXPECT_EQ(sessions.size(), ClientSessions::kServerCountMax + 1);
  for (const char* kept : {"6", "5", "4", "3", ""}) {
    EXPECT_EQ(sessions.Take("a", kNow), kept);
  }
  EXPECT_EQ(sessions.Take("b", kNow), "of b");
}

TEST(ClientSessionsTest, DropsWhatWasNotUsedForLongest) {
  ClientSessions sessions;
  for (size_t i = 0; i < ClientSessions::kCountMax; ++i) {
    sessions.Put(absl::StrCat(i), Session(absl::StrCat("of ", i)));
  }
  EXPECT_EQ(sessions.size(), ClientSessions::kCountMax);
  EXPECT_EQ(sessions.Take("0", kNow), "of 0");

  sessions.Put("one more", Session("more"));

  EXPECT_EQ(sessions.size(), ClientSessions::kCountMax);
  EXPECT_EQ(sessions.Take("1", kNow), "");
  EXPECT_EQ(sessions.Take("0", kNow), "of 0");
  EXPECT_EQ(sessions.Take("2", kNow), "of 2");
  EXPECT_EQ(sessions.Take("one more", kNow), "more");
}

TEST(ClientSessionsTest, KeepsADaemonsShareWhateverTheServers) {
  ClientSessions sessions;
  for (size_t i = 0; i < ClientSessions::kCountMax; ++i) {
    sessions.Put(absl::StrCat(i % 400), Session("x"));
  }
  EXPECT_EQ(sessions.size(), ClientSessions::kCountMax);
  for (int i = 0; i < 5; ++i) sessions.Put("0", Session("y"));
  // Those of one server take each other's place.
  EXPECT_EQ(sessions.size(), ClientSessions::kCountMax);
  EXPECT_EQ(sessions.Take("0", kNow), "y");
}

TEST(ClientSessionsTest, ServesManyThreads) {
  ClientSessions sessions;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&sessions, i] {
      const std::string own = absl::StrCat(i);
      for (int round = 0; round < 1000; ++round) {
        sessions.Put("shared", Session("s", /*single_use=*/true));
        sessions.Put(own, Session(own, /*single_use=*/true));
        EXPECT_EQ(sessions.Take(own, kNow), own);
        sessions.Take("shared", kNow);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(sessions.size(), ClientSessions::kServerCountMax);
}

}  // namespace
}  // namespace tlsd::worker
