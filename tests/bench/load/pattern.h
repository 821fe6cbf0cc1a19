// Pattern is the stream of bytes that a load moves. Each byte follows from its
// position, so that a block that is lost, doubled or in the wrong place shows:
// the stream repeats itself after a prime number of bytes, which no size of a
// buffer divides.
//
// It is immutable; any thread may use it.
#ifndef TLSD_TESTS_BENCH_LOAD_PATTERN_H_
#define TLSD_TESTS_BENCH_LOAD_PATTERN_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace tlsd::bench::load {

class Pattern {
 public:
  static constexpr size_t kPeriod = 99991;
  // The most that is had in one piece.
  static constexpr size_t kPieceMax = 256 * 1024;

  Pattern();

  // At returns `size` bytes, at most kPieceMax, from `position` on.
  absl::string_view At(uint64_t position, size_t size) const;

  // Matches reports whether `bytes`, at most kPieceMax, are those at
  // `position`.
  bool Matches(uint64_t position, absl::string_view bytes) const;

 private:
  std::string bytes_;
};

// ThePattern is the one that all of a process share.
const Pattern& ThePattern();

}  // namespace tlsd::bench::load

#endif  // TLSD_TESTS_BENCH_LOAD_PATTERN_H_
