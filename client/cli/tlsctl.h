// RunTlsctl is the program `tlsctl` without its process: arguments and a
// terminal in, an exit code out.
//
// It reads the environment (TLSD_ADDRESS, XDG_RUNTIME_DIR, NO_COLOR), and
// changes nothing in the process. It may be called again and again, by one
// thread at a time.
#ifndef TLSD_CLIENT_CLI_TLSCTL_H_
#define TLSD_CLIENT_CLI_TLSCTL_H_

#include <string>
#include <vector>

#include "client/cli/exit_code.h"
#include "client/cli/invocation.h"

namespace tlsd::client::cli {

// RunTlsctl runs the command that `arguments`, without the program's name, say.
ExitCode RunTlsctl(const std::vector<std::string>& arguments,
                   const Terminal& terminal);

// DefaultAddress returns the control address that is used when none is given:
// tlsd/tlsd.sock under $XDG_RUNTIME_DIR, or else under /run.
std::string DefaultAddress();

}  // namespace tlsd::client::cli

#endif  // TLSD_CLIENT_CLI_TLSCTL_H_
