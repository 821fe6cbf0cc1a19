// Turns runs steps one after another, each in a turn of a loop of its own: what
// a step gives up, e.g. a timer, is gone when the next one begins, and what it
// sends has been taken.
//
// The steps run on the loop's thread.
#ifndef TLSD_TESTS_COST_TURNS_H_
#define TLSD_TESTS_COST_TURNS_H_

#include <deque>
#include <functional>

#include "server/net/event_loop.h"

namespace tlsd::cost {

class Turns {
 public:
  // `loop` must outlive it.
  explicit Turns(net::EventLoop& loop) : loop_(loop) {}

  // Add appends `step`, and AddUntil one that is repeated until it returns
  // true. Not after Start.
  void Add(const std::function<void()>& step);
  void AddUntil(std::function<bool()> step);

  // Start begins with the first step, and calls `done` after the last one. Call
  // it once; any thread may.
  void Start(std::function<void()> done);

 private:
  void PostNext();
  void RunNext();

  net::EventLoop& loop_;
  std::deque<std::function<bool()>> steps_;
  std::function<void()> done_;
  int repeat_count_ = 0;
};

}  // namespace tlsd::cost

#endif  // TLSD_TESTS_COST_TURNS_H_
