// Timer calls back once, after a time. Destroying it cancels it.
//
// It is made by EventLoop::After, and belongs to the loop's thread.
#ifndef TLSD_SERVER_NET_TIMER_H_
#define TLSD_SERVER_NET_TIMER_H_

namespace tlsd::net {

class Timer {
 public:
  virtual ~Timer() = default;
};

}  // namespace tlsd::net

#endif  // TLSD_SERVER_NET_TIMER_H_
