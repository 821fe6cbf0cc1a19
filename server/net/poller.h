// Poller is the part of an event loop that knows descriptors: epoll(7), and the
// objects of server/net that live on the loop.
//
// It is internal to server/net, and belongs to the loop's thread, which may be
// any before the loop runs.
#ifndef TLSD_SERVER_NET_POLLER_H_
#define TLSD_SERVER_NET_POLLER_H_

#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "server/net/descriptor.h"

namespace tlsd::net {

class Poller;

// LoopObject lives on a loop, hears from it, and outlives its owner: what the
// loop has begun to tell it may end it. So its owner keeps a plain pointer
// until it calls Close, and the loop frees it at the end of the turn.
class LoopObject {
 public:
  LoopObject(const LoopObject&) = delete;
  LoopObject& operator=(const LoopObject&) = delete;

  // Close stops all calls at once, and frees the object later. Call it once.
  void Close();
  bool is_closed() const { return is_closed_; }

  // is_abandoned reports whether nobody but the loop will close the object.
  virtual bool is_abandoned() const { return false; }

  // kind says to people what it is.
  virtual const char* kind() const = 0;

 protected:
  explicit LoopObject(Poller& poller);
  virtual ~LoopObject() = default;

  // Watch has OnReady called when any of `events` of epoll(7) has come at
  // `descriptor`, which must be open and watched by no other object; it returns
  // an errno. Closing the descriptor ends it, unless it was duplicated. An
  // object watches one descriptor at most.
  int Watch(int descriptor, uint32_t events);
  // WatchFor waits for other events from now on.
  void WatchFor(int descriptor, uint32_t events);
  void Unwatch(int descriptor);
  // TakeWatch takes over what `other` watches.
  void TakeWatch(LoopObject& other);

  // AskForTurn has OnTurn called once, in this turn of the loop; AskForNextTurn
  // not before the loop has asked for events again.
  void AskForTurn();
  void AskForNextTurn();
  // has_asked reports whether its turn is still to come.
  bool has_asked() const { return has_asked_; }

  virtual void OnReady(uint32_t) {}
  virtual void OnTurn() {}
  // OnClose lets go of what must not outlive the closing.
  virtual void OnClose() {}

 private:
  friend class Poller;

  Poller& poller_;
  uint32_t slot_;
  bool is_closed_ = false;
  bool has_asked_ = false;
};

class Poller {
 public:
  // Poller asks `epoll`, an epoll instance.
  explicit Poller(Descriptor epoll);
  // All objects must be closed.
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // Wait waits for events, at most so many milliseconds, without end if that is
  // negative. Then Dispatch tells the objects of them.
  void Wait(int timeout_ms);
  void Dispatch();

  // GiveTurns calls those that have asked for a turn, and returns whether there
  // were any. What they ask for waits for the next call.
  bool GiveTurns();
  // wants_turns reports whether any waits, for this turn or the next.
  bool wants_turns() const { return !asking_.empty() || !asking_next_.empty(); }

  // FreeClosed frees the objects that are closed. None of them may be calling.
  void FreeClosed();

  // CloseAbandoned closes the objects that nobody else will.
  void CloseAbandoned();

  // FirstOpen returns an object that is not closed, or null.
  const LoopObject* FirstOpen() const;

 private:
  friend class LoopObject;

  static constexpr size_t kEventsMax = 256;

  // What events and requests for turns name: a place and its use, so that they
  // find nothing when the object has been closed meanwhile.
  struct Token {
    uint32_t slot;
    uint32_t use;
  };
  struct Slot {
    LoopObject* object = nullptr;
    uint32_t use = 0;
    // The next free one, while it is free.
    uint32_t next_free = 0;
  };
  static constexpr uint32_t kNoSlot = UINT32_MAX;

  uint32_t TakeSlot(LoopObject& object);
  void FreeSlot(uint32_t slot);
  Token TokenOf(const LoopObject& object) const;
  // Find returns null when the object is closed.
  LoopObject* Find(Token token) const;
  int Control(int operation, int descriptor, uint32_t events,
              const LoopObject& object);

  const Descriptor epoll_;
  std::array<epoll_event, kEventsMax> events_;
  int event_count_ = 0;
  std::vector<Slot> slots_;
  uint32_t first_free_ = kNoSlot;
  std::vector<Token> asking_;
  std::vector<Token> asking_next_;
  // Those that GiveTurns calls; here to keep its memory.
  std::vector<Token> called_;
  std::vector<LoopObject*> closed_;
};

}  // namespace tlsd::net

#endif  // TLSD_SERVER_NET_POLLER_H_
