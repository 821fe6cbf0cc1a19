#include "server/net/resolver.h"

#include <netdb.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "proto/status/error.h"
#include "server/net/blocking_calls.h"
#include "server/net/os_error.h"

namespace tlsd::net {
namespace {

absl::string_view NameOf(int error) {
  switch (error) {
    case EAI_ADDRFAMILY:
      return "EAI_ADDRFAMILY";
    case EAI_AGAIN:
      return "EAI_AGAIN";
    case EAI_FAIL:
      return "EAI_FAIL";
    case EAI_MEMORY:
      return "EAI_MEMORY";
    case EAI_NODATA:
      return "EAI_NODATA";
    case EAI_NONAME:
      return "EAI_NONAME";
    default:
      return "unknown";
  }
}

absl::Status NotResolved(const std::string& host, const std::string& failure) {
  return MakeError(
      Reason::kNameNotResolved,
      absl::StrCat(QuoteForMessage(host), " has no address: ", failure),
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

// What a look-up has found.
struct Answer {
  std::vector<RawAddress> addresses;
  // Why there is none.
  std::string failure;
};

// LookUp asks the system, blocking.
Answer LookUp(const std::string& host, uint16_t port) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  int error =
      getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error == EAI_SYSTEM) return {{}, DescribeErrno(errno)};
  Answer answer;
  if (error == 0) {
    answer.addresses = CopyAddresses(found);
    freeaddrinfo(found);
    if (!answer.addresses.empty()) return answer;
    error = EAI_NODATA;
  }
  answer.failure = absl::StrCat(gai_strerror(error), " (", NameOf(error), ")");
  return answer;
}

class LoopResolution : public Resolution {
 public:
  LoopResolution(EventLoop& loop, const std::string& host, uint16_t port,
                 OnDone on_done)
      : loop_(loop),
        host_(host),
        on_done_(std::move(on_done)),
        self_(std::make_shared<LoopResolution*>(this)) {
    // The task belongs to the loop, and so does what it finds.
    call_ = loop.blocking_calls().Add(
        [&loop, host, port, self = std::weak_ptr<LoopResolution*>(self_)] {
          loop.Post([self, answer = LookUp(host, port)]() mutable {
            if (const auto resolution = self.lock()) {
              (*resolution)->Finish(std::move(answer));
            }
          });
        });
  }

  ~LoopResolution() override { loop_.blocking_calls().Cancel(call_); }

 private:
  void Finish(Answer answer) {
    OnDone on_done = std::move(on_done_);
    if (answer.addresses.empty()) {
      std::move(on_done)(NotResolved(host_, answer.failure));
    } else {
      std::move(on_done)(std::move(answer.addresses));
    }
  }

  EventLoop& loop_;
  const std::string host_;
  OnDone on_done_;
  // What comes back looks here whether it is still wanted.
  const std::shared_ptr<LoopResolution*> self_;
  uint64_t call_;
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
