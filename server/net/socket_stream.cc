#include "server/net/socket_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
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

// A write of libuv that waits for the kernel. It lives until its callback.
struct Sending {
  uv_write_t request;
  size_t size = 0;
};

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
    : kind_(kind), loop_(loop), unsent_(pool) {
  if (kind == Kind::kTcp) {
    uv_tcp_init(loop.uv(), &uv_.tcp);
  } else {
    uv_pipe_init(loop.uv(), &uv_.pipe, /*ipc=*/0);
  }
  uv_.handle.data = static_cast<UvHandle*>(this);
}

int SocketStream::Open(int descriptor) {
  return -(kind_ == Kind::kTcp ? uv_tcp_open(&uv_.tcp, descriptor)
                               : uv_pipe_open(&uv_.pipe, descriptor));
}

void SocketStream::set_remote_address(SocketAddress address) {
  remote_address_ = std::move(address);
}

void SocketStream::set_local_address(SocketAddress address) {
  local_address_ = std::move(address);
}

const SocketAddress& SocketStream::local_address() {
  if (local_address_.family == SocketAddress::Family::kNone) {
    local_address_ = LocalAddressOf(descriptor());
  }
  return local_address_;
}

int SocketStream::descriptor() const {
  uv_os_fd_t descriptor = -1;
  uv_fileno(&uv_.handle, &descriptor);
  return descriptor;
}

bool SocketStream::is_abandoned() const {
  return state_ == State::kFlushing || state_ == State::kLingering;
}

void SocketStream::OnClose() {
  observer_ = nullptr;
  timer_ = nullptr;
  // The kernel has what it took of the pieces; libuv looks at the rest no more.
  unsent_.Clear();
}

void SocketStream::Start(TransportObserver& observer) {
  observer_ = &observer;
  is_reading_ = true;
  StartReading();
}

void SocketStream::PauseReading() {
  if (!std::exchange(is_reading_, false)) return;
  uv_read_stop(&uv_.stream);
}

void SocketStream::ResumeReading() {
  if (std::exchange(is_reading_, true)) return;
  if (state_ == State::kOpen && !has_ended_) StartReading();
}

void SocketStream::StartReading() {
  uv_read_start(
      &uv_.stream,
      [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
        auto* self =
            static_cast<SocketStream*>(static_cast<UvHandle*>(handle->data));
        const absl::Span<uint8_t> scratch = self->loop_.read_scratch();
        *buffer = uv_buf_init(reinterpret_cast<char*>(scratch.data()),
                              static_cast<unsigned>(scratch.size()));
      },
      [](uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
        static_cast<SocketStream*>(static_cast<UvHandle*>(stream->data))
            ->OnRead(count, *buffer);
      });
}

void SocketStream::OnRead(ssize_t count, const uv_buf_t& buffer) {
  if (count > 0) {
    OnReceived({reinterpret_cast<const uint8_t*>(buffer.base),
                static_cast<size_t>(count)});
  } else if (count == UV_EOF) {
    // Without a buffer, libuv has read no end but takes a hang-up for one; a
    // reset behind the last bytes looks like this as well.
    const int error =
        buffer.base == nullptr ? TakeSocketError(descriptor()) : 0;
    if (error == 0) {
      OnEndOfStream();
    } else {
      Fail(error);
    }
  } else if (count < 0) {
    Fail(static_cast<int>(-count));
  }
}

void SocketStream::OnReceived(absl::Span<const uint8_t> bytes) {
  if (is_abandoned()) {
    DropReceived(bytes.size());
  } else {
    observer_->OnBytes(bytes);
  }
}

void SocketStream::OnEndOfStream() {
  has_ended_ = true;
  if (state_ == State::kLingering) {
    Close();
  } else if (state_ != State::kFlushing) {
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

void SocketStream::Write(base::ByteQueue& bytes) {
  if (state_ != State::kOpen || is_ending_) {
    bytes.Clear();
    return;
  }
  if (unsent_.empty()) {
    if (const int error = SendNow(bytes); error != 0) {
      bytes.Clear();
      FailLater(error);
      return;
    }
  }
  bytes.MoveTo(unsent_);
  if (!unsent_.empty() && !is_sending_) SendWhenWritable();
}

// Not uv_try_write, which cannot suppress SIGPIPE.
int SocketStream::SendNow(base::ByteQueue& bytes) {
  const int socket = descriptor();
  while (!bytes.empty()) {
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
    const ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == ENOBUFS ? 0 : errno;
    }
    bytes.Consume(static_cast<size_t>(sent));
    // A short count says that the kernel is full: no need to ask again.
    if (static_cast<size_t>(sent) < offered) return 0;
  }
  return 0;
}

void SocketStream::SendWhenWritable() {
  Pieces pieces;
  std::array<uv_buf_t, kPiecesMax> buffers;
  const size_t count = unsent_.Pieces(absl::MakeSpan(pieces));
  auto sending = std::make_unique<Sending>();
  for (size_t i = 0; i < count; ++i) {
    // libuv only reads from them.
    buffers[i] = uv_buf_init(
        reinterpret_cast<char*>(const_cast<uint8_t*>(pieces[i].data())),
        static_cast<unsigned>(pieces[i].size()));
    sending->size += pieces[i].size();
  }
  const int error = uv_write(
      &sending->request, &uv_.stream, buffers.data(),
      static_cast<unsigned>(count), [](uv_write_t* request, int status) {
        const std::unique_ptr<Sending> sent(
            reinterpret_cast<Sending*>(request));
        static_cast<SocketStream*>(
            static_cast<UvHandle*>(request->handle->data))
            ->OnSent(-status, sent->size);
      });
  if (error != 0) {
    FailLater(-error);
    return;
  }
  is_sending_ = true;
  sending.release();
}

void SocketStream::OnSent(int error, size_t count) {
  is_sending_ = false;
  if (uv_is_closing(&uv_.handle)) return;
  if (state_ == State::kFailing || state_ == State::kFailed) return;
  if (error != 0) {
    DeliverThenFail(error);
    return;
  }
  unsent_.Consume(count);
  if (!unsent_.empty()) {
    SendWhenWritable();
  } else if (state_ == State::kFlushing) {
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
  if (const int error = ShutDown(); error != 0) FailLater(error);
}

// ShutDown returns an errno.
int SocketStream::ShutDown() {
  if (is_shut_down_) return 0;
  if (shutdown(descriptor(), SHUT_WR) != 0) {
    const int error = errno;
    // After a reset it says only that there is no connection.
    const int cause = TakeSocketError(descriptor());
    return cause != 0 ? cause : error;
  }
  is_shut_down_ = true;
  return 0;
}

void SocketStream::SetOptions(const SocketOptions& options) {
  if (kind_ != Kind::kTcp) return;
  const SocketOptions previous = std::exchange(options_, options);
  if (options.delay_small_writes != previous.delay_small_writes) {
    SetOption(descriptor(), IPPROTO_TCP, TCP_NODELAY,
              options.delay_small_writes ? 0 : 1);
  }
  if (options.keep_alive != previous.keep_alive) {
    SetKeepAlive(descriptor(), options.keep_alive);
  }
}

void SocketStream::FailLater(int error) {
  if (is_abandoned()) {
    Close();
    return;
  }
  state_ = State::kFailing;
  uv_read_stop(&uv_.stream);
  timer_ = loop_.After(absl::ZeroDuration(),
                       [this, error] { DeliverThenFail(error); });
}

// A socket that no longer sends may hold what the peer said last, e.g. the
// alert that tells why. It comes before the failure.
void SocketStream::DeliverThenFail(int error) {
  if (is_abandoned()) {
    Close();
    return;
  }
  state_ = State::kFailing;
  uv_read_stop(&uv_.stream);
  const absl::Span<uint8_t> scratch = loop_.read_scratch();
  while (is_reading_ && !has_ended_) {
    const ssize_t count =
        recv(descriptor(), scratch.data(), scratch.size(), MSG_DONTWAIT);
    if (count <= 0) break;
    observer_->OnBytes(scratch.subspan(0, static_cast<size_t>(count)));
    if (uv_is_closing(&uv_.handle)) return;
  }
  Fail(error);
}

void SocketStream::Fail(int error) {
  if (is_abandoned()) {
    Close();
    return;
  }
  state_ = State::kFailed;
  uv_read_stop(&uv_.stream);
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
  if (!is_reading_ && !has_ended_) StartReading();
  if (unsent_.empty()) {
    EndSending();
  } else {
    timer_ = loop_.After(Transport::kFlushTime, [this] { Drop(); });
  }
}

void SocketStream::EndSending() {
  // Once the peer has ended, nothing unread is left that would cause a reset.
  if (has_ended_ || ShutDown() != 0) {
    Close();
    return;
  }
  state_ = State::kLingering;
  timer_ = loop_.After(Transport::kLingerTime, [this] { Close(); });
}

// Else the peer of a plain stream would take what it has for all there is.
void SocketStream::Drop() {
  if (unsent_.empty()) {
    Close();
  } else {
    Reset();
  }
}

void SocketStream::Reset() {
  if (kind_ == Kind::kTcp) {
    // tcp(7): closing then drops what is unsent and sends RST. It is what
    // uv_tcp_close_reset does.
    const linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(descriptor(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  }
  Close();
}

}  // namespace tlsd::net
