#include "server/net/resolver.h"

#include <netdb.h>
#include <uv.h>

#include <cstddef>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"

namespace tlsd::net {
namespace {

absl::Status NotResolved(const std::string& host, int error) {
  return MakeError(Reason::kNameNotResolved,
                   absl::StrCat(QuoteForMessage(host),
                                " has no address: ", uv_strerror(error), " (",
                                uv_err_name(error), ")"),
                   {{"host", host}});
}

std::vector<RawAddress> CopyAddresses(const addrinfo* found) {
  std::vector<RawAddress> addresses;
  for (; found != nullptr; found = found->ai_next) {
    RawAddress address;
    address.size = found->ai_addrlen;
    std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
    addresses.push_back(address);
  }
  return addresses;
}

class LoopResolution : public Resolution {
 public:
  LoopResolution(EventLoop& loop, const std::string& host, uint16_t port,
                 OnDone on_done)
      : host_(host), on_done_(std::move(on_done)), look_up_(new LookUp) {
    look_up_->owner = this;
    addrinfo hints = {};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    const int error =
        uv_getaddrinfo(loop.uv(), &look_up_->request, OnAnswer, host.c_str(),
                       std::to_string(port).c_str(), &hints);
    if (error != 0) {
      delete std::exchange(look_up_, nullptr);
      failure_ = loop.After(absl::ZeroDuration(),
                            [this, error] { Finish(error, {}); });
    }
  }

  ~LoopResolution() override {
    if (look_up_ == nullptr) return;
    look_up_->owner = nullptr;
    // Succeeds only while no thread has begun with it.
    uv_cancel(reinterpret_cast<uv_req_t*>(&look_up_->request));
  }

 private:
  // It lives until libuv has called back, which it does in any case.
  struct LookUp {
    uv_getaddrinfo_t request;
    LoopResolution* owner;
  };

  static void OnAnswer(uv_getaddrinfo_t* request, int error, addrinfo* found) {
    const std::unique_ptr<LookUp> look_up(reinterpret_cast<LookUp*>(request));
    const std::vector<RawAddress> addresses = CopyAddresses(found);
    uv_freeaddrinfo(found);
    if (look_up->owner != nullptr) look_up->owner->Finish(error, addresses);
  }

  void Finish(int error, const std::vector<RawAddress>& addresses) {
    look_up_ = nullptr;
    OnDone on_done = std::move(on_done_);
    if (error == 0 && addresses.empty()) error = UV_EAI_NODATA;
    if (error != 0) {
      std::move(on_done)(NotResolved(host_, error));
    } else {
      std::move(on_done)(addresses);
    }
  }

  const std::string host_;
  OnDone on_done_;
  // Null once it has called back.
  LookUp* look_up_;
  std::unique_ptr<Timer> failure_;
};

}  // namespace

std::unique_ptr<Resolution> Resolution::Start(EventLoop& loop,
                                              const std::string& host,
                                              uint16_t port, OnDone on_done) {
  return std::make_unique<LoopResolution>(loop, host, port, std::move(on_done));
}

std::vector<RawAddress> Interleave(absl::Span<const RawAddress> addresses) {
  std::vector<RawAddress> preferred;
  std::vector<RawAddress> others;
  for (const RawAddress& address : addresses) {
    const bool is_preferred = address.family() == addresses.front().family();
    (is_preferred ? preferred : others).push_back(address);
  }
  std::vector<RawAddress> result;
  for (size_t i = 0; i < addresses.size(); ++i) {
    if (i < preferred.size()) result.push_back(preferred[i]);
    if (i < others.size()) result.push_back(others[i]);
  }
  return result;
}

}  // namespace tlsd::net
