#include "client/cli/json.h"

#include <google/protobuf/util/json_util.h>

namespace tlsd::client::cli {
namespace {

enum class Defaults { kLeftOut, kShown };
enum class Lines { kOne, kMany };

std::string ToJson(const google::protobuf::Message& message, Defaults defaults,
                   Lines lines) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = defaults == Defaults::kShown;
  options.add_whitespace = lines == Lines::kMany;
  std::string text;
  // Fails only on messages that hold an Any or a bad timestamp.
  const auto status =
      google::protobuf::util::MessageToJsonString(message, &text, options);
  return status.ok() ? text : "{}";
}

}  // namespace

std::string CompactJson(const google::protobuf::Message& message) {
  return ToJson(message, Defaults::kLeftOut, Lines::kOne);
}

std::string JsonLine(const google::protobuf::Message& message) {
  return ToJson(message, Defaults::kShown, Lines::kOne) + "\n";
}

std::string PrettyJson(const google::protobuf::Message& message) {
  return ToJson(message, Defaults::kShown, Lines::kMany);
}

}  // namespace tlsd::client::cli
