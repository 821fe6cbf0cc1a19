// Resource names ("secureContexts/web") and the ids in them.
//
// Everything here is a pure function, except that `RandomId` draws from the
// system's randomness; all may be called from any thread.
#ifndef TLSD_SERVER_BASE_NAMES_H_
#define TLSD_SERVER_BASE_NAMES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tlsd::base {

inline constexpr absl::string_view kSecureContexts = "secureContexts";
inline constexpr absl::string_view kListeners = "listeners";
inline constexpr absl::string_view kConnections = "connections";

// MakeName returns "collection/id".
std::string MakeName(absl::string_view collection, absl::string_view id);

// CheckId fails with ID_INVALID, naming `field`, unless `id` matches
// [a-z]([a-z0-9-]{0,61}[a-z0-9])? (AIP-122).
absl::Status CheckId(absl::string_view field, absl::string_view id);

// CheckName fails with FIELD_REQUIRED or NAME_INVALID, naming `field`, unless
// `name` is "collection/ID" with a valid id.
absl::Status CheckName(absl::string_view field, absl::string_view collection,
                       absl::string_view name);

// RandomId returns "P-" and 80 random bits in base 32, e.g.
// "c-3k9x0a7mqv2t8h1z" for the prefix 'c'. Ids do not repeat.
std::string RandomId(char prefix);

}  // namespace tlsd::base

#endif  // TLSD_SERVER_BASE_NAMES_H_
