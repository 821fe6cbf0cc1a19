// RawAddress is a socket's address as the kernel has it, and its translation to
// and from SocketAddress.
//
// Plain data and pure functions, except where a descriptor is asked; any thread
// may use them.
#ifndef TLSD_SERVER_NET_RAW_ADDRESS_H_
#define TLSD_SERVER_NET_RAW_ADDRESS_H_

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "server/net/socket_address.h"

namespace tlsd::net {

struct RawAddress {
  sockaddr_storage storage = {};
  socklen_t size = sizeof(storage);

  const sockaddr* get() const {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
};

// The longest path that fits into a unix address, which ends with a NUL.
inline constexpr size_t kUnixPathBytesMax = 107;

// RawFromIp returns the address of `ip`, an address in text form without a
// zone; none if it is anything else.
std::optional<RawAddress> RawFromIp(absl::string_view ip, uint16_t port);

// RawFromPath returns the address of a unix socket. `path` has at most
// kUnixPathBytesMax bytes.
RawAddress RawFromPath(absl::string_view path);

// FromRaw returns what `raw` means to people.
SocketAddress FromRaw(const RawAddress& raw);

// LocalAddressOf asks the kernel for the address of the own end of a socket.
SocketAddress LocalAddressOf(int descriptor);

}  // namespace tlsd::net

#endif  // TLSD_SERVER_NET_RAW_ADDRESS_H_
