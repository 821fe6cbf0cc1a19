#include "client/cli/text.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tlsd::client::cli {
namespace {

TEST(TextTest, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(Printable("a\x1b[31mb\r\n"), "a\\x1b[31mb\\x0d\\x0a");
  EXPECT_EQ(Printable("\x7f\xc2\x9b"), "\\x7f\\xc2\\x9b");
  EXPECT_EQ(Printable("Zürich"), "Zürich");
}

TEST(TextTest, PaintsOnlyWhereColourIsOn) {
  EXPECT_EQ(Paint(Cell("x", Tone::kGood), ColourMode::kOff), "x");
  EXPECT_EQ(Paint(Cell("x", Tone::kGood), ColourMode::kOn), "\x1b[32mx\x1b[0m");
  EXPECT_EQ(Paint(Cell("x"), ColourMode::kOn), "x");
}

TEST(TextTest, AlignsTheColumnsOfATable) {
  Table table({"NAME", "N"});
  table.AddRow({"a", "1"});
  table.AddRow({"Zürich", ""});

  EXPECT_EQ(table.Format(ColourMode::kOff),
            "NAME    N\n"
            "a       1\n"
            "Zürich  -\n");
}

TEST(TextTest, AlignsAColouredTableTheSame) {
  Table table({"A", "B"});
  table.AddRow({{"open", Tone::kGood}, "1"});

  EXPECT_EQ(table.Format(ColourMode::kOn),
            "\x1b[2mA\x1b[0m     \x1b[2mB\x1b[0m\n"
            "\x1b[32mopen\x1b[0m  1\n");
}

TEST(TextTest, LeavesEmptyPropertiesOutOfABlock) {
  Block block("title");
  block.Add("key", "value");
  block.Add("empty", "");
  block.Add("longer key", "v");

  EXPECT_EQ(block.Format(ColourMode::kOff),
            "title\n"
            "  key         value\n"
            "  longer key  v\n");
}

TEST(TextTest, BreaksLongListsBetweenTheirValues) {
  Block block("title");
  block.AddList("none", {});
  block.AddList("one", {"a"});
  block.AddList("many", std::vector<std::string>(20, "1234567"));

  EXPECT_EQ(block.Format(ColourMode::kOff),
            "title\n"
            "  one   a\n"
            "  many  1234567, 1234567, 1234567, 1234567, 1234567, 1234567, "
            "1234567, 1234567,\n"
            "        1234567, 1234567, 1234567, 1234567, 1234567, 1234567, "
            "1234567, 1234567,\n"
            "        1234567, 1234567, 1234567, 1234567\n");
}

TEST(TextTest, GivesAValueThatIsTooLongALineOfItsOwn) {
  const std::string longest(200, 'x');
  Block block("title");
  block.AddList("k", {"a", longest, "b"}, Tone::kBad);

  EXPECT_EQ(block.Format(ColourMode::kOff),
            "title\n  k  a,\n     " + longest + ",\n     b\n");
}

}  // namespace
}  // namespace tlsd::client::cli
