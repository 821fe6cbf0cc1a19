// SinkReport is what the sinks of a Backend have got: what a load that sends
// counts, because what it has sent may be anywhere on the way.
//
// It is a plain value.
#ifndef TLSD_TESTS_BENCH_LOAD_SINK_REPORT_H_
#define TLSD_TESTS_BENCH_LOAD_SINK_REPORT_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tlsd::bench::load {

struct SinkReport {
  // Connections on which wrong bytes came.
  int64_t error_count = 0;
  // Right bytes of each connection that is open, by its number.
  std::map<int64_t, int64_t> sizes = {};
};

// FormatSinkReport returns the lines of a report; ParseSinkReport reads them.
std::string FormatSinkReport(const SinkReport& report);
absl::StatusOr<SinkReport> ParseSinkReport(absl::string_view text);

// SinkWatch counts what arrives at the sinks of its own load. It belongs to one
// thread.
class SinkWatch {
 public:
  explicit SinkWatch(int report_port) : report_port_(report_port) {}

  // Start is called before the load dials: what is open then is not its own.
  absl::Status Start();
  // Begin begins to count, on `connection_count` connections. It fails with
  // FAILED_PRECONDITION if there are not so many.
  absl::Status Begin(int connection_count);
  // End returns what each connection has got since Begin. It fails if wrong
  // bytes came, or if a connection has ended, and with FAILED_PRECONDITION if
  // nothing came.
  absl::StatusOr<std::vector<int64_t>> End() const;

  // OwnSize returns what all connections of the load have got by now.
  absl::StatusOr<int64_t> OwnSize() const;

 private:
  // Read returns the report without connections of others.
  absl::StatusOr<SinkReport> Read() const;

  const int report_port_;
  SinkReport others_;
  SinkReport begin_;
};

}  // namespace tlsd::bench::load

#endif  // TLSD_TESTS_BENCH_LOAD_SINK_REPORT_H_
