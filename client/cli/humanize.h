// Numbers as people read and type them: bytes, durations, ages.
//
// Nothing here is for programs to parse back, except what `ParseDuration`
// takes. It holds no state and may be used from any thread.
#ifndef TLSD_CLIENT_CLI_HUMANIZE_H_
#define TLSD_CLIENT_CLI_HUMANIZE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace tlsd::client::cli {

// HumanBytes returns `count` with a binary unit: "0 B", "1.5 KiB", "12 MiB".
std::string HumanBytes(int64_t count);

// HumanDuration returns the two largest units of `duration`: "850ms", "12s",
// "3m 20s", "2h 5m", "41d 3h". A negative one has a "-" before it.
std::string HumanDuration(absl::Duration duration);

// HumanAge says how long before `now` the time `then` was, e.g. "12s ago", or
// how long after, e.g. "in 41d 3h".
std::string HumanAge(absl::Time then, absl::Time now);

// ParseDuration reads "5s", "500ms", "2m", "1h30m" or "0". It fails with
// FIELD_INVALID on all else, negative and infinite ones too.
absl::StatusOr<absl::Duration> ParseDuration(absl::string_view text);

}  // namespace tlsd::client::cli

#endif  // TLSD_CLIENT_CLI_HUMANIZE_H_
