#include "server/net/blocking_calls.h"

#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/barrier.h"
#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"

namespace tlsd::net {
namespace {

TEST(BlockingCallsTest, EndsWithoutACall) { BlockingCalls calls; }

TEST(BlockingCallsTest, MakesACallInAThreadOfItsOwn) {
  BlockingCalls calls;
  absl::Notification done;
  std::thread::id thread;

  calls.Add([&] {
    thread = std::this_thread::get_id();
    done.Notify();
  });
  done.WaitForNotification();

  EXPECT_NE(thread, std::this_thread::get_id());
}

TEST(BlockingCallsTest, MakesSomeCallsAtATime) {
  BlockingCalls calls;
  // Each waits for the others.
  auto* const together = new absl::Barrier(BlockingCalls::kThreadsMax + 1);
  for (size_t i = 0; i < BlockingCalls::kThreadsMax; ++i) {
    calls.Add([together] {
      if (together->Block()) delete together;
    });
  }

  if (together->Block()) delete together;
}

TEST(BlockingCallsTest, MakesEveryCallInItsOrder) {
  std::vector<int> order;
  {
    BlockingCalls calls;
    // The last thread that is free.
    absl::Notification may_go;
    std::atomic<size_t> held_count = 0;
    for (size_t i = 1; i < BlockingCalls::kThreadsMax; ++i) {
      calls.Add([&] {
        ++held_count;
        may_go.WaitForNotification();
      });
    }
    while (held_count < BlockingCalls::kThreadsMax - 1) {
      std::this_thread::yield();
    }
    absl::Notification done;
    for (int i = 0; i < 100; ++i) {
      calls.Add([&order, &done, i] {
        order.push_back(i);
        if (i == 99) done.Notify();
      });
    }
    done.WaitForNotification();
    may_go.Notify();
  }

  ASSERT_EQ(order.size(), 100);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[i], i);
}

// All threads are held until `may_go`.
class BusyCallsTest : public testing::Test {
 protected:
  BusyCallsTest() {
    for (size_t i = 0; i < BlockingCalls::kThreadsMax; ++i) {
      calls_->Add([this] {
        ++begun_count_;
        may_go_.WaitForNotification();
        ++ended_count_;
      });
    }
    while (begun_count_ < BlockingCalls::kThreadsMax) std::this_thread::yield();
  }

  absl::Notification may_go_;
  std::atomic<size_t> begun_count_ = 0;
  std::atomic<size_t> ended_count_ = 0;
  std::unique_ptr<BlockingCalls> calls_ = std::make_unique<BlockingCalls>();
};

TEST_F(BusyCallsTest, DropsACallThatIsCancelledBeforeItBegins) {
  auto token = std::make_shared<int>();
  std::atomic<bool> has_run = false;
  const uint64_t name = calls_->Add([&has_run, token] { has_run = true; });

  calls_->Cancel(name);

  EXPECT_EQ(token.use_count(), 1);
  may_go_.Notify();
  calls_ = nullptr;
  EXPECT_FALSE(has_run);
}

TEST_F(BusyCallsTest, LeavesOthersAloneWhenItCancels) {
  absl::Notification done;
  const uint64_t name = calls_->Add([] {});
  calls_->Add([&] { done.Notify(); });

  calls_->Cancel(name);
  calls_->Cancel(name);
  may_go_.Notify();

  done.WaitForNotification();
}

TEST_F(BusyCallsTest, WaitsAtItsEndForWhatHasBegunAndDropsTheRest) {
  auto token = std::make_shared<int>();
  std::atomic<bool> has_run = false;
  calls_->Add([&has_run, token] { has_run = true; });

  std::thread ending([this] { calls_ = nullptr; });
  // The end drops it first.
  while (token.use_count() > 1) std::this_thread::yield();
  EXPECT_EQ(ended_count_, 0);
  may_go_.Notify();
  ending.join();

  EXPECT_EQ(ended_count_, BlockingCalls::kThreadsMax);
  EXPECT_FALSE(has_run);
}

}  // namespace
}  // namespace tlsd::net
