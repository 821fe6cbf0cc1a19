// The verbs of tlsctl.
//
// Each function adds one group of verbs to `app`: their options, and what they
// do when the command line names them, which ends in `Invocation::Finish`.
// `run` must outlive `app`. Nothing happens before `app` parses.
#ifndef TLSD_CLIENT_CLI_COMMANDS_H_
#define TLSD_CLIENT_CLI_COMMANDS_H_

#include <CLI/CLI.hpp>

#include "client/cli/invocation.h"

namespace tlsd::client::cli {

void AddStatusCommand(CLI::App& app, Invocation& run);
void AddContextCommands(CLI::App& app, Invocation& run);
void AddListenerCommands(CLI::App& app, Invocation& run);
void AddCertificateCommands(CLI::App& app, Invocation& run);
void AddConnectionCommands(CLI::App& app, Invocation& run);
void AddCarryingCommands(CLI::App& app, Invocation& run);
void AddDecideCommands(CLI::App& app, Invocation& run);
void AddKeyLogCommand(CLI::App& app, Invocation& run);
void AddEventCommand(CLI::App& app, Invocation& run);
void AddPairCommands(CLI::App& app, Invocation& run);
void AddCompletionCommand(CLI::App& app, Invocation& run);

// Verbs of `connection`, which AddConnectionCommands has added: `attach`; what
// reads and writes cleartext or gives it to another; and all else.
void AddAttachVerb(CLI::App& connection, Invocation& run);
void AddCleartextVerbs(CLI::App& connection, Invocation& run);
void AddControlVerbs(CLI::App& connection, Invocation& run);

}  // namespace tlsd::client::cli

#endif  // TLSD_CLIENT_CLI_COMMANDS_H_
