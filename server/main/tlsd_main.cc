// The daemon's flags, and its life from start to stop.
#include <malloc.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/flags/usage_config.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "server/base/log.h"
#include "server/base/version.h"
#include "server/main/daemon.h"
#include "server/net/process.h"
#include "server/net/thread_schedule.h"
#include "server/tls/algorithms.h"

ABSL_FLAG(std::string, control, "unix:/run/tlsd/tlsd.sock",
          "where the control plane (gRPC) is served: unix:/path, or "
          "127.0.0.1:port with --allow_tcp_control");
ABSL_FLAG(bool, allow_tcp_control, false,
          "let the control plane be a TCP port of the loopback interface, "
          "which any user of the host can reach");
ABSL_FLAG(int, workers, 0,
          "threads of the data plane; 0 means one for each processor");
ABSL_FLAG(bool, key_log, false,
          "tell the secrets of connections to callers of WatchKeyLog, who can "
          "then read captures of them: for debugging, never in production");
ABSL_FLAG(
    std::string, ready_file, "",
    "written, when calls are served, with {\"pid\", \"control\"} as JSON");
ABSL_FLAG(bool, exit_on_stdin_eof, false,
          "stop when standard input ends, e.g. because the parent has died");

namespace tlsd {
namespace {

constexpr int kExitOk = 0;
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kWorkerCountMax = 256;
constexpr int kHeapSpareBytes = 8 << 20;

int Fail(int code, const std::string& message) {
  std::fprintf(stderr, "tlsd: %s\n", message.c_str());
  return code;
}

absl::Status WriteReadyFile(const std::string& control_address) {
  const std::string path = absl::GetFlag(FLAGS_ready_file);
  if (path.empty()) return absl::OkStatus();
  return net::WriteFileAtomically(
      path, absl::StrCat("{\"pid\": ", net::ProcessId(), ", \"control\": \"",
                         control_address, "\"}\n"));
}

int Run(const std::vector<char*>& arguments) {
  if (arguments.size() > 1) {
    return Fail(kExitUsage, absl::StrCat("unexpected argument \"", arguments[1],
                                         "\"; see --help"));
  }
  DaemonOptions options;
  options.control_address = absl::GetFlag(FLAGS_control);
  options.tcp_control = absl::GetFlag(FLAGS_allow_tcp_control)
                            ? control::TcpControl::kAllow
                            : control::TcpControl::kRefuse;
  options.worker_count = absl::GetFlag(FLAGS_workers);
  options.key_log = absl::GetFlag(FLAGS_key_log);
  if (options.worker_count < 0 || options.worker_count > kWorkerCountMax) {
    return Fail(kExitUsage,
                absl::StrCat("--workers: got ", options.worker_count,
                             "; allowed: 0 to ", kWorkerCountMax));
  }
  net::PrepareProcess();
  // All threads but the workers', which say so themselves.
  net::ScheduleAs(net::Plane::kControl);
  absl::StatusOr<std::unique_ptr<Daemon>> daemon = Daemon::Start(options);
  if (!daemon.ok()) {
    return Fail(kExitFailed, std::string(daemon.status().message()));
  }
  const std::string& address = (*daemon)->control_address();
  if (const absl::Status ready = WriteReadyFile(address); !ready.ok()) {
    return Fail(kExitFailed, std::string(ready.message()));
  }
  base::Log(base::Severity::kInfo, "serving", {{"control", address}});
  if (options.key_log) {
    base::Log(base::Severity::kWarning,
              "key log on: callers can read the secrets of connections");
  }
  const std::string cause = net::WaitForStop(
      absl::GetFlag(FLAGS_exit_on_stdin_eof) ? net::StandardInput::kStopsAtEnd
                                             : net::StandardInput::kIgnore);
  base::Log(base::Severity::kInfo, "stopping", {{"cause", cause}});
  daemon->reset();
  return kExitOk;
}

void TuneLibraries() {
  // Debian builds Abseil without NDEBUG: each lock would look for a deadlock.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // Else the workers' heaps shrink and grow by a few pages with every burst,
  // and large messages are mapped one by one.
  mallopt(M_TRIM_THRESHOLD, kHeapSpareBytes);
  mallopt(M_MMAP_THRESHOLD, kHeapSpareBytes);
}

}  // namespace
}  // namespace tlsd

int main(int argc, char** argv) {
  tlsd::TuneLibraries();
  absl::SetProgramUsageMessage(
      "tlsd serves the whole of a TLS stack over gRPC.\n\n"
      "Example: tlsd --control=unix:/tmp/tlsd.sock");
  absl::FlagsUsageConfig config;
  config.version_string = [] {
    return absl::StrCat("tlsd ", tlsd::base::kVersion, " (BoringSSL ",
                        tlsd::tls::BoringSslRevision(), ")\n");
  };
  absl::SetFlagsUsageConfig(config);
  return tlsd::Run(absl::ParseCommandLine(argc, argv));
}
