#include "tests/bench/grpc/grpc_program.h"

#include <grpc/grpc.h>
#include <unistd.h>

#include "tests/bench/load/sockets.h"

namespace tlsd::bench {

absl::Status BeginGrpc(int processor) {
  if (processor >= 0) {
    // Threads that are started later take it over.
    const absl::Status status = load::Pin(processor);
    if (!status.ok()) return status;
  }
  // Never given back: the last grpc_shutdown joins a thread that sleeps for up
  // to 20 s after a write that had to wait (tcp_posix.cc, run_poller).
  grpc_init();
  return absl::OkStatus();
}

void AwaitEndOfInput() {
  char ignored[256];
  while (read(STDIN_FILENO, ignored, sizeof(ignored)) > 0) {
  }
}

}  // namespace tlsd::bench
