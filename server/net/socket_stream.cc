#include "server/net/socket_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/net/os_error.h"
#include "server/net/raw_address.h"

namespace tlsd::net {
namespace {

// How much one call sends at most: 1 MiB.
constexpr size_t kPiecesMax = 64;

// A peer that does not answer so many probes, so long after each other, is
// gone: a minute after the first.
constexpr int kProbesMax = 6;
constexpr int kProbeIntervalSecondsMax = 10;
// What the kernel takes as TCP_KEEPIDLE at most.
constexpr int kKeepIdleSecondsMax = 32767;

using Pieces = std::array<absl::Span<const uint8_t>, kPiecesMax>;

// TakeSocketError returns the failure that the kernel holds for the socket.
int TakeSocketError(int descriptor) {
  int error = 0;
  socklen_t size = sizeof(error);
  if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
    return errno;
  }
  return error;
}

void SetOption(int socket, int level, int option, int value) {
  // It fails only where the peer has just gone, which is told elsewhere.
  setsockopt(socket, level, option, &value, sizeof(value));
}

void SetKeepAlive(int socket, absl::Duration keep_alive) {
  const bool is_on = keep_alive > absl::ZeroDuration();
  SetOption(socket, SOL_SOCKET, SO_KEEPALIVE, is_on ? 1 : 0);
  if (!is_on) return;
  const int idle = static_cast<int>(std::clamp<int64_t>(
      absl::ToInt64Seconds(keep_alive), 1, kKeepIdleSecondsMax));
  SetOption(socket, IPPROTO_TCP, TCP_KEEPIDLE, idle);
  SetOption(socket, IPPROTO_TCP, TCP_KEEPINTVL,
            std::min(idle, kProbeIntervalSecondsMax));
  SetOption(socket, IPPROTO_TCP, TCP_KEEPCNT, kProbesMax);
}

}  // namespace

SocketStream* SocketStream::Create(EventLoop& loop, base::ChunkPool& pool,
                                   Kind kind) {
  return new SocketStream(loop, pool, kind);
}

SocketStream::SocketStream(EventLoop& loop, base::ChunkPool& pool, Kind kind)
    : LoopObject(loop.poller()), kind_(kind), loop_(loop), unsent_(pool) {}

int SocketStream::Open(int descriptor) {
  if (const int error = Watch(descriptor, kEvents); error != 0) return error;
  descriptor_ = Descriptor(descriptor);
  return 0;
}

void SocketStream::Adopt(Descriptor descriptor, LoopObject& dialler,
                         uint32_t events) {
  TakeWatch(dialler);
  descriptor_ = std::move(descriptor);
  delays_ = kind_ == Kind::kTcp;
  waits_for_room_ = (events & EPOLLOUT) != 0;
  NoteEvents(events);
}

void SocketStream::set_remote_address(SocketAddress address) {
  remote_address_ = std::move(address);
}

void SocketStream::set_local_address(SocketAddress address) {
  local_address_ = std::move(address);
}

const SocketAddress& SocketStream::local_address() {
  if (local_address_.family == SocketAddress::Family::kNone) {
    local_address_ = LocalAddressOf(descriptor_.get());
  }
  return local_address_;
}

bool SocketStream::is_abandoned() const {
  return state_ == State::kFlushing || state_ == State::kLingering;
}

const char* SocketStream::kind() const {
  return kind_ == Kind::kTcp ? "tcp socket" : "unix socket";
}

void SocketStream::OnClose() {
  observer_ = nullptr;
  timer_ = nullptr;
  // Else the peer of a plain stream would take what it has for all there is.
  const bool has_failed = state_ == State::kFailing || state_ == State::kFailed;
  if (!unsent_.empty() || has_failed) ResetWhenClosed();
  unsent_.Clear();
  descriptor_ = Descriptor();
}

// What arrives.

void SocketStream::OnReady(uint32_t events) {
  NoteEvents(events);
  // A failure is met by sending as well.
  if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0 && !unsent_.empty()) {
    SendUnsent();
    if (is_closed()) return;
  }
  // Whoever has a turn in store reads then, so that nobody reads twice while
  // others wait.
  if (!has_asked()) ReadOnce();
}

void SocketStream::NoteEvents(uint32_t events) {
  seen_ |= events;
  if ((events & ~EPOLLOUT) != 0) is_readable_ = true;
}

void SocketStream::OnTurn() {
  if (state_ == State::kFailing) {
    DeliverThenFail(error_);
    return;
  }
  if (state_ == State::kOpen && is_ending_ && unsent_.empty()) {
    if (const int error = ShutDown(); error != 0) {
      DeliverThenFail(error);
      return;
    }
  }
  if (is_at_end_) {
    TellEnd();
  } else {
    ReadOnce();
  }
}

void SocketStream::Start(TransportObserver& observer) {
  observer_ = &observer;
  is_reading_ = true;
  GoOnReading();
}

void SocketStream::PauseReading() { is_reading_ = false; }

void SocketStream::ResumeReading() {
  if (std::exchange(is_reading_, true)) return;
  GoOnReading();
}

bool SocketStream::TakesBytes() const {
  return is_abandoned() || (state_ == State::kOpen && is_reading_);
}

void SocketStream::GoOnReading() {
  if (TakesBytes() && (is_readable_ || is_at_end_)) AskForTurn();
}

void SocketStream::ReadOnce() {
  if (!is_readable_ || is_at_end_ || !TakesBytes()) return;
  const absl::Span<uint8_t> scratch = loop_.read_scratch();
  bool is_cut_short = false;
  const ssize_t count = Receive(scratch, is_cut_short);
  if (count < 0) {
    OnUnread(errno);
    return;
  }
  const auto size = static_cast<size_t>(count);
  const Behind behind = size == 0
                            ? Behind::kEnd
                            : LookBehind(size == scratch.size(), is_cut_short);
  is_readable_ = behind == Behind::kMore;
  // Before the bytes are handled: whoever closes then has left nothing unread.
  is_at_end_ = behind == Behind::kEnd;
  if (size > 0) OnReceived(scratch.subspan(0, size));
  if (is_closed()) return;
  if (is_at_end_) {
    TellEnd();
  } else if (is_readable_ && TakesBytes()) {
    AskForNextTurn();
  }
}

void SocketStream::OnUnread(int error) {
  if (error == EAGAIN) {
    is_readable_ = false;
  } else if (error == EINTR) {
    AskForNextTurn();
  } else {
    Fail(error);
  }
}

// A unix socket stops in front of descriptors that the peer has sent along, and
// that are not wanted, whatever is behind them (unix(7)).
ssize_t SocketStream::Receive(absl::Span<uint8_t> scratch, bool& is_cut_short) {
  if (kind_ == Kind::kTcp) {
    return recv(descriptor_.get(), scratch.data(), scratch.size(),
                MSG_DONTWAIT);
  }
  iovec vector = {scratch.data(), scratch.size()};
  msghdr message = {};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  const ssize_t count = recvmsg(descriptor_.get(), &message, MSG_DONTWAIT);
  is_cut_short = (message.msg_flags & MSG_CTRUNC) != 0;
  return count;
}

// epoll(7): who has read less than was asked for has read all there was, and
// what comes later is another event. It holds neither in front of urgent data
// (tcp(7)) nor of a failure, which is behind the last bytes.
//
// When the peer had ended before, this was its end, except that of a unix
// socket that is gone and may have left a failure: the kernel first says that
// it has hung up.
SocketStream::Behind SocketStream::LookBehind(bool is_full,
                                              bool is_cut_short) const {
  if (is_full || is_cut_short || (seen_ & (EPOLLERR | EPOLLPRI)) != 0) {
    return Behind::kMore;
  }
  if ((seen_ & EPOLLRDHUP) == 0) return Behind::kNothing;
  return kind_ == Kind::kUnix && (seen_ & EPOLLHUP) != 0 ? Behind::kMore
                                                         : Behind::kEnd;
}

void SocketStream::OnReceived(absl::Span<const uint8_t> bytes) {
  if (is_abandoned()) {
    DropReceived(bytes.size());
  } else {
    observer_->OnBytes(bytes);
  }
}

void SocketStream::TellEnd() {
  if (state_ == State::kLingering) {
    Close();
  } else if (state_ == State::kOpen && is_reading_ &&
             !std::exchange(has_told_end_, true)) {
    observer_->OnEnd();
  }
}

void SocketStream::DropReceived(size_t count) {
  // While bytes are still to be sent, a peer that sends all before it reads
  // must be able to; only time bounds that.
  if (state_ == State::kFlushing) return;
  dropped_size_ += count;
  if (dropped_size_ > Transport::kLingerBytes) Close();
}

// What goes.

void SocketStream::Write(base::ByteQueue& bytes, Then then) {
  if (state_ != State::kOpen || is_ending_) {
    bytes.Clear();
    return;
  }
  if (unsent_.empty()) {
    if (const int error = SendNow(bytes, then); error != 0) {
      bytes.Clear();
      FailLater(error);
      return;
    }
  }
  bytes.MoveTo(unsent_);
  if (!unsent_.empty()) WaitForRoom();
}

// If there is room again meanwhile, that is an event too.
void SocketStream::WaitForRoom() {
  if (std::exchange(waits_for_room_, true)) return;
  WatchFor(descriptor_.get(), kEvents | EPOLLOUT);
}

// SendNow sends what the kernel takes, and returns an errno. If anything is
// left, the kernel is full.
int SocketStream::SendNow(base::ByteQueue& bytes, Then then) {
  // The kernel holds the last segment back for the end: one less to handle for
  // both sides.
  const int flags =
      MSG_NOSIGNAL | MSG_DONTWAIT | (then == Then::kEnd ? MSG_MORE : 0);
  while (!bytes.empty()) {
    // The first write is never held back, and may be the only one.
    if (delays_ && has_sent_ && !shall_delay_) SetDelay(false);
    Pieces pieces;
    std::array<iovec, kPiecesMax> vectors;
    const size_t count = bytes.Pieces(absl::MakeSpan(pieces));
    size_t offered = 0;
    for (size_t i = 0; i < count; ++i) {
      vectors[i] = {const_cast<uint8_t*>(pieces[i].data()), pieces[i].size()};
      offered += pieces[i].size();
    }
    msghdr message = {};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    const ssize_t sent = sendmsg(descriptor_.get(), &message, flags);
    if (sent < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN ? 0 : errno;
    }
    has_sent_ = true;
    bytes.Consume(static_cast<size_t>(sent));
    // A short count says that the kernel is full: no need to ask again.
    if (static_cast<size_t>(sent) < offered) return 0;
  }
  return 0;
}

void SocketStream::SendUnsent() {
  if (state_ == State::kFailing || state_ == State::kFailed) return;
  if (const int error = SendNow(unsent_); error != 0) {
    DeliverThenFail(error);
    return;
  }
  if (!unsent_.empty()) return;
  if (state_ == State::kFlushing) {
    EndSending();
  } else if (const int failure = is_ending_ ? ShutDown() : 0; failure != 0) {
    DeliverThenFail(failure);
  } else {
    observer_->OnDrained();
  }
}

void SocketStream::EndWriting() {
  if (state_ != State::kOpen || std::exchange(is_ending_, true)) return;
  if (!unsent_.empty()) return;
  if (is_at_end_) {
    // Whoever ends both directions often closes next, which is an end too.
    AskForTurn();
  } else if (const int error = ShutDown(); error != 0) {
    FailLater(error);
  }
}

// ShutDown returns an errno.
int SocketStream::ShutDown() {
  if (is_shut_down_) return 0;
  if (shutdown(descriptor_.get(), SHUT_WR) != 0) {
    const int error = errno;
    // After a reset it says only that there is no connection.
    const int cause = TakeSocketError(descriptor_.get());
    return cause != 0 ? cause : error;
  }
  is_shut_down_ = true;
  return 0;
}

void SocketStream::SetOptions(const SocketOptions& options) {
  if (kind_ != Kind::kTcp) return;
  const bool shall_delay = options.delay_small_writes;
  if (std::exchange(shall_delay_, shall_delay) != shall_delay &&
      shall_delay != delays_) {
    SetDelay(shall_delay);
  }
  if (std::exchange(keep_alive_, options.keep_alive) != options.keep_alive) {
    SetKeepAlive(descriptor_.get(), options.keep_alive);
  }
}

void SocketStream::SetDelay(bool delays) {
  delays_ = delays;
  SetOption(descriptor_.get(), IPPROTO_TCP, TCP_NODELAY, delays ? 0 : 1);
}

// How it ends.

void SocketStream::FailLater(int error) {
  if (is_abandoned()) {
    Close();
    return;
  }
  state_ = State::kFailing;
  error_ = error;
  AskForTurn();
}

// A socket that no longer sends may hold what the peer said last, e.g. the
// alert that tells why. It comes before the failure.
void SocketStream::DeliverThenFail(int error) {
  if (is_abandoned()) {
    Close();
    return;
  }
  state_ = State::kFailing;
  const absl::Span<uint8_t> scratch = loop_.read_scratch();
  while (is_reading_ && !is_at_end_) {
    const ssize_t count =
        recv(descriptor_.get(), scratch.data(), scratch.size(), MSG_DONTWAIT);
    if (count <= 0) break;
    observer_->OnBytes(scratch.subspan(0, static_cast<size_t>(count)));
    if (is_closed()) return;
  }
  Fail(error);
}

void SocketStream::Fail(int error) {
  if (is_abandoned()) {
    Close();
    return;
  }
  state_ = State::kFailed;
  const std::string peer = remote_address_.ToString();
  observer_->OnError(
      MakeError(Reason::kTransportReset,
                absl::StrCat("the connection with ", peer,
                             " was cut: ", DescribeErrno(error)),
                {{"peer", peer}, {"errno", DescribeErrno(error)}}));
}

void SocketStream::Linger() {
  observer_ = nullptr;
  if (state_ != State::kOpen) {
    Close();
    return;
  }
  state_ = State::kFlushing;
  if (unsent_.empty()) {
    EndSending();
    if (is_closed()) return;
  } else {
    timer_ = loop_.After(Transport::kFlushTime, [this] { Close(); });
  }
  GoOnReading();
}

void SocketStream::EndSending() {
  // Once the peer has ended, nothing unread is left that would cause a reset.
  if (is_at_end_ || ShutDown() != 0) {
    Close();
    return;
  }
  state_ = State::kLingering;
  timer_ = loop_.After(Transport::kLingerTime, [this] { Close(); });
}

void SocketStream::Reset() {
  ResetWhenClosed();
  Close();
}

void SocketStream::ResetWhenClosed() {
  if (kind_ != Kind::kTcp) return;
  // tcp(7): closing then drops what is unsent and sends RST.
  const linger at_once = {.l_onoff = 1, .l_linger = 0};
  setsockopt(descriptor_.get(), SOL_SOCKET, SO_LINGER, &at_once,
             sizeof(at_once));
}

}  // namespace tlsd::net
