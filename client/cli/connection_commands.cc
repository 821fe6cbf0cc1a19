// `tlsctl conns`, `close`, `reset`, and `connection ...`.
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/commands.h"
#include "client/cli/option_kinds.h"
#include "client/cli/secret_file.h"
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
constexpr UnaryMethod kGetSession = {"tlsd.v1.ConnectionService/GetSession",
                                     &Service::GetSession};
constexpr UnaryMethod kGetTlsTicket = {"tlsd.v1.ConnectionService/GetTlsTicket",
                                       &Service::GetTlsTicket};
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

// SecretCommand is the command line of the verbs of `connection`.
struct SecretCommand {
  std::string connection;
  std::string path;
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

absl::Status GetSession(Invocation& run, const SecretCommand& command) {
  v1::GetSessionRequest request;
  request.set_name(ResourceName(kConnections, command.connection));
  if (run.prints_grpc()) return run.PrintGrpc(kGetSession.name, request);
  const absl::StatusOr<v1::GetSessionResponse> response =
      run.Call(kGetSession, request, run.timeout());
  if (!response.ok()) return response.status();
  if (run.is_json() && command.path.empty()) {
    return run.Print(PrettyJson(*response));
  }
  if (response->session().empty()) {
    return absl::NotFoundError(
        absl::StrCat(request.name(), " has no session to resume"));
  }
  if (!command.path.empty()) {
    return WriteSecretFile(command.path, response->session());
  }
  return run.Print(SessionBlock(request.name(), *response, absl::Now())
                       .Format(run.out_colour()));
}

absl::Status GetTicket(Invocation& run, const SecretCommand& command) {
  v1::GetTlsTicketRequest request;
  request.set_name(ResourceName(kConnections, command.connection));
  if (run.prints_grpc()) return run.PrintGrpc(kGetTlsTicket.name, request);
  const absl::StatusOr<v1::GetTlsTicketResponse> response =
      run.Call(kGetTlsTicket, request, run.timeout());
  if (!response.ok()) return response.status();
  if (run.is_json() && command.path.empty()) {
    return run.Print(PrettyJson(*response));
  }
  if (response->ticket().empty()) {
    return absl::NotFoundError(
        absl::StrCat(request.name(), " has no session ticket"));
  }
  if (!command.path.empty()) {
    return WriteSecretFile(command.path, response->ticket());
  }
  return run.Print(
      absl::StrCat(absl::BytesToHexString(response->ticket()), "\n"));
}

// AddSecretVerb adds a verb of `connection` that gets a secret of one.
void AddSecretVerb(CLI::App& connection, Invocation& run,
                   const std::string& verb, const std::string& description,
                   const std::string& out_description,
                   absl::Status (*perform)(Invocation&, const SecretCommand&)) {
  CLI::App* get = connection.add_subcommand(verb, description);
  auto command = std::make_shared<SecretCommand>();
  get->add_option("name", command->connection, "Its ID or name")->required();
  get->add_option("--out", command->path, out_description)->type_name("FILE");
  get->callback(
      [&run, command, perform] { run.Finish(perform(run, *command)); });
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

  CLI::App* connection = app.add_subcommand(
      "connection",
      "Read, write, change or upgrade a connection, or get what is secret in "
      "it");
  connection->require_subcommand(1);
  AddSecretVerb(*connection, run, "session",
                "Tell of the newest session that can be resumed",
                "Write it to this file, which only its owner may read, for "
                "connect --session-in",
                GetSession);
  AddSecretVerb(*connection, run, "ticket",
                "Print the ticket of that session in hexadecimal",
                "Write it to this file instead, as it is", GetTicket);
  AddAttachVerb(*connection, run);
  AddCleartextVerbs(*connection, run);
  AddControlVerbs(*connection, run);
}

}  // namespace tlsd::client::cli
