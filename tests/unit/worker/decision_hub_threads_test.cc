// DecisionHub where several threads meet.
#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/worker/decision_hub.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/worker/decision_asker.h"

namespace tlsd::worker {
namespace {

using testing::IsOk;
using tls::HookType;

// Names on their way to the threads that answer.
class NameQueue {
 public:
  void Push(std::string name) {
    absl::MutexLock lock(&mutex_);
    names_.push_back(std::move(name));
  }
  void Close() {
    absl::MutexLock lock(&mutex_);
    is_closed_ = true;
  }
  // Nothing once it is closed.
  std::optional<std::string> Pop() {
    absl::MutexLock lock(&mutex_);
    const auto is_ready = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return is_closed_ || !names_.empty();
    };
    mutex_.Await(absl::Condition(&is_ready));
    if (names_.empty()) return std::nullopt;
    std::string name = std::move(names_.front());
    names_.pop_front();
    return name;
  }

 private:
  absl::Mutex mutex_;
  std::deque<std::string> names_;
  bool is_closed_ = false;
};

TEST(DecisionHubThreadsTest, WaitsForARunningCallbackWhenAHandlerGoes) {
  DecisionHub hub;
  absl::Notification told;
  absl::Notification go_on;
  absl::Notification handed_over;
  std::atomic<bool> is_running{true};
  const int64_t id =
      hub.AddHandler({}, 1, [&](std::shared_ptr<const Decision>) {
        told.Notify();
        go_on.WaitForNotification();
        is_running = false;
      });
  std::thread asking([&] {
    hub.Ask(DecisionOf("d1", HookType::kClientHello),
            [](std::optional<tls::Answer>) {});
  });
  told.WaitForNotification();
  hub.Wait({}, [&](std::shared_ptr<const Decision>) { handed_over.Notify(); });
  bool was_running = true;
  std::thread removing([&] {
    hub.RemoveHandler(id);
    was_running = is_running;
  });
  handed_over.WaitForNotification();
  go_on.Notify();
  removing.join();
  asking.join();

  EXPECT_FALSE(was_running);
}

TEST(DecisionHubThreadsTest, GivesADecisionToOneOfResolveAndWithdraw) {
  constexpr int kCount = 2000;
  DecisionHub hub;
  std::vector<std::string> names;
  std::atomic<int> done_count{0};
  for (int i = 0; i < kCount; ++i) {
    names.push_back(hub.Ask(DecisionOf("", HookType::kClientHello),
                            [&](std::optional<tls::Answer> answer) {
                              EXPECT_TRUE(answer.has_value());
                              ++done_count;
                            }));
  }
  int withdrawn_count = 0;
  std::atomic<int> resolved_count{0};
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    for (const std::string& name : names) {
      if (hub.Withdraw(name)) ++withdrawn_count;
    }
  });
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      for (auto name = names.rbegin(); name != names.rend(); ++name) {
        if (hub.Resolve(*name, tls::NoOpinion()).ok()) ++resolved_count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(withdrawn_count + resolved_count, kCount);
  EXPECT_EQ(done_count, resolved_count);
  EXPECT_EQ(hub.pending_count(), 0u);
}

TEST(DecisionHubThreadsTest, TellsAHandlerInTheOrderOfEachAskingThread) {
  constexpr int kThreads = 3;
  constexpr int kCount = 2000;
  DecisionHub hub;
  std::vector<int> next(kThreads, 0);
  bool is_in_order = true;
  // Calls of one handler never overlap.
  hub.AddHandler({}, kThreads * kCount,
                 [&](std::shared_ptr<const Decision> decision) {
                   const std::string& label = decision->server_name;
                   const size_t thread = static_cast<size_t>(label[0] - '0');
                   if (label != absl::StrCat(thread, "-", next[thread]++)) {
                     is_in_order = false;
                   }
                 });
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kCount; ++i) {
        hub.Ask(DecisionOf(absl::StrCat(t, "-", i), HookType::kClientHello),
                [](std::optional<tls::Answer>) {});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_TRUE(is_in_order);
  EXPECT_EQ(next, std::vector<int>(kThreads, kCount));
}

// Askers, handlers that come and go, callers that wait: everything is answered
// once, whoever holds it.
TEST(DecisionHubThreadsTest, LosesNothingWhileHandlersComeAndGo) {
  constexpr int kAskers = 2;
  constexpr int kCount = 2000;
  DecisionHub hub;
  NameQueue queue;
  std::atomic<int> done_count{0};
  std::atomic<bool> is_asking{true};
  std::vector<std::thread> askers;
  for (int t = 0; t < kAskers; ++t) {
    askers.emplace_back([&] {
      for (int i = 0; i < kCount; ++i) {
        hub.Ask(DecisionOf("", HookType::kClientHello),
                [&](std::optional<tls::Answer> answer) {
                  EXPECT_TRUE(answer.has_value());
                  ++done_count;
                });
      }
    });
  }
  const auto push = [&](std::shared_ptr<const Decision> decision) {
    queue.Push(decision->name);
  };
  std::thread coming_and_going([&] {
    while (is_asking) {
      const int64_t id = hub.AddHandler({}, 3, push);
      hub.CancelWait(hub.Wait({}, push));
      hub.RemoveHandler(id);
    }
  });
  std::vector<std::thread> answering;
  for (int t = 0; t < 2; ++t) {
    answering.emplace_back([&] {
      while (const std::optional<std::string> name = queue.Pop()) {
        // Another may have been told of it too.
        hub.Resolve(*name, tls::NoOpinion()).IgnoreError();
      }
    });
  }
  for (std::thread& thread : askers) thread.join();
  is_asking = false;
  coming_and_going.join();
  const int64_t last = hub.AddHandler({}, kAskers * kCount, push);
  queue.Close();
  for (std::thread& thread : answering) thread.join();
  hub.RemoveHandler(last);

  EXPECT_EQ(done_count, kAskers * kCount);
  EXPECT_EQ(hub.pending_count(), 0u);
}

}  // namespace
}  // namespace tlsd::worker
