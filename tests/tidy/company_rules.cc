// What must stand beside what: a test beside a source, a file behind a link, a
// line of the documentation beside a reason.
#include <cstddef>
#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "proto/status/reason.h"
#include "tests/tidy/exemptions.h"
#include "tests/tidy/reasons_page.h"
#include "tests/tidy/rules.h"

namespace tlsd::tidy {
namespace {

// TestOf returns where the test of a source belongs, or "" if it needs none.
std::string TestOf(const SourceFile& file) {
  absl::string_view path = file.path;
  if (!absl::ConsumeSuffix(&path, ".cc")) return "";
  if (file.IsUnder("client/examples")) return "";
  if (absl::ConsumePrefix(&path, "server/") || file.IsUnder("client") ||
      (file.IsUnder("proto") && absl::ConsumePrefix(&path, "proto/"))) {
    return absl::StrCat("tests/unit/", path, "_test.cc");
  }
  return "";
}

const Exemption* ExemptionOf(absl::string_view path) {
  for (const Exemption& exemption : Exemptions()) {
    if (exemption.source == path) return &exemption;
  }
  return nullptr;
}

// Fences tells the lines of Markdown from those of code in it.
class Fences {
 public:
  // IsText is asked line by line.
  bool IsText(absl::string_view line) {
    if (!absl::StartsWith(absl::StripLeadingAsciiWhitespace(line), "```")) {
      return !is_code_;
    }
    is_code_ = !is_code_;
    return false;
  }

 private:
  bool is_code_ = false;
};

// LinkTargets returns what `[text](target)` on a line leads to.
std::vector<std::string> LinkTargets(absl::string_view line) {
  std::vector<std::string> targets;
  for (size_t at = line.find("]("); at != line.npos;
       at = line.find("](", at + 2)) {
    size_t end = line.find(')', at);
    if (end == line.npos) break;
    targets.push_back(std::string(line.substr(at + 2, end - at - 2)));
  }
  return targets;
}

// IsDead is for links within the repository.
bool IsDead(const SourceTree& tree, const SourceFile& page,
            absl::string_view target) {
  target = target.substr(0, target.find('#'));
  if (target.empty() || absl::StrContains(target, "://") ||
      absl::StartsWith(target, "mailto:")) {
    return false;
  }
  std::filesystem::path path = std::filesystem::path(page.path).parent_path() /
                               std::string(absl::StripSuffix(target, "/"));
  return !tree.Exists(path.lexically_normal().string());
}

}  // namespace

Findings FindUntestedSources(const SourceTree& tree) {
  Findings findings;
  for (const SourceFile& file : tree.files()) {
    std::string test = TestOf(file);
    if (test.empty()) continue;
    const Exemption* exemption = ExemptionOf(file.path);
    if (exemption == nullptr && !tree.Exists(test)) {
      findings.push_back({file.path, 1, "no test stands beside it",
                          absl::StrCat("write ", test,
                                       ", or say in Exemptions() which test "
                                       "covers it and why")});
    } else if (exemption != nullptr && tree.Exists(test)) {
      findings.push_back({file.path, 1, "it has a test and an exemption",
                          "take it out of Exemptions()"});
    } else if (exemption != nullptr && !tree.Exists(exemption->test)) {
      findings.push_back(
          {file.path, 1,
           absl::StrCat(exemption->test, ", which shall cover it, is missing"),
           "mend its row in Exemptions()"});
    }
  }
  return findings;
}

Findings FindMarkdownWithoutOneTitle(const SourceTree& tree) {
  Findings findings;
  for (const SourceFile& file : tree.files()) {
    if (!file.IsMarkdown()) continue;
    Fences fences;
    int title_count = 0;
    int line = 1;
    for (size_t i = 0; i < file.lines.size() && title_count < 2; ++i) {
      if (!fences.IsText(file.lines[i])) continue;
      if (!absl::StartsWith(file.lines[i], "# ")) continue;
      ++title_count;
      line = static_cast<int>(i) + 1;
    }
    if (title_count == 1) continue;
    findings.push_back({file.path, line,
                        title_count == 0 ? "no title" : "a second title",
                        "one \"# Title\" for each page, \"## \" below it"});
  }
  return findings;
}

Findings FindDeadLinks(const SourceTree& tree) {
  Findings findings;
  for (const SourceFile& file : tree.files()) {
    if (!file.IsMarkdown()) continue;
    Fences fences;
    for (size_t i = 0; i < file.lines.size(); ++i) {
      if (!fences.IsText(file.lines[i])) continue;
      for (const std::string& target : LinkTargets(file.lines[i])) {
        if (!IsDead(tree, file, target)) continue;
        findings.push_back({file.path, static_cast<int>(i) + 1,
                            absl::StrCat("nothing is at ", target),
                            "links are relative to the page they stand on"});
      }
    }
  }
  return findings;
}

Findings FindReasonsNotInDocs(const SourceTree& tree) {
  const SourceFile* page = tree.Find(kReasonsPagePath);
  if (page == nullptr) {
    return {{std::string(kReasonsPagePath), 1, "it is missing",
             "write it from proto/status/reason.h"}};
  }
  // Only the tables are compared: what stands between them is free.
  std::vector<std::string> expected = ReasonsPageTables();
  size_t next = 0;
  for (size_t i = 0; i < page->lines.size(); ++i) {
    const std::string& line = page->lines[i];
    if (!IsReasonsTableLine(line)) continue;
    if (next == expected.size()) {
      return {{page->path, static_cast<int>(i) + 1,
               absl::StrCat("\"", line, "\" is in no table of reason.h"),
               "take it out"}};
    }
    if (line != expected[next]) {
      return {{page->path, static_cast<int>(i) + 1,
               "it differs from proto/status/reason.h",
               absl::StrCat("write: ", expected[next])}};
    }
    ++next;
  }
  if (next == expected.size()) return {};
  return {{page->path, static_cast<int>(page->lines.size()),
           "it ends before the reasons of proto/status/reason.h do",
           absl::StrCat("write: ", expected[next])}};
}

std::string Print(const Findings& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    absl::StrAppend(&text, finding.path, ":", finding.line, ": ", finding.fault,
                    ". Fix: ", finding.fix, ".\n");
  }
  return text;
}

}  // namespace tlsd::tidy
