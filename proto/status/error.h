// Errors of tlsd: an absl::Status with one machine-readable detail.
//
// This is all that makes errors in tlsd, on the daemon's side and on the
// client's. It knows neither gRPC nor protobuf; `rpc_status.h` does the
// translation. Everything here is a value and may be used from any thread.
#ifndef TLSD_PROTO_STATUS_ERROR_H_
#define TLSD_PROTO_STATUS_ERROR_H_

#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "proto/status/reason.h"

namespace tlsd {

// ErrorMetadata holds every variable of a message, e.g. {"field", "address"}.
using ErrorMetadata = std::map<std::string, std::string>;

// ErrorDetail is what programs read of an error.
struct ErrorDetail {
  Reason reason;
  ErrorMetadata metadata;
};

// MakeError returns a status with the code of `reason`. `message` names the
// field or the thing, what was got and what is allowed; the reason is appended
// to it in brackets, because some clients show only the text.
absl::Status MakeError(Reason reason, absl::string_view message,
                       ErrorMetadata metadata = {});

// FieldError returns the error of a bad `field` of a request, which holds
// `got`; `allowed` completes the sentence "... is allowed". `got` is escaped
// and cut at 100 bytes.
absl::Status FieldError(Reason reason, absl::string_view field,
                        absl::string_view got, absl::string_view allowed);

// FieldRequired returns the error of a required `field` that is not set.
absl::Status FieldRequired(absl::string_view field);

// ProblemError returns the error of a bad `field` whose value is secret, or too
// long to show: "field: problem". `metadata` is put beside the field.
absl::Status ProblemError(Reason reason, absl::string_view field,
                          absl::string_view problem,
                          ErrorMetadata metadata = {});

// PrefixField returns `error` with `prefix` put before its metadata "field" and
// before its message, so that the error of a part names the whole:
// "pem.private_key" becomes "credentials[0].pem.private_key". A status without
// a field is returned as it is.
absl::Status PrefixField(const absl::Status& error, absl::string_view prefix);

// GetErrorDetail returns the detail of `status`, if tlsd made it.
std::optional<ErrorDetail> GetErrorDetail(const absl::Status& status);

// SetErrorDetail attaches `detail` to `status`, which must not be OK.
void SetErrorDetail(const ErrorDetail& detail, absl::Status& status);

// HasReason reports whether `status` failed for `reason`.
bool HasReason(const absl::Status& status, Reason reason);

// QuoteForMessage returns `text` in quotes, with unprintable bytes escaped and
// all beyond 100 bytes cut: what a peer or caller sent is shown no other way.
std::string QuoteForMessage(absl::string_view text);

}  // namespace tlsd

#endif  // TLSD_PROTO_STATUS_ERROR_H_
