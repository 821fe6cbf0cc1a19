// Server names: the DNS name or IP address that a client wants its peer to be.
//
// Pure functions; any thread may call them. Nothing is resolved here.
#ifndef TLSD_SERVER_TLS_SERVER_NAME_H_
#define TLSD_SERVER_TLS_SERVER_NAME_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tlsd::tls {

struct ServerName {
  enum class Kind { kDns, kIpAddress };

  Kind kind = Kind::kDns;
  // Lower case; a DNS name has lost its trailing dot, an address its zone.
  std::string text;
};

// ParseServerName fails with SERVER_NAME_INVALID, naming `field`, unless `name`
// is an IPv4 or IPv6 address or a DNS name: at most 253 bytes in labels of 1 to
// 63 letters, digits, '-' and '_', the last of which is no number. A zone
// ("fe80::1%eth0") and one trailing dot are dropped: certificates hold neither.
absl::StatusOr<ServerName> ParseServerName(absl::string_view field,
                                           absl::string_view name);

// DisplayServerName returns `name`, which a peer has sent, as text that is safe
// to show: what is not printable ASCII is escaped.
std::string DisplayServerName(absl::string_view name);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_SERVER_NAME_H_
