// SocketAddress is one end of a socket, and Endpoint what a caller asks for.
// Both are plain data; any thread may use them.
#ifndef TLSD_SERVER_NET_SOCKET_ADDRESS_H_
#define TLSD_SERVER_NET_SOCKET_ADDRESS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tlsd::net {

// The address of one end of a socket.
struct SocketAddress {
  enum class Family : uint8_t { kNone, kIpv4, kIpv6, kUnix };

  Family family = Family::kNone;
  uint16_t port = 0;
  // What `ip` or `path` returns: a connection has many addresses.
  std::string text;

  // ip returns the IP address in text form, IPv4-mapped IPv6 addresses as IPv4;
  // empty for other families.
  absl::string_view ip() const {
    return family == Family::kUnix ? absl::string_view() : text;
  }
  // path returns the path of a unix socket; empty if that end has no name, and
  // for other families.
  absl::string_view path() const {
    return family == Family::kUnix ? text : absl::string_view();
  }

  // ToString returns "127.0.0.1:80", "[::1]:80" or "unix:/path".
  std::string ToString() const;

  friend bool operator==(const SocketAddress&, const SocketAddress&) = default;
};

// Endpoint is an address as callers write it, not resolved yet.
struct Endpoint {
  // A DNS name or an IP address without brackets; empty in ":8443", which means
  // every interface. Unused if `path` is set.
  std::string host;
  uint16_t port = 0;
  // The path of a unix socket.
  std::string path;

  bool is_unix() const { return !path.empty(); }
  // ToString returns the form that ParseEndpoint reads.
  std::string ToString() const;
};

// ParseEndpoint reads "host:port", "[::1]:port", ":port" or "unix:/path". It
// fails with ADDRESS_INVALID, naming `field`, for anything else: no port, a
// port above 65535, an IPv6 address without brackets, a path that is relative
// or longer than 107 bytes.
absl::StatusOr<Endpoint> ParseEndpoint(absl::string_view field,
                                       absl::string_view text);

// ParseIpEndpoint reads an IP address with or without a port: "192.0.2.1",
// "192.0.2.1:80", "::1" or "[::1]:80". Without a port it is 0. It fails with
// ADDRESS_INVALID, naming `field`.
absl::StatusOr<SocketAddress> ParseIpEndpoint(absl::string_view field,
                                              absl::string_view text);

// IsIpAddress reports whether `host` is an IPv4 or IPv6 address in text form.
bool IsIpAddress(absl::string_view host);

}  // namespace tlsd::net

#endif  // TLSD_SERVER_NET_SOCKET_ADDRESS_H_
