// Inputs to SecureContext::Create as rows of tables: a name, a change to good
// options, and what must come of it. The tables are context_inputs_*_test.cc.
//
//   INSTANTIATE_CONTEXT_INPUTS(
//       Groups,
//       Good("OneGroup", [](Options& o) { o.groups = {"P-256"}; },
//            GroupsAre({"P-256"})),
//       Bad("NoGroup", Reason::kGroupUnsupported, "groups[0]",
//           [](Options& o) { o.groups = {"x"}; }));
//
// Every error must name its field, and show nothing secret.
#ifndef TLSD_TESTS_UNIT_TLS_CONTEXT_INPUTS_H_
#define TLSD_TESTS_UNIT_TLS_CONTEXT_INPUTS_H_

#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "server/tls/secure_context.h"

namespace tlsd::tls {

using Options = SecureContextOptions;

struct ContextInput {
  using Change = std::function<void(Options&)>;
  using Check = std::function<void(const SecureContextFacts&)>;

  // Letters and digits.
  std::string name;
  Change change;
  // Of an input that is good.
  Check check;
  // Of one that is bad.
  std::optional<Reason> reason;
  std::string field;

  friend std::ostream& operator<<(std::ostream& out,
                                  const ContextInput& input) {
    return out << input.name;
  }
};

ContextInput Good(const std::string& name, ContextInput::Change change,
                  ContextInput::Check check);
ContextInput Bad(const std::string& name, Reason reason,
                 const std::string& field, ContextInput::Change change);

// Checks of the facts. Each but Warns and Ignores also wants no warning and
// nothing ignored.
ContextInput::Check Silent();
ContextInput::Check CiphersAre(const std::vector<std::string>& names);
// Below TLS 1.3.
ContextInput::Check OlderCiphersAre(const std::vector<std::string>& names);
ContextInput::Check GroupsAre(const std::vector<std::string>& names);
ContextInput::Check VersionsAre(TlsVersion min, TlsVersion max);
ContextInput::Check AlpnIs(const std::vector<std::string>& names);
ContextInput::Check NpnIs(const std::vector<std::string>& names);
// The kind of the first key, and how many certificates are shown with it.
ContextInput::Check ShowsKey(const std::string& public_key, size_t chain_size);
ContextInput::Check TrustsSoMany(int count);
ContextInput::Check Warns(const std::string& text);
ContextInput::Check Ignores(const std::vector<std::string>& tokens);

// ContextInputTest creates a context of each row.
class ContextInputTest : public ::testing::TestWithParam<ContextInput> {};

// A file has tables of several themes, whose names come before those of rows.
#define INSTANTIATE_CONTEXT_INPUTS(theme, ...)                     \
  INSTANTIATE_TEST_SUITE_P(                                        \
      theme, ContextInputTest,                                     \
      ::testing::ValuesIn(std::vector<ContextInput>{__VA_ARGS__}), \
      [](const ::testing::TestParamInfo<ContextInput>& row) {      \
        return row.param.name;                                     \
      })

}  // namespace tlsd::tls

#endif  // TLSD_TESTS_UNIT_TLS_CONTEXT_INPUTS_H_
