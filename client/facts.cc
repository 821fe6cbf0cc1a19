#include "client/facts.h"

#include "absl/strings/str_cat.h"

namespace tlsd::client {

std::string ToString(const SocketAddress& address) {
  if (address.family == "unix") return absl::StrCat("unix:", address.path);
  if (address.family == "IPv6") {
    return absl::StrCat("[", address.address, "]:", address.port);
  }
  if (address.family.empty()) return "";
  return absl::StrCat(address.address, ":", address.port);
}

}  // namespace tlsd::client
