// The daemon as a process of its own, for what only a process has: flags,
// signals, limits, exit codes.
#ifndef TLSD_TESTS_INTEGRATION_DAEMON_PROCESS_H_
#define TLSD_TESTS_INTEGRATION_DAEMON_PROCESS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/testing/control_client.h"
#include "tests/testing/subprocess.h"

namespace tlsd::testing {

// Relative to the folder in which Bazel runs a test.
inline constexpr char kDaemonBinary[] = "server/main/tlsd";

// StartDaemonProcess returns when the daemon serves `control`. `shell` is what
// a shell does before it becomes the daemon, e.g. "umask 000".
absl::StatusOr<std::unique_ptr<Subprocess>> StartDaemonProcess(
    const std::string& control, std::vector<std::string> flags = {},
    const std::string& shell = "");

// StartEcho starts an echo listener with development credentials at 127.0.0.1.
absl::StatusOr<v1::Listener> StartEcho(ControlClient& client);

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_INTEGRATION_DAEMON_PROCESS_H_
