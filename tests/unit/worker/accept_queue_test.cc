#include "server/worker/accept_queue.h"

#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::worker {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::IsEmpty;
using testing::IsOk;

absl::Status Closing() {
  return MakeError(Reason::kListenerClosing, "closing");
}
absl::Status Late() { return MakeError(Reason::kWaitTimeout, "late"); }

class AcceptQueueTest : public ::testing::Test {
 protected:
  // Writes "CALLER:NAME" or "CALLER:REASON" down.
  int64_t Wait(const std::string& caller) {
    return queue_.Wait([this, caller](absl::StatusOr<std::string> name) {
      answers_.push_back(absl::StrCat(
          caller, ":",
          name.ok()
              ? *name
              : GetReasonInfo(GetErrorDetail(name.status())->reason).name));
    });
  }

  AcceptQueue queue_;
  std::vector<std::string> answers_;
};

TEST_F(AcceptQueueTest, GivesNamesOutInTheOrderInWhichTheyCame) {
  queue_.Offer("c1");
  queue_.Offer("c2");
  Wait("a");
  Wait("b");

  EXPECT_THAT(answers_, ElementsAre("a:c1", "b:c2"));
}

TEST_F(AcceptQueueTest, ServesCallersInTheOrderInWhichTheyCame) {
  Wait("a");
  Wait("b");
  EXPECT_THAT(answers_, IsEmpty());
  queue_.Offer("c1");
  queue_.Offer("c2");

  EXPECT_THAT(answers_, ElementsAre("a:c1", "b:c2"));
}

TEST_F(AcceptQueueTest, AnswersACallerOnce) {
  Wait("a");
  queue_.Offer("c1");
  queue_.Offer("c2");
  queue_.Close(Closing());

  EXPECT_THAT(answers_, ElementsAre("a:c1"));
}

TEST_F(AcceptQueueTest, GivesANamePutBackOutFirst) {
  queue_.Offer("c1");
  queue_.Offer("c2");
  Wait("a");
  queue_.PutBack("c1");
  Wait("b");
  Wait("c");

  EXPECT_THAT(answers_, ElementsAre("a:c1", "b:c1", "c:c2"));
}

TEST_F(AcceptQueueTest, GivesSeveralNamesPutBackOutTheLastFirst) {
  queue_.Offer("c3");
  queue_.PutBack("c2");
  queue_.PutBack("c1");
  Wait("a");
  Wait("b");
  Wait("c");

  EXPECT_THAT(answers_, ElementsAre("a:c1", "b:c2", "c:c3"));
}

TEST_F(AcceptQueueTest, GivesANamePutBackToACallerThatWaits) {
  Wait("a");
  queue_.PutBack("c1");

  EXPECT_THAT(answers_, ElementsAre("a:c1"));
}

TEST_F(AcceptQueueTest, CancelsOneCallerAndNoOther) {
  const int64_t first = Wait("a");
  Wait("b");
  queue_.Cancel(first, Late());
  queue_.Offer("c1");

  EXPECT_THAT(answers_, ElementsAre("a:WAIT_TIMEOUT", "b:c1"));
}

TEST_F(AcceptQueueTest, CancelsNobodyWhoIsNotWaiting) {
  const int64_t ticket = Wait("a");
  queue_.Offer("c1");
  queue_.Cancel(ticket, Late());
  queue_.Cancel(0, Late());
  queue_.Cancel(12345, Late());

  EXPECT_THAT(answers_, ElementsAre("a:c1"));
}

TEST_F(AcceptQueueTest, TurnsAwayAllWhenItCloses) {
  Wait("a");
  Wait("b");
  queue_.Close(Closing());
  Wait("c");

  EXPECT_THAT(answers_, ElementsAre("a:LISTENER_CLOSING", "b:LISTENER_CLOSING",
                                    "c:LISTENER_CLOSING"));
}

TEST_F(AcceptQueueTest, ForgetsNamesWhenItCloses) {
  queue_.Offer("c1");
  queue_.Close(Closing());
  queue_.Offer("c2");
  queue_.PutBack("c3");
  Wait("a");

  EXPECT_THAT(answers_, ElementsAre("a:LISTENER_CLOSING"));
}

TEST_F(AcceptQueueTest, GivesNoNameOutThatWasWithdrawn) {
  queue_.Offer("c1");
  queue_.Offer("c2");
  queue_.Offer("c3");
  queue_.Withdraw("c2");
  queue_.Withdraw("c9");
  Wait("a");
  Wait("b");
  Wait("c");

  EXPECT_THAT(answers_, ElementsAre("a:c1", "b:c3"));
}

TEST_F(AcceptQueueTest, WithdrawsNamesThatWerePutBack) {
  queue_.Offer("c1");
  queue_.PutBack("c2");
  queue_.Withdraw("c2");
  queue_.Withdraw("c1");
  Wait("a");
  EXPECT_THAT(answers_, IsEmpty());

  queue_.Offer("c1");
  EXPECT_THAT(answers_, ElementsAre("a:c1"));
}

TEST_F(AcceptQueueTest, HoldsANameOnce) {
  queue_.Offer("c1");
  queue_.PutBack("c1");
  Wait("a");
  Wait("b");

  EXPECT_THAT(answers_, ElementsAre("a:c1"));
}

TEST_F(AcceptQueueTest, LetsACallbackWaitAgain) {
  queue_.Offer("c1");
  queue_.Offer("c2");
  queue_.Wait([this](absl::StatusOr<std::string>) { Wait("again"); });

  EXPECT_THAT(answers_, ElementsAre("again:c2"));
}

TEST_F(AcceptQueueTest, LetsACallbackOfferAndPutBack) {
  Wait("a");
  queue_.Wait([this](absl::StatusOr<std::string> name) {
    queue_.PutBack(*name);
    queue_.Offer("c9");
  });
  Wait("c");
  queue_.Offer("c1");
  EXPECT_THAT(answers_, ElementsAre("a:c1"));
  queue_.Offer("c2");

  EXPECT_THAT(answers_, ElementsAre("a:c1", "c:c2"));
  Wait("d");
  EXPECT_EQ(answers_.back(), "d:c9");
}

TEST_F(AcceptQueueTest, LetsACallbackCloseAndCancel) {
  int64_t other = 0;
  queue_.Wait([&](absl::StatusOr<std::string> name) {
    EXPECT_THAT(name, IsOk());
    queue_.Cancel(other, Late());
    queue_.Close(Closing());
  });
  other = Wait("a");
  Wait("b");
  queue_.Offer("c1");

  EXPECT_THAT(answers_, ElementsAre("a:WAIT_TIMEOUT", "b:LISTENER_CLOSING"));
}

TEST_F(AcceptQueueTest, FreesACallbackThatItNeverCalls) {
  auto held = std::make_shared<int>(1);
  {
    AcceptQueue queue;
    queue.Wait([held](absl::StatusOr<std::string>) {});
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(AcceptQueueTest, GivesEachNameToOneOfManyThreads) {
  constexpr int kThreads = 4;
  constexpr int kNames = 2000;
  absl::Mutex mutex;
  std::multiset<std::string> given;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kNames; ++i) {
        queue_.Offer(absl::StrCat(t, "-", i));
        queue_.Wait([&](absl::StatusOr<std::string> name) {
          absl::MutexLock lock(&mutex);
          given.insert(*name);
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(given.size(), static_cast<size_t>(kThreads * kNames));
  EXPECT_EQ(std::set<std::string>(given.begin(), given.end()).size(),
            given.size());
}

}  // namespace
}  // namespace tlsd::worker
