#include "server/net/poller.h"

#include <cerrno>
#include <utility>

namespace tlsd::net {

LoopObject::LoopObject(Poller& poller)
    : poller_(poller), slot_(poller.TakeSlot(*this)) {}

void LoopObject::Close() {
  // It gets no more turns.
  is_closed_ = has_asked_ = true;
  poller_.FreeSlot(slot_);
  poller_.closed_.push_back(this);
  OnClose();
}

int LoopObject::Watch(int descriptor, uint32_t events) {
  return poller_.Control(EPOLL_CTL_ADD, descriptor, events, *this);
}

void LoopObject::WatchFor(int descriptor, uint32_t events) {
  poller_.Control(EPOLL_CTL_MOD, descriptor, events, *this);
}

void LoopObject::Unwatch(int descriptor) {
  poller_.Control(EPOLL_CTL_DEL, descriptor, 0, *this);
}

// The kernel knows the slot.
void LoopObject::TakeWatch(LoopObject& other) {
  std::swap(slot_, other.slot_);
  poller_.slots_[slot_].object = this;
  poller_.slots_[other.slot_].object = &other;
}

void LoopObject::AskForTurn() {
  if (std::exchange(has_asked_, true)) return;
  poller_.asking_.push_back(poller_.TokenOf(*this));
}

void LoopObject::AskForNextTurn() {
  if (std::exchange(has_asked_, true)) return;
  poller_.asking_next_.push_back(poller_.TokenOf(*this));
}

Poller::Poller(Descriptor epoll) : epoll_(std::move(epoll)) {}

Poller::~Poller() { FreeClosed(); }

void Poller::Wait(int timeout_ms) {
  asking_.insert(asking_.end(), asking_next_.begin(), asking_next_.end());
  asking_next_.clear();
  // A failure is an interruption by a signal: the loop comes again.
  event_count_ = epoll_wait(epoll_.get(), events_.data(),
                            static_cast<int>(events_.size()), timeout_ms);
}

void Poller::Dispatch() {
  for (int i = 0; i < event_count_; ++i) {
    const uint64_t name = events_[i].data.u64;
    const Token token = {static_cast<uint32_t>(name),
                         static_cast<uint32_t>(name >> 32)};
    if (LoopObject* const object = Find(token)) {
      object->OnReady(events_[i].events);
    }
  }
}

bool Poller::GiveTurns() {
  if (asking_.empty()) return false;
  called_.swap(asking_);
  for (const Token token : called_) {
    if (LoopObject* const object = Find(token)) {
      object->has_asked_ = false;
      object->OnTurn();
    }
  }
  called_.clear();
  return true;
}

void Poller::FreeClosed() {
  // What is freed may close others.
  while (!closed_.empty()) {
    LoopObject* const object = closed_.back();
    closed_.pop_back();
    delete object;
  }
}

void Poller::CloseAbandoned() {
  // Closing one may close others, and adds none.
  for (size_t i = 0; i < slots_.size(); ++i) {
    LoopObject* const object = slots_[i].object;
    if (object != nullptr && object->is_abandoned()) object->Close();
  }
}

const LoopObject* Poller::FirstOpen() const {
  for (const Slot& slot : slots_) {
    if (slot.object != nullptr) return slot.object;
  }
  return nullptr;
}

uint32_t Poller::TakeSlot(LoopObject& object) {
  uint32_t slot = first_free_;
  if (slot == kNoSlot) {
    slot = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    first_free_ = slots_[slot].next_free;
  }
  slots_[slot].object = &object;
  return slot;
}

void Poller::FreeSlot(uint32_t slot) {
  slots_[slot].object = nullptr;
  ++slots_[slot].use;
  slots_[slot].next_free = std::exchange(first_free_, slot);
}

Poller::Token Poller::TokenOf(const LoopObject& object) const {
  return {object.slot_, slots_[object.slot_].use};
}

LoopObject* Poller::Find(Token token) const {
  const Slot& slot = slots_[token.slot];
  return slot.use == token.use ? slot.object : nullptr;
}

int Poller::Control(int operation, int descriptor, uint32_t events,
                    const LoopObject& object) {
  const Token token = TokenOf(object);
  epoll_event event = {};
  event.events = events;
  event.data.u64 = uint64_t{token.use} << 32 | token.slot;
  return epoll_ctl(epoll_.get(), operation, descriptor, &event) == 0 ? 0
                                                                     : errno;
}

}  // namespace tlsd::net
