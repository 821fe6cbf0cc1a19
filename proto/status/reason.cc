#include "proto/status/reason.h"

#include <cstddef>

namespace tlsd {
namespace {

constexpr ReasonInfo kReasons[] = {
#define TLSD_REASON_ROW(enumerator, name, family, code, meaning)           \
  {Reason::enumerator, name, ReasonFamily::family, absl::StatusCode::code, \
   meaning},
    TLSD_REASONS(TLSD_REASON_ROW)
#undef TLSD_REASON_ROW
};

}  // namespace

absl::Span<const ReasonInfo> AllReasons() { return kReasons; }

const ReasonInfo& GetReasonInfo(Reason reason) {
  return kReasons[static_cast<size_t>(reason)];
}

std::optional<Reason> FindReason(absl::string_view name) {
  for (const ReasonInfo& info : kReasons) {
    if (info.name == name) return info.reason;
  }
  return std::nullopt;
}

}  // namespace tlsd
