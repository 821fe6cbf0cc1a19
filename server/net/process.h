// The process: what the daemon asks of the system once, at its start, and how
// it learns that it shall stop.
//
// Call everything here from the main thread.
#ifndef TLSD_SERVER_NET_PROCESS_H_
#define TLSD_SERVER_NET_PROCESS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace tlsd::net {

// PrepareProcess must come before any thread is started. It ignores SIGPIPE,
// keeps SIGTERM and SIGINT for WaitForStop, raises the limit of descriptors to
// what is allowed, and makes sure that no core dump and no debugger of the same
// user sees keys.
void PrepareProcess();

// Whether the end of standard input stops the daemon, as it should where a
// parent that may die has started it.
enum class StandardInput { kIgnore, kStopsAtEnd };

// WaitForStop returns what stopped the process: "SIGTERM", "SIGINT" or
// "standard input".
std::string WaitForStop(StandardInput standard_input);

// ProcessId returns the id of this process.
int64_t ProcessId();

// WriteFileAtomically writes `content` to `path` with mode 0600, by rename: who
// finds the file finds all of it. It fails with INTERNAL.
absl::Status WriteFileAtomically(const std::string& path,
                                 absl::string_view content);

}  // namespace tlsd::net

#endif  // TLSD_SERVER_NET_PROCESS_H_
