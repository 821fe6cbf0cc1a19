#include "server/net/dial_addresses.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <uv.h>

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
#include "server/net/socket_stream.h"
#include "server/net/socket_transport.h"

namespace tlsd::net {
namespace {

class LoopAddressDial;

// One address that is being tried. It lives until libuv has called back, which
// it does in any case.
struct Attempt {
  uv_connect_t request;
  SocketStream* stream;
  // Null once nobody waits for it.
  LoopAddressDial* dial;
  SocketAddress address;
};

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
  return RawFromIp(is_mapped ? absl::StrCat("::ffff:", local.ip) : local.ip,
                   local.port);
}

// BindTo puts a socket that is bound to `local` into `stream`, or returns the
// errno. uv_tcp_bind would keep some failures back until it connects.
int BindTo(const RawAddress& local, uint16_t port, SocketStream& stream) {
  Descriptor socket(
      ::socket(local.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.is_open()) return errno;
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
  if (bind(socket.get(), local.get(), local.size) != 0) return errno;
  if (const int error = stream.Open(socket.get()); error != 0) return error;
  socket.Release();
  return 0;
}

std::optional<Failure> UseLocalAddress(const RawAddress& remote,
                                       const SocketAddress& local,
                                       SocketStream& stream) {
  const std::optional<RawAddress> raw = RawFrom(local, remote);
  if (!raw.has_value()) {
    return Failure{EAFNOSUPPORT,
                   absl::StrCat("not tried, because the local address ",
                                local.ToString(), " is of another family")};
  }
  if (const int error = BindTo(*raw, local.port, stream); error != 0) {
    return Failure{
        error, absl::StrCat("cannot use the local address ", local.ToString(),
                            ": ", DescribeErrno(error))};
  }
  return std::nullopt;
}

class LoopAddressDial : public AddressDial {
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
    for (Attempt* attempt : attempts_) Abandon(attempt);
  }

  std::string Progress() const override {
    std::vector<std::string> parts = failures_;
    for (const Attempt* attempt : attempts_) {
      parts.push_back(absl::StrCat(attempt->address.ToString(), ": no answer"));
    }
    return absl::StrJoin(parts, "; ");
  }

 private:
  static void Abandon(Attempt* attempt) {
    attempt->dial = nullptr;
    attempt->stream->Close();
  }

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
    const bool is_unix = address.family() == AF_UNIX;
    auto attempt = std::make_unique<Attempt>();
    attempt->stream = SocketStream::Create(
        loop_, pool_,
        is_unix ? SocketStream::Kind::kUnix : SocketStream::Kind::kTcp);
    attempt->dial = this;
    attempt->address = FromRaw(address);
    std::optional<Failure> failure;
    if (options_.local_address.family != SocketAddress::Family::kNone) {
      failure =
          UseLocalAddress(address, options_.local_address, *attempt->stream);
    }
    if (failure.has_value()) {
      attempt->stream->Close();
      return failure;
    }
    int error = 0;
    if (is_unix) {
      uv_pipe_connect(&attempt->request, attempt->stream->pipe(),
                      attempt->address.path.c_str(), OnConnect);
    } else {
      error = uv_tcp_connect(&attempt->request, attempt->stream->tcp(),
                             address.get(), OnConnect);
    }
    if (error != 0) {
      attempt->stream->Close();
      return FailureOf(-error);
    }
    attempts_.push_back(attempt.release());
    return std::nullopt;
  }

  static void OnConnect(uv_connect_t* request, int status) {
    const std::unique_ptr<Attempt> attempt(reinterpret_cast<Attempt*>(request));
    if (attempt->dial != nullptr) attempt->dial->OnOutcome(*attempt, -status);
  }

  void OnOutcome(Attempt& attempt, int error) {
    attempts_.erase(std::find(attempts_.begin(), attempts_.end(), &attempt));
    if (error == 0) {
      Succeed(attempt);
      return;
    }
    attempt.stream->Close();
    AddFailure(attempt.address, FailureOf(error));
    // RFC 8305 5: the next attempt does not wait for the stagger.
    TryNext();
  }

  void Succeed(Attempt& attempt) {
    for (Attempt* other : std::exchange(attempts_, {})) Abandon(other);
    timer_ = nullptr;
    if (attempt.address.family != SocketAddress::Family::kUnix) {
      uv_tcp_nodelay(attempt.stream->tcp(), 1);
      attempt.stream->SetOptions(options_.socket);
    }
    attempt.stream->set_remote_address(attempt.address);
    OnDone on_done = std::move(on_done_);
    std::move(on_done)(std::make_unique<SocketTransport>(attempt.stream));
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
