#include "server/worker/loop_thread.h"

#include <memory>
#include <thread>
#include <utility>

#include "gtest/gtest.h"

namespace tlsd::worker {
namespace {

TEST(LoopThreadTest, RunsTasksOnAThreadOfItsOwn) {
  const auto thread = LoopThread::Start().value();
  std::thread::id first;
  std::thread::id second;

  thread->Call([&] { first = std::this_thread::get_id(); });
  thread->Call([&] { second = std::this_thread::get_id(); });

  EXPECT_EQ(first, second);
  EXPECT_NE(first, std::this_thread::get_id());
}

TEST(LoopThreadTest, RunsWhatWasPostedBeforeItEnds) {
  int run_count = 0;
  {
    const auto thread = LoopThread::Start().value();
    for (int i = 0; i < 100; ++i) {
      thread->loop().Post([&] { ++run_count; });
    }
  }
  EXPECT_EQ(run_count, 100);
}

TEST(LoopThreadTest, DropsWhatIsPostedAfterStop) {
  const auto thread = LoopThread::Start().value();
  bool has_run = false;
  thread->Call([] {});

  thread->Stop();
  thread->loop().Post([&] { has_run = true; });
  thread->Stop();

  EXPECT_FALSE(has_run);
}

TEST(LoopThreadTest, FreesWhatItCannotRunAnyMore) {
  auto held = std::make_shared<int>(0);
  {
    const auto thread = LoopThread::Start().value();
    // A task that posts another for ever: the last of them is dropped.
    struct Again {
      net::EventLoop& loop;
      std::shared_ptr<int> held;
      void operator()() { loop.Post(Again{loop, held}); }
    };
    thread->loop().Post(Again{thread->loop(), held});
  }
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace tlsd::worker
