#include "server/net/event_loop.h"

#include <sys/resource.h>
#include <unistd.h>

#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"

namespace tlsd::net {
namespace {

class EventLoopTest : public testing::Test {
 protected:
  std::unique_ptr<EventLoop> loop_ = EventLoop::Create().value();
};

TEST_F(EventLoopTest, EndsWithoutHavingRun) {}

TEST_F(EventLoopTest, ReturnsFromRunWhenItWasStoppedBefore) {
  loop_->Stop();

  loop_->Run();
}

TEST_F(EventLoopTest, RunsTasksInTheOrderOfPosting) {
  std::vector<int> order;
  for (int i = 0; i < 3; ++i) {
    loop_->Post([&order, i] { order.push_back(i); });
  }
  loop_->Stop();

  loop_->Run();

  EXPECT_EQ(order, std::vector<int>({0, 1, 2}));
}

TEST_F(EventLoopTest, RunsATaskThatATaskPostsLater) {
  std::vector<int> order;
  loop_->Post([&] {
    loop_->Post([&] {
      order.push_back(2);
      loop_->Post([&] { loop_->Stop(); });
    });
    order.push_back(1);
  });

  loop_->Run();

  EXPECT_EQ(order, std::vector<int>({1, 2}));
}

TEST_F(EventLoopTest, RunsATaskThatATimerPosts) {
  const std::unique_ptr<Timer> timer =
      loop_->After(absl::ZeroDuration(), [this] {
        loop_->Post([this] { loop_->Post([this] { loop_->Stop(); }); });
      });

  loop_->Run();
}

TEST_F(EventLoopTest, DropsATaskThatIsPostedAfterStop) {
  auto token = std::make_shared<int>();
  bool has_run = false;
  loop_->Stop();

  loop_->Post([&has_run, token] { has_run = true; });

  EXPECT_EQ(token.use_count(), 1);
  loop_->Run();
  EXPECT_FALSE(has_run);
}

TEST_F(EventLoopTest, DropsTasksThatItNeverRan) {
  auto token = std::make_shared<int>();
  bool has_run = false;
  loop_->Post([&has_run, token] { has_run = true; });

  loop_ = nullptr;

  EXPECT_EQ(token.use_count(), 1);
  EXPECT_FALSE(has_run);
}

TEST_F(EventLoopTest, LetsADroppedTaskPostWhileItIsDestroyed) {
  struct PostsAtTheEnd {
    EventLoop* loop;
    ~PostsAtTheEnd() {
      loop->Post([] {});
    }
  };
  loop_->Post(
      [last = std::make_unique<PostsAtTheEnd>(PostsAtTheEnd{loop_.get()})] {});

  loop_ = nullptr;
}

TEST_F(EventLoopTest, RunsEveryTaskOfEveryThread) {
  constexpr int kThreads = 4;
  constexpr int kTasks = 1000;
  int run_count = 0;
  std::vector<int> last(kThreads, -1);
  bool is_in_order = true;
  std::thread running([this] { loop_->Run(); });
  std::vector<std::thread> posting;
  for (int i = 0; i < kThreads; ++i) {
    posting.emplace_back([&, i] {
      for (int j = 0; j < kTasks; ++j) {
        loop_->Post([&, i, j] {
          ++run_count;
          is_in_order = is_in_order && last[i] == j - 1;
          last[i] = j;
        });
      }
    });
  }

  for (std::thread& thread : posting) thread.join();
  loop_->Stop();
  running.join();

  EXPECT_EQ(run_count, kThreads * kTasks);
  EXPECT_TRUE(is_in_order);
}

TEST_F(EventLoopTest, MayEndAsSoonAsItsLastTaskHasRun) {
  for (int i = 0; i < 200; ++i) {
    auto loop = EventLoop::Create().value();
    std::thread stopping([&loop] { loop->Stop(); });
    loop->Run();
    stopping.join();
  }
}

TEST_F(EventLoopTest, CallsBackNoSoonerThanAfterTheDelay) {
  constexpr absl::Duration kDelay = absl::Milliseconds(20);
  const absl::Time start = absl::Now();
  absl::Time end;
  std::unique_ptr<Timer> timer;
  // A turn that takes long makes the loop's idea of now an old one.
  loop_->Post([&] {
    while (absl::Now() < start + kDelay) {
    }
    timer = loop_->After(kDelay, [&] {
      end = absl::Now();
      loop_->Stop();
    });
  });

  loop_->Run();

  EXPECT_GE(end - start, 2 * kDelay);
}

TEST_F(EventLoopTest, CallsTimersBackInTheOrderOfTheirTimes) {
  std::vector<int> order;
  const auto second = loop_->After(absl::Milliseconds(10), [&] {
    order.push_back(2);
    loop_->Stop();
  });
  const auto first =
      loop_->After(absl::Milliseconds(1), [&] { order.push_back(1); });
  const auto never =
      loop_->After(absl::InfiniteDuration(), [&] { order.push_back(3); });
  const auto at_once =
      loop_->After(-absl::Seconds(1), [&] { order.push_back(0); });

  loop_->Run();

  EXPECT_EQ(order, std::vector<int>({0, 1, 2}));
}

TEST_F(EventLoopTest, DoesNotCallADestroyedTimerBack) {
  auto token = std::make_shared<int>();
  bool has_run = false;
  auto timer =
      loop_->After(absl::ZeroDuration(), [&has_run, token] { has_run = true; });

  timer = nullptr;

  EXPECT_EQ(token.use_count(), 1);
  const auto end =
      loop_->After(absl::Milliseconds(2), [this] { loop_->Stop(); });
  loop_->Run();
  EXPECT_FALSE(has_run);
}

TEST_F(EventLoopTest, LetsACallbackDestroyItsTimerAndStartAnother) {
  auto token = std::make_shared<int>();
  std::unique_ptr<Timer> timer;
  timer = loop_->After(absl::ZeroDuration(), [&, token] {
    timer = loop_->After(absl::ZeroDuration(), [this] { loop_->Stop(); });
    EXPECT_EQ(token.use_count(), 2);
  });

  loop_->Run();

  EXPECT_EQ(token.use_count(), 1);
}

TEST_F(EventLoopTest, LendsScratchOfTwoHundredFiftySixKibibytes) {
  EXPECT_EQ(loop_->read_scratch().size(), 256 * 1024);
  EXPECT_EQ(loop_->read_scratch().data(), loop_->read_scratch().data());
}

// Ends the process, so that the limit does no harm.
[[noreturn]] void CreateWithoutDescriptors() {
  const std::unique_ptr<EventLoop> first = EventLoop::Create().value();
  const rlimit none = {0, 0};
  setrlimit(RLIMIT_NOFILE, &none);
  const absl::Status error = EventLoop::Create().status();
  _exit(HasReason(error, Reason::kDescriptorsExhausted) ? 0 : 1);
}

TEST(EventLoopDeathTest, SaysThatNoDescriptorIsLeft) {
  EXPECT_EXIT(CreateWithoutDescriptors(), testing::ExitedWithCode(0), "");
}

void DestroyBeforeItsTimer() {
  std::unique_ptr<EventLoop> loop = EventLoop::Create().value();
  const auto timer = loop->After(absl::Seconds(1), [] {});
  loop = nullptr;
}

TEST(EventLoopDeathTest, DiesWhenAnObjectOutlivesIt) {
  EXPECT_DEATH(DestroyBeforeItsTimer(),
               "an object outlives its event loop kind=\"timer\"");
}

}  // namespace
}  // namespace tlsd::net
