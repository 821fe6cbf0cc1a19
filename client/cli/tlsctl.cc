#include "client/cli/tlsctl.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/commands.h"
#include "client/cli/option_kinds.h"

namespace tlsd::client::cli {
namespace {

// The environment counts when the variable is there and not empty.
std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

void AddGlobalOptions(CLI::App& app, GlobalOptions& options) {
  options.address = DefaultAddress();
  options.no_colour = !Environment("NO_COLOR").empty();
  app.add_option("--address,-s", options.address,
                 "The daemon: unix:/path, or host:port on the loopback")
      ->envname("TLSD_ADDRESS")
      ->type_name("ADDRESS")
      ->capture_default_str();
  static const std::map<std::string, OutputFormat> kFormats = {
      {"text", OutputFormat::kText}, {"json", OutputFormat::kJson}};
  app.add_option("--output,-o", options.output,
                 "How answers are printed (default text)")
      ->transform(CLI::CheckedTransformer(kFormats).description("{text,json}"))
      ->type_name("FORMAT");
  AddDurationOption(app, "--timeout,-t", options.timeout,
                    "How long to wait, as 500ms, 5s, 2m (default: 30s; "
                    "accept, connection read, decide wait, keylog and events "
                    "--follow wait for ever)");
  app.add_flag("--no-color", options.no_colour,
               "No colour, as with NO_COLOR in the environment");
  app.add_flag("--print-grpc", options.print_grpc,
               "Print the grpcurl line that does the same, and do nothing");
}

void AddHelpCommand(CLI::App& app, const Terminal& terminal) {
  CLI::App* help = app.add_subcommand("help", "Show help for a command");
  auto words = std::make_shared<std::vector<std::string>>();
  help->add_option("command", *words, "e.g. context create");
  help->callback([&app, &terminal, words] {
    const CLI::App* found = &app;
    std::string path = app.get_name();
    for (const std::string& word : *words) {
      const std::vector<const CLI::App*> matches = found->get_subcommands(
          [&](const CLI::App* each) { return each->get_name() == word; });
      if (matches.empty()) {
        throw CLI::ValidationError("help", absl::StrCat("no command ", word));
      }
      found = matches.front();
      absl::StrAppend(&path, " ", word);
    }
    // `found->help()` would show the help of `help`, the command parsed.
    terminal.out << found->get_formatter()->make_help(
        found, path, CLI::AppFormatMode::Normal);
  });
}

void AddCommands(CLI::App& app, Invocation& run) {
  AddStatusCommand(app, run);
  AddContextCommands(app, run);
  AddListenerCommands(app, run);
  AddCarryingCommands(app, run);
  AddConnectionCommands(app, run);
  AddPairCommands(app, run);
  AddCertificateCommands(app, run);
  AddDecideCommands(app, run);
  AddEventCommand(app, run);
  AddKeyLogCommand(app, run);
  AddCompletionCommand(app, run);
  AddHelpCommand(app, run.terminal());
}

// WithEmptyValues turns "--name=" into "--name" and "": CLI11 would take the
// argument behind it for the value.
std::vector<std::string> WithEmptyValues(
    const std::vector<std::string>& arguments) {
  std::vector<std::string> result;
  bool are_options = true;
  for (const std::string& argument : arguments) {
    if (argument == "--") are_options = false;
    const bool is_empty = are_options && absl::StartsWith(argument, "--") &&
                          argument.find('=') == argument.size() - 1;
    result.push_back(is_empty ? argument.substr(0, argument.size() - 1)
                              : argument);
    if (is_empty) result.push_back("");
  }
  return result;
}

}  // namespace

std::string DefaultAddress() {
  const std::string runtime = Environment("XDG_RUNTIME_DIR");
  return absl::StrCat("unix:", runtime.empty() ? "/run" : runtime,
                      "/tlsd/tlsd.sock");
}

ExitCode RunTlsctl(const std::vector<std::string>& arguments,
                   const Terminal& terminal) {
  Invocation run(terminal);
  CLI::App app("tlsctl talks to tlsd, which does TLS for other programs.",
               "tlsctl");
  app.fallthrough();
  app.require_subcommand(1);
  AddGlobalOptions(app, run.options());
  AddCommands(app, run);
  // Commands inherit the footer of an app that has one when they are added.
  app.footer(std::string(kExitCodesHelp));
  // CLI11 takes the arguments from the back, and reports by throwing.
  std::vector<std::string> reversed = WithEmptyValues(arguments);
  std::reverse(reversed.begin(), reversed.end());
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error, terminal.out, terminal.err);
    return code == 0 ? ExitCode::kOk : ExitCode::kUsage;
  }
  return run.exit_code();
}

}  // namespace tlsd::client::cli
