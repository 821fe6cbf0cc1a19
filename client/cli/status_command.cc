// `tlsctl status`: what the daemon is and has.
#include <memory>

#include "absl/time/clock.h"
#include "client/cli/commands.h"
#include "client/cli/show.h"

namespace tlsd::client::cli {
namespace {

constexpr UnaryMethod kGetServerInfo = {"tlsd.v1.AdminService/GetServerInfo",
                                        &v1::AdminService::Stub::GetServerInfo};

absl::Status ShowStatus(Invocation& run) {
  return run.Perform(kGetServerInfo, v1::GetServerInfoRequest(),
                     [&](const v1::ServerInfo& info) {
                       return ServerInfoBlock(info, run.options().address,
                                              absl::Now())
                           .Format(run.out_colour());
                     });
}

absl::Status ShowDevelopmentRoot(Invocation& run) {
  return run.Perform(
      kGetServerInfo, v1::GetServerInfoRequest(),
      [](const v1::ServerInfo& info) { return info.development_root(); });
}

}  // namespace

void AddStatusCommand(CLI::App& app, Invocation& run) {
  CLI::App* status =
      app.add_subcommand("status", "Show the daemon: version, uptime, counts");
  auto root = std::make_shared<bool>(false);
  status->add_flag("--development-root", *root,
                   "Print only the root of the development authority, in PEM");
  status->callback([&run, root] {
    run.Finish(*root ? ShowDevelopmentRoot(run) : ShowStatus(run));
  });
}

}  // namespace tlsd::client::cli
