// Loads raw_echo_server and measures it: see --help.
#include <cstdio>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/bench/grpc/grpc_program.h"
#include "tests/bench/grpc/message_load.h"
#include "tests/bench/load/options.h"
#include "tests/bench/load/result.h"

ABSL_FLAG(std::string, target, "",
          "required: where the server listens, unix:/path or 127.0.0.1:port");
ABSL_FLAG(std::string, mode, "round_trips", "round_trips or echo, see above");
ABSL_FLAG(int, streams, 0, "how many; 0: 32 for round_trips, 16 for echo");
ABSL_FLAG(int, size, 0,
          "bytes of a message; 0: 1024 for round_trips, 65536 for echo");
ABSL_FLAG(int, outstanding, 4, "of echo: messages under way on each stream");
ABSL_FLAG(absl::Duration, time, absl::Seconds(2), "how long it counts");
ABSL_FLAG(absl::Duration, warmup, absl::Milliseconds(300),
          "how long it runs before it counts");
ABSL_FLAG(absl::Duration, patience, absl::Seconds(20),
          "silence of a server that is taken for a failure");
ABSL_FLAG(std::vector<std::string>, cpu_of, {}, "processes of the server");
ABSL_FLAG(int, cpu, -1, "run on this processor only; -1: on any");

namespace tlsd::bench {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

constexpr char kUsage[] =
    R"(grpc_load loads raw_echo_server: what gRPC costs without tlsd.

It prints one JSON object, with the keys of tls_load. A wrong byte, the end of a
stream or silence is an error: exit code 1, and a line on standard error.

  --mode=round_trips  sends a message on each stream and waits for it, again and
                      again; counts messages
  --mode=echo         keeps --outstanding messages under way on each stream;
                      counts bytes, each once

Example: grpc_load --target=unix:/tmp/echo.sock --streams=1000 --cpu_of=4711)";

absl::StatusOr<MessageOptions> OptionsOfFlags() {
  load::Options base = {.connections = absl::GetFlag(FLAGS_streams),
                        .time = absl::GetFlag(FLAGS_time),
                        .warmup = absl::GetFlag(FLAGS_warmup),
                        .patience = absl::GetFlag(FLAGS_patience),
                        .size = absl::GetFlag(FLAGS_size)};
  const auto mode = load::ParseMode(absl::GetFlag(FLAGS_mode));
  const auto cpu_of =
      load::ParseNumbers("--cpu_of", absl::GetFlag(FLAGS_cpu_of));
  for (const absl::Status& status : {mode.status(), cpu_of.status()}) {
    if (!status.ok()) return status;
  }
  const bool is_echo = *mode == load::Mode::kEcho;
  if (!is_echo && *mode != load::Mode::kRoundTrips) {
    return absl::InvalidArgumentError("--mode: allowed: round_trips, echo");
  }
  if (absl::GetFlag(FLAGS_target).empty()) {
    return absl::InvalidArgumentError("--target: required");
  }
  base.mode = *mode;
  base.cpu_of.assign(cpu_of->begin(), cpu_of->end());
  if (base.size == 0) base.size = is_echo ? 65536 : 1024;
  // Not used: the target says it all. Nor is TLS.
  base.port = 1;
  base.version = 0;
  const absl::Status status = load::Complete(base);
  if (!status.ok()) return status;
  const int outstanding = is_echo ? absl::GetFlag(FLAGS_outstanding) : 1;
  if (outstanding < 1) {
    return absl::InvalidArgumentError("--outstanding: allowed: 1 and more");
  }
  return MessageOptions{.target = absl::GetFlag(FLAGS_target),
                        .outstanding = outstanding,
                        .base = base};
}

int Say(const absl::Status& status, int exit_code) {
  std::fprintf(stderr, "grpc_load: %s\n",
               std::string(status.message()).c_str());
  return exit_code;
}

int Main(const std::vector<char*>& arguments) {
  if (arguments.size() > 1) {
    return Say(absl::InvalidArgumentError(std::string("unexpected argument: ") +
                                          arguments[1]),
               kExitUsage);
  }
  const absl::StatusOr<MessageOptions> options = OptionsOfFlags();
  if (!options.ok()) return Say(options.status(), kExitUsage);
  const absl::Status begun = BeginGrpc(absl::GetFlag(FLAGS_cpu));
  if (!begun.ok()) return Say(begun, kExitUsage);
  const absl::StatusOr<load::Result> result = MessageLoad(*options).Run();
  if (!result.ok()) return Say(result.status(), kExitFailed);
  std::printf("%s\n", load::ToJson(options->base, *result).c_str());
  return 0;
}

}  // namespace
}  // namespace tlsd::bench

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(tlsd::bench::kUsage);
  return tlsd::bench::Main(absl::ParseCommandLine(argc, argv));
}
