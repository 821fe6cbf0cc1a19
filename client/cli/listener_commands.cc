// `tlsctl listen`, `tlsctl listeners` and `tlsctl listener`.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "client/cli/commands.h"
#include "client/cli/hook_options.h"
#include "client/cli/option_kinds.h"
#include "client/cli/show.h"
#include "client/cli/transport_options.h"
#include "client/convert.h"
#include "proto/status/error.h"

namespace tlsd::client::cli {
namespace {

using Service = v1::ListenerService::Stub;

constexpr UnaryMethod kCreate = {"tlsd.v1.ListenerService/CreateListener",
                                 &Service::CreateListener};
constexpr UnaryMethod kGet = {"tlsd.v1.ListenerService/GetListener",
                              &Service::GetListener};
constexpr UnaryMethod kList = {"tlsd.v1.ListenerService/ListListeners",
                               &Service::ListListeners};
constexpr UnaryMethod kAddContext = {"tlsd.v1.ListenerService/AddContext",
                                     &Service::AddContext};
constexpr UnaryMethod kRemoveContext = {"tlsd.v1.ListenerService/RemoveContext",
                                        &Service::RemoveContext};
constexpr UnaryMethod kListContexts = {"tlsd.v1.ListenerService/ListContexts",
                                       &Service::ListContexts};

// ListenOptions is the command line of `listen`.
struct ListenOptions {
  explicit ListenOptions(CLI::App& app) : forward(app), sockets(app) {}

  std::string address;
  std::string context;
  std::string id;
  bool echo = false;
  std::optional<absl::Duration> handshake_timeout;
  int32_t max_connections = 0;
  // "NAME=CONTEXT".
  std::vector<std::string> contexts;
  bool strict_server_names = false;
  HookProtos hooks;
  bool plain = false;
  bool detect = false;
  bool accept_proxy = false;
  int32_t backlog = 0;
  bool ipv6_only = false;
  ForwardCommandLine forward;
  SocketCommandLine sockets;
};

// ServerNameOptions is the command line of the verbs of `listener`.
struct ServerNameOptions {
  std::string listener;
  std::string server_name;
  std::string context;
};

std::pair<std::string, std::string> NameAndContext(const std::string& text) {
  return absl::StrSplit(text, absl::MaxSplits('=', 1));
}

std::string CheckNameAndContext(const std::string& text) {
  const auto [name, context] = NameAndContext(text);
  if (!name.empty() && !context.empty()) return "";
  return "NAME=CONTEXT is needed, e.g. \"*.example.com=web\"";
}

// FillHandler says what happens to the cleartext.
absl::Status FillHandler(const Invocation& run, const ListenOptions& options,
                         v1::Listener& listener) {
  if (options.forward.is_given()) {
    const FileContents files(run.prints_grpc() ? FileUse::kMark
                                               : FileUse::kRead);
    return options.forward.Fill(files, *listener.mutable_forward());
  }
  if (options.echo) {
    listener.mutable_echo();
  } else {
    listener.mutable_stream();
  }
  return absl::OkStatus();
}

// FillTransport says what lies below the connections.
void FillTransport(const ListenOptions& options, v1::Listener& listener) {
  if (options.plain) listener.set_protection(v1::PROTECTION_NONE);
  if (options.detect) listener.set_protection(v1::PROTECTION_DETECT);
  if (options.sockets.are_given()) {
    options.sockets.Fill(*listener.mutable_socket_options());
  }
  listener.set_accept_proxy_header(options.accept_proxy);
  listener.set_backlog(options.backlog);
  listener.set_ipv6_only(options.ipv6_only);
}

absl::Status Listen(Invocation& run, const ListenOptions& options) {
  if (options.context.empty() && !options.plain) {
    return FieldRequired("--context");
  }
  v1::CreateListenerRequest request;
  request.set_listener_id(options.id);
  v1::Listener& listener = *request.mutable_listener();
  listener.set_address(options.address);
  listener.set_secure_context(ResourceName(kSecureContexts, options.context));
  const absl::Status filled = FillHandler(run, options, listener);
  if (!filled.ok()) return filled;
  FillTransport(options, listener);
  if (options.handshake_timeout.has_value()) {
    *listener.mutable_handshake_timeout() = ToProto(*options.handshake_timeout);
  }
  listener.set_max_connections(options.max_connections);
  listener.set_strict_server_names(options.strict_server_names);
  *listener.mutable_hooks() = options.hooks;
  for (const std::string& text : options.contexts) {
    const auto [name, context] = NameAndContext(text);
    v1::ServerNameContext& added = *request.add_contexts();
    added.set_server_name(name);
    added.set_secure_context(ResourceName(kSecureContexts, context));
  }
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

absl::Status AddContext(Invocation& run, const ServerNameOptions& options) {
  v1::AddContextRequest request;
  request.set_listener(ResourceName(kListeners, options.listener));
  request.set_server_name(options.server_name);
  request.set_secure_context(ResourceName(kSecureContexts, options.context));
  return run.Perform(kAddContext, request, [&](const v1::Listener& listener) {
    return ListenerBlock(listener, absl::Now()).Format(run.out_colour());
  });
}

absl::Status RemoveContext(Invocation& run, const ServerNameOptions& options) {
  v1::RemoveContextRequest request;
  request.set_listener(ResourceName(kListeners, options.listener));
  request.set_server_name(options.server_name);
  return run.Perform(
      kRemoveContext, request, [&](const v1::Listener& listener) {
        return ListenerBlock(listener, absl::Now()).Format(run.out_colour());
      });
}

absl::Status ListContexts(Invocation& run, const ServerNameOptions& options) {
  v1::ListContextsRequest request;
  request.set_listener(ResourceName(kListeners, options.listener));
  return run.PerformList(
      kListContexts, request, [&](const v1::ListContextsResponse& list) {
        return ServerNameTable(list).Format(run.out_colour());
      });
}

void AddTransportOptions(CLI::App& listen, ListenOptions& options) {
  CLI::Option* plain =
      listen.add_flag("--plain", options.plain,
                      "Without TLS, which can begin later: `connection "
                      "upgrade --server`");
  listen
      .add_flag("--detect", options.detect,
                "With TLS if the first byte that comes says so, else without")
      ->excludes(plain);
  listen.add_flag("--accept-proxy", options.accept_proxy,
                  "Connections begin with a PROXY header; whoever reaches the "
                  "listener can claim any address");
  listen
      .add_option("--backlog", options.backlog,
                  "How many may wait in the system (default 4096)")
      ->check(CLI::PositiveNumber)
      ->type_name("COUNT");
  listen.add_flag("--ipv6-only", options.ipv6_only,
                  "Take no IPv4 connections at an IPv6 address");
}

// AddVerb adds a verb of `listener`, which takes the listener first.
CLI::App* AddVerb(CLI::App& listener, Invocation& run, const std::string& verb,
                  const std::string& description,
                  absl::Status (*perform)(Invocation&,
                                          const ServerNameOptions&),
                  const std::shared_ptr<ServerNameOptions>& options) {
  CLI::App* command = listener.add_subcommand(verb, description);
  command
      ->add_option("listener", options->listener, "The listener, by ID or name")
      ->required();
  command->callback(
      [&run, options, perform] { run.Finish(perform(run, *options)); });
  return command;
}

void AddListener(CLI::App& app, Invocation& run) {
  CLI::App* listener = app.add_subcommand(
      "listener", "Give clients contexts by the server name they ask for");
  listener->require_subcommand(1);
  const std::string name_help =
      "A DNS name, or *.example.com, which stands for one label";

  auto options = std::make_shared<ServerNameOptions>();
  CLI::App* add = AddVerb(*listener, run, "add-context",
                          "Give a server name a context, at once; the last "
                          "one added wins",
                          AddContext, options);
  add->add_option("server-name", options->server_name, name_help)->required();
  add->add_option("context", options->context,
                  "The secure context, by ID or name")
      ->required();

  CLI::App* remove =
      AddVerb(*listener, run, "remove-context",
              "Take the context of a server name away; connections keep it",
              RemoveContext, options);
  remove->add_option("server-name", options->server_name, "As it was added")
      ->required();

  AddVerb(*listener, run, "contexts", "List a listener's contexts by name",
          ListContexts, options);
}

}  // namespace

void AddListenerCommands(CLI::App& app, Invocation& run) {
  CLI::App* listen =
      app.add_subcommand("listen", "Start a listener, which the daemon keeps");
  auto options = std::make_shared<ListenOptions>(*listen);
  listen
      ->add_option("address", options->address,
                   "127.0.0.1:8443, [::1]:8443, :8443 or unix:/path; port 0 "
                   "picks a free one")
      ->required();
  listen->add_option("--context,-c", options->context,
                     "The secure context, by ID or name; needed without "
                     "--plain");
  listen
      ->add_flag("--echo", options->echo,
                 "Send back what comes, instead of waiting for `accept`")
      ->excludes(options->forward.option());
  listen->add_option("--id", options->id,
                     "Its ID; without one the daemon picks one");
  AddDurationOption(*listen, "--handshake-timeout", options->handshake_timeout,
                    "How long a handshake may take (default 120s)");
  listen->add_option("--max-connections", options->max_connections,
                     "How many may be open at once (default 10000)");
  listen
      ->add_option("--context-for", options->contexts,
                   "The secure context for clients that ask for a server name, "
                   "e.g. *.example.com=web; may be repeated")
      ->allow_extra_args(false)
      ->check(CheckNameAndContext)
      ->type_name("NAME=CONTEXT");
  listen->add_flag("--strict-server-names", options->strict_server_names,
                   "Turn away clients that ask for no name with a context");
  AddHookOption(*listen, options->hooks);
  AddTransportOptions(*listen, *options);
  listen->callback([&run, options] { run.Finish(Listen(run, *options)); });

  auto id = std::make_shared<std::string>();
  CLI::App* listeners =
      app.add_subcommand("listeners", "List the listeners, or show one");
  listeners->add_option("id", *id, "The ID or name of the one to show");
  listeners->callback([&run, id] {
    run.Finish(id->empty() ? ListListeners(run) : ShowListener(run, *id));
  });
  AddListener(app, run);
}

}  // namespace tlsd::client::cli
