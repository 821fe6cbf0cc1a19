#include "tests/tidy/reasons_page.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "proto/status/reason.h"

namespace tlsd::tidy {
namespace {

constexpr std::pair<ReasonFamily, absl::string_view> kFamilies[] = {
    {ReasonFamily::kCaller, "## Caller"},
    {ReasonFamily::kConfiguration, "## Configuration"},
    {ReasonFamily::kPeer, "## Peer"},
    {ReasonFamily::kTransport, "## Transport"},
    {ReasonFamily::kServer, "## Server"},
};

// Escape keeps Markdown from seeing a link in a regular expression.
std::string Escape(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"](", "]\\("}});
}

}  // namespace

std::vector<std::string> ReasonsPageTables() {
  std::vector<std::string> lines;
  for (const auto& [family, heading] : kFamilies) {
    lines.push_back(std::string(heading));
    lines.push_back("| reason | code | meaning |");
    lines.push_back("|---|---|---|");
    for (const ReasonInfo& info : AllReasons()) {
      if (info.family != family) continue;
      lines.push_back(absl::StrCat("| `", info.name, "` | ",
                                   absl::StatusCodeToString(info.code), " | ",
                                   Escape(info.meaning), " |"));
    }
  }
  return lines;
}

bool IsReasonsTableLine(absl::string_view line) {
  return absl::StartsWith(line, "|") || absl::StartsWith(line, "## ");
}

}  // namespace tlsd::tidy
