#include "tests/bench/load/pattern.h"

#include <string>

#include "gtest/gtest.h"

namespace tlsd::bench::load {
namespace {

TEST(PatternTest, MatchesItselfAtEachPosition) {
  const Pattern& pattern = ThePattern();

  for (const uint64_t position :
       {uint64_t{0}, uint64_t{1}, uint64_t{Pattern::kPeriod - 1},
        uint64_t{1} << 40}) {
    EXPECT_TRUE(
        pattern.Matches(position, pattern.At(position, Pattern::kPieceMax)))
        << position;
  }
}

TEST(PatternTest, GoesOnFromPieceToPiece) {
  const Pattern& pattern = ThePattern();
  const std::string whole(pattern.At(0, Pattern::kPieceMax));

  for (size_t cut = 1; cut < whole.size(); cut += 16001) {
    EXPECT_EQ(pattern.At(cut, 100), whole.substr(cut, 100)) << cut;
  }
}

TEST(PatternTest, DoesNotMatchWithAWrongByte) {
  const Pattern& pattern = ThePattern();
  std::string bytes(pattern.At(0, 1000));

  bytes.back() ^= 1;

  EXPECT_FALSE(pattern.Matches(0, bytes));
}

TEST(PatternTest, DoesNotMatchWhereABlockIsLostOrDoubled) {
  const Pattern& pattern = ThePattern();

  for (uint64_t size = 1; size <= Pattern::kPieceMax; size *= 2) {
    EXPECT_FALSE(pattern.Matches(size, pattern.At(0, 64))) << size;
    EXPECT_FALSE(pattern.Matches(0, pattern.At(size, 64))) << size;
  }
}

}  // namespace
}  // namespace tlsd::bench::load
