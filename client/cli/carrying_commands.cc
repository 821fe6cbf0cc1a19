// `tlsctl connect` and `tlsctl accept`: stdin and stdout over TLS.
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "client/cli/carry.h"
#include "client/cli/commands.h"
#include "client/cli/file_content.h"
#include "client/cli/hook_options.h"
#include "client/cli/humanize.h"
#include "client/cli/option_kinds.h"
#include "client/cli/secret_file.h"
#include "client/cli/show_connection.h"
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
constexpr UnaryMethod kGetSession = {"tlsd.v1.ConnectionService/GetSession",
                                     &Service::GetSession};
constexpr absl::string_view kStream = "tlsd.v1.ConnectionService/Stream";

// ConnectCommand is the command line of `connect`.
struct ConnectCommand {
  std::string address;
  std::string context;
  std::string server_name;
  std::string expected_name;
  bool insecure = false;
  bool skip_name_check = false;
  bool quiet = false;
  HookProtos hooks;
  std::string session_in_path;
  std::string session_out_path;
  bool session_cache = false;
  bool request_ocsp = false;
};

// AcceptCommand is the command line of `accept`.
struct AcceptCommand {
  std::string listener;
  bool quiet = false;
};

// PrintGrpcWithStream prints the line that makes the connection, and as a
// comment the one that carries its cleartext, which needs its name.
absl::Status PrintGrpcWithStream(Invocation& run, absl::string_view method,
                                 const google::protobuf::Message& request) {
  const absl::Status printed = run.PrintGrpc(method, request);
  if (!printed.ok()) return printed;
  v1::StreamRequest attach;
  attach.mutable_attach()->set_connection("connections/ID");
  attach.mutable_attach()->set_as_text(true);
  return run.Print(
      absl::StrCat("# then, with the name it answered: ",
                   GrpcurlLine(run.options().address, kStream, attach), "\n"));
}

void Summarize(Invocation& run, const v1::Connection& connection,
               absl::string_view checked_name) {
  run.terminal().err << (run.is_json()
                             ? PrettyJson(connection)
                             : ConnectionSummary(connection, checked_name)
                                   .Format(run.err_colour()))
                     << std::flush;
}

// CheckedName returns the name that the daemon looks for in the server's
// certificate.
std::string CheckedName(const ConnectCommand& command) {
  if (command.skip_name_check) return "";
  if (!command.expected_name.empty()) return command.expected_name;
  if (!command.server_name.empty()) return command.server_name;
  if (absl::StartsWith(command.address, "unix:")) return "";
  absl::string_view host = command.address;
  host = host.substr(0, host.rfind(':'));
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
  return std::string(host);
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
  request.set_address(command.address);
  request.set_secure_context(ResourceName(kSecureContexts, command.context));
  request.set_server_name(command.server_name);
  request.set_expected_name(command.expected_name);
  request.set_skip_name_check(command.skip_name_check);
  if (command.insecure) {
    request.set_verification(v1::PEER_VERIFICATION_REPORT);
  }
  if (run.options().timeout.has_value()) {
    *request.mutable_timeout() = ToProto(*run.options().timeout);
  }
  *request.mutable_hooks() = command.hooks;
  request.set_use_session_cache(command.session_cache);
  request.set_request_ocsp(command.request_ocsp);
  if (command.session_in_path.empty()) return absl::OkStatus();
  const FileContents files(run.prints_grpc() ? FileUse::kMark : FileUse::kRead);
  const absl::StatusOr<std::string> session =
      files.Bytes(command.session_in_path);
  if (!session.ok()) return session.status();
  request.set_session(*session);
  return absl::OkStatus();
}

absl::Status Connect(Invocation& run, const ConnectCommand& command) {
  v1::ConnectRequest request;
  const absl::Status filled = FillRequest(run, command, request);
  if (!filled.ok()) return filled;
  if (run.prints_grpc()) {
    return PrintGrpcWithStream(run, kConnect.name, request);
  }
  // The daemon keeps the time, and its answer says what took so long.
  const absl::StatusOr<v1::Connection> connection =
      run.Call(kConnect, request, run.timeout() + kAnswerGrace);
  if (!connection.ok()) return connection.status();
  const absl::Status carried =
      Carry(run, *connection, command.quiet, CheckedName(command));
  const absl::Status kept = KeepSession(run, connection->name(), command);
  if (!carried.ok()) return carried;
  if (!kept.ok() || connection->authorized()) return kept;
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
    return PrintGrpcWithStream(run, kAccept.name, request);
  }
  const absl::StatusOr<v1::Connection> connection =
      run.Call(kAccept, request, timeout + kAnswerGrace);
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
  connect.add_flag("--request-ocsp", command.request_ocsp,
                   "Ask for the OCSP response of the server's certificate; it "
                   "is shown, and not judged");
}

}  // namespace

void AddCarryingCommands(CLI::App& app, Invocation& run) {
  CLI::App* connect = app.add_subcommand(
      "connect", "Connect, and carry stdin and stdout over TLS");
  auto command = std::make_shared<ConnectCommand>();
  connect
      ->add_option("address", command->address,
                   "host:port, [::1]:443 or unix:/path")
      ->required();
  connect->add_option("--context,-c", command->context,
                      "The secure context, by ID or name (default: the "
                      "system's trust store)");
  connect->add_option("--server-name,-n", command->server_name,
                      "The name to ask for and to find in the certificate");
  CLI::Option* expected_name =
      connect->add_option("--expected-name", command->expected_name,
                          "The name to find in the certificate, if it is not "
                          "the one to ask for");
  connect->add_flag("--insecure,-k", command->insecure,
                    "Connect to an unauthorized server too; exits 1 in the "
                    "end");
  connect
      ->add_flag("--skip-name-check", command->skip_name_check,
                 "Accept a certificate with any name")
      ->excludes(expected_name);
  AddConnectSessionOptions(*connect, *command);
  AddHookOption(*connect, command->hooks);
  connect->add_flag("--quiet,-q", command->quiet, "No summary on stderr");
  connect->callback([&run, command] { run.Finish(Connect(run, *command)); });

  CLI::App* accept = app.add_subcommand(
      "accept",
      "Take a listener's next connection, and carry stdin and "
      "stdout over it");
  auto accept_command = std::make_shared<AcceptCommand>();
  accept->add_option("listener", accept_command->listener, "Its ID or name")
      ->required();
  accept->add_flag("--quiet,-q", accept_command->quiet, "No summary on stderr");
  accept->callback(
      [&run, accept_command] { run.Finish(Accept(run, *accept_command)); });
}

}  // namespace tlsd::client::cli
