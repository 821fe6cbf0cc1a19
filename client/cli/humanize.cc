#include "client/cli/humanize.h"

#include <cmath>
#include <cstddef>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "proto/status/error.h"

namespace tlsd::client::cli {
namespace {

struct Unit {
  absl::Duration size;
  absl::string_view name;
};

const Unit kUnits[] = {{absl::Hours(24), "d"},
                       {absl::Hours(1), "h"},
                       {absl::Minutes(1), "m"},
                       {absl::Seconds(1), "s"}};

}  // namespace

std::string HumanBytes(int64_t count) {
  static constexpr absl::string_view kPrefixes[] = {"KiB", "MiB", "GiB",
                                                    "TiB", "PiB", "EiB"};
  if (std::abs(count) < 1024) return absl::StrCat(count, " B");
  double value = static_cast<double>(count) / 1024;
  size_t prefix = 0;
  // 1023.95 would be shown as 1024.0.
  while (std::abs(value) >= 1023.95 && prefix + 1 < std::size(kPrefixes)) {
    value /= 1024;
    ++prefix;
  }
  return std::abs(value) < 9.95
             ? absl::StrFormat("%.1f %s", value, kPrefixes[prefix])
             : absl::StrFormat("%.0f %s", value, kPrefixes[prefix]);
}

std::string HumanDuration(absl::Duration duration) {
  if (duration < absl::ZeroDuration()) {
    return absl::StrCat("-", HumanDuration(-duration));
  }
  if (duration == absl::InfiniteDuration()) return "forever";
  if (duration < absl::Seconds(1)) {
    return absl::StrCat(absl::ToInt64Milliseconds(duration), "ms");
  }
  for (size_t i = 0; i < std::size(kUnits); ++i) {
    if (duration < kUnits[i].size) continue;
    absl::Duration rest;
    const int64_t count = absl::IDivDuration(duration, kUnits[i].size, &rest);
    std::string text = absl::StrCat(count, kUnits[i].name);
    if (i + 1 == std::size(kUnits)) return text;
    const int64_t next = absl::IDivDuration(rest, kUnits[i + 1].size, &rest);
    if (next > 0) absl::StrAppend(&text, " ", next, kUnits[i + 1].name);
    return text;
  }
  return "";
}

std::string HumanAge(absl::Time then, absl::Time now) {
  if (then > now) return absl::StrCat("in ", HumanDuration(then - now));
  return absl::StrCat(HumanDuration(now - then), " ago");
}

absl::StatusOr<absl::Duration> ParseDuration(absl::string_view text) {
  absl::Duration duration;
  if (!absl::ParseDuration(text, &duration) ||
      duration < absl::ZeroDuration() || duration == absl::InfiniteDuration()) {
    return FieldError(Reason::kFieldInvalid, "duration", text,
                      "a number with a unit, as 500ms, 5s, 2m, 1h30m");
  }
  return duration;
}

}  // namespace tlsd::client::cli
