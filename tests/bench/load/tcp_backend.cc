// The server behind the proxies of a measurement: see Backend.
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/bench/descriptor_limit.h"
#include "tests/bench/load/backend.h"
#include "tests/bench/load/sockets.h"

ABSL_FLAG(int, cpu, -1, "run on this processor only; -1: on any");
ABSL_FLAG(int, descriptors, 16000, "how many connections may be open at once");
ABSL_FLAG(
    int64_t, wrong_byte_at, -1,
    "change the byte at this position of each source and echo, to see that "
    "a load notices; -1: none");

namespace tlsd::bench::load {
namespace {

absl::Status Run() {
  absl::Status status = RaiseDescriptorLimit(absl::GetFlag(FLAGS_descriptors));
  if (!status.ok()) return status;
  const int processor = absl::GetFlag(FLAGS_cpu);
  if (processor >= 0) status = Pin(processor);
  if (!status.ok()) return status;
  const absl::StatusOr<std::unique_ptr<Backend>> backend =
      Backend::Start({.wrong_byte_at = absl::GetFlag(FLAGS_wrong_byte_at)});
  if (!backend.ok()) return backend.status();
  std::printf("%s\n", (*backend)->Ports().c_str());
  std::fflush(stdout);
  (*backend)->RunUntilEnd(STDIN_FILENO);
  return absl::OkStatus();
}

}  // namespace
}  // namespace tlsd::bench::load

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "tcp_backend serves what is behind the proxies of a measurement, until "
      "its input ends.\n\n"
      "It prints one line, the ports of 127.0.0.1 at which it listens:\n"
      "  {\"echo\":PORT,\"source\":PORT,\"request\":PORT,\"sink\":PORT,"
      "\"report\":PORT}\n\n"
      "  echo     gives back what comes\n"
      "  source   sends a known pattern for ever\n"
      "  request  reads 8 bytes, a big-endian number, and sends so many bytes "
      "of "
      "the pattern\n"
      "  sink     compares what comes with the pattern, and resets a "
      "connection "
      "at the first wrong byte\n"
      "  report   says what the sinks have got: tls_load --report_port\n\n"
      "Example: tcp_backend --cpu=1");
  const std::vector<char*> arguments = absl::ParseCommandLine(argc, argv);
  if (arguments.size() > 1) {
    std::fprintf(stderr, "tcp_backend: unexpected argument \"%s\"\n",
                 arguments[1]);
    return 2;
  }
  const absl::Status status = tlsd::bench::load::Run();
  if (status.ok()) return 0;
  std::fprintf(stderr, "tcp_backend: %s\n",
               std::string(status.message()).c_str());
  return 1;
}
