#include "client/cli/option_kinds.h"

#include <map>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/humanize.h"
#include "tlsd/v1/secure_context_service.pb.h"

namespace tlsd::client::cli {

CLI::Option* AddDurationOption(CLI::App& app, const std::string& flags,
                               std::optional<absl::Duration>& value,
                               const std::string& description) {
  CLI::Option* option = app.add_option_function<std::string>(
      flags,
      [&value](const std::string& text) {
        const absl::StatusOr<absl::Duration> duration = ParseDuration(text);
        // `check` has refused the others.
        if (duration.ok()) value = *duration;
      },
      description);
  option->check([](const std::string& text) {
    return std::string(ParseDuration(text).status().message());
  });
  return option->type_name("DURATION");
}

CLI::CheckedTransformer ClientCertificateNames() {
  static const auto& names =
      *new std::map<std::string, v1::ClientCertificateMode>{
          {"none", v1::CLIENT_CERTIFICATE_MODE_NONE},
          {"request", v1::CLIENT_CERTIFICATE_MODE_REQUEST},
          {"require", v1::CLIENT_CERTIFICATE_MODE_REQUIRE}};
  CLI::CheckedTransformer transformer(names);
  transformer.description("{none,request,require}");
  return transformer;
}

std::string ResourceName(absl::string_view collection, absl::string_view text) {
  if (text.empty() || absl::StrContains(text, '/')) return std::string(text);
  return absl::StrCat(collection, "/", text);
}

bool IsNameOf(absl::string_view collection, absl::string_view name) {
  return absl::StartsWith(name, absl::StrCat(collection, "/"));
}

}  // namespace tlsd::client::cli
