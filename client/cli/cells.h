// Words and cells that several resources share when they are shown.
//
// Functions return values of text.h; they print and call nothing. They hold no
// state and may be used from any thread.
#ifndef TLSD_CLIENT_CLI_CELLS_H_
#define TLSD_CLIENT_CLI_CELLS_H_

#include <google/protobuf/timestamp.pb.h>

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/cli/text.h"

namespace tlsd::client::cli {

// EnumWord turns "STATE_ACTIVE" into "active", and the unspecified into "".
std::string EnumWord(absl::string_view name, absl::string_view prefix);

// Count returns "1 certificate", "2 certificates".
std::string Count(size_t count, absl::string_view noun);

// AgeText returns how long ago `time` was, or "" if it is not set.
std::string AgeText(bool is_set, const google::protobuf::Timestamp& time,
                    absl::Time now);

// ExpiryTone is what the end of a certificate means: careful in the last 14
// days, bad afterwards.
Tone ExpiryTone(absl::Duration time_left);

// ExpiryCell says when a certificate that ends at `end` does so.
Cell ExpiryCell(absl::Time end, absl::Time now);

// DaysLeftCell returns the whole days of `time_left`, negative if it is over.
Cell DaysLeftCell(absl::Duration time_left);

}  // namespace tlsd::client::cli

#endif  // TLSD_CLIENT_CLI_CELLS_H_
