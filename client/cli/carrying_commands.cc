// `tlsctl connect`, `accept` and `connection attach`: stdin and stdout over a
// connection.
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cli/carry.h"
#include "client/cli/client_options.h"
#include "client/cli/commands.h"
#include "client/cli/file_content.h"
#include "client/cli/hook_options.h"
#include "client/cli/humanize.h"
#include "client/cli/option_kinds.h"
#include "client/cli/secret_file.h"
#include "client/cli/show_connection.h"
#include "client/cli/transport_options.h"
#include "client/client.h"
#include "client/convert.h"
#include "proto/status/error.h"

namespace tlsd::client::cli {
namespace {

using Service = v1::ConnectionService::Stub;

constexpr UnaryMethod kConnect = {"tlsd.v1.ConnectionService/Connect",
                                  &Service::Connect};
constexpr UnaryMethod kAccept = {"tlsd.v1.ConnectionService/Accept",
                                 &Service::Accept};
constexpr UnaryMethod kGet = {"tlsd.v1.ConnectionService/GetConnection",
                              &Service::GetConnection};
constexpr UnaryMethod kGetSession = {"tlsd.v1.ConnectionService/GetSession",
                                     &Service::GetSession};
constexpr absl::string_view kStream = "tlsd.v1.ConnectionService/Stream";

// ConnectCommand is the command line of `connect`.
struct ConnectCommand {
  explicit ConnectCommand(CLI::App& app) : client(app), sockets(app) {}

  std::string address;
  std::string local_address;
  bool plain = false;
  bool detach = false;
  bool quiet = false;
  HookProtos hooks;
  std::string session_in_path;
  std::string session_out_path;
  bool session_cache = false;
  std::string early_data_path;
  ClientCommandLine client;
  SocketCommandLine sockets;
};

// AcceptCommand is the command line of `accept`.
struct AcceptCommand {
  std::string listener;
  bool detach = false;
  bool quiet = false;
};

// AttachCommand is the command line of `connection attach`.
struct AttachCommand {
  std::string connection;
  bool quiet = false;
};

// StreamLine returns the line that carries the cleartext of a connection.
std::string StreamLine(const Invocation& run, const std::string& connection) {
  v1::StreamRequest attach;
  attach.mutable_attach()->set_connection(connection);
  attach.mutable_attach()->set_as_text(true);
  return absl::StrCat(GrpcurlLine(run.options().address, kStream, attach),
                      "\n");
}

// PrintGrpcWithStream prints the line that makes the connection, and as a
// comment the one that carries its cleartext, which needs its name.
absl::Status PrintGrpcWithStream(Invocation& run, absl::string_view method,
                                 const google::protobuf::Message& request) {
  const absl::Status printed = run.PrintGrpc(method, request);
  if (!printed.ok()) return printed;
  return run.Print(absl::StrCat("# then, with the name it answered: ",
                                StreamLine(run, "connections/ID")));
}

void Summarize(Invocation& run, const v1::Connection& connection,
               absl::string_view checked_name) {
  run.terminal().err << (run.is_json()
                             ? PrettyJson(connection)
                             : ConnectionSummary(connection, checked_name)
                                   .Format(run.err_colour()))
                     << std::flush;
}

// HostOf returns the host of an address, "" of a unix socket.
absl::string_view HostOf(absl::string_view address) {
  if (absl::StartsWith(address, "unix:")) return "";
  absl::string_view host = address.substr(0, address.rfind(':'));
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
  return host;
}

// PrintDetached tells of a connection that stays in the daemon.
absl::Status PrintDetached(Invocation& run, const v1::Connection& connection) {
  return run.Print(
      run.is_json()
          ? PrettyJson(connection)
          : ConnectionBlock(connection, absl::Now()).Format(run.out_colour()));
}

// Carry joins the terminal to the connection until it ends.
absl::Status Carry(Invocation& run, const v1::Connection& facts, bool quiet,
                   absl::string_view checked_name = "") {
  if (!quiet) Summarize(run, facts, checked_name);
  absl::StatusOr<std::shared_ptr<ControlChannel>> channel = run.channel();
  if (!channel.ok()) return channel.status();
  absl::StatusOr<Connection> connection =
      Client::Over(*channel).Attach(facts.name());
  if (!connection.ok()) return connection.status();
  CarriedCounts counts;
  const absl::Status carried =
      CarryCleartext(*connection, run.terminal().in_descriptor,
                     run.terminal().out_descriptor, counts);
  if (!quiet && !run.is_json()) {
    run.Note({absl::StrCat(carried.ok() ? "closed" : "ended", ": ",
                           HumanBytes(counts.sent), " sent, ",
                           HumanBytes(counts.received), " received"),
              Tone::kFaint});
  }
  return carried;
}

// KeepSession writes the newest session of a connection, which may have ended,
// to a file.
absl::Status KeepSession(Invocation& run, const std::string& connection,
                         const ConnectCommand& command) {
  if (command.session_out_path.empty()) return absl::OkStatus();
  v1::GetSessionRequest request;
  request.set_name(connection);
  const absl::StatusOr<v1::GetSessionResponse> response =
      run.Call(kGetSession, request, run.timeout());
  if (!response.ok()) return response.status();
  if (response->session().empty()) {
    run.Note({"the server has given no session to resume", Tone::kCareful});
    return absl::OkStatus();
  }
  return WriteSecretFile(command.session_out_path, response->session());
}

// FillRequest says what the command line says.
absl::Status FillRequest(const Invocation& run, const ConnectCommand& command,
                         v1::ConnectRequest& request) {
  const FileContents files(run.prints_grpc() ? FileUse::kMark : FileUse::kRead);
  const absl::Status filled = command.client.Fill(files, request);
  if (!filled.ok()) return filled;
  request.set_address(command.address);
  request.set_local_address(command.local_address);
  if (command.plain) request.set_protection(v1::PROTECTION_NONE);
  if (command.sockets.are_given()) {
    command.sockets.Fill(*request.mutable_socket_options());
  }
  if (run.options().timeout.has_value()) {
    *request.mutable_timeout() = ToProto(*run.options().timeout);
  }
  *request.mutable_hooks() = command.hooks;
  request.set_use_session_cache(command.session_cache);
  if (!command.session_in_path.empty()) {
    const absl::StatusOr<std::string> session =
        files.Bytes(command.session_in_path);
    if (!session.ok()) return session.status();
    request.set_session(*session);
  }
  if (!command.early_data_path.empty()) {
    const absl::StatusOr<std::string> early =
        files.Bytes(command.early_data_path);
    if (!early.ok()) return early.status();
    request.set_early_data(*early);
  }
  return absl::OkStatus();
}

absl::Status Connect(Invocation& run, const ConnectCommand& command) {
  v1::ConnectRequest request;
  const absl::Status filled = FillRequest(run, command, request);
  if (!filled.ok()) return filled;
  if (run.prints_grpc()) {
    return command.detach ? run.PrintGrpc(kConnect.name, request)
                          : PrintGrpcWithStream(run, kConnect.name, request);
  }
  // The daemon keeps the time, and its answer says what took so long.
  const absl::StatusOr<v1::Connection> connection =
      run.Call(kConnect, request, run.timeout() + kAnswerGrace);
  if (!connection.ok()) return connection.status();
  const absl::Status done =
      command.detach
          ? PrintDetached(run, *connection)
          : Carry(run, *connection, command.quiet,
                  command.client.checked_name(HostOf(command.address)));
  const absl::Status kept = KeepSession(run, connection->name(), command);
  if (!done.ok()) return done;
  if (!kept.ok() || command.plain || connection->authorized()) return kept;
  return MakeError(Reason::kPeerCertificateInvalid,
                   absl::StrCat("the server is not authorized: ",
                                UnauthorizedText(*connection)));
}

absl::Status Accept(Invocation& run, const AcceptCommand& command) {
  v1::AcceptRequest request;
  request.set_listener(ResourceName(kListeners, command.listener));
  absl::Duration timeout = absl::InfiniteDuration();
  if (run.options().timeout.has_value()) {
    timeout = *run.options().timeout;
    *request.mutable_timeout() = ToProto(timeout);
  }
  if (run.prints_grpc()) {
    return command.detach ? run.PrintGrpc(kAccept.name, request)
                          : PrintGrpcWithStream(run, kAccept.name, request);
  }
  const absl::StatusOr<v1::Connection> connection =
      run.Call(kAccept, request, timeout + kAnswerGrace);
  if (!connection.ok()) return connection.status();
  if (command.detach) return PrintDetached(run, *connection);
  return Carry(run, *connection, command.quiet);
}

absl::Status Attach(Invocation& run, const AttachCommand& command) {
  v1::GetConnectionRequest request;
  request.set_name(ResourceName(kConnections, command.connection));
  if (run.prints_grpc()) return run.Print(StreamLine(run, request.name()));
  const absl::StatusOr<v1::Connection> connection =
      run.Call(kGet, request, run.timeout());
  if (!connection.ok()) return connection.status();
  return Carry(run, *connection, command.quiet);
}

void AddConnectSessionOptions(CLI::App& connect, ConnectCommand& command) {
  CLI::Option* session_in =
      connect
          .add_option("--session-in", command.session_in_path,
                      "File of a session to resume, as --session-out wrote it")
          ->type_name("FILE");
  connect
      .add_option("--session-out", command.session_out_path,
                  "Write the newest session to this file in the end, which "
                  "only its owner may read")
      ->type_name("FILE");
  connect
      .add_flag("--session-cache", command.session_cache,
                "Resume a session that an earlier such call has left in the "
                "daemon, and leave those of this one")
      ->excludes(session_in);
  connect
      .add_option("--early-data", command.early_data_path,
                  "File to send first, with the first message if the session "
                  "allows it; it can be replayed")
      ->type_name("FILE");
}

constexpr char kDetachHelp[] =
    "Leave it in the daemon, for `connection read`, `write`, `upgrade`, `pipe` "
    "and `attach`";

void AddConnect(CLI::App& app, Invocation& run) {
  CLI::App* connect =
      app.add_subcommand("connect", "Connect, and carry stdin and stdout");
  auto command = std::make_shared<ConnectCommand>(*connect);
  connect
      ->add_option("address", command->address,
                   "host:port, [::1]:443 or unix:/path")
      ->required();
  connect->add_flag("--plain", command->plain,
                    "Without TLS, which can begin later: `connection upgrade`");
  connect
      ->add_option("--local-address", command->local_address,
                   "The IP address of this host to connect from")
      ->type_name("ADDRESS");
  AddConnectSessionOptions(*connect, *command);
  AddHookOption(*connect, command->hooks);
  connect->add_flag("--detach", command->detach, kDetachHelp);
  connect->add_flag("--quiet,-q", command->quiet, "No summary on stderr");
  connect->callback([&run, command] { run.Finish(Connect(run, *command)); });
}

void AddAccept(CLI::App& app, Invocation& run) {
  CLI::App* accept = app.add_subcommand(
      "accept",
      "Take a listener's next connection, and carry stdin and "
      "stdout over it");
  auto command = std::make_shared<AcceptCommand>();
  accept->add_option("listener", command->listener, "Its ID or name")
      ->required();
  accept->add_flag("--detach", command->detach, kDetachHelp);
  accept->add_flag("--quiet,-q", command->quiet, "No summary on stderr");
  accept->callback([&run, command] { run.Finish(Accept(run, *command)); });
}

}  // namespace

void AddCarryingCommands(CLI::App& app, Invocation& run) {
  AddConnect(app, run);
  AddAccept(app, run);
}

void AddAttachVerb(CLI::App& connection, Invocation& run) {
  CLI::App* attach = connection.add_subcommand(
      "attach", "Carry stdin and stdout over a connection that is there");
  auto command = std::make_shared<AttachCommand>();
  attach->add_option("name", command->connection, "Its ID or name")->required();
  attach->add_flag("--quiet,-q", command->quiet, "No summary on stderr");
  attach->callback([&run, command] { run.Finish(Attach(run, *command)); });
}

}  // namespace tlsd::client::cli
