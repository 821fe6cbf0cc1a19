#include "tests/bench/load/sink_report.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/bench/load/sockets.h"

namespace tlsd::bench::load {

std::string FormatSinkReport(const SinkReport& report) {
  std::string text = absl::StrCat("errors ", report.error_count, "\n");
  for (const auto& [number, size] : report.sizes) {
    absl::StrAppend(&text, number, " ", size, "\n");
  }
  // A report that was cut off is told from a short one.
  return absl::StrCat(text, "end\n");
}

absl::StatusOr<SinkReport> ParseSinkReport(absl::string_view text) {
  SinkReport report;
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
  bool is_whole = lines.size() >= 3 && lines[lines.size() - 2] == "end";
  for (size_t i = 0; is_whole && i + 2 < lines.size(); ++i) {
    const std::vector<absl::string_view> words = absl::StrSplit(lines[i], ' ');
    int64_t number = 0;
    int64_t size = 0;
    is_whole = words.size() == 2 && absl::SimpleAtoi(words[1], &size);
    if (i == 0) {
      is_whole = is_whole && words[0] == "errors";
      report.error_count = size;
    } else {
      is_whole = is_whole && absl::SimpleAtoi(words[0], &number);
      report.sizes[number] = size;
    }
  }
  if (is_whole) return report;
  return absl::InvalidArgumentError(
      "--report_port: what answers there is no "
      "report of tcp_backend");
}

absl::Status SinkWatch::Start() {
  others_ = SinkReport();
  absl::StatusOr<SinkReport> report = Read();
  if (report.ok()) others_ = *report;
  return report.status();
}

absl::Status SinkWatch::Begin(int connection_count) {
  const absl::StatusOr<SinkReport> report = Read();
  if (!report.ok()) return report.status();
  begin_ = *report;
  if (begin_.sizes.size() == static_cast<size_t>(connection_count)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat("the sink has ", begin_.sizes.size(), " connections, not ",
                   connection_count, ": does the server pass them on to it?"));
}

absl::StatusOr<std::vector<int64_t>> SinkWatch::End() const {
  const absl::StatusOr<SinkReport> report = Read();
  if (!report.ok()) return report.status();
  if (report->error_count > others_.error_count) {
    return absl::DataLossError("wrong bytes have come to the sink");
  }
  std::vector<int64_t> sizes;
  bool has_grown = false;
  for (const auto& [number, before] : begin_.sizes) {
    const auto now = report->sizes.find(number);
    if (now == report->sizes.end()) {
      return absl::AbortedError("a connection to the sink has ended");
    }
    sizes.push_back(now->second - before);
    has_grown = has_grown || now->second > before;
  }
  if (!has_grown) {
    return absl::FailedPreconditionError("nothing has come to the sink");
  }
  return sizes;
}

absl::StatusOr<int64_t> SinkWatch::OwnSize() const {
  const absl::StatusOr<SinkReport> report = Read();
  if (!report.ok()) return report.status();
  int64_t size = 0;
  for (const auto& entry : report->sizes) size += entry.second;
  return size;
}

absl::StatusOr<SinkReport> SinkWatch::Read() const {
  const absl::StatusOr<std::string> text = ReadAll(report_port_);
  if (!text.ok()) return text.status();
  absl::StatusOr<SinkReport> report = ParseSinkReport(*text);
  if (!report.ok()) return report;
  for (const auto& entry : others_.sizes) report->sizes.erase(entry.first);
  return report;
}

}  // namespace tlsd::bench::load
