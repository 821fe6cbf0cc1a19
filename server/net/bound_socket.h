// The part of BoundSocket::Bind that begins when addresses are known.
//
// It is internal to server/net, and apart so that tests can offer addresses
// that this host does not have. Any thread may call it.
#ifndef TLSD_SERVER_NET_BOUND_SOCKET_H_
#define TLSD_SERVER_NET_BOUND_SOCKET_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/net/acceptor.h"
#include "server/net/raw_address.h"

namespace tlsd::net {

// BindFirst makes `count` sockets that listen on the first of `candidates`
// whose family the host has; there is at least one. Errors name `field`.
absl::StatusOr<std::vector<std::unique_ptr<BoundSocket>>> BindFirst(
    absl::string_view field, absl::Span<const RawAddress> candidates, int count,
    const BindOptions& options = {});

}  // namespace tlsd::net

#endif  // TLSD_SERVER_NET_BOUND_SOCKET_H_
