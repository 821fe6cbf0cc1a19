#include "tests/bench/table.h"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace tlsd::bench {
namespace {

// Characters, not bytes: continuation bytes of UTF-8 take no room.
size_t WidthOf(const std::string& text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

Table::Table(std::vector<std::string> header) : rows_{std::move(header)} {}

void Table::AddRow(std::vector<std::string> row) {
  row.resize(rows_[0].size());
  rows_.push_back(std::move(row));
}

void Table::Print(const std::string& title) const {
  std::vector<size_t> widths;
  for (size_t column = 0; column < rows_[0].size(); ++column) {
    size_t width = 3;
    for (const auto& row : rows_) width = std::max(width, WidthOf(row[column]));
    widths.push_back(width);
  }
  std::string text = absl::StrCat("\n", title, "\n\n");
  for (const auto& row : rows_) {
    for (size_t column = 0; column < row.size(); ++column) {
      const size_t padding = widths[column] - WidthOf(row[column]);
      absl::StrAppend(&text, "| ", row[column], std::string(padding, ' '), " ");
    }
    text += "|\n";
    if (&row != &rows_[0]) continue;
    for (const size_t width : widths) {
      absl::StrAppend(&text, "|", std::string(width + 2, '-'));
    }
    text += "|\n";
  }
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

absl::Duration Percentile(std::vector<absl::Duration> durations, int percent) {
  if (durations.empty()) return absl::ZeroDuration();
  const size_t place =
      (durations.size() - 1) * static_cast<size_t>(percent) / 100;
  std::nth_element(durations.begin(),
                   durations.begin() + static_cast<ptrdiff_t>(place),
                   durations.end());
  return durations[place];
}

std::string InMicroseconds(absl::Duration duration) {
  return absl::StrFormat("%.0f µs", absl::ToDoubleMicroseconds(duration));
}

std::string InMilliseconds(absl::Duration duration) {
  return absl::StrFormat("%.1f ms", absl::ToDoubleMilliseconds(duration));
}

std::string Ratio(double value, double base) {
  return base == 0 ? "-" : absl::StrFormat("%.2f", value / base);
}

}  // namespace tlsd::bench
