// TCP sockets of the loopback interface that never wait, and the processor that
// a thread runs on. Who gets a descriptor owns it.
#ifndef TLSD_TESTS_BENCH_LOAD_SOCKETS_H_
#define TLSD_TESTS_BENCH_LOAD_SOCKETS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tlsd::bench::load {

// So much is read and written at once.
inline constexpr size_t kBufferSize = 256 * 1024;

// SystemError is the error of a call that has set errno.
absl::Status SystemError(absl::string_view call);

// Listen listens at a free port of 127.0.0.1. PortOf tells which.
absl::StatusOr<int> Listen();
int PortOf(int descriptor);

// Accept returns the next connection of a listening socket, or -1 if there is
// none at the moment.
int Accept(int listening);

// Dial begins to connect to `port` of 127.0.0.1. Connections come from many
// addresses by turns, which `turn` counts: ports of one that has been closed
// are not free for a while.
absl::StatusOr<int> Dial(int port, uint32_t turn);

// ReadAll connects to `port`, and returns all that comes. It waits for it.
absl::StatusOr<std::string> ReadAll(int port);

// ResetOnClose lets the next close of a connection reset it.
void ResetOnClose(int descriptor);

// Pin keeps the calling thread, and those that it starts, on one processor.
absl::Status Pin(int processor);

}  // namespace tlsd::bench::load

#endif  // TLSD_TESTS_BENCH_LOAD_SOCKETS_H_
