// Resolution is the look-up of a host name, in both families, with the system's
// getaddrinfo in a thread of BlockingCalls.
//
// It is internal to server/net, and belongs to the loop's thread.
#ifndef TLSD_SERVER_NET_RESOLVER_H_
#define TLSD_SERVER_NET_RESOLVER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/net/event_loop.h"
#include "server/net/raw_address.h"

namespace tlsd::net {

class Resolution {
 public:
  // Called once, from the loop, with one address or more in the order in which
  // the system prefers them (RFC 6724), or with NAME_NOT_RESOLVED. It may
  // destroy the Resolution.
  using OnDone =
      absl::AnyInvocable<void(absl::StatusOr<std::vector<RawAddress>>) &&>;

  // Start begins to look up `host`.
  static std::unique_ptr<Resolution> Start(EventLoop& loop,
                                           const std::string& host,
                                           uint16_t port, OnDone on_done);

  // Destroying it drops the answer; then `on_done` is not called.
  virtual ~Resolution() = default;
};

// Interleave puts `addresses` into the order in which to try them: the families
// in turn, beginning with that of the first (RFC 8305 4).
std::vector<RawAddress> Interleave(absl::Span<const RawAddress> addresses);

}  // namespace tlsd::net

#endif  // TLSD_SERVER_NET_RESOLVER_H_
