#include "server/control/fields.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "proto/status/error.h"

namespace tlsd::control {
namespace {

// What google/protobuf/duration.proto and timestamp.proto allow.
constexpr int64_t kDurationSecondsMax = 315'576'000'000;
constexpr int32_t kNanosMax = 999'999'999;
constexpr int64_t kTimestampSecondsMin = -62'135'596'800;
constexpr int64_t kTimestampSecondsMax = 253'402'300'799;

constexpr int32_t kPageSizeDefault = 50;
constexpr int32_t kPageSizeMax = 1000;
constexpr absl::string_view kPageTokenPrefix = "after:";

bool IsValid(const google::protobuf::Duration& duration) {
  const int64_t seconds = duration.seconds();
  const int32_t nanos = duration.nanos();
  if (seconds > 0 && nanos < 0) return false;
  if (seconds < 0 && nanos > 0) return false;
  return seconds >= -kDurationSecondsMax && seconds <= kDurationSecondsMax &&
         nanos >= -kNanosMax && nanos <= kNanosMax;
}

}  // namespace

absl::StatusOr<absl::Duration> ToDuration(
    absl::string_view field, const google::protobuf::Duration& duration,
    absl::Duration min, absl::Duration max) {
  const absl::Duration value =
      absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
  if (IsValid(duration) && value >= min && value <= max) return value;
  return FieldError(
      Reason::kFieldInvalid, field, absl::FormatDuration(value),
      absl::StrCat(absl::FormatDuration(min), " to ", absl::FormatDuration(max),
                   ", written in seconds, e.g. \"30s\""));
}

void ToProto(absl::Duration duration, google::protobuf::Duration& proto) {
  const absl::Duration max = absl::Seconds(kDurationSecondsMax);
  duration = std::clamp(duration, -max, max);
  proto.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  proto.set_nanos(static_cast<int32_t>(
      absl::IDivDuration(duration, absl::Nanoseconds(1), &duration)));
}

void ToProto(absl::Time time, google::protobuf::Timestamp& proto) {
  time = std::clamp(time, absl::FromUnixSeconds(kTimestampSecondsMin),
                    absl::FromUnixSeconds(kTimestampSecondsMax) +
                        absl::Nanoseconds(kNanosMax));
  proto.set_seconds(absl::ToUnixSeconds(time));
  proto.set_nanos(static_cast<int32_t>(
      absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(proto.seconds()))));
}

absl::StatusOr<size_t> ToPageSize(int32_t page_size) {
  if (page_size < 0) {
    return FieldError(Reason::kFieldInvalid, "page_size",
                      absl::StrCat(page_size), "0 to 1000; 0 means 50");
  }
  if (page_size == 0) page_size = kPageSizeDefault;
  return static_cast<size_t>(std::min(page_size, kPageSizeMax));
}

std::string ToPageToken(absl::string_view last_name) {
  return absl::WebSafeBase64Escape(absl::StrCat(kPageTokenPrefix, last_name));
}

absl::StatusOr<std::string> FromPageToken(absl::string_view token) {
  if (token.empty()) return std::string();
  std::string text;
  absl::string_view name;
  if (absl::WebSafeBase64Unescape(token, &text)) {
    name = text;
    if (absl::ConsumePrefix(&name, kPageTokenPrefix)) {
      return std::string(name);
    }
  }
  return FieldError(Reason::kPageTokenInvalid, "page_token", token,
                    "next_page_token of an earlier answer");
}

}  // namespace tlsd::control
