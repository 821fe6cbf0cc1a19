// Counts are what quantities cost, by name: those that are accepted, which
// accepted.txt holds, and those that were measured. A comparison says which of
// them differ by more than kTolerance.
//
// Plain data; nothing here measures, see measurement.h.
#ifndef TLSD_TESTS_COST_COUNTS_H_
#define TLSD_TESTS_COST_COUNTS_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tlsd::cost {

using Counts = std::map<std::string, double>;

// How far a count may be from what is accepted, as a part of that.
inline constexpr double kTolerance = 0.05;

// ParseCounts reads lines of "name value". Empty lines and those that begin
// with "#" say nothing. It fails with INVALID_ARGUMENT, naming the line, for
// anything else, and for a name that comes twice.
absl::StatusOr<Counts> ParseCounts(absl::string_view text);

// FormatCounts is the inverse, with the lines of the comment first.
std::string FormatCounts(absl::string_view comment, const Counts& counts);

enum class Verdict {
  kAccepted,
  // It costs more than is accepted.
  kRegression,
  // It costs less: a gain that nobody has written down hides the next loss.
  kGain,
  // It is not in the accepted counts.
  kUnknown,
  // It is there, and was not measured.
  kMissing,
};

struct ComparedCount {
  std::string name;
  std::optional<double> accepted;
  std::optional<double> measured;
  Verdict verdict = Verdict::kAccepted;
};

// Compare returns every name of either, in their order.
std::vector<ComparedCount> Compare(const Counts& accepted,
                                   const Counts& measured);

// AllAccepted reports whether nothing has another verdict.
bool AllAccepted(const std::vector<ComparedCount>& compared);

// FormatTable returns a line for each: name, accepted, measured, their ratio,
// and the verdict unless it is accepted.
std::string FormatTable(const std::vector<ComparedCount>& compared);

}  // namespace tlsd::cost

#endif  // TLSD_TESTS_COST_COUNTS_H_
