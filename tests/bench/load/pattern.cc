#include "tests/bench/load/pattern.h"

namespace tlsd::bench::load {

Pattern::Pattern() {
  bytes_.resize(kPeriod + kPieceMax);
  uint64_t state = 0;
  for (size_t i = 0; i < bytes_.size(); ++i) {
    if (i >= kPeriod) {
      bytes_[i] = bytes_[i - kPeriod];
      continue;
    }
    // Knuth's generator; its high bits are the random ones.
    state = state * 6364136223846793005 + 1442695040888963407;
    bytes_[i] = static_cast<char>(state >> 56);
  }
}

absl::string_view Pattern::At(uint64_t position, size_t size) const {
  return absl::string_view(bytes_).substr(position % kPeriod, size);
}

bool Pattern::Matches(uint64_t position, absl::string_view bytes) const {
  return At(position, bytes.size()) == bytes;
}

const Pattern& ThePattern() {
  static const auto& pattern = *new Pattern();
  return pattern;
}

}  // namespace tlsd::bench::load
