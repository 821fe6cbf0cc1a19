// docs/tls-module.md names what the contract has: every service, method,
// message, field, event and reason of the page exists.
#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tlsd/v1/admin_service.pb.h"
#include "tlsd/v1/certificate_service.pb.h"
#include "tlsd/v1/connection_service.pb.h"
#include "tlsd/v1/event_service.pb.h"
#include "tlsd/v1/listener_service.pb.h"
#include "tlsd/v1/secure_context_service.pb.h"

namespace tlsd {
namespace {

using google::protobuf::DescriptorPool;

// Every piece of `page` between backticks.
std::vector<std::string> CodeOf(absl::string_view page) {
  const std::vector<std::string> parts = absl::StrSplit(page, '`');
  std::vector<std::string> code;
  for (size_t i = 1; i < parts.size(); i += 2) code.push_back(parts[i]);
  return code;
}

bool IsReasonName(absl::string_view text) {
  return absl::StrContains(text, '_') && !absl::StartsWith(text, "TLS") &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return std::isupper(c) || std::isdigit(c) || c == '_';
         });
}

// Whether `text` is of the form Upper.anything, as contract names are.
bool IsContractName(absl::string_view text) {
  const std::vector<std::string> parts = absl::StrSplit(text, '.');
  return parts.size() == 2 && !parts[0].empty() && !parts[1].empty() &&
         std::isupper(static_cast<unsigned char>(parts[0][0])) &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return std::isalnum(c) || c == '_' || c == '.';
         });
}

bool Exists(const std::string& name) {
  // So that the pool knows the files.
  v1::ServerInfo::descriptor();
  const DescriptorPool& pool = *DescriptorPool::generated_pool();
  const std::string full = absl::StrCat("tlsd.v1.", name);
  return pool.FindFieldByName(full) != nullptr ||
         pool.FindMethodByName(full) != nullptr;
}

// What `page` names and the contract does not have.
std::set<std::string> Unknown(absl::string_view page) {
  std::set<std::string> unknown;
  for (const std::string& code : CodeOf(page)) {
    if (absl::StartsWith(code, "EVENT_TYPE_")) {
      v1::EventType ignored;
      if (!v1::EventType_Parse(code, &ignored)) unknown.insert(code);
    } else if (absl::StartsWith(code, "DECISION_TYPE_")) {
      v1::DecisionType ignored;
      if (!v1::DecisionType_Parse(code, &ignored)) unknown.insert(code);
    } else if (IsReasonName(code)) {
      if (!FindReason(code).has_value()) unknown.insert(code);
    } else if (IsContractName(code) && !Exists(code)) {
      unknown.insert(code);
    }
  }
  return unknown;
}

TEST(ModulePageTest, NamesOnlyWhatTheContractHas) {
  std::ifstream file("docs/tls-module.md");
  const std::string page((std::istreambuf_iterator<char>(file)),
                         std::istreambuf_iterator<char>());
  ASSERT_GT(page.size(), 5000u);
  EXPECT_THAT(Unknown(page), ::testing::IsEmpty());
}

TEST(ModulePageTest, FindsWhatTheContractDoesNotHave) {
  EXPECT_THAT(
      Unknown("`Listener.no_such_field` `ListenerService.NoSuchMethod` "
              "`EVENT_TYPE_NO_SUCH` `NO_SUCH_REASON` `Listener.address` "
              "`ListenerService.CreateListener` `EVENT_TYPE_LISTENING` "
              "`ADDRESS_IN_USE` `tls.connect` `port`"),
      ::testing::ElementsAre("EVENT_TYPE_NO_SUCH", "Listener.no_such_field",
                             "ListenerService.NoSuchMethod", "NO_SUCH_REASON"));
}

}  // namespace
}  // namespace tlsd
