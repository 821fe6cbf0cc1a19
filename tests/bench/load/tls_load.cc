// Loads a TLS server and measures it: see --help.
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/bench/descriptor_limit.h"
#include "tests/bench/load/options.h"
#include "tests/bench/load/run.h"

ABSL_FLAG(int, port, 0, "required: where the server listens, at 127.0.0.1");
ABSL_FLAG(std::string, mode, "", "required: what to do, see above");
ABSL_FLAG(std::string, version, "1.3",
          "of TLS: 1.2 or 1.3; none: in cleartext, for proxies without TLS");
ABSL_FLAG(int, connections, 0,
          "how many connections there are at once; 0: 32 for handshakes and "
          "round_trips, 16 for down, up and echo, 5000 for idle, 1 for the "
          "others");
ABSL_FLAG(int, threads, 1, "threads that share the connections");
ABSL_FLAG(absl::Duration, time, absl::Seconds(2), "how long it counts");
ABSL_FLAG(absl::Duration, warmup, absl::Milliseconds(300),
          "how long it runs before it counts");
ABSL_FLAG(absl::Duration, patience, absl::Seconds(20),
          "silence of a server that is taken for a failure");
ABSL_FLAG(std::vector<std::string>, cpu_of, {},
          "processes of the server; all that they have started, and their "
          "threads, count too");
ABSL_FLAG(std::vector<std::string>, cpu, {},
          "processors to run on, one for each thread by turns; empty: any");
ABSL_FLAG(bool, resume, false,
          "offer sessions that earlier connections were given, each once under "
          "TLS 1.3; of handshakes, paced and sequence");
ABSL_FLAG(bool, allow_full, false,
          "do not fail if less than 99 % of the handshakes were resumed");
ABSL_FLAG(double, rate, 0, "of paced: handshakes each second");
ABSL_FLAG(int, size, 1, "of round_trips: bytes each way");
ABSL_FLAG(int, move, 0,
          "of idle: bytes that go there and back on each connection before it "
          "is idle");
ABSL_FLAG(int, count, 0, "of sequence: handshakes; of megabytes: MiB");
ABSL_FLAG(std::string, direction, "down", "of megabytes: down or up");
ABSL_FLAG(int, report_port, 0,
          "of up and of megabytes up: the port \"report\" of the tcp_backend");

namespace tlsd::bench::load {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
// More than a load has beside its connections; for paced, all it may have.
constexpr int kDescriptorsMin = 11000;

constexpr char kUsage[] = R"(tls_load loads a TLS server and measures it.

It prints one JSON object. Any wrong byte, unexpected end or silence is an
error: exit code 1, and a line on standard error. All handshakes use X25519 and
AES-128-GCM; certificates are not checked. The server leads to a tcp_backend, or
echoes itself.

  --mode=handshakes   keeps connections under way: each is dialled, sends a byte,
                      gets it back, and ends in order (echo)
  --mode=paced        the same, but connections come at --rate, however long they
                      take; latency counts from when they were due (echo)
  --mode=down         receives on all connections at once (source)
  --mode=up           sends on all connections at once (sink, --report_port)
  --mode=echo         sends and receives, 512 KiB under way on each (echo)
  --mode=round_trips  sends --size bytes and waits for them, again and again
                      (echo)
  --mode=idle         opens connections, and measures the memory of --cpu_of (echo)
  --mode=sequence     makes --count handshakes and no more, one after the other or
                      --connections at once (echo)
  --mode=megabytes    moves --count MiB on one connection in --direction (request,
                      or sink with --report_port)

What it prints, as it fits the mode:
  count, bytes        handshakes, round trips, bytes of cleartext that arrived
  seconds             of the interval
  per_second          count, or megabytes of 1000000 bytes, each second
  server_cpu_seconds  that --cpu_of have used
  per_cpu_second      count or megabytes for each of those
  load_cpu_seconds    that tls_load itself has used
  latency_p50_us, latency_p99_us, latency_max_us
                      of a handshake from dialling to the byte that came back, or
                      of a round trip
  fairness            what the worst connection has moved over the mean
  resumed             handshakes that have resumed a session
  memory_before_bytes, memory_after_bytes, bytes_per_connection
                      what --cpu_of have written to and hold

Example: tls_load --port=8443 --mode=handshakes --cpu=1 --cpu_of=4711)";

absl::StatusOr<Options> OptionsOfFlags() {
  Options options = {.port = absl::GetFlag(FLAGS_port),
                     .connections = absl::GetFlag(FLAGS_connections),
                     .threads = absl::GetFlag(FLAGS_threads),
                     .time = absl::GetFlag(FLAGS_time),
                     .warmup = absl::GetFlag(FLAGS_warmup),
                     .patience = absl::GetFlag(FLAGS_patience),
                     .resume = absl::GetFlag(FLAGS_resume),
                     .allow_full = absl::GetFlag(FLAGS_allow_full),
                     .rate = absl::GetFlag(FLAGS_rate),
                     .size = absl::GetFlag(FLAGS_size),
                     .move = absl::GetFlag(FLAGS_move),
                     .count = absl::GetFlag(FLAGS_count),
                     .is_up = absl::GetFlag(FLAGS_direction) == "up",
                     .report_port = absl::GetFlag(FLAGS_report_port)};
  const auto mode = ParseMode(absl::GetFlag(FLAGS_mode));
  const auto version = ParseVersion(absl::GetFlag(FLAGS_version));
  const auto cpu_of = ParseNumbers("--cpu_of", absl::GetFlag(FLAGS_cpu_of));
  const auto processors = ParseNumbers("--cpu", absl::GetFlag(FLAGS_cpu));
  for (const absl::Status& status : {mode.status(), version.status(),
                                     cpu_of.status(), processors.status()}) {
    if (!status.ok()) return status;
  }
  if (!options.is_up && absl::GetFlag(FLAGS_direction) != "down") {
    return absl::InvalidArgumentError("--direction: allowed: down, up");
  }
  options.mode = *mode;
  options.version = *version;
  options.cpu_of.assign(cpu_of->begin(), cpu_of->end());
  options.processors = *processors;
  const absl::Status status = Complete(options);
  if (!status.ok()) return status;
  return options;
}

int Say(const absl::Status& status, int exit_code) {
  std::fprintf(stderr, "tls_load: %s\n", std::string(status.message()).c_str());
  return exit_code;
}

int Main(const std::vector<char*>& arguments) {
  if (arguments.size() > 1) {
    return Say(absl::InvalidArgumentError(std::string("unexpected argument: ") +
                                          arguments[1]),
               kExitUsage);
  }
  const absl::StatusOr<Options> options = OptionsOfFlags();
  if (!options.ok()) return Say(options.status(), kExitUsage);
  const absl::Status limit =
      RaiseDescriptorLimit(options->connections + kDescriptorsMin);
  if (!limit.ok()) return Say(limit, kExitFailed);
  absl::StatusOr<Result> result = Run(*options);
  if (!result.ok()) return Say(result.status(), kExitFailed);
  std::printf("%s\n", ToJson(*options, *std::move(result)).c_str());
  return 0;
}

}  // namespace
}  // namespace tlsd::bench::load

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(tlsd::bench::load::kUsage);
  return tlsd::bench::load::Main(absl::ParseCommandLine(argc, argv));
}
