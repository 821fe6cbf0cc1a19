// `tlsctl conns`, `close` and `reset`.
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/commands.h"
#include "client/cli/option_kinds.h"
#include "client/cli/show_connection.h"
#include "client/convert.h"
#include "proto/status/error.h"

namespace tlsd::client::cli {
namespace {

using Service = v1::ConnectionService::Stub;

constexpr UnaryMethod kGet = {"tlsd.v1.ConnectionService/GetConnection",
                              &Service::GetConnection};
constexpr UnaryMethod kList = {"tlsd.v1.ConnectionService/ListConnections",
                               &Service::ListConnections};
constexpr UnaryMethod kClose = {"tlsd.v1.ConnectionService/Close",
                                &Service::Close};
constexpr UnaryMethod kReset = {"tlsd.v1.ConnectionService/Reset",
                                &Service::Reset};
constexpr UnaryMethod kDeleteListener = {
    "tlsd.v1.ListenerService/DeleteListener",
    &v1::ListenerService::Stub::DeleteListener};

// ConnsOptions is the command line of `conns`.
struct ConnsOptions {
  std::string id;
  std::string listener;
  bool all = false;
};

// CloseOptions is the command line of `close`.
struct CloseOptions {
  std::string name;
  std::optional<absl::Duration> drain;
};

absl::Status ShowConnection(Invocation& run, const std::string& id) {
  v1::GetConnectionRequest request;
  request.set_name(ResourceName(kConnections, id));
  return run.Perform(kGet, request, [&](const v1::Connection& connection) {
    return ConnectionBlock(connection, absl::Now()).Format(run.out_colour());
  });
}

absl::Status ListConnections(Invocation& run, const ConnsOptions& options) {
  v1::ListConnectionsRequest request;
  request.set_listener(ResourceName(kListeners, options.listener));
  request.set_show_closed(options.all);
  return run.PerformList(
      kList, request, [&](const v1::ListConnectionsResponse& list) {
        return ConnectionTable(list, absl::Now()).Format(run.out_colour());
      });
}

absl::Status CloseListener(Invocation& run, const CloseOptions& options) {
  v1::DeleteListenerRequest request;
  request.set_name(options.name);
  if (options.drain.has_value()) {
    *request.mutable_drain_timeout() = ToProto(*options.drain);
  }
  return run.Perform(
      kDeleteListener, request, [](const v1::Listener& listener) {
        return listener.connection_count() == 0
                   ? absl::StrCat("closed ", listener.name(), "\n")
                   : absl::StrCat("closing ", listener.name(), ", ",
                                  listener.connection_count(),
                                  " connections still open\n");
      });
}

absl::Status CloseConnection(Invocation& run, const std::string& name) {
  v1::CloseRequest request;
  request.set_name(name);
  return run.Perform(kClose, request, [](const v1::Connection& connection) {
    return absl::StrCat("closed ", connection.name(), "\n");
  });
}

absl::Status Close(Invocation& run, const CloseOptions& options) {
  if (IsNameOf(kListeners, options.name)) return CloseListener(run, options);
  if (IsNameOf(kConnections, options.name)) {
    return CloseConnection(run, options.name);
  }
  return FieldError(Reason::kNameInvalid, "name", options.name,
                    "listeners/ID or connections/ID");
}

absl::Status Reset(Invocation& run, const std::string& id) {
  v1::ResetRequest request;
  request.set_name(ResourceName(kConnections, id));
  return run.Perform(kReset, request, [](const v1::Connection& connection) {
    return absl::StrCat("reset ", connection.name(), "\n");
  });
}

}  // namespace

void AddConnectionCommands(CLI::App& app, Invocation& run) {
  CLI::App* conns =
      app.add_subcommand("conns", "List the connections, or show one");
  auto conns_options = std::make_shared<ConnsOptions>();
  conns->add_option("id", conns_options->id,
                    "The ID or name of the one to show");
  conns->add_option("--listener,-l", conns_options->listener,
                    "Only those that this listener accepted");
  conns->add_flag("--all,-a", conns_options->all, "Also those that have ended");
  conns->callback([&run, conns_options] {
    run.Finish(conns_options->id.empty()
                   ? ListConnections(run, *conns_options)
                   : ShowConnection(run, conns_options->id));
  });

  CLI::App* close = app.add_subcommand(
      "close", "Close a connection, or a listener with its connections");
  auto close_options = std::make_shared<CloseOptions>();
  close
      ->add_option("name", close_options->name,
                   "connections/ID or listeners/ID")
      ->required();
  AddDurationOption(*close, "--drain", close_options->drain,
                    "Close a listener's connections after this time; without "
                    "it they may stay");
  close->callback(
      [&run, close_options] { run.Finish(Close(run, *close_options)); });

  auto id = std::make_shared<std::string>();
  CLI::App* reset = app.add_subcommand(
      "reset", "End a connection at once, without close_notify");
  reset->add_option("name", *id, "Its ID or name")->required();
  reset->callback([&run, id] { run.Finish(Reset(run, *id)); });
}

}  // namespace tlsd::client::cli
