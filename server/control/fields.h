// Checked reading of the fields that many requests have: durations, page sizes
// and page tokens. Pure functions; any thread may call them.
#ifndef TLSD_SERVER_CONTROL_FIELDS_H_
#define TLSD_SERVER_CONTROL_FIELDS_H_

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace tlsd::control {

// ToDuration returns `duration`, which must be valid and within [min, max];
// else FIELD_INVALID, naming `field`.
absl::StatusOr<absl::Duration> ToDuration(
    absl::string_view field, const google::protobuf::Duration& duration,
    absl::Duration min, absl::Duration max);

// ToProto writes the other direction: a time or duration that the message
// cannot hold (a certificate may have one) as the nearest that it can.
void ToProto(absl::Duration duration, google::protobuf::Duration& proto);
void ToProto(absl::Time time, google::protobuf::Timestamp& proto);

// ToPageSize returns the page size that `page_size` asks for: 50 for 0, at most
// 1000. Negative sizes are FIELD_INVALID.
absl::StatusOr<size_t> ToPageSize(int32_t page_size);

// A page ends when it is larger, so that it fits in what gRPC's clients take by
// default, 4 MiB.
inline constexpr size_t kPageBytesMax = 2 * 1024 * 1024;

// A page token hides the name of the last resource of a page. FromPageToken
// returns that name ("" for the first page), or PAGE_TOKEN_INVALID.
std::string ToPageToken(absl::string_view last_name);
absl::StatusOr<std::string> FromPageToken(absl::string_view token);

}  // namespace tlsd::control

#endif  // TLSD_SERVER_CONTROL_FIELDS_H_
