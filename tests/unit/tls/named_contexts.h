// NamedContexts is a ContextChooser for tests: a table of server names.
#ifndef TLSD_TESTS_UNIT_TLS_NAMED_CONTEXTS_H_
#define TLSD_TESTS_UNIT_TLS_NAMED_CONTEXTS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/status/error.h"
#include "server/tls/context_chooser.h"

namespace tlsd::tls {

class NamedContexts : public ContextChooser {
 public:
  bool has_choice() const override { return has_names; }

  absl::StatusOr<NamedContext> Choose(
      absl::string_view server_name) const override {
    asked.emplace_back(server_name);
    const auto found = by_name.find(std::string(server_name));
    if (found != by_name.end()) return found->second;
    if (!is_strict) return NamedContext();
    return MakeError(Reason::kServerNameUnrecognized, "no such name");
  }

  bool has_names = true;
  // Turn away who asks for another name.
  bool is_strict = false;
  std::map<std::string, NamedContext> by_name;
  // The names that it was asked for.
  mutable std::vector<std::string> asked;
};

}  // namespace tlsd::tls

#endif  // TLSD_TESTS_UNIT_TLS_NAMED_CONTEXTS_H_
