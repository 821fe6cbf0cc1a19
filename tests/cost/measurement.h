// What the workload costs, measured: it runs under callgrind, on a processor
// that is the same everywhere, as far as its code can see.
//
// Counts depend on the compiler and on Debian's libraries, and hardly on
// anything else: they differ by less than a thousandth from run to run, however
// busy the machine is. One thread.
#ifndef TLSD_TESTS_COST_MEASUREMENT_H_
#define TLSD_TESTS_COST_MEASUREMENT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tests/cost/counts.h"

namespace tlsd::cost {

// The program that is measured, and the file of the accepted counts, both from
// the root of the project.
inline constexpr absl::string_view kWorkloadPath = "tests/cost/workload";
inline constexpr absl::string_view kAcceptedPath = "tests/cost/accepted.txt";

// CheckProcessor fails with UNIMPLEMENTED where counts cannot be compared with
// those of accepted.txt.
absl::Status CheckProcessor();

// Measure runs the workload, and puts callgrind's dumps into `folder`, where
// they are "callgrind.N". It takes less than a minute.
absl::StatusOr<Counts> Measure(const std::string& folder);

// ReadDump adds to `counts` what a dump of callgrind says: its total as
// "quantity.instructions", for one of the units of Meter::Finish. The last dump
// is of no quantity, and adds nothing. It fails with INVALID_ARGUMENT for what
// is no dump.
absl::Status ReadDump(absl::string_view dump, Counts& counts);

}  // namespace tlsd::cost

#endif  // TLSD_TESTS_COST_MEASUREMENT_H_
