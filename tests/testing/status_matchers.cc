#include "tests/testing/status_matchers.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "proto/status/error.h"

namespace tlsd::testing {

std::string MetadataOf(const absl::Status& status, absl::string_view key) {
  const auto detail = GetErrorDetail(status);
  if (!detail.has_value()) return "";
  const auto value = detail->metadata.find(std::string(key));
  return value != detail->metadata.end() ? value->second : "";
}

bool IsFailure(const absl::Status& status, Reason reason,
               absl::string_view field) {
  const ReasonInfo& info = GetReasonInfo(reason);
  if (!HasReason(status, reason) || status.code() != info.code) return false;
  if (!absl::EndsWith(status.message(), absl::StrCat("[", info.name, "]"))) {
    return false;
  }
  return field.empty() || (MetadataOf(status, "field") == field &&
                           absl::StartsWith(status.message(), field));
}

std::string ExplainFailsWith(Reason reason, absl::string_view field) {
  return absl::StrCat("fails with ", GetReasonInfo(reason).name,
                      field.empty() ? "" : " for the field ", field);
}

}  // namespace tlsd::testing
