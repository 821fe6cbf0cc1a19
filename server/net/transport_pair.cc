#include "server/net/transport_pair.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "proto/status/error.h"
#include "server/base/byte_queue.h"
#include "server/net/poller.h"

namespace tlsd::net {
namespace {

class PairTransport;

// What has come to one end. Both ends hold both mailboxes, and so does what is
// under way between them, so that a message never meets freed memory.
//
// Ends on different loops send messages, since chunks belong to the thread of
// their pool. Ends on one loop with one pool put into each other's mailbox what
// they have to say, chunks too, and ask for a turn for the other.
//
// A loop is not destroyed while the other one runs, so who has seen that a
// mailbox is open may post to its loop.
struct Mailbox {
  Mailbox(EventLoop& its_loop, base::ChunkPool& pool)
      : loop(its_loop), chunks(pool) {}

  bool is_empty() const { return messages.empty() && chunks.empty(); }
  size_t size() const {
    size_t size = chunks.size();
    for (const std::string& message : messages) size += message.size();
    return size;
  }
  void Clear() {
    messages.clear();
    chunks.Clear();
  }

  // The end is gone. Any thread.
  std::atomic<bool> is_closed = false;
  EventLoop& loop;

  // All else belongs to the loop's thread. The end is null until it is started.
  PairTransport* end = nullptr;
  std::deque<std::string> messages;
  // Behind the messages. Nothing before the start: who drops an end that was
  // never started may be any thread.
  base::ByteQueue chunks;
  bool has_ended = false;
  // Why the other end is gone.
  absl::Status error;
};

// Send runs `action` with the mailbox on its own thread, after all that was
// sent there before; not, if the mailbox is closed by then.
template <typename Action>
void Send(const std::shared_ptr<Mailbox>& to, Action action) {
  if (to->is_closed.load(std::memory_order_acquire)) return;
  to->loop.Post([to, action = std::move(action)]() mutable {
    if (!to->is_closed.load(std::memory_order_acquire)) action(*to);
  });
}

absl::Status GoneError() {
  return MakeError(Reason::kTransportReset,
                   "the connection was cut: its other end is gone");
}

// The order was kept: the other end has ended its direction before.
absl::Status ClosedError() {
  return MakeError(Reason::kConnectionClosed,
                   "the other end has ended and reads no more");
}

// MoveInto moves the first bytes of `queue` into `space`, as many as it holds,
// and returns them.
absl::Span<const uint8_t> MoveInto(absl::Span<uint8_t> space,
                                   base::ByteQueue& queue) {
  size_t count = 0;
  while (count < space.size() && !queue.empty()) {
    const absl::Span<const uint8_t> piece =
        queue.Front().subspan(0, space.size() - count);
    std::memcpy(space.data() + count, piece.data(), piece.size());
    queue.Consume(piece.size());
    count += piece.size();
  }
  return space.subspan(0, count);
}

// The place of an end on its loop, from its start on. When the end is closed
// gently it belongs to this, until a timer or the end itself closes it.
class EndOnLoop final : public LoopObject {
 public:
  EndOnLoop(EventLoop& loop, PairTransport& end)
      : LoopObject(loop.poller()), loop_(loop), end_(end) {}
  ~EndOnLoop() override = default;

  using LoopObject::AskForTurn;

  void Keep(std::unique_ptr<Transport> end) { kept_ = std::move(end); }

  void CloseAfter(absl::Duration delay) {
    timer_ = loop_.After(delay, [this] { Close(); });
  }

  bool is_abandoned() const override { return kept_ != nullptr; }
  const char* kind() const override { return "end of a pair"; }

 private:
  void OnTurn() override;
  void OnClose() override {
    timer_ = nullptr;
    kept_ = nullptr;
  }

  EventLoop& loop_;
  PairTransport& end_;
  std::unique_ptr<Transport> kept_;
  std::unique_ptr<Timer> timer_;
};

// One end of a pair.
//
//   Write --> unsent --(window)--> in flight --> the peer's mailbox --> OnBytes
//     ^                                                                   |
//     `-- OnDrained, when little or nothing is left <------- taken -----'
//
// What is in flight belongs to the peer already: it arrives even if this end
// goes. On one loop there is no window: all is in flight.
class PairTransport final : public Transport {
 public:
  PairTransport(base::ChunkPool& pool, std::shared_ptr<Mailbox> own,
                std::shared_ptr<Mailbox> peer)
      : own_(std::move(own)),
        peer_(std::move(peer)),
        is_on_one_loop_(&own_->loop == &peer_->loop &&
                        &own_->chunks.pool() == &peer_->chunks.pool()),
        unsent_(pool) {}
  ~PairTransport() override;

  void Start(TransportObserver& observer) override;
  void PauseReading() override { is_reading_ = false; }
  void ResumeReading() override;
  void Write(base::ByteQueue& bytes) override;
  size_t unsent_size() const override { return unsent_.size() + in_flight_; }
  void EndWriting() override;
  void SetOptions(const SocketOptions&) override {}
  const SocketAddress& local_address() const override { return no_address_; }
  const SocketAddress& remote_address() const override { return no_address_; }

  // AskForTurn, once the end is started, has the loop call OnTurn: something is
  // in the mailbox, or the peer has taken something.
  void AskForTurn() { place_->AskForTurn(); }
  void OnTurn();
  // The peer has taken `count` bytes.
  void NoteTaken(size_t count);

 private:
  enum class State { kOpen, kFailed, kFlushing, kLingering };

  void BeginLinger(std::unique_ptr<Transport> self) override;
  void BeginReset(std::unique_ptr<Transport> self,
                  const absl::Status& reason) override;

  void OnRoom();
  void OnArrival();
  void Deliver();
  // Each of these returns false if the observer has given this end up, or if
  // the rest must wait.
  bool DeliverMessages();
  bool DeliverChunks();
  bool DeliverEnd();
  void Fail();

  // TellPeer runs `action` with the peer's mailbox, on its thread, and gives
  // the peer a turn.
  template <typename Action>
  void TellPeer(Action action);
  void SendAll(base::ByteQueue& bytes);
  void SendWindow(base::ByteQueue& bytes);
  void SendEnd();
  void SendTaken(size_t count);
  void SendGone(const absl::Status& reason);

  bool HasEndedBothWays() const;
  void Settle();
  void DropArrived();
  void EndSending();

  const std::shared_ptr<Mailbox> own_;
  const std::shared_ptr<Mailbox> peer_;
  const bool is_on_one_loop_;
  const SocketAddress no_address_;
  TransportObserver* observer_ = nullptr;
  // Null before the start.
  EndOnLoop* place_ = nullptr;
  State state_ = State::kOpen;
  bool is_reading_ = false;
  bool is_ending_ = false;
  bool has_sent_end_ = false;
  bool has_told_end_ = false;
  bool has_sent_gone_ = false;
  // The peer has taken something since OnRoom.
  bool has_room_ = false;
  // What unsent_size must fall to for the next OnDrained.
  std::optional<size_t> owed_at_;
  base::ByteQueue unsent_;
  // Sent, and not taken by the peer's observer yet.
  size_t in_flight_ = 0;
  size_t dropped_size_ = 0;
};

void EndOnLoop::OnTurn() { end_.OnTurn(); }

// An end that was never started may be destroyed by any thread, e.g. with a
// task that was dropped. It has nothing in its own mailbox but what the loop's
// thread may be looking at.
PairTransport::~PairTransport() {
  if (!has_sent_gone_ && !HasEndedBothWays()) {
    const bool was_gentle =
        state_ == State::kFlushing || state_ == State::kLingering;
    SendGone(was_gentle && has_sent_end_ ? ClosedError() : GoneError());
  }
  if (own_->end != nullptr) {
    own_->end = nullptr;
    own_->Clear();
    if (!place_->is_closed()) place_->Close();
  }
  own_->is_closed.store(true, std::memory_order_release);
}

void PairTransport::Settle() {
  own_->end = this;
  // The loop frees it.
  place_ = std::make_unique<EndOnLoop>(own_->loop, *this).release();
}

void PairTransport::Start(TransportObserver& observer) {
  observer_ = &observer;
  Settle();
  ResumeReading();
}

void PairTransport::ResumeReading() {
  if (std::exchange(is_reading_, true)) return;
  if (!own_->is_empty() || own_->has_ended || !own_->error.ok()) AskForTurn();
}

void PairTransport::OnTurn() {
  // It tells whether this object still exists.
  const std::shared_ptr<Mailbox> own = own_;
  if (std::exchange(has_room_, false)) OnRoom();
  if (own->end != nullptr) OnArrival();
}

void PairTransport::OnArrival() {
  if (state_ == State::kOpen) {
    Deliver();
  } else if (state_ != State::kFailed) {
    DropArrived();
    if (!own_->error.ok() || HasEndedBothWays() ||
        dropped_size_ > Transport::kLingerBytes) {
      place_->Close();
    }
  }
}

// The order is that of sending: bytes, the end, the failure.
void PairTransport::Deliver() {
  if (!DeliverMessages() || !DeliverChunks() || !DeliverEnd() ||
      own_->error.ok()) {
    return;
  }
  // Who waits to send learns of a failure although it does not read: it may not
  // read because it waits.
  if (is_reading_ || unsent_size() > 0) Fail();
}

bool PairTransport::DeliverMessages() {
  const std::shared_ptr<Mailbox> own = own_;
  while (is_reading_ && !own->messages.empty()) {
    const std::string bytes = std::move(own->messages.front());
    own->messages.pop_front();
    // Before they are handled, so that the peer can send more meanwhile.
    SendTaken(bytes.size());
    observer_->OnBytes(base::AsBytes(bytes));
    if (own->end == nullptr || state_ != State::kOpen) return false;
  }
  return true;
}

// All at once, like a read from a socket, since every call of the observer may
// cost a call of the system; what lies in one chunk is not copied for that.
bool PairTransport::DeliverChunks() {
  if (!is_reading_ || own_->chunks.empty()) return true;
  const std::shared_ptr<Mailbox> own = own_;
  base::ByteQueue taken(own->chunks.pool());
  absl::Span<const uint8_t> bytes;
  if (own->chunks.Front().size() == own->chunks.size()) {
    own->chunks.MoveTo(taken);
    bytes = taken.Front();
  } else {
    bytes = MoveInto(own->loop.read_scratch(), own->chunks);
  }
  SendTaken(bytes.size());
  observer_->OnBytes(bytes);
  if (own->end == nullptr || state_ != State::kOpen) return false;
  if (is_reading_ && !own->chunks.empty()) {
    AskForTurn();
    return false;
  }
  return true;
}

bool PairTransport::DeliverEnd() {
  if (!is_reading_ || !own_->has_ended) return true;
  if (std::exchange(has_told_end_, true)) return true;
  const std::shared_ptr<Mailbox> own = own_;
  observer_->OnEnd();
  return own->end != nullptr && state_ == State::kOpen;
}

void PairTransport::Fail() {
  state_ = State::kFailed;
  own_->Clear();
  const absl::Status error = own_->error;
  observer_->OnError(error);
}

void PairTransport::Write(base::ByteQueue& bytes) {
  if (state_ != State::kOpen || is_ending_ || bytes.empty()) {
    bytes.Clear();
    return;
  }
  const size_t size = unsent_size() + bytes.size();
  owed_at_ =
      std::max(owed_at_.value_or(0), size > kPairLowBytes ? kPairLowBytes : 0);
  if (!own_->error.ok()) {
    bytes.MoveTo(unsent_);
    AskForTurn();
    return;
  }
  if (is_on_one_loop_) {
    SendAll(bytes);
    return;
  }
  if (unsent_.empty()) SendWindow(bytes);
  bytes.MoveTo(unsent_);
}

// An end that was never started may be in any thread when it goes, so it always
// sends a message.
template <typename Action>
void PairTransport::TellPeer(Action action) {
  auto tell = [action = std::move(action)](Mailbox& peer) mutable {
    action(peer);
    if (peer.end != nullptr) peer.end->AskForTurn();
  };
  if (!is_on_one_loop_ || own_->end == nullptr) {
    Send(peer_, std::move(tell));
  } else if (!peer_->is_closed.load(std::memory_order_acquire)) {
    tell(*peer_);
  }
}

void PairTransport::SendAll(base::ByteQueue& bytes) {
  in_flight_ += bytes.size();
  if (peer_->end != nullptr) {
    bytes.MoveTo(peer_->chunks);
    peer_->end->AskForTurn();
  } else if (!peer_->is_closed.load(std::memory_order_acquire)) {
    peer_->messages.push_back(bytes.TakeText(bytes.size()));
  } else {
    bytes.Clear();
  }
}

// The window is not opened by a little: a peer that takes single bytes would be
// sent single bytes for ever.
void PairTransport::SendWindow(base::ByteQueue& bytes) {
  const size_t room = kPairWindowBytes - in_flight_;
  const size_t count = std::min(room, bytes.size());
  if (count == 0) return;
  if (count < bytes.size() && room < kPairWindowBytes / 2) return;
  in_flight_ += count;
  TellPeer([text = bytes.TakeText(count)](Mailbox& peer) mutable {
    peer.messages.push_back(std::move(text));
  });
}

void PairTransport::NoteTaken(size_t count) {
  if (state_ == State::kFailed) return;
  in_flight_ -= count;
  has_room_ = true;
}

void PairTransport::OnRoom() {
  if (state_ == State::kFailed) return;
  if (!unsent_.empty()) SendWindow(unsent_);
  if (unsent_.empty() && (is_ending_ || state_ == State::kFlushing)) SendEnd();
  if (state_ == State::kFlushing && unsent_size() == 0) {
    EndSending();
  } else if (state_ == State::kOpen && owed_at_.has_value() &&
             unsent_size() <= *owed_at_) {
    owed_at_ = unsent_size() == 0 ? std::nullopt : std::optional<size_t>(0);
    observer_->OnDrained();
  }
}

void PairTransport::EndWriting() {
  if (state_ != State::kOpen || std::exchange(is_ending_, true)) return;
  if (unsent_.empty()) SendEnd();
}

void PairTransport::SendEnd() {
  if (std::exchange(has_sent_end_, true)) return;
  TellPeer([](Mailbox& peer) { peer.has_ended = true; });
}

void PairTransport::SendTaken(size_t count) {
  if (count == 0) return;
  TellPeer([count](Mailbox& peer) {
    if (peer.end != nullptr) peer.end->NoteTaken(count);
  });
}

void PairTransport::SendGone(const absl::Status& reason) {
  has_sent_gone_ = true;
  TellPeer([reason](Mailbox& peer) { peer.error = reason; });
}

bool PairTransport::HasEndedBothWays() const {
  return has_sent_end_ && own_->has_ended && own_->is_empty();
}

void PairTransport::BeginReset(std::unique_ptr<Transport>,
                               const absl::Status& reason) {
  // CONNECTION_CLOSED is how an end goes that was closed gently.
  const bool has_own_meaning =
      reason.ok() || HasReason(reason, Reason::kConnectionClosed);
  SendGone(has_own_meaning ? GoneError() : reason);
}

void PairTransport::BeginLinger(std::unique_ptr<Transport> self) {
  if (state_ != State::kOpen || !own_->error.ok()) return;
  state_ = State::kFlushing;
  observer_ = nullptr;
  if (place_ == nullptr) Settle();
  place_->Keep(std::move(self));
  DropArrived();
  if (unsent_.empty()) SendEnd();
  if (unsent_size() == 0) {
    EndSending();
  } else {
    place_->CloseAfter(Transport::kFlushTime);
  }
}

void PairTransport::DropArrived() {
  const size_t count = own_->size();
  own_->Clear();
  // While bytes are still to be sent, a peer that sends all before it reads
  // must be able to; only time bounds that.
  if (state_ == State::kLingering) dropped_size_ += count;
  // Beyond that this end goes, and wants no more.
  if (dropped_size_ <= Transport::kLingerBytes) SendTaken(count);
}

// Ends this object, if the peer has ended too.
void PairTransport::EndSending() {
  if (HasEndedBothWays()) {
    place_->Close();
    return;
  }
  state_ = State::kLingering;
  place_->CloseAfter(Transport::kLingerTime);
}

}  // namespace

TransportPair MakeTransportPair(EventLoop& first_loop,
                                base::ChunkPool& first_pool,
                                EventLoop& second_loop,
                                base::ChunkPool& second_pool) {
  const auto first = std::make_shared<Mailbox>(first_loop, first_pool);
  const auto second = std::make_shared<Mailbox>(second_loop, second_pool);
  return {std::make_unique<PairTransport>(first_pool, first, second),
          std::make_unique<PairTransport>(second_pool, second, first)};
}

}  // namespace tlsd::net
