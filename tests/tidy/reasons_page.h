// What docs/error_reasons.md must hold: a heading and a table for each family
// of reasons, in the order of proto/status/reason.h.
//
// The text between the tables is written by hand and is not looked at here.
#ifndef TLSD_TESTS_TIDY_REASONS_PAGE_H_
#define TLSD_TESTS_TIDY_REASONS_PAGE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace tlsd::tidy {

inline constexpr absl::string_view kReasonsPagePath = "docs/error_reasons.md";

// ReasonsPageTables returns the headings and rows that the page must have.
std::vector<std::string> ReasonsPageTables();

// IsReasonsTableLine tells the lines to compare from the free text.
bool IsReasonsTableLine(absl::string_view line);

}  // namespace tlsd::tidy

#endif  // TLSD_TESTS_TIDY_REASONS_PAGE_H_
