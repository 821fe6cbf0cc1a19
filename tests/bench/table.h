// Tables of figures, in Markdown, so that a page can show them as they are.
//
// They know nothing of what was measured. They belong to one thread.
#ifndef TLSD_TESTS_BENCH_TABLE_H_
#define TLSD_TESTS_BENCH_TABLE_H_

#include <string>
#include <vector>

#include "absl/time/time.h"

namespace tlsd::bench {

class Table {
 public:
  explicit Table(std::vector<std::string> header);

  // AddRow adds a cell for each of the header; what is missing stays empty.
  void AddRow(std::vector<std::string> row);

  // Print writes `title` and the table to standard output.
  void Print(const std::string& title) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// Percentile returns the duration that `percent` of `durations` do not exceed.
absl::Duration Percentile(std::vector<absl::Duration> durations, int percent);

// InMicroseconds, InMilliseconds and Ratio write a cell: "241 µs", "1.3 ms",
// "0.85".
std::string InMicroseconds(absl::Duration duration);
std::string InMilliseconds(absl::Duration duration);
std::string Ratio(double value, double base);

}  // namespace tlsd::bench

#endif  // TLSD_TESTS_BENCH_TABLE_H_
