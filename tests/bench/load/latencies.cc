#include "tests/bench/load/latencies.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace tlsd::bench::load {

void Latencies::Add(const Latencies& others) {
  nanoseconds_.insert(nanoseconds_.end(), others.nanoseconds_.begin(),
                      others.nanoseconds_.end());
}

absl::Duration Latencies::Percentile(double percent) {
  const auto count = static_cast<double>(nanoseconds_.size());
  const auto rank = static_cast<size_t>(std::ceil(count * percent / 100));
  const size_t index = std::clamp<size_t>(rank, 1, nanoseconds_.size()) - 1;
  const auto nth = nanoseconds_.begin() + static_cast<ptrdiff_t>(index);
  std::nth_element(nanoseconds_.begin(), nth, nanoseconds_.end());
  return absl::Nanoseconds(*nth);
}

absl::Duration Uptime() {
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace tlsd::bench::load
