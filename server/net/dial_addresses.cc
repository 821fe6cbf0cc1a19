#include "server/net/dial_addresses.h"

#include <uv.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "proto/status/error.h"
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

class LoopAddressDial : public AddressDial {
 public:
  LoopAddressDial(EventLoop& loop, base::ChunkPool& pool, std::string endpoint,
                  std::vector<RawAddress> addresses, OnDone on_done)
      : loop_(loop),
        pool_(pool),
        endpoint_(std::move(endpoint)),
        addresses_(std::move(addresses)),
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
      const int error = Try(address);
      if (error == 0) break;
      AddFailure(FromRaw(address), error);
    }
    if (next_ < addresses_.size()) {
      timer_ = loop_.After(kStagger, [this] { TryNext(); });
    } else if (attempts_.empty()) {
      timer_ = loop_.After(absl::ZeroDuration(), [this] { Fail(); });
    }
  }

  int Try(const RawAddress& address) {
    const bool is_unix = address.family() == AF_UNIX;
    auto attempt = std::make_unique<Attempt>();
    attempt->stream = SocketStream::Create(
        loop_, pool_,
        is_unix ? SocketStream::Kind::kUnix : SocketStream::Kind::kTcp);
    attempt->dial = this;
    attempt->address = FromRaw(address);
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
      return -error;
    }
    attempts_.push_back(attempt.release());
    return 0;
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
    AddFailure(attempt.address, error);
    // RFC 8305 5: the next attempt does not wait for the stagger.
    TryNext();
  }

  void Succeed(Attempt& attempt) {
    for (Attempt* other : std::exchange(attempts_, {})) Abandon(other);
    timer_ = nullptr;
    if (attempt.address.family != SocketAddress::Family::kUnix) {
      uv_tcp_nodelay(attempt.stream->tcp(), 1);
    }
    attempt.stream->set_remote_address(attempt.address);
    OnDone on_done = std::move(on_done_);
    std::move(on_done)(std::make_unique<SocketTransport>(attempt.stream));
  }

  void AddFailure(const SocketAddress& address, int error) {
    errors_.push_back(error);
    failures_.push_back(
        absl::StrCat(address.ToString(), ": ", DescribeErrno(error)));
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
    std::vector<RawAddress> addresses, OnDone on_done) {
  return std::make_unique<LoopAddressDial>(loop, pool, std::move(endpoint),
                                           std::move(addresses),
                                           std::move(on_done));
}

}  // namespace tlsd::net
