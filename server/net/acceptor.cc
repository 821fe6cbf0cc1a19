#include "server/net/acceptor.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "proto/status/error.h"
#include "server/base/log.h"
#include "server/net/descriptor.h"
#include "server/net/os_error.h"
#include "server/net/poller.h"
#include "server/net/raw_address.h"
#include "server/net/socket_stream.h"
#include "server/net/socket_transport.h"

namespace tlsd::net {
namespace {

constexpr absl::Duration kShortagePause = absl::Milliseconds(100);
constexpr int kBatchMax = 32;
constexpr int kFullTurnsMax = 16;

bool IsWildcard(const SocketAddress& address) {
  return address.ip() == "::" || address.ip() == "0.0.0.0";
}

// The watch of an acceptor's descriptor. A connection costs one accept4.
//
// A batch begins with one connection, since that is what most wake-ups bring.
// Only when it has been full for some turns in a row is there a queue, and it
// grows; the first call that finds none cuts it to what came. So an idle
// listener wastes no call, and a busy one is not held to a connection a turn.
// What a batch leaves is told again (no EPOLLET).
class AcceptHandle final : public LoopObject {
 public:
  AcceptHandle(EventLoop& loop, base::ChunkPool& pool,
               const SocketAddress& address, Acceptor::OnAccept on_accept)
      : LoopObject(loop.poller()),
        loop_(loop),
        pool_(pool),
        kind_(address.family == SocketAddress::Family::kUnix
                  ? SocketStream::Kind::kUnix
                  : SocketStream::Kind::kTcp),
        address_(address),
        on_accept_(std::move(on_accept)) {}

  // Start returns an errno.
  int Start(int descriptor) {
    descriptor_ = descriptor;
    return WatchSocket();
  }

  const char* kind() const override { return "acceptor"; }

 private:
  enum class Outcome { kAccepted, kNone, kFailed };

  ~AcceptHandle() override = default;

  void OnClose() override {
    timer_ = nullptr;
    // The socket may live on in another acceptor, by a duplicate.
    Unwatch(descriptor_);
  }

  // All workers watch the same unix socket, and one of them is enough. A TCP
  // socket is a worker's own.
  int WatchSocket() {
    const bool is_shared = kind_ == SocketStream::Kind::kUnix;
    return Watch(descriptor_, is_shared ? EPOLLIN | EPOLLEXCLUSIVE : EPOLLIN);
  }

  void OnReady(uint32_t) override {
    int accepted = 0;
    while (accepted < batch_) {
      if (AcceptOne() != Outcome::kAccepted) {
        batch_ = std::max(accepted, 1);
        full_turns_ = 0;
        return;
      }
      ++accepted;
      if (is_closed()) return;
    }
    if (++full_turns_ > kFullTurnsMax) batch_ = std::min(batch_ * 2, kBatchMax);
  }

  Outcome AcceptOne() {
    RawAddress remote;
    Descriptor accepted(accept4(descriptor_, remote.get(), &remote.size,
                                SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!accepted.is_open()) {
      if (errno == EAGAIN) return Outcome::kNone;
      // accept(2): these are failures of the connection, not of the listener.
      if (errno == ECONNABORTED || errno == EINTR || errno == EPROTO ||
          errno == EPERM) {
        return Outcome::kNone;
      }
      Pause(errno);
      return Outcome::kFailed;
    }
    has_told_of_pause_ = false;
    auto* stream = SocketStream::Create(loop_, pool_, kind_);
    if (const int error = stream->Open(accepted.get()); error != 0) {
      stream->Close();
      Pause(error);
      return Outcome::kFailed;
    }
    accepted.Release();
    stream->set_remote_address(FromRaw(remote));
    if (!IsWildcard(address_)) stream->set_local_address(address_);
    on_accept_(std::make_unique<SocketTransport>(stream));
    return Outcome::kAccepted;
  }

  // The descriptor stays readable, so watching it would spin.
  void Pause(int error) {
    if (!std::exchange(has_told_of_pause_, true)) {
      base::Log(base::Severity::kWarning, "accepting pauses",
                {{"address", address_.ToString()},
                 {"because", DescribeErrno(error)}});
    }
    Unwatch(descriptor_);
    GoOnLater();
  }

  void GoOnLater() {
    timer_ = loop_.After(kShortagePause, [this] {
      if (WatchSocket() != 0) GoOnLater();
    });
  }

  EventLoop& loop_;
  base::ChunkPool& pool_;
  const SocketStream::Kind kind_;
  const SocketAddress address_;
  // Here, and not in the acceptor, because it may destroy the acceptor.
  Acceptor::OnAccept on_accept_;
  int descriptor_ = -1;
  int batch_ = 1;
  int full_turns_ = 0;
  bool has_told_of_pause_ = false;
  std::unique_ptr<Timer> timer_;
};

class LoopAcceptor : public Acceptor {
 public:
  LoopAcceptor(std::unique_ptr<BoundSocket> socket, AcceptHandle* handle)
      : socket_(std::move(socket)), handle_(handle) {}
  // The socket closes after its watch.
  ~LoopAcceptor() override { handle_->Close(); }

 private:
  const std::unique_ptr<BoundSocket> socket_;
  AcceptHandle* const handle_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Acceptor>> Acceptor::Create(
    EventLoop& loop, base::ChunkPool& pool, std::unique_ptr<BoundSocket> socket,
    OnAccept on_accept) {
  auto* handle =
      new AcceptHandle(loop, pool, socket->address(), std::move(on_accept));
  if (const int error = handle->Start(socket->descriptor()); error != 0) {
    handle->Close();
    return MakeError(
        IsShortage(error) ? Reason::kDescriptorsExhausted : Reason::kInternal,
        absl::StrCat("cannot accept on ", socket->address().ToString(), ": ",
                     DescribeErrno(error)),
        {{"address", socket->address().ToString()}});
  }
  return std::make_unique<LoopAcceptor>(std::move(socket), handle);
}

}  // namespace tlsd::net
