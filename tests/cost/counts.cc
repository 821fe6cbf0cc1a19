#include "tests/cost/counts.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace tlsd::cost {
namespace {

std::string FormatCount(double count) {
  return count == std::floor(count) ? absl::StrFormat("%.0f", count)
                                    : absl::StrFormat("%.2f", count);
}

std::string FormatCount(const std::optional<double>& count) {
  return count.has_value() ? FormatCount(*count) : "-";
}

Verdict Judge(double accepted, double measured) {
  if (measured > accepted * (1 + kTolerance)) return Verdict::kRegression;
  if (measured < accepted * (1 - kTolerance)) return Verdict::kGain;
  return Verdict::kAccepted;
}

absl::string_view Describe(Verdict verdict) {
  switch (verdict) {
    case Verdict::kAccepted:
      return "";
    case Verdict::kRegression:
      return "costs more";
    case Verdict::kGain:
      return "costs less: write the gain down";
    case Verdict::kUnknown:
      return "not among the accepted";
    case Verdict::kMissing:
      return "not measured";
  }
  return "";
}

std::string FormatRatio(const ComparedCount& count) {
  if (!count.accepted.has_value() || !count.measured.has_value() ||
      *count.accepted == 0) {
    return "-";
  }
  return absl::StrFormat("%.3f", *count.measured / *count.accepted);
}

}  // namespace

absl::StatusOr<Counts> ParseCounts(absl::string_view text) {
  Counts counts;
  int line_number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++line_number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || absl::StartsWith(line, "#")) continue;
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, ' ', absl::SkipEmpty());
    double value = 0;
    if (words.size() != 2 || !absl::SimpleAtod(words[1], &value) ||
        !(value >= 0)) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", line_number, " is not \"name value\": ", line));
    }
    if (!counts.emplace(words[0], value).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", line_number, ": ", words[0], " comes twice"));
    }
  }
  return counts;
}

std::string FormatCounts(absl::string_view comment, const Counts& counts) {
  std::string text;
  for (absl::string_view line : absl::StrSplit(comment, '\n')) {
    absl::StrAppend(&text, line.empty() ? "#" : "# ", line, "\n");
  }
  for (const auto& [name, count] : counts) {
    absl::StrAppend(&text, name, " ", FormatCount(count), "\n");
  }
  return text;
}

std::vector<ComparedCount> Compare(const Counts& accepted,
                                   const Counts& measured) {
  std::map<std::string, ComparedCount> compared;
  for (const auto& [name, count] : accepted) {
    compared[name] = {name, count, std::nullopt, Verdict::kMissing};
  }
  for (const auto& [name, count] : measured) {
    ComparedCount& entry = compared[name];
    entry.name = name;
    entry.measured = count;
    entry.verdict = entry.accepted.has_value() ? Judge(*entry.accepted, count)
                                               : Verdict::kUnknown;
  }
  std::vector<ComparedCount> list;
  for (auto& [name, entry] : compared) list.push_back(std::move(entry));
  return list;
}

bool AllAccepted(const std::vector<ComparedCount>& compared) {
  return absl::c_all_of(compared, [](const ComparedCount& count) {
    return count.verdict == Verdict::kAccepted;
  });
}

std::string FormatTable(const std::vector<ComparedCount>& compared) {
  size_t width = 4;
  for (const ComparedCount& count : compared) {
    width = std::max(width, count.name.size());
  }
  const auto line = [width](absl::string_view name, absl::string_view accepted,
                            absl::string_view measured, absl::string_view ratio,
                            absl::string_view verdict) {
    const std::string text =
        absl::StrFormat("%-*s  %10s  %10s  %6s  %s", static_cast<int>(width),
                        name, accepted, measured, ratio, verdict);
    return absl::StrCat(absl::StripTrailingAsciiWhitespace(text), "\n");
  };
  std::string table = line("name", "accepted", "measured", "ratio", "");
  for (const ComparedCount& count : compared) {
    table += line(count.name, FormatCount(count.accepted),
                  FormatCount(count.measured), FormatRatio(count),
                  Describe(count.verdict));
  }
  return table;
}

}  // namespace tlsd::cost
