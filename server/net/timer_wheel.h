// TimerWheel keeps the timers of one loop: to start one and to cancel one costs
// the same for any number of them.
//
// It reads no clock: time is a number of ticks, and whoever owns the wheel says
// which one it is. A timer lies in one of 64 slots of one of 11 levels; a slot
// of level n spans 64^n ticks. When the time reaches a slot, its timers fall to
// lower levels, or are due. So a timer that is cancelled in time, as most are,
// is touched twice, and one that expires a few times more.
//
// It is internal to server/net, and belongs to the loop's thread.
#ifndef TLSD_SERVER_NET_TIMER_WHEEL_H_
#define TLSD_SERVER_NET_TIMER_WHEEL_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/functional/any_invocable.h"
#include "server/net/timer.h"

namespace tlsd::net {

class TimerWheel {
 public:
  using Tick = uint64_t;
  using Callback = absl::AnyInvocable<void() &&>;

  // TimerWheel begins at the time `now`.
  explicit TimerWheel(Tick now);
  // Its timers must be gone, or have been called back.
  ~TimerWheel() = default;
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Start calls `callback` once, in the first Advance whose time is `tick` or
  // later; if that has come already, in the next one. `callback` may destroy
  // its timer, and start and destroy others.
  std::unique_ptr<Timer> Start(Tick tick, Callback callback);

  // Advance sets the time, which never goes back, and calls back what is due,
  // earlier ticks first. What callbacks start waits for the next Advance.
  void Advance(Tick now);

  // NextTick returns when Advance has something to do next: at the latest when
  // the first timer is due. Nothing, if there is no timer.
  std::optional<Tick> NextTick() const;

  bool empty() const { return count_ == 0; }

 private:
  static constexpr int kSlotBits = 6;
  static constexpr size_t kSlots = size_t{1} << kSlotBits;
  // Enough for all ticks that there are.
  static constexpr size_t kLevels = 11;

  // A place in a circular list.
  struct Link {
    Link() = default;
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;

    bool is_alone() const { return next == this; }
    void InsertBefore(Link& other);
    void Remove();
    // TakeAll moves the others of `list` behind this one.
    void TakeAll(Link& list);

    Link* next = this;
    Link* previous = this;
  };

  class Entry;

  void Place(Entry& entry);
  void Cancel(Entry& entry);
  // LowestLevel returns the first level that holds anything, or kLevels.
  size_t LowestLevel() const;
  // NextSlotTick returns when the next slot begins that holds anything.
  std::optional<Tick> NextSlotTick() const;
  // EmptyNextSlot empties that slot, when its time has come.
  void EmptyNextSlot(Tick tick);
  void CallBackDue();

  Tick now_;
  // Those in the lists.
  size_t count_ = 0;
  // Bit `i` is set if slot `i` holds anything.
  std::array<uint64_t, kLevels> occupied_ = {};
  std::array<std::array<Link, kSlots>, kLevels> slots_;
  Link due_;
};

}  // namespace tlsd::net

#endif  // TLSD_SERVER_NET_TIMER_WHEEL_H_
