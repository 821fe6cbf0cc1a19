// Completion scripts for shells, made from the commands themselves.
//
// A script is walked out of a CLI::App: its subcommands, options, and the
// values of options that take one of a few. Nothing is listed by hand, so a new
// verb completes at once. It holds no state.
#ifndef TLSD_CLIENT_CLI_COMPLETION_H_
#define TLSD_CLIENT_CLI_COMPLETION_H_

#include <CLI/CLI.hpp>
#include <string>

namespace tlsd::client::cli {

// Each returns a script that completes the program called as `app` is.
std::string BashCompletion(const CLI::App& app);
std::string ZshCompletion(const CLI::App& app);
std::string FishCompletion(const CLI::App& app);

}  // namespace tlsd::client::cli

#endif  // TLSD_CLIENT_CLI_COMPLETION_H_
