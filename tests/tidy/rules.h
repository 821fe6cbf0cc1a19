// The rules of the project's style that a program can check. Each looks at a
// whole tree and returns what breaks it, with what to do instead; none found
// is an empty list.
//
// What a formatter or a compiler already holds is not here. Rules keep no
// state and may be used from any thread.
#ifndef TLSD_TESTS_TIDY_RULES_H_
#define TLSD_TESTS_TIDY_RULES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/tidy/source_tree.h"

namespace tlsd::tidy {

// Finding is one place that breaks a rule.
struct Finding {
  std::string path;
  int line = 1;
  std::string fault;
  std::string fix;
};

using Findings = std::vector<Finding>;

// Print returns a line for each finding: "path:line: fault. Fix: ...".
std::string Print(const Findings& findings);

// What includes what (layer_rules.cc).
Findings FindLayerBreaks(const SourceTree& tree);
Findings FindForeignHeaders(const SourceTree& tree);

// What is called and said where (word_rules.cc).
Findings FindBannedCalls(const SourceTree& tree);
Findings FindUnownedObjects(const SourceTree& tree);
Findings FindForbiddenWords(const SourceTree& tree);
Findings FindVagueNames(const SourceTree& tree);
Findings FindTodosWithoutReference(const SourceTree& tree);

// How large and how headed (shape_rules.cc).
Findings FindLongFiles(const SourceTree& tree);
Findings FindLongFunctions(const SourceTree& tree);
Findings FindHeadersWithoutComment(const SourceTree& tree);
Findings FindWrongIncludeGuards(const SourceTree& tree);

// What must stand beside what (company_rules.cc).
Findings FindUntestedSources(const SourceTree& tree);
Findings FindMarkdownWithoutOneTitle(const SourceTree& tree);
Findings FindDeadLinks(const SourceTree& tree);
Findings FindReasonsNotInDocs(const SourceTree& tree);

}  // namespace tlsd::tidy

#endif  // TLSD_TESTS_TIDY_RULES_H_
