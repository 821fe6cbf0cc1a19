#include "proto/status/error.h"

#include <cstddef>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace tlsd {
namespace {

constexpr absl::string_view kPayloadType = "tlsd/error_detail";
constexpr size_t kQuotedBytesMax = 100;

// The payload is a list of netstrings ("5:value,"): the reason, then keys and
// values in turn. It never leaves the process.
void AppendNetstring(absl::string_view value, std::string& out) {
  absl::StrAppend(&out, value.size(), ":", value, ",");
}

std::optional<std::string> TakeNetstring(absl::string_view& in) {
  const size_t colon = in.find(':');
  size_t size = 0;
  if (colon == absl::string_view::npos ||
      !absl::SimpleAtoi(in.substr(0, colon), &size)) {
    return std::nullopt;
  }
  in.remove_prefix(colon + 1);
  if (size >= in.size()) return std::nullopt;
  std::string value(in.substr(0, size));
  in.remove_prefix(size + 1);
  return value;
}

}  // namespace

absl::Status MakeError(Reason reason, absl::string_view message,
                       ErrorMetadata metadata) {
  const ReasonInfo& info = GetReasonInfo(reason);
  absl::Status status(info.code, absl::StrCat(message, " [", info.name, "]"));
  SetErrorDetail({reason, std::move(metadata)}, status);
  return status;
}

absl::Status FieldError(Reason reason, absl::string_view field,
                        absl::string_view got, absl::string_view allowed) {
  const std::string quoted = QuoteForMessage(got);
  return MakeError(
      reason, absl::StrCat(field, ": got ", quoted, "; allowed: ", allowed),
      {{"field", std::string(field)},
       {"got", quoted.substr(1, quoted.size() - 2)},
       {"allowed", std::string(allowed)}});
}

absl::Status ProblemError(Reason reason, absl::string_view field,
                          absl::string_view problem, ErrorMetadata metadata) {
  metadata["field"] = std::string(field);
  metadata["problem"] = std::string(problem);
  return MakeError(reason, absl::StrCat(field, ": ", problem),
                   std::move(metadata));
}

absl::Status FieldRequired(absl::string_view field) {
  return MakeError(Reason::kFieldRequired, absl::StrCat(field, " is required"),
                   {{"field", std::string(field)}});
}

absl::Status PrefixField(const absl::Status& error, absl::string_view prefix) {
  std::optional<ErrorDetail> detail = GetErrorDetail(error);
  if (!detail.has_value()) return error;
  const auto field = detail->metadata.find("field");
  if (field == detail->metadata.end()) return error;
  field->second = absl::StrCat(prefix, field->second);
  absl::Status prefixed(error.code(), absl::StrCat(prefix, error.message()));
  SetErrorDetail(*detail, prefixed);
  return prefixed;
}

std::optional<ErrorDetail> GetErrorDetail(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kPayloadType);
  if (!payload.has_value()) return std::nullopt;
  const std::string text(*payload);
  absl::string_view in = text;
  const std::optional<std::string> name = TakeNetstring(in);
  if (!name.has_value()) return std::nullopt;
  const std::optional<Reason> reason = FindReason(*name);
  if (!reason.has_value()) return std::nullopt;
  ErrorDetail detail{*reason, {}};
  while (!in.empty()) {
    std::optional<std::string> key = TakeNetstring(in);
    std::optional<std::string> value = TakeNetstring(in);
    if (!key.has_value() || !value.has_value()) return std::nullopt;
    detail.metadata.emplace(*std::move(key), *std::move(value));
  }
  return detail;
}

void SetErrorDetail(const ErrorDetail& detail, absl::Status& status) {
  std::string payload;
  AppendNetstring(GetReasonInfo(detail.reason).name, payload);
  for (const auto& [key, value] : detail.metadata) {
    AppendNetstring(key, payload);
    AppendNetstring(value, payload);
  }
  status.SetPayload(kPayloadType, absl::Cord(payload));
}

bool HasReason(const absl::Status& status, Reason reason) {
  const std::optional<ErrorDetail> detail = GetErrorDetail(status);
  return detail.has_value() && detail->reason == reason;
}

std::string QuoteForMessage(absl::string_view text) {
  const bool cut = text.size() > kQuotedBytesMax;
  return absl::StrCat("\"", absl::CHexEscape(text.substr(0, kQuotedBytesMax)),
                      cut ? "..." : "", "\"");
}

}  // namespace tlsd
