#include "tests/cost/meter.h"

#include <valgrind/callgrind.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/cost/allocations.h"

namespace tlsd::cost {

void Meter::Enter(int sections, int pauses) {
  const bool counted_before = counts();
  section_count_ += sections;
  pause_count_ += pauses;
  if (counts() == counted_before) return;
  if (counted_before) {
    CALLGRIND_TOGGLE_COLLECT;
    allocation_count_ += AllocationCount() - count_at_start_;
  } else {
    count_at_start_ = AllocationCount();
    CALLGRIND_TOGGLE_COLLECT;
  }
}

void Meter::Begin() {
  allocation_count_ = 0;
  CALLGRIND_ZERO_STATS;
}

void Meter::Finish(absl::string_view quantity, int units) {
  const std::string name = absl::StrCat(quantity, "/", units);
  CALLGRIND_DUMP_STATS_AT(name.c_str());
  Report(absl::StrCat(quantity, ".allocations"),
         static_cast<double>(allocation_count_) / units);
  Begin();
}

void Report(absl::string_view name, double value) {
  std::puts(absl::StrFormat("%s %.2f", name, value).c_str());
}

}  // namespace tlsd::cost
