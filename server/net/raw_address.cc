#include "server/net/raw_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace tlsd::net {
namespace {

// Copies in and out, so that no object is looked at as one of another type.
template <typename Address>
Address ViewAs(const RawAddress& raw) {
  static_assert(sizeof(Address) <= sizeof(raw.storage));
  Address address;
  std::memcpy(&address, &raw.storage, sizeof(address));
  return address;
}

template <typename Address>
RawAddress MakeRaw(const Address& address) {
  RawAddress raw;
  std::memcpy(&raw.storage, &address, sizeof(address));
  raw.size = sizeof(address);
  return raw;
}

std::string IpText(int family, const void* bytes) {
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(family, bytes, text, sizeof(text)) == nullptr ? "" : text;
}

SocketAddress FromIpv4(const in_addr& ip, in_port_t port) {
  return {SocketAddress::Family::kIpv4, ntohs(port), IpText(AF_INET, &ip)};
}

SocketAddress FromIpv6(const sockaddr_in6& raw) {
  if (IN6_IS_ADDR_V4MAPPED(&raw.sin6_addr)) {
    in_addr ip;
    std::memcpy(&ip, &raw.sin6_addr.s6_addr[12], sizeof(ip));
    return FromIpv4(ip, raw.sin6_port);
  }
  std::string text = IpText(AF_INET6, &raw.sin6_addr);
  if (raw.sin6_scope_id != 0) absl::StrAppend(&text, "%", raw.sin6_scope_id);
  return {SocketAddress::Family::kIpv6, ntohs(raw.sin6_port), std::move(text)};
}

SocketAddress FromUnix(const RawAddress& raw) {
  const sockaddr_un address = ViewAs<sockaddr_un>(raw);
  SocketAddress result;
  result.family = SocketAddress::Family::kUnix;
  constexpr size_t kPathOffset = offsetof(sockaddr_un, sun_path);
  if (raw.size <= kPathOffset) return result;
  const size_t size = raw.size - kPathOffset;
  if (address.sun_path[0] == '\0') {
    // The abstract name space, written as ss(8) does.
    result.text =
        absl::StrCat("@", absl::string_view(address.sun_path + 1, size - 1));
  } else {
    result.text.assign(address.sun_path, strnlen(address.sun_path, size));
  }
  return result;
}

}  // namespace

std::optional<RawAddress> RawFromIp(absl::string_view ip, uint16_t port) {
  const std::string text(ip);
  // What follows a NUL is not seen by inet_pton.
  if (text.find('\0') != std::string::npos) return std::nullopt;
  sockaddr_in ipv4 = {};
  if (inet_pton(AF_INET, text.c_str(), &ipv4.sin_addr) == 1) {
    ipv4.sin_family = AF_INET;
    ipv4.sin_port = htons(port);
    return MakeRaw(ipv4);
  }
  sockaddr_in6 ipv6 = {};
  if (inet_pton(AF_INET6, text.c_str(), &ipv6.sin6_addr) == 1) {
    ipv6.sin6_family = AF_INET6;
    ipv6.sin6_port = htons(port);
    return MakeRaw(ipv6);
  }
  return std::nullopt;
}

RawAddress RawFromPath(absl::string_view path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, kUnixPathBytesMax);
  return MakeRaw(address);
}

SocketAddress FromRaw(const RawAddress& raw) {
  switch (raw.family()) {
    case AF_INET: {
      const auto ipv4 = ViewAs<sockaddr_in>(raw);
      return FromIpv4(ipv4.sin_addr, ipv4.sin_port);
    }
    case AF_INET6:
      return FromIpv6(ViewAs<sockaddr_in6>(raw));
    case AF_UNIX:
      return FromUnix(raw);
    default:
      return {};
  }
}

SocketAddress LocalAddressOf(int descriptor) {
  RawAddress raw;
  if (getsockname(descriptor, raw.get(), &raw.size) != 0) return {};
  return FromRaw(raw);
}

}  // namespace tlsd::net
