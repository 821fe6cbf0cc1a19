#include "server/net/transport_pair.h"

#include <uv.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "proto/status/error.h"
#include "server/base/byte_queue.h"
#include "server/net/uv_handle.h"

namespace tlsd::net {
namespace {

class PairTransport;

// What has come to one end. Both ends hold both mailboxes, and so does what is
// under way between them, so that a message never meets freed memory. Chunks do
// not cross: they belong to the thread of their pool.
//
// A loop is not destroyed while the other one runs, so who has seen that a
// mailbox is open may post to its loop.
struct Mailbox {
  explicit Mailbox(EventLoop& its_loop) : loop(its_loop) {}

  // The end is gone. Any thread.
  std::atomic<bool> is_closed = false;
  EventLoop& loop;

  // All else belongs to the loop's thread. The end is null until it is started.
  PairTransport* end = nullptr;
  std::deque<std::string> bytes;
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

// The life of an end that is closed gently: the loop's, until a timer or the
// end itself closes it.
class LingeringEnd final : public UvHandle {
 public:
  LingeringEnd(EventLoop& loop, std::unique_ptr<Transport> end)
      : end_(std::move(end)) {
    uv_timer_init(loop.uv(), &timer_);
    timer_.data = static_cast<UvHandle*>(this);
  }
  ~LingeringEnd() override = default;

  void CloseAfter(absl::Duration delay) {
    uv_update_time(timer_.loop);
    uv_timer_start(
        &timer_,
        [](uv_timer_t* timer) {
          static_cast<LingeringEnd*>(static_cast<UvHandle*>(timer->data))
              ->Close();
        },
        static_cast<uint64_t>(absl::ToInt64Milliseconds(delay)), 0);
  }

  bool is_abandoned() const override { return true; }

 private:
  uv_handle_t* handle() override {
    return reinterpret_cast<uv_handle_t*>(&timer_);
  }
  void OnClose() override { end_ = nullptr; }

  uv_timer_t timer_;
  std::unique_ptr<Transport> end_;
};

// One end of a pair.
//
//   Write --> unsent --(window)--> in flight --> the peer's mailbox --> OnBytes
//     ^                                                                   |
//     `-- OnDrained, when nothing is unsent or in flight <---- taken -----'
//
// What is in flight belongs to the peer already: it arrives even if this end
// goes.
class PairTransport final : public Transport {
 public:
  PairTransport(base::ChunkPool& pool, std::shared_ptr<Mailbox> own,
                std::shared_ptr<Mailbox> peer)
      : own_(std::move(own)), peer_(std::move(peer)), unsent_(pool) {}
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

  // The loop calls these: something is in the mailbox, or the peer has taken
  // `count` bytes.
  void OnArrival();
  void OnTaken(size_t count);

 private:
  enum class State { kOpen, kFailed, kFlushing, kLingering };

  void BeginLinger(std::unique_ptr<Transport> self) override;
  void BeginReset(std::unique_ptr<Transport> self,
                  const absl::Status& reason) override;

  void Deliver();
  // Each of these returns false if the observer has given this end up.
  bool DeliverBytes();
  bool DeliverEnd();
  void DeliverLater();
  void Fail();

  void SendWindow(base::ByteQueue& bytes);
  void SendEnd();
  void SendTaken(size_t count);
  void SendGone(const absl::Status& reason);

  bool HasEndedBothWays() const;
  void DropArrived();
  void EndSending();
  void Finish();

  const std::shared_ptr<Mailbox> own_;
  const std::shared_ptr<Mailbox> peer_;
  const SocketAddress no_address_;
  TransportObserver* observer_ = nullptr;
  State state_ = State::kOpen;
  bool is_reading_ = false;
  bool is_ending_ = false;
  bool has_sent_end_ = false;
  bool has_told_end_ = false;
  bool has_sent_gone_ = false;
  base::ByteQueue unsent_;
  // Sent, and not taken by the peer's observer yet.
  size_t in_flight_ = 0;
  size_t dropped_size_ = 0;
  // Set while this object belongs to it.
  LingeringEnd* lingering_ = nullptr;
};

// An end that was never started may be destroyed by any thread, e.g. with a
// task that was dropped. It has nothing in its own mailbox but what the loop's
// thread may be looking at.
PairTransport::~PairTransport() {
  if (!has_sent_gone_ && !HasEndedBothWays()) {
    SendGone(state_ == State::kLingering ? ClosedError() : GoneError());
  }
  if (own_->end != nullptr) {
    own_->end = nullptr;
    own_->bytes.clear();
  }
  own_->is_closed.store(true, std::memory_order_release);
}

void PairTransport::Start(TransportObserver& observer) {
  observer_ = &observer;
  own_->end = this;
  ResumeReading();
}

void PairTransport::ResumeReading() {
  if (std::exchange(is_reading_, true)) return;
  if (!own_->bytes.empty() || own_->has_ended || !own_->error.ok()) {
    DeliverLater();
  }
}

void PairTransport::OnArrival() {
  if (state_ == State::kOpen) {
    Deliver();
  } else if (lingering_ != nullptr) {
    DropArrived();
    if (!own_->error.ok() || HasEndedBothWays() ||
        dropped_size_ > Transport::kLingerBytes) {
      Finish();
    }
  }
}

// The order is that of sending: bytes, the end, the failure.
void PairTransport::Deliver() {
  if (!DeliverBytes() || !DeliverEnd() || own_->error.ok()) return;
  // Who waits to send learns of a failure although it does not read: it may not
  // read because it waits.
  if (is_reading_ || unsent_size() > 0) Fail();
}

bool PairTransport::DeliverBytes() {
  // It tells whether this object still exists.
  const std::shared_ptr<Mailbox> own = own_;
  while (is_reading_ && !own->bytes.empty()) {
    const std::string bytes = std::move(own->bytes.front());
    own->bytes.pop_front();
    // Before they are handled, so that the peer can send more meanwhile.
    SendTaken(bytes.size());
    observer_->OnBytes(base::AsBytes(bytes));
    if (own->end == nullptr || state_ != State::kOpen) return false;
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

void PairTransport::DeliverLater() {
  Send(own_, [](Mailbox& own) {
    if (own.end != nullptr) own.end->OnArrival();
  });
}

void PairTransport::Fail() {
  state_ = State::kFailed;
  own_->bytes.clear();
  const absl::Status error = own_->error;
  observer_->OnError(error);
}

void PairTransport::Write(base::ByteQueue& bytes) {
  if (state_ != State::kOpen || is_ending_ || bytes.empty()) {
    bytes.Clear();
    return;
  }
  if (!own_->error.ok()) {
    bytes.MoveTo(unsent_);
    DeliverLater();
    return;
  }
  if (unsent_.empty()) SendWindow(bytes);
  bytes.MoveTo(unsent_);
}

// The window is not opened by a little: a peer that takes single bytes would be
// sent single bytes for ever.
void PairTransport::SendWindow(base::ByteQueue& bytes) {
  const size_t room = kPairWindowBytes - in_flight_;
  const size_t count = std::min(room, bytes.size());
  if (count == 0) return;
  if (count < bytes.size() && room < kPairWindowBytes / 2) return;
  in_flight_ += count;
  Send(peer_, [text = bytes.TakeText(count)](Mailbox& peer) mutable {
    peer.bytes.push_back(std::move(text));
    if (peer.end != nullptr) peer.end->OnArrival();
  });
}

void PairTransport::OnTaken(size_t count) {
  if (state_ == State::kFailed) return;
  in_flight_ -= count;
  SendWindow(unsent_);
  if (!unsent_.empty()) return;
  if (state_ == State::kFlushing) {
    EndSending();
    return;
  }
  if (is_ending_) SendEnd();
  if (in_flight_ == 0 && state_ == State::kOpen) observer_->OnDrained();
}

void PairTransport::EndWriting() {
  if (state_ != State::kOpen || std::exchange(is_ending_, true)) return;
  if (unsent_.empty()) SendEnd();
}

void PairTransport::SendEnd() {
  if (std::exchange(has_sent_end_, true)) return;
  Send(peer_, [](Mailbox& peer) {
    peer.has_ended = true;
    if (peer.end != nullptr) peer.end->OnArrival();
  });
}

void PairTransport::SendTaken(size_t count) {
  if (count == 0) return;
  Send(peer_, [count](Mailbox& peer) {
    if (peer.end != nullptr) peer.end->OnTaken(count);
  });
}

void PairTransport::SendGone(const absl::Status& reason) {
  has_sent_gone_ = true;
  Send(peer_, [reason](Mailbox& peer) {
    peer.error = reason;
    if (peer.end != nullptr) peer.end->OnArrival();
  });
}

bool PairTransport::HasEndedBothWays() const {
  return has_sent_end_ && own_->has_ended && own_->bytes.empty();
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
  own_->end = this;
  // It frees itself.
  lingering_ =
      std::make_unique<LingeringEnd>(own_->loop, std::move(self)).release();
  DropArrived();
  if (unsent_.empty()) {
    EndSending();
  } else {
    lingering_->CloseAfter(Transport::kFlushTime);
  }
}

void PairTransport::DropArrived() {
  size_t count = 0;
  for (const std::string& bytes : own_->bytes) count += bytes.size();
  own_->bytes.clear();
  SendTaken(count);
  // While bytes are still to be sent, a peer that sends all before it reads
  // must be able to; only time bounds that.
  if (state_ == State::kLingering) dropped_size_ += count;
}

void PairTransport::EndSending() {
  SendEnd();
  if (HasEndedBothWays()) {
    Finish();
    return;
  }
  state_ = State::kLingering;
  lingering_->CloseAfter(Transport::kLingerTime);
}

// Ends this object.
void PairTransport::Finish() { lingering_->Close(); }

}  // namespace

TransportPair MakeTransportPair(EventLoop& first_loop,
                                base::ChunkPool& first_pool,
                                EventLoop& second_loop,
                                base::ChunkPool& second_pool) {
  const auto first = std::make_shared<Mailbox>(first_loop);
  const auto second = std::make_shared<Mailbox>(second_loop);
  return {std::make_unique<PairTransport>(first_pool, first, second),
          std::make_unique<PairTransport>(second_pool, second, first)};
}

}  // namespace tlsd::net
