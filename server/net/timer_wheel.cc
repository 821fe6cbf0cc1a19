#include "server/net/timer_wheel.h"

#include <bit>
#include <utility>

namespace tlsd::net {

void TimerWheel::Link::InsertBefore(Link& other) {
  next = &other;
  previous = other.previous;
  previous->next = this;
  other.previous = this;
}

void TimerWheel::Link::Remove() {
  previous->next = next;
  next->previous = previous;
  next = previous = this;
}

void TimerWheel::Link::TakeAll(Link& list) {
  if (list.is_alone()) return;
  list.next->previous = previous;
  previous->next = list.next;
  list.previous->next = this;
  previous = list.previous;
  list.next = list.previous = &list;
}

// What the caller holds is the place in the list itself.
class TimerWheel::Entry final : public Timer, public Link {
 public:
  Entry(TimerWheel& wheel, Tick tick, Callback callback)
      : wheel_(wheel), tick_(tick), callback_(std::move(callback)) {}
  ~Entry() override {
    if (!is_alone()) wheel_.Cancel(*this);
  }

  Tick tick() const { return tick_; }
  Callback TakeCallback() { return std::move(callback_); }

  // Where it lies; anywhere, while it is due.
  uint8_t level = 0;
  uint8_t slot = 0;

 private:
  TimerWheel& wheel_;
  const Tick tick_;
  Callback callback_;
};

TimerWheel::TimerWheel(Tick now) : now_(now) {}

std::unique_ptr<Timer> TimerWheel::Start(Tick tick, Callback callback) {
  auto entry = std::make_unique<Entry>(*this, tick, std::move(callback));
  ++count_;
  Place(*entry);
  return entry;
}

// The highest bit in which a tick and the present differ gives the level. So
// all of one level come before all of the next, the slots of each level are in
// the order of time, and none of them is behind the present.
void TimerWheel::Place(Entry& entry) {
  if (entry.tick() <= now_) {
    entry.InsertBefore(due_);
    return;
  }
  const int bit = std::bit_width(entry.tick() ^ now_) - 1;
  const int level = bit / kSlotBits;
  const size_t slot = (entry.tick() >> (level * kSlotBits)) % kSlots;
  entry.level = static_cast<uint8_t>(level);
  entry.slot = static_cast<uint8_t>(slot);
  entry.InsertBefore(slots_[entry.level][slot]);
  occupied_[entry.level] |= uint64_t{1} << slot;
}

void TimerWheel::Cancel(Entry& entry) {
  entry.Remove();
  --count_;
  if (slots_[entry.level][entry.slot].is_alone()) {
    occupied_[entry.level] &= ~(uint64_t{1} << entry.slot);
  }
}

size_t TimerWheel::LowestLevel() const {
  size_t level = 0;
  while (level < kLevels && occupied_[level] == 0) ++level;
  return level;
}

std::optional<TimerWheel::Tick> TimerWheel::NextTick() const {
  if (!due_.is_alone()) return now_;
  return NextSlotTick();
}

std::optional<TimerWheel::Tick> TimerWheel::NextSlotTick() const {
  const size_t level = LowestLevel();
  if (level == kLevels) return std::nullopt;
  const size_t shift = level * kSlotBits;
  const Tick slot = static_cast<Tick>(std::countr_zero(occupied_[level]));
  // A shift by all bits of a number would be undefined.
  const Tick above = level + 1 == kLevels
                         ? 0
                         : now_ >> (shift + kSlotBits) << (shift + kSlotBits);
  return above | slot << shift;
}

void TimerWheel::Advance(Tick now) {
  for (std::optional<Tick> next = NextSlotTick();
       next.has_value() && *next <= now; next = NextSlotTick()) {
    EmptyNextSlot(*next);
  }
  if (now > now_) now_ = now;
  CallBackDue();
}

void TimerWheel::EmptyNextSlot(Tick tick) {
  const size_t level = LowestLevel();
  const auto slot = static_cast<size_t>(std::countr_zero(occupied_[level]));
  Link falling;
  falling.TakeAll(slots_[level][slot]);
  occupied_[level] &= ~(uint64_t{1} << slot);
  now_ = tick;
  while (!falling.is_alone()) {
    auto& entry = static_cast<Entry&>(*falling.next);
    entry.Remove();
    Place(entry);
  }
}

void TimerWheel::CallBackDue() {
  Link due;
  due.TakeAll(due_);
  while (!due.is_alone()) {
    auto& entry = static_cast<Entry&>(*due.next);
    entry.Remove();
    --count_;
    // It may destroy its timer.
    Callback callback = entry.TakeCallback();
    std::move(callback)();
  }
}

}  // namespace tlsd::net
