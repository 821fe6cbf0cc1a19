// Text for people: aligned tables for lists, key/value blocks for one thing,
// colour for state.
//
// It knows nothing of tlsd. Text that came from a peer may be in a cell: bytes
// that a terminal would obey are escaped here, so nobody else has to. Values
// belong to one thread at a time.
#ifndef TLSD_CLIENT_CLI_TEXT_H_
#define TLSD_CLIENT_CLI_TEXT_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace tlsd::client::cli {

// Tone is what a colour means.
enum class Tone { kPlain, kGood, kCareful, kBad, kFaint, kStrong };

// ColourMode says whether tones show.
enum class ColourMode { kOff, kOn };

// Cell is one value with its tone.
struct Cell {
  Cell(std::string text_value, Tone tone_value = Tone::kPlain)
      : text(std::move(text_value)), tone(tone_value) {}
  Cell(const char* text_value, Tone tone_value = Tone::kPlain)
      : text(text_value), tone(tone_value) {}

  std::string text;
  Tone tone;
};

// Printable returns `text` with control characters escaped, as "\x1b".
std::string Printable(absl::string_view text);

// Paint returns the printable text of `cell`, in its colour.
std::string Paint(const Cell& cell, ColourMode mode);

// Table is a list with headings, its columns aligned.
class Table {
 public:
  explicit Table(std::vector<std::string> headings);

  // AddRow adds one row, which has a cell for each heading. An empty cell is
  // shown as "-".
  void AddRow(std::vector<Cell> row);

  // Format returns the lines, each with its line end.
  std::string Format(ColourMode mode) const;

 private:
  std::vector<std::vector<Cell>> rows_;
};

// Block is one thing: a title, then a line for each of its properties.
class Block {
 public:
  explicit Block(Cell title);

  // Add adds a property. One that is empty is left out.
  void Add(std::string key, Cell value);

  // AddList adds a property with several values, over as many lines as they
  // need. One without values is left out.
  void AddList(std::string key, const std::vector<std::string>& values,
               Tone tone = Tone::kPlain);

  // Format returns the lines, each with its line end.
  std::string Format(ColourMode mode) const;

 private:
  Cell title_;
  std::vector<std::pair<std::string, Cell>> properties_;
};

}  // namespace tlsd::client::cli

#endif  // TLSD_CLIENT_CLI_TEXT_H_
