// Measures what decisions cost: see docs/performance.md.
#include <algorithm>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/bench/measurements.h"

ABSL_FLAG(std::vector<std::string>, only, {},
          "what to measure, of round_trips, handshakes, resumption and parked; "
          "all if empty");
ABSL_FLAG(bool, smoke, false,
          "do as little as possible: see that it works, measure nothing");
ABSL_FLAG(int, workers, 2, "threads of the daemon's data plane");
ABSL_FLAG(int, connections, 32, "handshakes under way at once");
ABSL_FLAG(int, load_threads, 2, "threads that make handshakes");
ABSL_FLAG(absl::Duration, time, absl::Seconds(1),
          "how long each rate is counted");
ABSL_FLAG(int, repeats, 3, "runs of each measurement; the best is shown");
ABSL_FLAG(int, round_trips, 1000, "handshakes, one at a time, for a latency");
ABSL_FLAG(int, silences, 5,
          "calls and handshakes that follow a second of silence");
ABSL_FLAG(int, stored, 100000, "sessions in the store");
ABSL_FLAG(int, sessions, 2000, "sessions of the clients that resume");
ABSL_FLAG(int, parked, 10000, "handshakes that wait");

namespace tlsd::bench {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
// As many as one handler may hold.
constexpr int kParkedMax = 10000;

struct Measurement {
  std::string name;
  absl::Status (*measure)(const BenchOptions&);
};

const std::vector<Measurement>& Measurements() {
  static const auto& measurements = *new std::vector<Measurement>{
      {"round_trips", MeasureRoundTrips},
      {"handshakes", MeasureHandshakes},
      {"resumption", MeasureResumption},
      {"parked", MeasureParked},
  };
  return measurements;
}

BenchOptions OptionsOfFlags() {
  if (absl::GetFlag(FLAGS_smoke)) {
    return {.worker_count = 2,
            .connection_count = 4,
            .load_thread_count = 2,
            .time = absl::Milliseconds(10),
            .repeat_count = 1,
            .round_trip_count = 5,
            .silence_count = 1,
            .stored_count = 100,
            .session_count = 8,
            .parked_count = 20};
  }
  return {.worker_count = absl::GetFlag(FLAGS_workers),
          .connection_count = absl::GetFlag(FLAGS_connections),
          .load_thread_count = absl::GetFlag(FLAGS_load_threads),
          .time = absl::GetFlag(FLAGS_time),
          .repeat_count = absl::GetFlag(FLAGS_repeats),
          .round_trip_count = absl::GetFlag(FLAGS_round_trips),
          .silence_count = absl::GetFlag(FLAGS_silences),
          .stored_count = absl::GetFlag(FLAGS_stored),
          .session_count = absl::GetFlag(FLAGS_sessions),
          .parked_count = absl::GetFlag(FLAGS_parked)};
}

// CheckFlags returns what is wrong with them, or "".
std::string CheckFlags(const BenchOptions& options) {
  for (const std::string& name : absl::GetFlag(FLAGS_only)) {
    if (std::any_of(
            Measurements().begin(), Measurements().end(),
            [&](const Measurement& each) { return each.name == name; })) {
      continue;
    }
    return absl::StrCat(
        "--only: got ", name, "; allowed: ",
        absl::StrJoin(Measurements(), ", ",
                      [](std::string* text, const Measurement& each) {
                        text->append(each.name);
                      }));
  }
  for (const int count : {options.worker_count, options.connection_count,
                          options.load_thread_count, options.repeat_count,
                          options.round_trip_count, options.stored_count,
                          options.session_count, options.parked_count}) {
    if (count < 1) return absl::StrCat("got ", count, "; allowed: 1 and more");
  }
  if (options.parked_count > kParkedMax) {
    return absl::StrCat("--parked: got ", options.parked_count,
                        "; allowed: 1 to ", kParkedMax);
  }
  if (options.load_thread_count > options.connection_count) {
    return "--load_threads: more than --connections";
  }
  if (options.session_count < 2 * options.connection_count) {
    return "--sessions: fewer than two for each of --connections";
  }
  return "";
}

int Run(const std::vector<char*>& arguments) {
  const BenchOptions options = OptionsOfFlags();
  std::string wrong = CheckFlags(options);
  if (arguments.size() > 1) {
    wrong = absl::StrCat("unexpected argument \"", arguments[1], "\"");
  }
  if (!wrong.empty()) {
    std::fprintf(stderr, "decisions_bench: %s; see --help\n", wrong.c_str());
    return kExitUsage;
  }
  std::printf("%u processors; the daemon has %d workers, the load %d threads\n",
              std::thread::hardware_concurrency(), options.worker_count,
              options.load_thread_count);
  const std::vector<std::string> only = absl::GetFlag(FLAGS_only);
  for (const Measurement& each : Measurements()) {
    if (!only.empty() &&
        std::find(only.begin(), only.end(), each.name) == only.end()) {
      continue;
    }
    if (const absl::Status status = each.measure(options); !status.ok()) {
      std::fprintf(stderr, "decisions_bench: %s: %s\n", each.name.c_str(),
                   std::string(status.message()).c_str());
      return kExitFailed;
    }
  }
  return 0;
}

}  // namespace
}  // namespace tlsd::bench

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "decisions_bench measures what decisions cost a handshake.\n\n"
      "Example: tools/dev bench --only=round_trips,parked");
  return tlsd::bench::Run(absl::ParseCommandLine(argc, argv));
}
