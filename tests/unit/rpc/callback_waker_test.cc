#include "proto/rpc/callback_waker.h"

#include <grpcpp/alarm.h>
#include <pthread.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace tlsd::rpc {
namespace {

constexpr absl::Duration kAtOnce = absl::Milliseconds(1);

std::string ThreadName() {
  char name[16] = {};
  pthread_getname_np(pthread_self(), name, sizeof(name));
  return name;
}

TEST(CallbackWakerTest, WakesTheThreadsThatServeCallbacksAgainAndAgain) {
  absl::Mutex mutex;
  std::string names;
  absl::BlockingCounter wakes(3);
  std::atomic<int> left = 3;
  CallbackWaker waker(kAtOnce, [&] {
    if (left.fetch_sub(1) <= 0) return;
    {
      absl::MutexLock lock(&mutex);
      names += ThreadName() + " ";
    }
    wakes.DecrementCount();
  });

  wakes.Wait();

  absl::MutexLock lock(&mutex);
  EXPECT_EQ(names, "nexting_thread nexting_thread nexting_thread ");
}

// Why an alarm alone does not do.
TEST(CallbackWakerTest, WakesThreadsThatAnAlarmAloneDoesNot) {
  absl::Notification due;
  std::string name;
  grpc::Alarm alarm;
  alarm.Set(std::chrono::system_clock::now(), [&](bool) {
    name = ThreadName();
    due.Notify();
  });

  due.WaitForNotification();

  EXPECT_NE(name, "nexting_thread");
}

TEST(CallbackWakerTest, WakesNobodyAfterItsEnd) {
  absl::Notification woken;
  auto count = std::make_shared<std::atomic<int>>(0);
  auto waker = std::make_unique<CallbackWaker>(kAtOnce, [&woken, count] {
    if (count->fetch_add(1) == 0) woken.Notify();
  });
  woken.WaitForNotification();

  waker.reset();

  // The last owner of `count` is this test: nothing can call any more.
  EXPECT_EQ(count.use_count(), 1);
}

TEST(CallbackWakerTest, EndsBeforeItIsDue) {
  std::atomic<int> count = 0;
  {
    CallbackWaker waker(absl::Hours(1), [&] { ++count; });
  }

  EXPECT_EQ(count, 0);
}

TEST(CallbackWakerTest, IsSharedAsLongAsSomebodyHasIt) {
  std::shared_ptr<CallbackWaker> first = CallbackWaker::Shared();
  const std::weak_ptr<CallbackWaker> gone = first;

  EXPECT_EQ(CallbackWaker::Shared(), first);
  first.reset();

  EXPECT_TRUE(gone.expired());
  EXPECT_NE(CallbackWaker::Shared(), nullptr);
}

}  // namespace
}  // namespace tlsd::rpc
