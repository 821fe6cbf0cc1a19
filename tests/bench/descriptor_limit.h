// How many descriptors a process may have. Any thread may ask.
#ifndef TLSD_TESTS_BENCH_DESCRIPTOR_LIMIT_H_
#define TLSD_TESTS_BENCH_DESCRIPTOR_LIMIT_H_

#include "absl/status/status.h"

namespace tlsd::bench {

// RaiseDescriptorLimit lets this process, and those that it starts, open
// `count` descriptors. It fails if the system does not allow that.
absl::Status RaiseDescriptorLimit(int count);

}  // namespace tlsd::bench

#endif  // TLSD_TESTS_BENCH_DESCRIPTOR_LIMIT_H_
