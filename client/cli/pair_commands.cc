// `tlsctl pair create`.
#include <memory>
#include <string>

#include "client/cli/client_options.h"
#include "client/cli/commands.h"
#include "client/cli/file_content.h"
#include "client/cli/show_connection.h"

namespace tlsd::client::cli {
namespace {

constexpr UnaryMethod kCreate = {
    "tlsd.v1.SecurePairService/CreateSecurePair",
    &v1::SecurePairService::Stub::CreateSecurePair};

// PairCommand is the command line of `pair create`.
struct PairCommand {
  explicit PairCommand(CLI::App& app) : role(app) {}

  RoleCommandLine role;
  std::string early_data_path;
};

absl::Status Create(Invocation& run, const PairCommand& command) {
  v1::CreateSecurePairRequest request;
  const FileContents files(run.prints_grpc() ? FileUse::kMark : FileUse::kRead);
  const absl::Status filled =
      command.role.Fill(files, run.options().timeout, request);
  if (!filled.ok()) return filled;
  if (!command.early_data_path.empty()) {
    const absl::StatusOr<std::string> early =
        files.Bytes(command.early_data_path);
    if (!early.ok()) return early.status();
    request.mutable_client()->set_early_data(*early);
  }
  return run.Perform(kCreate, request, [&](const v1::SecurePair& pair) {
    return SecurePairBlock(pair).Format(run.out_colour());
  });
}

}  // namespace

void AddPairCommands(CLI::App& app, Invocation& run) {
  CLI::App* pair =
      app.add_subcommand("pair", "TLS over a carrier that you bring");
  pair->require_subcommand(1);
  CLI::App* create = pair->add_subcommand(
      "create",
      "Make two connections: what is written to the one comes out of the "
      "other as TLS, and the other way round");
  auto command = std::make_shared<PairCommand>(*create);
  command->role.AddClientOption(
      create
          ->add_option("--early-data", command->early_data_path,
                       "File to send first, with the first message if the "
                       "session allows it; it can be replayed")
          ->type_name("FILE"));
  create->callback([&run, command] { run.Finish(Create(run, *command)); });
}

}  // namespace tlsd::client::cli
