// What a context says of the key exchange: groups, and Diffie-Hellman
// parameters, which BoringSSL has no use for.
//
// Pure functions; any thread may call them.
#ifndef TLSD_SERVER_TLS_KEY_EXCHANGE_H_
#define TLSD_SERVER_TLS_KEY_EXCHANGE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tlsd::tls {

// SupportedGroups returns the names of all groups that can be used.
std::vector<std::string> SupportedGroups();

// ParseGroups returns `groups`, names of NIST, IANA or OpenSSL, alone or joined
// by ':', as SSL_CTX_set1_groups_list takes them; none and "auto" mean the
// default of policy.h. It fails with GROUP_UNSUPPORTED, naming "groups[i]".
absl::StatusOr<std::string> ParseGroups(const std::vector<std::string>& groups);

// CheckDhParams looks at Diffie-Hellman parameters in PEM, or "auto", and
// returns what should be said of them; nothing if `pem` is empty. It fails with
// DH_PARAMS_TOO_SMALL, naming "dh_params", below 1024 bits.
absl::StatusOr<std::optional<std::string>> CheckDhParams(absl::string_view pem);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_KEY_EXCHANGE_H_
