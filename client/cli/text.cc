#include "client/cli/text.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace tlsd::client::cli {
namespace {

constexpr size_t kColumnGap = 2;

// Beside the longest key of a block it leaves a line that terminals can show.
constexpr size_t kListWidth = 76;

absl::string_view EscapeSequence(Tone tone) {
  switch (tone) {
    case Tone::kGood:
      return "\x1b[32m";
    case Tone::kCareful:
      return "\x1b[33m";
    case Tone::kBad:
      return "\x1b[31m";
    case Tone::kFaint:
      return "\x1b[2m";
    case Tone::kStrong:
      return "\x1b[1m";
    case Tone::kPlain:
      break;
  }
  return "";
}

// A terminal's columns, near enough: the characters of UTF-8.
size_t Width(absl::string_view text) {
  return std::count_if(text.begin(), text.end(), [](unsigned char byte) {
    return (byte & 0xC0) != 0x80;
  });
}

void AppendPadded(const Cell& cell, size_t width, ColourMode mode,
                  std::string& line) {
  line += Paint(cell, mode);
  const size_t used = Width(Printable(cell.text));
  line.append(width > used ? width - used : 0, ' ');
}

}  // namespace

std::string Printable(absl::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    const unsigned char byte = text[i];
    const unsigned char next = i + 1 < text.size() ? text[i + 1] : 0;
    // U+0080 to U+009F are control characters too.
    if (byte == 0xC2 && next >= 0x80 && next < 0xA0) {
      absl::StrAppendFormat(&result, "\\x%02x\\x%02x", byte, next);
      ++i;
    } else if (byte < 0x20 || byte == 0x7F) {
      absl::StrAppendFormat(&result, "\\x%02x", byte);
    } else {
      result.push_back(static_cast<char>(byte));
    }
  }
  return result;
}

std::string Paint(const Cell& cell, ColourMode mode) {
  const absl::string_view colour = EscapeSequence(cell.tone);
  if (mode == ColourMode::kOff || colour.empty()) return Printable(cell.text);
  return absl::StrCat(colour, Printable(cell.text), "\x1b[0m");
}

Table::Table(std::vector<std::string> headings) {
  std::vector<Cell> row;
  for (std::string& heading : headings) {
    row.emplace_back(std::move(heading), Tone::kFaint);
  }
  rows_.push_back(std::move(row));
}

void Table::AddRow(std::vector<Cell> row) {
  for (Cell& cell : row) {
    if (cell.text.empty()) cell = Cell("-", Tone::kFaint);
  }
  rows_.push_back(std::move(row));
}

std::string Table::Format(ColourMode mode) const {
  std::vector<size_t> widths(rows_.front().size(), 0);
  for (const std::vector<Cell>& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], Width(Printable(row[i].text)));
    }
  }
  std::string result;
  for (const std::vector<Cell>& row : rows_) {
    for (size_t i = 0; i + 1 < row.size(); ++i) {
      AppendPadded(row[i], widths[i] + kColumnGap, mode, result);
    }
    absl::StrAppend(&result, Paint(row.back(), mode), "\n");
  }
  return result;
}

Block::Block(Cell title) : title_(std::move(title)) {}

void Block::Add(std::string key, Cell value) {
  if (value.text.empty()) return;
  properties_.emplace_back(std::move(key), std::move(value));
}

void Block::AddList(std::string key, const std::vector<std::string>& values,
                    Tone tone) {
  std::string line;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!line.empty() && Width(line) + Width(values[i]) >= kListWidth) {
      Add(std::move(key), {std::move(line), tone});
      key.clear();
      line.clear();
    }
    absl::StrAppend(&line, line.empty() ? "" : " ", values[i],
                    i + 1 < values.size() ? "," : "");
  }
  Add(std::move(key), {std::move(line), tone});
}

std::string Block::Format(ColourMode mode) const {
  size_t width = 0;
  for (const auto& [key, value] : properties_) {
    width = std::max(width, Width(key));
  }
  std::string result = absl::StrCat(Paint(title_, mode), "\n");
  for (const auto& [key, value] : properties_) {
    result += "  ";
    AppendPadded(Cell(key, Tone::kFaint), width + kColumnGap, mode, result);
    absl::StrAppend(&result, Paint(value, mode), "\n");
  }
  return result;
}

}  // namespace tlsd::client::cli
