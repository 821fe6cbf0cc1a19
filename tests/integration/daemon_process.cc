#include "tests/integration/daemon_process.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace tlsd::testing {

absl::StatusOr<std::unique_ptr<Subprocess>> StartDaemonProcess(
    const std::string& control, std::vector<std::string> flags,
    const std::string& shell) {
  std::vector<std::string> command;
  if (!shell.empty()) {
    command = {"sh", "-c", absl::StrCat(shell, " && exec \"$@\""), "sh"};
  }
  command.insert(command.end(),
                 {kDaemonBinary, "--control=" + control, "--workers=2"});
  command.insert(command.end(), flags.begin(), flags.end());
  absl::StatusOr<std::unique_ptr<Subprocess>> daemon =
      Subprocess::Start(command);
  if (!daemon.ok()) return daemon;
  const absl::Status serves = (*daemon)->WaitForErrorOutput("serving control=");
  if (!serves.ok()) return serves;
  // All of the line.
  const absl::Status line = (*daemon)->WaitForErrorOutput("\"\n");
  if (!line.ok()) return line;
  return daemon;
}

absl::StatusOr<v1::Listener> StartEcho(ControlClient& client) {
  v1::CreateSecureContextRequest context;
  context.mutable_secure_context()->add_credentials()->mutable_development();
  const absl::StatusOr<v1::SecureContext> made = client.Call(context);
  if (!made.ok()) return made.status();
  v1::CreateListenerRequest request;
  request.mutable_listener()->set_address("127.0.0.1:0");
  request.mutable_listener()->set_secure_context(made->name());
  request.mutable_listener()->mutable_echo();
  return client.Call(request);
}

}  // namespace tlsd::testing
