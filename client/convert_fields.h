// Parts that the conversions of convert.h share: how a field of one type
// becomes one of another.
//
// This is internal to client/: only the files behind convert.h include it. It
// holds no state.
#ifndef TLSD_CLIENT_CONVERT_FIELDS_H_
#define TLSD_CLIENT_CONVERT_FIELDS_H_

#include <optional>
#include <string>
#include <vector>

#include "client/convert.h"

namespace tlsd::client {

// EnumFromProto serves enums whose numbers are those of the proto.
template <typename To, typename From>
To EnumFromProto(From value, To last) {
  const int number = static_cast<int>(value);
  return number < 0 || number > static_cast<int>(last)
             ? To{}
             : static_cast<To>(number);
}

template <typename Message>
std::optional<absl::Time> TimeIf(bool is_set, const Message& time) {
  if (!is_set) return std::nullopt;
  return FromProto(time);
}

template <typename Repeated>
std::vector<std::string> Strings(const Repeated& field) {
  return {field.begin(), field.end()};
}

template <typename Repeated>
void Assign(const std::vector<std::string>& strings, Repeated* field) {
  *field = {strings.begin(), strings.end()};
}

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_CONVERT_FIELDS_H_
