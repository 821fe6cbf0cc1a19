#include "tests/cost/turns.h"

#include <utility>

#include "tests/cost/require.h"

namespace tlsd::cost {
namespace {

// What does not come in so many turns does not come.
constexpr int kRepeatCountMax = 100'000;

}  // namespace

void Turns::Add(const std::function<void()>& step) {
  steps_.push_back([step] {
    step();
    return true;
  });
}

void Turns::AddUntil(std::function<bool()> step) {
  steps_.push_back(std::move(step));
}

void Turns::Start(std::function<void()> done) {
  done_ = std::move(done);
  PostNext();
}

void Turns::PostNext() {
  // The task that is posted first may run before the turn's end.
  loop_.Post([this] { loop_.Post([this] { RunNext(); }); });
}

void Turns::RunNext() {
  if (steps_.empty()) {
    done_();
    return;
  }
  if (steps_.front()()) {
    steps_.pop_front();
    repeat_count_ = 0;
  } else {
    Require(++repeat_count_ < kRepeatCountMax, "what a step waits for comes");
  }
  PostNext();
}

}  // namespace tlsd::cost
