#include "server/net/dial_addresses.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "proto/status/error.h"
#include "server/net/descriptor.h"
#include "server/net/os_error.h"
#include "server/net/poller.h"
#include "server/net/socket_stream.h"
#include "server/net/socket_transport.h"

namespace tlsd::net {
namespace {

// Of several failures, the one that tells most: somebody answered; the host is
// silent; anything else.
Reason ReasonOf(const std::vector<int>& errors) {
  const auto has = [&errors](int wanted) {
    return std::find(errors.begin(), errors.end(), wanted) != errors.end();
  };
  if (std::any_of(errors.begin(), errors.end(), IsShortage)) {
    return Reason::kDescriptorsExhausted;
  }
  if (has(ECONNREFUSED)) return Reason::kConnectRefused;
  if (has(ETIMEDOUT)) return Reason::kConnectTimeout;
  return Reason::kConnectFailed;
}

// Why an address could not be tried, or did not connect.
struct Failure {
  int error = 0;
  std::string text;
};

Failure FailureOf(int error) { return {error, DescribeErrno(error)}; }

// RawFrom returns `local` for a socket that shall connect to `remote`; none if
// it is of another family. An IPv6 socket reaches IPv4-mapped addresses from
// such a one.
std::optional<RawAddress> RawFrom(const SocketAddress& local,
                                  const RawAddress& remote) {
  if (FromRaw(remote).family != local.family) return std::nullopt;
  const bool is_mapped = remote.family() == AF_INET6 &&
                         local.family == SocketAddress::Family::kIpv4;
  return RawFromIp(is_mapped ? absl::StrCat("::ffff:", local.text) : local.text,
                   local.port);
}

// BindTo binds `socket` to `local`, or returns the errno.
int BindTo(const Descriptor& socket, const RawAddress& local, uint16_t port) {
  const int on = 1;
  if (port == 0) {
    // ip(7): the port is chosen when the peer is known, so that connections to
    // different peers may share one.
    setsockopt(socket.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
               sizeof(on));
  } else {
    // For attempts side by side, and for one soon after another has ended.
    setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  }
  return bind(socket.get(), local.get(), local.size) == 0 ? 0 : errno;
}

std::optional<Failure> UseLocalAddress(const Descriptor& socket,
                                       const RawAddress& remote,
                                       const SocketAddress& local) {
  if (local.family == SocketAddress::Family::kNone) return std::nullopt;
  const std::optional<RawAddress> raw = RawFrom(local, remote);
  if (!raw.has_value()) {
    return Failure{EAFNOSUPPORT,
                   absl::StrCat("not tried, because the local address ",
                                local.ToString(), " is of another family")};
  }
  if (const int error = BindTo(socket, *raw, local.port); error != 0) {
    return Failure{
        error, absl::StrCat("cannot use the local address ", local.ToString(),
                            ": ", DescribeErrno(error))};
  }
  return std::nullopt;
}

// One address that is being tried. It belongs to its owner.
class Attempt final : public LoopObject {
 public:
  // The dial that waits for it.
  class Owner {
   public:
    virtual ~Owner() = default;
    // Called once; `error` is an errno, or 0 for a connection.
    virtual void OnOutcome(Attempt& attempt, int error) = 0;
  };

  Attempt(EventLoop& loop, Owner& owner, const RawAddress& address)
      : LoopObject(loop.poller()), owner_(owner), address_(FromRaw(address)) {}
  ~Attempt() override = default;

  // Start begins to connect `socket`, and returns an errno.
  int Start(Descriptor socket, const RawAddress& address) {
    socket_ = std::move(socket);
    if (connect(socket_.get(), address.get(), address.size) == 0) {
      // A unix socket is connected at once; whoever waits is told later.
      AskForTurn();
      return Watch(socket_.get(), SocketStream::kEvents);
    }
    if (errno != EINPROGRESS && errno != EINTR) return errno;
    return Watch(socket_.get(), SocketStream::kEvents | EPOLLOUT);
  }

  // TakeStream returns the connection, when there is one.
  SocketStream* TakeStream(EventLoop& loop, base::ChunkPool& pool) {
    auto* const stream = SocketStream::Create(
        loop, pool,
        is_unix() ? SocketStream::Kind::kUnix : SocketStream::Kind::kTcp);
    stream->Adopt(std::move(socket_), *this, events_);
    stream->set_remote_address(address_);
    return stream;
  }

  const SocketAddress& address() const { return address_; }
  bool is_unix() const {
    return address_.family == SocketAddress::Family::kUnix;
  }
  const char* kind() const override { return "dial"; }

 private:
  void OnTurn() override { owner_.OnOutcome(*this, 0); }

  // A socket that is not connected can be written to only when it has failed,
  // and then the kernel says that it has hung up.
  void OnReady(uint32_t events) override {
    events_ |= events;
    // It is connected.
    if (has_asked()) return;
    int error = 0;
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
      socklen_t size = sizeof(error);
      if (getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        error = errno;
      }
    } else if ((events & EPOLLOUT) == 0) {
      return;
    }
    owner_.OnOutcome(*this, error);
  }

  void OnClose() override { socket_ = Descriptor(); }

  Owner& owner_;
  const SocketAddress address_;
  Descriptor socket_;
  uint32_t events_ = 0;
};

class LoopAddressDial : public AddressDial, private Attempt::Owner {
 public:
  LoopAddressDial(EventLoop& loop, base::ChunkPool& pool, std::string endpoint,
                  std::vector<RawAddress> addresses, const DialOptions& options,
                  OnDone on_done)
      : loop_(loop),
        pool_(pool),
        endpoint_(std::move(endpoint)),
        addresses_(std::move(addresses)),
        options_(options),
        on_done_(std::move(on_done)) {
    TryNext();
  }

  ~LoopAddressDial() override {
    for (Attempt* attempt : attempts_) attempt->Close();
  }

  std::string Progress() const override {
    std::vector<std::string> parts = failures_;
    for (const Attempt* attempt : attempts_) {
      parts.push_back(
          absl::StrCat(attempt->address().ToString(), ": no answer"));
    }
    return absl::StrJoin(parts, "; ");
  }

 private:
  // Failures at once are handled in a loop, so that a long list of addresses
  // does not recurse.
  void TryNext() {
    timer_ = nullptr;
    while (next_ < addresses_.size()) {
      const RawAddress& address = addresses_[next_++];
      const std::optional<Failure> failure = Try(address);
      if (!failure.has_value()) break;
      AddFailure(FromRaw(address), *failure);
    }
    if (next_ < addresses_.size()) {
      timer_ = loop_.After(kStagger, [this] { TryNext(); });
    } else if (attempts_.empty()) {
      timer_ = loop_.After(absl::ZeroDuration(), [this] { Fail(); });
    }
  }

  std::optional<Failure> Try(const RawAddress& address) {
    Descriptor socket(::socket(address.family(),
                               SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket.is_open()) return FailureOf(errno);
    std::optional<Failure> failure =
        UseLocalAddress(socket, address, options_.local_address);
    if (failure.has_value()) return failure;
    Attempt::Owner& self = *this;
    // The loop frees it.
    auto* const attempt =
        std::make_unique<Attempt>(loop_, self, address).release();
    if (const int error = attempt->Start(std::move(socket), address);
        error != 0) {
      attempt->Close();
      return FailureOf(error);
    }
    attempts_.push_back(attempt);
    return std::nullopt;
  }

  void OnOutcome(Attempt& attempt, int error) override {
    attempts_.erase(std::find(attempts_.begin(), attempts_.end(), &attempt));
    if (error == 0) {
      Succeed(attempt);
      return;
    }
    AddFailure(attempt.address(), FailureOf(error));
    attempt.Close();
    // RFC 8305 5: the next attempt does not wait for the stagger.
    TryNext();
  }

  void Succeed(Attempt& attempt) {
    for (Attempt* other : std::exchange(attempts_, {})) other->Close();
    timer_ = nullptr;
    SocketStream* const stream = attempt.TakeStream(loop_, pool_);
    attempt.Close();
    stream->SetOptions(options_.socket);
    OnDone on_done = std::move(on_done_);
    std::move(on_done)(std::make_unique<SocketTransport>(stream));
  }

  void AddFailure(const SocketAddress& address, const Failure& failure) {
    errors_.push_back(failure.error);
    failures_.push_back(absl::StrCat(address.ToString(), ": ", failure.text));
  }

  void Fail() {
    OnDone on_done = std::move(on_done_);
    std::move(on_done)(
        MakeError(ReasonOf(errors_),
                  absl::StrCat("cannot connect to ", QuoteForMessage(endpoint_),
                               ": ", Progress()),
                  {{"endpoint", endpoint_}, {"attempts", Progress()}}));
  }

  EventLoop& loop_;
  base::ChunkPool& pool_;
  const std::string endpoint_;
  const std::vector<RawAddress> addresses_;
  const DialOptions options_;
  OnDone on_done_;
  size_t next_ = 0;
  std::vector<Attempt*> attempts_;
  // One for each address that has failed.
  std::vector<int> errors_;
  std::vector<std::string> failures_;
  std::unique_ptr<Timer> timer_;
};

}  // namespace

std::unique_ptr<AddressDial> AddressDial::Start(
    EventLoop& loop, base::ChunkPool& pool, std::string endpoint,
    std::vector<RawAddress> addresses, const DialOptions& options,
    OnDone on_done) {
  return std::make_unique<LoopAddressDial>(loop, pool, std::move(endpoint),
                                           std::move(addresses), options,
                                           std::move(on_done));
}

}  // namespace tlsd::net
