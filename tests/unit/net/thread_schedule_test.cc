#include "server/net/thread_schedule.h"

#include <sched.h>

#include <thread>

#include "gtest/gtest.h"

namespace tlsd::net {
namespace {

// Of the calling thread.
int Policy() { return sched_getscheduler(0); }

TEST(ThreadScheduleTest, LetsThreadsOfTheControlPlaneWait) {
  std::thread([] {
    ScheduleAs(Plane::kControl);
    EXPECT_EQ(Policy(), SCHED_BATCH);
  }).join();
}

TEST(ThreadScheduleTest, LetsThreadsOfTheDataPlaneInterrupt) {
  std::thread([] {
    ScheduleAs(Plane::kControl);
    ScheduleAs(Plane::kData);
    EXPECT_EQ(Policy(), SCHED_OTHER);
  }).join();
}

TEST(ThreadScheduleTest, HoldsForThreadsThatAreStartedLater) {
  std::thread([] {
    ScheduleAs(Plane::kControl);
    std::thread([] { EXPECT_EQ(Policy(), SCHED_BATCH); }).join();
  }).join();
}

TEST(ThreadScheduleTest, ChangesNoOtherThread) {
  const int policy = Policy();

  std::thread([] { ScheduleAs(Plane::kControl); }).join();

  EXPECT_EQ(Policy(), policy);
}

}  // namespace
}  // namespace tlsd::net
