#include "tests/bench/load/options.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/bench/load/sockets.h"

namespace tlsd::bench::load {
namespace {

struct ModeRow {
  Mode mode;
  absl::string_view name;
  int connections;
  bool has_interval;
};

constexpr ModeRow kModes[] = {
    {Mode::kHandshakes, "handshakes", 32, true},
    {Mode::kPaced, "paced", 1, true},
    {Mode::kDown, "down", 16, true},
    {Mode::kUp, "up", 16, true},
    {Mode::kEcho, "echo", 16, true},
    {Mode::kRoundTrips, "round_trips", 32, true},
    {Mode::kIdle, "idle", 5000, false},
    {Mode::kSequence, "sequence", 1, false},
    {Mode::kMegabytes, "megabytes", 1, false},
};

const ModeRow& RowOf(Mode mode) {
  for (const ModeRow& row : kModes) {
    if (row.mode == mode) return row;
  }
  return kModes[0];
}

// Outside returns an error if `value` is not within the limits.
template <typename T>
absl::Status Outside(absl::string_view flag, T value, T least, T most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(flag, ": got ", value, "; allowed: ", least, " to ", most));
}

absl::Status CheckNumbers(const Options& options) {
  constexpr int kPortMax = 65535;
  constexpr int kCountMax = 1000000;
  const bool needs_report = options.mode == Mode::kUp ||
                            (options.mode == Mode::kMegabytes && options.is_up);
  const bool needs_count =
      options.mode == Mode::kSequence || options.mode == Mode::kMegabytes;
  const bool is_paced = options.mode == Mode::kPaced;
  for (const absl::Status& status : {
           Outside("--port", options.port, 1, kPortMax),
           Outside("--report_port", options.report_port, needs_report ? 1 : 0,
                   kPortMax),
           Outside("--connections", options.connections, 1, kCountMax),
           Outside("--threads", options.threads, 1, options.connections),
           Outside("--count", options.count, needs_count ? 1 : 0, kCountMax),
           Outside("--rate", options.rate, is_paced ? 1.0 : 0.0, 1e6),
           Outside("--size", options.size, 1, static_cast<int>(kBufferSize)),
           Outside("--move", options.move, 0, static_cast<int>(kBufferSize)),
       }) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::string_view ModeName(Mode mode) { return RowOf(mode).name; }

bool HasInterval(Mode mode) { return RowOf(mode).has_interval; }

absl::StatusOr<Mode> ParseMode(absl::string_view name) {
  for (const ModeRow& row : kModes) {
    if (row.name == name) return row.mode;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "--mode: got \"", name, "\"; allowed: ",
      absl::StrJoin(kModes, ", ", [](std::string* text, const ModeRow& row) {
        absl::StrAppend(text, row.name);
      })));
}

absl::StatusOr<uint16_t> ParseVersion(absl::string_view name) {
  for (const uint16_t version :
       {kWithoutTls, uint16_t{TLS1_2_VERSION}, uint16_t{TLS1_3_VERSION}}) {
    if (VersionName(version) == name) return version;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--version: got \"", name, "\"; allowed: none, 1.2, 1.3"));
}

absl::string_view VersionName(uint16_t version) {
  if (version == kWithoutTls) return "none";
  return version == TLS1_2_VERSION ? "1.2" : "1.3";
}

absl::StatusOr<std::vector<int>> ParseNumbers(
    absl::string_view flag, const std::vector<std::string>& words) {
  std::vector<int> numbers;
  for (const std::string& word : words) {
    int number = 0;
    if (!absl::SimpleAtoi(word, &number) || number < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(flag, ": got \"", word, "\"; allowed: numbers from 0"));
    }
    numbers.push_back(number);
  }
  return numbers;
}

absl::Status Complete(Options& options) {
  const ModeRow& row = RowOf(options.mode);
  if (options.connections == 0) options.connections = row.connections;
  const absl::Status status = CheckNumbers(options);
  if (!status.ok()) return status;
  if (options.threads > 1 &&
      (!row.has_interval || options.mode == Mode::kPaced)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--threads: got ", options.threads,
                     "; allowed with --mode=", row.name, ": 1"));
  }
  if (options.resume && options.mode != Mode::kHandshakes &&
      options.mode != Mode::kPaced && options.mode != Mode::kSequence) {
    return absl::InvalidArgumentError(
        absl::StrCat("--resume: not allowed with --mode=", row.name));
  }
  if (options.resume && options.version == kWithoutTls) {
    return absl::InvalidArgumentError(
        "--resume: not allowed with --version=none");
  }
  if (options.time <= absl::ZeroDuration() ||
      options.warmup < absl::ZeroDuration() ||
      options.patience <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(
        "--time and --patience: allowed: more than 0s; --warmup: 0s and more");
  }
  if (options.mode == Mode::kIdle && options.cpu_of.empty()) {
    return absl::InvalidArgumentError(
        "--cpu_of: required with --mode=idle: whose memory?");
  }
  return absl::OkStatus();
}

}  // namespace tlsd::bench::load
