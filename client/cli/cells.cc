#include "client/cli/cells.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "client/cli/humanize.h"
#include "client/convert.h"

namespace tlsd::client::cli {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);

}  // namespace

std::string EnumWord(absl::string_view name, absl::string_view prefix) {
  absl::ConsumePrefix(&name, prefix);
  if (name == "UNSPECIFIED") return "";
  return absl::StrReplaceAll(absl::AsciiStrToLower(name), {{"_", " "}});
}

std::string Count(size_t count, absl::string_view noun) {
  return absl::StrCat(count, " ", noun, count == 1 ? "" : "s");
}

std::string AgeText(bool is_set, const google::protobuf::Timestamp& time,
                    absl::Time now) {
  return is_set ? HumanDuration(now - FromProto(time)) : "";
}

Tone ExpiryTone(absl::Duration time_left) {
  if (time_left < absl::ZeroDuration()) return Tone::kBad;
  if (time_left < 14 * kDay) return Tone::kCareful;
  return Tone::kGood;
}

Cell ExpiryCell(absl::Time end, absl::Time now) {
  return {HumanAge(end, now), ExpiryTone(end - now)};
}

Cell DaysLeftCell(absl::Duration time_left) {
  const absl::Duration whole = absl::Floor(time_left, kDay);
  return {absl::StrCat(whole / kDay), ExpiryTone(time_left)};
}

}  // namespace tlsd::client::cli
