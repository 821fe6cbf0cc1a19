// `tlsctl listen` and `tlsctl listeners`.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/time/clock.h"
#include "client/cli/commands.h"
#include "client/cli/option_kinds.h"
#include "client/cli/show.h"
#include "client/convert.h"

namespace tlsd::client::cli {
namespace {

using Service = v1::ListenerService::Stub;

constexpr UnaryMethod kCreate = {"tlsd.v1.ListenerService/CreateListener",
                                 &Service::CreateListener};
constexpr UnaryMethod kGet = {"tlsd.v1.ListenerService/GetListener",
                              &Service::GetListener};
constexpr UnaryMethod kList = {"tlsd.v1.ListenerService/ListListeners",
                               &Service::ListListeners};

// ListenOptions is the command line of `listen`.
struct ListenOptions {
  std::string address;
  std::string context;
  std::string id;
  bool echo = false;
  std::optional<absl::Duration> handshake_timeout;
  int32_t max_connections = 0;
};

absl::Status Listen(Invocation& run, const ListenOptions& options) {
  v1::CreateListenerRequest request;
  request.set_listener_id(options.id);
  v1::Listener& listener = *request.mutable_listener();
  listener.set_address(options.address);
  listener.set_secure_context(ResourceName(kSecureContexts, options.context));
  if (options.echo) {
    listener.mutable_echo();
  } else {
    listener.mutable_stream();
  }
  if (options.handshake_timeout.has_value()) {
    *listener.mutable_handshake_timeout() = ToProto(*options.handshake_timeout);
  }
  listener.set_max_connections(options.max_connections);
  return run.Perform(kCreate, request, [&](const v1::Listener& created) {
    return ListenerBlock(created, absl::Now()).Format(run.out_colour());
  });
}

absl::Status ShowListener(Invocation& run, const std::string& id) {
  v1::GetListenerRequest request;
  request.set_name(ResourceName(kListeners, id));
  return run.Perform(kGet, request, [&](const v1::Listener& listener) {
    return ListenerBlock(listener, absl::Now()).Format(run.out_colour());
  });
}

absl::Status ListListeners(Invocation& run) {
  return run.PerformList(
      kList, v1::ListListenersRequest(),
      [&](const v1::ListListenersResponse& list) {
        return ListenerTable(list, absl::Now()).Format(run.out_colour());
      });
}

}  // namespace

void AddListenerCommands(CLI::App& app, Invocation& run) {
  CLI::App* listen =
      app.add_subcommand("listen", "Start a listener, which the daemon keeps");
  auto options = std::make_shared<ListenOptions>();
  listen
      ->add_option("address", options->address,
                   "127.0.0.1:8443, [::1]:8443, :8443 or unix:/path; port 0 "
                   "picks a free one")
      ->required();
  listen
      ->add_option("--context,-c", options->context,
                   "The secure context, by ID or name")
      ->required();
  listen->add_flag("--echo", options->echo,
                   "Send back what comes, instead of waiting for `accept`");
  listen->add_option("--id", options->id,
                     "Its ID; without one the daemon picks one");
  AddDurationOption(*listen, "--handshake-timeout", options->handshake_timeout,
                    "How long a handshake may take (default 120s)");
  listen->add_option("--max-connections", options->max_connections,
                     "How many may be open at once (default 10000)");
  listen->callback([&run, options] { run.Finish(Listen(run, *options)); });

  auto id = std::make_shared<std::string>();
  CLI::App* listeners =
      app.add_subcommand("listeners", "List the listeners, or show one");
  listeners->add_option("id", *id, "The ID or name of the one to show");
  listeners->callback([&run, id] {
    run.Finish(id->empty() ? ListListeners(run) : ShowListener(run, *id));
  });
}

}  // namespace tlsd::client::cli
