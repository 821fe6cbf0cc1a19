#include "server/base/names.h"

#include <algorithm>
#include <cstdint>

#include "absl/random/random.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "proto/status/error.h"

namespace tlsd::base {
namespace {

constexpr size_t kIdBytesMax = 63;
constexpr int kRandomIdChars = 16;

bool IsIdChar(char c) {
  return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
}

bool IsId(absl::string_view id) {
  return !id.empty() && id.size() <= kIdBytesMax &&
         absl::ascii_islower(id.front()) && id.back() != '-' &&
         std::all_of(id.begin(), id.end(), IsIdChar);
}

}  // namespace

std::string MakeName(absl::string_view collection, absl::string_view id) {
  return absl::StrCat(collection, "/", id);
}

absl::Status CheckId(absl::string_view field, absl::string_view id) {
  if (IsId(id)) return absl::OkStatus();
  return FieldError(Reason::kIdInvalid, field, id,
                    "1 to 63 of a-z, 0-9 and '-', first a letter, last no '-'");
}

absl::Status CheckName(absl::string_view field, absl::string_view collection,
                       absl::string_view name) {
  if (name.empty()) return FieldRequired(field);
  absl::string_view id = name;
  if (absl::ConsumePrefix(&id, collection) && absl::ConsumePrefix(&id, "/") &&
      IsId(id)) {
    return absl::OkStatus();
  }
  return FieldError(Reason::kNameInvalid, field, name,
                    absl::StrCat(collection, "/ID"));
}

std::string RandomId(char prefix) {
  constexpr absl::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
  // The system is asked once a thread: an answer costs as much as all else that
  // is done for a name.
  thread_local absl::BitGen source;
  std::string id = absl::StrCat(std::string(1, prefix), "-");
  uint64_t bits = 0;
  for (int i = 0; i < kRandomIdChars; ++i) {
    // Twelve characters of five bits fit into one draw of 64.
    if (i % 12 == 0) bits = source();
    id.push_back(kAlphabet[bits % 32]);
    bits /= 32;
  }
  return id;
}

}  // namespace tlsd::base
