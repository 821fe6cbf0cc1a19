// Require ends the program, which then has measured nothing, unless what the
// workload relies on holds.
#ifndef TLSD_TESTS_COST_REQUIRE_H_
#define TLSD_TESTS_COST_REQUIRE_H_

#include <cstdio>
#include <cstdlib>

namespace tlsd::cost {

inline void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "workload: it does not hold that %s\n", what);
  std::exit(1);
}

}  // namespace tlsd::cost

#endif  // TLSD_TESTS_COST_REQUIRE_H_
