#include "server/net/dialer.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/net/dial_addresses.h"
#include "server/net/raw_address.h"
#include "server/net/resolver.h"

namespace tlsd::net {
namespace {

class LoopDial : public Dial {
 public:
  LoopDial(EventLoop& loop, base::ChunkPool& pool, const Endpoint& endpoint,
           const DialOptions& options, OnDone on_done)
      : loop_(loop),
        pool_(pool),
        endpoint_(endpoint.ToString()),
        options_(options),
        on_done_(std::move(on_done)),
        deadline_(loop.After(options.timeout, [this] { TimeOut(); })) {
    if (endpoint.is_unix()) {
      Connect({RawFromPath(endpoint.path)});
    } else if (const std::optional<RawAddress> address =
                   RawFromIp(endpoint.host, endpoint.port)) {
      Connect({*address});
    } else {
      Resolve(endpoint);
    }
  }

 private:
  void Resolve(const Endpoint& endpoint) {
    resolution_ = Resolution::Start(
        loop_, endpoint.host, endpoint.port,
        [this](absl::StatusOr<std::vector<RawAddress>> addresses) {
          resolution_ = nullptr;
          if (addresses.ok()) {
            Connect(Interleave(*addresses));
          } else {
            Finish(std::move(addresses).status());
          }
        });
  }

  void Connect(std::vector<RawAddress> addresses) {
    connecting_ = AddressDial::Start(
        loop_, pool_, endpoint_, std::move(addresses), options_,
        [this](absl::StatusOr<std::unique_ptr<Transport>> transport) {
          Finish(std::move(transport));
        });
  }

  void TimeOut() {
    const std::string progress = connecting_ == nullptr
                                     ? "the name is not resolved yet"
                                     : connecting_->Progress();
    Finish(MakeError(
        Reason::kConnectTimeout,
        absl::StrCat("cannot connect to ", QuoteForMessage(endpoint_), " in ",
                     absl::FormatDuration(options_.timeout), ": ", progress),
        {{"endpoint", endpoint_},
         {"timeout", absl::FormatDuration(options_.timeout)},
         {"attempts", progress}}));
  }

  void Finish(absl::StatusOr<std::unique_ptr<Transport>> result) {
    resolution_ = nullptr;
    connecting_ = nullptr;
    deadline_ = nullptr;
    OnDone on_done = std::move(on_done_);
    std::move(on_done)(std::move(result));
  }

  EventLoop& loop_;
  base::ChunkPool& pool_;
  const std::string endpoint_;
  const DialOptions options_;
  OnDone on_done_;
  std::unique_ptr<Timer> deadline_;
  // At most one of the two.
  std::unique_ptr<Resolution> resolution_;
  std::unique_ptr<AddressDial> connecting_;
};

}  // namespace

std::unique_ptr<Dial> Dial::Start(EventLoop& loop, base::ChunkPool& pool,
                                  const Endpoint& endpoint,
                                  const DialOptions& options, OnDone on_done) {
  return std::make_unique<LoopDial>(loop, pool, endpoint, options,
                                    std::move(on_done));
}

}  // namespace tlsd::net
