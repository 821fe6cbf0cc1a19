#include "tests/bench/descriptor_limit.h"

#include <sys/resource.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace tlsd::bench {

absl::Status RaiseDescriptorLimit(int count) {
  const auto needed = static_cast<rlim_t>(count);
  rlimit limit = {};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= needed) return absl::OkStatus();
  limit.rlim_cur = needed;
  limit.rlim_max = std::max(limit.rlim_max, needed);
  if (setrlimit(RLIMIT_NOFILE, &limit) == 0) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("it needs ", count,
                   " descriptors, and the system allows fewer: see `ulimit "
                   "-Hn`, or ask for fewer connections"));
}

}  // namespace tlsd::bench
