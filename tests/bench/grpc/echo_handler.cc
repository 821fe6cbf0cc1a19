// A program that echoes over streams of tlsd: see StreamEcho.

#include <cstdio>
#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/client.h"
#include "tests/bench/grpc/grpc_program.h"
#include "tests/bench/grpc/stream_echo.h"

ABSL_FLAG(std::string, control, "unix:/run/tlsd/tlsd.sock", "where tlsd is");
ABSL_FLAG(std::string, context, "",
          "\"secureContexts/ID\" to listen with; empty: one with a certificate "
          "that the daemon makes");
ABSL_FLAG(int, cpu, -1, "run on this processor only; -1: on any");
ABSL_FLAG(bool, spoil, false,
          "change the first byte of each message, to see that a load notices");

namespace tlsd::bench {
namespace {

constexpr int kConnectionCountMax = 10000;

absl::StatusOr<std::string> Context(const client::Client& client) {
  if (!absl::GetFlag(FLAGS_context).empty()) {
    return absl::GetFlag(FLAGS_context);
  }
  const auto context = client.CreateSecureContext(
      {.credentials = {client::DevelopmentCredentials{}}});
  if (!context.ok()) return context.status();
  return context->name();
}

absl::Status Run() {
  const absl::Status begun = BeginGrpc(absl::GetFlag(FLAGS_cpu));
  if (!begun.ok()) return begun;
  const std::string control = absl::GetFlag(FLAGS_control);
  const auto client = client::Client::Open(control);
  if (!client.ok()) return client.status();
  const absl::StatusOr<std::string> context = Context(*client);
  if (!context.ok()) return context.status();
  const auto listener =
      client->Listen({.address = "127.0.0.1:0",
                      .secure_context = *context,
                      .handler = client::Handler::kStream,
                      .max_connections = kConnectionCountMax});
  if (!listener.ok()) return listener.status();
  StreamEcho echo(control, listener->name(), absl::GetFlag(FLAGS_spoil));
  echo.Start();
  std::printf("{\"port\":%d}\n", listener->facts().bound_address.port);
  std::fflush(stdout);
  AwaitEndOfInput();
  const absl::Status closed = listener->Close(absl::ZeroDuration());
  if (closed.ok()) echo.WaitForEnd();
  return closed;
}

}  // namespace
}  // namespace tlsd::bench

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "echo_handler listens at a free port of 127.0.0.1 with a daemon, and "
      "gives "
      "back each message of the streams of its connections, until its input "
      "ends.\n\nIt prints one line: {\"port\":PORT}\n\n"
      "Example: echo_handler --control=unix:/tmp/tlsd.sock --cpu=1\n"
      "         tls_load --port=PORT --mode=echo --cpu=1 --cpu_of=PID_OF_TLSD");
  if (absl::ParseCommandLine(argc, argv).size() > 1) {
    std::fprintf(stderr, "echo_handler: unexpected argument\n");
    return 2;
  }
  const absl::Status status = tlsd::bench::Run();
  if (status.ok()) return 0;
  std::fprintf(stderr, "echo_handler: %s\n",
               std::string(status.message()).c_str());
  return 1;
}
