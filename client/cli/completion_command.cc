// `tlsctl completion`.
#include <memory>
#include <string>

#include "client/cli/commands.h"
#include "client/cli/completion.h"

namespace tlsd::client::cli {
namespace {

std::string Completion(const CLI::App& app, const std::string& shell) {
  if (shell == "zsh") return ZshCompletion(app);
  if (shell == "fish") return FishCompletion(app);
  return BashCompletion(app);
}

}  // namespace

void AddCompletionCommand(CLI::App& app, Invocation& run) {
  CLI::App* completion = app.add_subcommand(
      "completion",
      "Print a completion script: source <(tlsctl completion "
      "bash)");
  auto shell = std::make_shared<std::string>();
  completion->add_option("shell", *shell, "The shell")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"})
                  .description("{bash,zsh,fish}"));
  completion->callback(
      [&app, &run, shell] { run.Finish(run.Print(Completion(app, *shell))); });
}

}  // namespace tlsd::client::cli
