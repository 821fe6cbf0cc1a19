// What a failure means to the shell and to the person at it: the exit code, and
// the next command to try.
//
// The codes are a promise to scripts; docs and `tlsctl help` list them. Nothing
// here prints. It holds no state and may be used from any thread.
#ifndef TLSD_CLIENT_CLI_EXIT_CODE_H_
#define TLSD_CLIENT_CLI_EXIT_CODE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace tlsd::client::cli {

// ExitCode is what tlsctl ends with. Values never change their meaning.
enum class ExitCode {
  kOk = 0,
  kTlsFailed = 1,    // handshake failure, unauthorized, truncated, refused,
                     // or a certificate for another name
  kUsage = 2,        // the command line, or a value in it, is wrong
  kUnreachable = 3,  // no daemon answers
  kNotFound = 4,     // there is no such resource
  kTimeout = 5,      // it took too long
  kDenied = 6,       // the caller, or the daemon, may not
  kOtherError = 7,
};

// kExitCodesHelp lists the codes for `tlsctl help`.
extern const absl::string_view kExitCodesHelp;

// ExitCodeOf returns the exit code of a command that ended with `status`.
ExitCode ExitCodeOf(const absl::Status& status);

// NextStep returns the command or the act that may help after `status`, in one
// sentence without a full stop; empty if there is none to tell. `address` is
// the control address that was used.
std::string NextStep(const absl::Status& status, absl::string_view address);

}  // namespace tlsd::client::cli

#endif  // TLSD_CLIENT_CLI_EXIT_CODE_H_
