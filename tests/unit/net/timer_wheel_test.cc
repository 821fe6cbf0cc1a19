#include "server/net/timer_wheel.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tlsd::net {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Tick = TimerWheel::Tick;

constexpr Tick kStart = 1'000'003;

class TimerWheelTest : public testing::Test {
 protected:
  // Starts a timer that writes down its tick.
  void Start(Tick tick) {
    timers_.push_back(
        wheel_.Start(tick, [this, tick] { expired_.push_back(tick); }));
  }

  TimerWheel wheel_{kStart};
  std::vector<Tick> expired_;
  std::vector<std::unique_ptr<Timer>> timers_;
};

TEST_F(TimerWheelTest, HasNothingToDoWithoutTimers) {
  EXPECT_TRUE(wheel_.empty());
  EXPECT_EQ(wheel_.NextTick(), std::nullopt);

  wheel_.Advance(kStart + 1'000'000'000);

  EXPECT_EQ(wheel_.NextTick(), std::nullopt);
}

TEST_F(TimerWheelTest, CallsBackAtTheTickAndNotBefore) {
  Start(kStart + 5);
  EXPECT_FALSE(wheel_.empty());

  wheel_.Advance(kStart + 4);
  EXPECT_THAT(expired_, IsEmpty());
  wheel_.Advance(kStart + 5);

  EXPECT_THAT(expired_, ElementsAre(kStart + 5));
  EXPECT_TRUE(wheel_.empty());
}

TEST_F(TimerWheelTest, CallsBackOnce) {
  Start(kStart + 1);

  for (Tick tick = kStart; tick < kStart + 200; ++tick) wheel_.Advance(tick);

  EXPECT_EQ(expired_.size(), 1);
}

TEST_F(TimerWheelTest, CallsBackAtOnceWhatIsDueAlready) {
  Start(0);
  Start(kStart);
  EXPECT_EQ(wheel_.NextTick(), kStart);

  wheel_.Advance(kStart);

  EXPECT_THAT(expired_, ElementsAre(0, kStart));
}

TEST_F(TimerWheelTest, CallsBackInTheOrderOfTicksWhenManyHavePassed) {
  const std::vector<Tick> delays = {700, 1, 64, 70'000, 63, 65, 4096, 2};
  for (const Tick delay : delays) Start(kStart + delay);

  wheel_.Advance(kStart + 100'000);

  EXPECT_EQ(expired_.size(), delays.size());
  EXPECT_TRUE(std::is_sorted(expired_.begin(), expired_.end()));
}

TEST_F(TimerWheelTest, ToleratesATimeThatHasPassed) {
  wheel_.Advance(kStart - 500);
  Start(kStart + 1);

  wheel_.Advance(kStart - 1);
  EXPECT_THAT(expired_, IsEmpty());
  wheel_.Advance(kStart + 1);

  EXPECT_EQ(expired_.size(), 1);
}

TEST_F(TimerWheelTest, IsPreciseForDeadlinesFarAway) {
  // A millisecond, a minute, a day, a year, and a hundred thousand of them.
  for (const Tick delay :
       {Tick{1}, Tick{60'000}, Tick{86'400'000}, Tick{31'536'000'000},
        Tick{3'153'600'000'000'000}, Tick{1} << 62}) {
    expired_.clear();
    TimerWheel wheel(kStart);
    const auto timer =
        wheel.Start(kStart + delay, [&] { expired_.push_back(delay); });

    wheel.Advance(kStart + delay - 1);
    EXPECT_THAT(expired_, IsEmpty()) << delay;
    wheel.Advance(kStart + delay);

    EXPECT_THAT(expired_, ElementsAre(delay));
  }
}

TEST_F(TimerWheelTest, KeepsATimerThatNeverExpires) {
  const Tick never = UINT64_MAX;
  Start(never);

  wheel_.Advance(never - 1);

  EXPECT_THAT(expired_, IsEmpty());
  EXPECT_EQ(wheel_.NextTick(), never);
}

TEST_F(TimerWheelTest, ComesToEveryTimerInFewStepsThatItNames) {
  for (const Tick delay : {Tick{1}, Tick{63}, Tick{64}, Tick{30'000},
                           Tick{86'400'000}, Tick{1} << 40}) {
    TimerWheel wheel(kStart);
    std::optional<Tick> end;
    Tick now = kStart;
    const auto timer = wheel.Start(kStart + delay, [&] { end = now; });

    int steps = 0;
    while (!end.has_value()) {
      const std::optional<Tick> next = wheel.NextTick();
      ASSERT_TRUE(next.has_value());
      ASSERT_GT(*next, now);
      ASSERT_LE(*next, kStart + delay);
      now = *next;
      wheel.Advance(now);
      ++steps;
    }

    EXPECT_EQ(*end, kStart + delay);
    EXPECT_LE(steps, 8);
  }
}

TEST_F(TimerWheelTest, ForgetsWhatIsCancelled) {
  auto token = std::make_shared<int>();
  bool has_run = false;
  for (const Tick delay : {Tick{0}, Tick{3}, Tick{5000}, Tick{1} << 50}) {
    auto timer =
        wheel_.Start(kStart + delay, [&has_run, token] { has_run = true; });
    EXPECT_EQ(token.use_count(), 2);

    timer = nullptr;

    EXPECT_EQ(token.use_count(), 1);
    EXPECT_TRUE(wheel_.empty());
    // Nothing wakes the loop for it.
    EXPECT_EQ(wheel_.NextTick(), std::nullopt);
  }
  wheel_.Advance(kStart + 10'000);
  EXPECT_FALSE(has_run);
}

TEST_F(TimerWheelTest, KeepsTheOthersOfTheSlotOfOneThatIsCancelled) {
  for (int i = 0; i < 3; ++i) Start(kStart + 1000);

  timers_[1] = nullptr;

  EXPECT_TRUE(wheel_.NextTick().has_value());
  wheel_.Advance(kStart + 1000);
  EXPECT_EQ(expired_.size(), 2);
}

TEST_F(TimerWheelTest, LetsACallbackCancelTimersThatAreDueWithIt) {
  std::vector<std::unique_ptr<Timer>> timers;
  int count = 0;
  for (int i = 0; i < 10; ++i) {
    timers.push_back(wheel_.Start(kStart + 1, [&] {
      ++count;
      timers.clear();
    }));
  }

  wheel_.Advance(kStart + 1);

  EXPECT_EQ(count, 1);
  EXPECT_TRUE(wheel_.empty());
}

TEST_F(TimerWheelTest, LetsACallbackDestroyItsTimerAndWhatItHolds) {
  auto token = std::make_shared<int>();
  std::unique_ptr<Timer> timer;
  timer = wheel_.Start(kStart + 1, [&timer, token] {
    timer = nullptr;
    EXPECT_EQ(token.use_count(), 2);
  });

  wheel_.Advance(kStart + 1);

  EXPECT_EQ(token.use_count(), 1);
}

TEST_F(TimerWheelTest, CallsBackLaterWhatACallbackStarts) {
  std::unique_ptr<Timer> timer;
  int count = 0;
  const std::function<void()> again = [&] {
    ++count;
    timer = wheel_.Start(0, [&] { again(); });
  };
  timer = wheel_.Start(kStart, [&] { again(); });

  for (int i = 1; i <= 3; ++i) {
    wheel_.Advance(kStart);
    EXPECT_EQ(count, i);
    EXPECT_EQ(wheel_.NextTick(), kStart);
  }
}

TEST_F(TimerWheelTest, LetsATimerOutliveItsExpiry) {
  Start(kStart + 1);
  wheel_.Advance(kStart + 1);
  ASSERT_EQ(expired_.size(), 1);

  timers_.clear();

  EXPECT_TRUE(wheel_.empty());
}

// What happens to one of many timers.
struct Life {
  Tick tick = 0;
  std::unique_ptr<Timer> timer;
  bool is_cancelled = false;
  std::optional<Tick> expired;
};

TEST_F(TimerWheelTest, AgreesWithAPlainListOfTimers) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  Tick now = kStart;
  std::vector<std::unique_ptr<Life>> lives;
  for (int step = 0; step < 20'000; ++step) {
    switch (random() % 4) {
      case 0:
      case 1: {
        auto life = std::make_unique<Life>();
        life->tick = now + (random() >> (random() % 64)) % (Tick{1} << 24);
        Life* const of_it = life.get();
        life->timer =
            wheel_.Start(life->tick, [of_it, &now] { of_it->expired = now; });
        lives.push_back(std::move(life));
        break;
      }
      case 2: {
        if (lives.empty()) break;
        Life& life = *lives[random() % lives.size()];
        life.is_cancelled = !life.expired.has_value();
        life.timer = nullptr;
        break;
      }
      default: {
        // Often just to where something is to be done, as a loop does.
        const std::optional<Tick> next = wheel_.NextTick();
        const Tick before = now;
        now = next.has_value() && random() % 2 == 0
                  ? *next
                  : now + (random() >> (random() % 64)) % (Tick{1} << 20);
        wheel_.Advance(now);
        for (const auto& life : lives) {
          if (life->is_cancelled) {
            ASSERT_FALSE(life->expired.has_value());
          } else if (life->tick <= now) {
            ASSERT_TRUE(life->expired.has_value());
            ASSERT_GE(*life->expired, life->tick);
          } else {
            ASSERT_FALSE(life->expired.has_value());
            ASSERT_LE(*wheel_.NextTick(), life->tick);
          }
        }
        ASSERT_GE(now, before);
        std::erase_if(lives, [](const auto& life) {
          return life->is_cancelled || life->expired.has_value();
        });
      }
    }
  }
}

}  // namespace
}  // namespace tlsd::net
