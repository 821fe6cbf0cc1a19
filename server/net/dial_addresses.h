// The part of dialing that begins when addresses are known (RFC 8305 5).
//
// It is internal to server/net, and apart so that tests can offer addresses
// that no name has. It belongs to the loop's thread.
#ifndef TLSD_SERVER_NET_DIAL_ADDRESSES_H_
#define TLSD_SERVER_NET_DIAL_ADDRESSES_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/chunk_pool.h"
#include "server/net/dialer.h"
#include "server/net/event_loop.h"
#include "server/net/raw_address.h"
#include "server/net/transport.h"

namespace tlsd::net {

class AddressDial {
 public:
  // Called once, from the loop. It may destroy the AddressDial.
  using OnDone =
      absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<Transport>>) &&>;

  // How long an attempt has before the next one begins beside it.
  static constexpr absl::Duration kStagger = absl::Milliseconds(250);

  // Start tries `addresses`, of which there is at least one, in their order, as
  // `options` says; their timeout is the caller's affair. `endpoint` is what
  // the caller wrote, for errors.
  static std::unique_ptr<AddressDial> Start(EventLoop& loop,
                                            base::ChunkPool& pool,
                                            std::string endpoint,
                                            std::vector<RawAddress> addresses,
                                            const DialOptions& options,
                                            OnDone on_done);

  // Destroying it ends all attempts; then `on_done` is not called.
  virtual ~AddressDial() = default;

  // Progress tells what has become of each address so far.
  virtual std::string Progress() const = 0;
};

}  // namespace tlsd::net

#endif  // TLSD_SERVER_NET_DIAL_ADDRESSES_H_
