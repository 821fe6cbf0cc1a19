// ProcessTrees is what the processes of a server use: some processes with all
// that they have started, and their threads.
//
// It starts and ends none of them. It belongs to one thread.
#ifndef TLSD_TESTS_BENCH_LOAD_PROCESS_TREES_H_
#define TLSD_TESTS_BENCH_LOAD_PROCESS_TREES_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace tlsd::bench::load {

class ProcessTrees {
 public:
  explicit ProcessTrees(std::vector<pid_t> roots) : roots_(std::move(roots)) {}

  bool empty() const { return roots_.empty(); }

  // Begin begins to count the time that they use of all processors, and
  // TimeUsed returns it. Threads that have ended in between count, to the
  // nanosecond. It fails if a process has ended, because its time is lost.
  absl::Status Begin();
  absl::StatusOr<absl::Duration> TimeUsed() const;

  // OwnMemory returns the bytes of memory that are theirs: what they have
  // written. Pages that several share are shared out; files do not count, nor
  // does what the kernel holds for them.
  absl::StatusOr<int64_t> OwnMemory() const;

 private:
  // Find returns the processes as they are now.
  absl::StatusOr<std::vector<pid_t>> Find() const;

  std::vector<pid_t> roots_;
  // By process, at Begin.
  std::map<pid_t, absl::Duration> times_;
};

// OwnTime returns what this process has used of all processors.
absl::Duration OwnTime();

}  // namespace tlsd::bench::load

#endif  // TLSD_TESTS_BENCH_LOAD_PROCESS_TREES_H_
