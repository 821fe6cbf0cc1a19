// `tlsctl connection socket-options`, `set-max-send-fragment`, `export`,
// `bindings`, `update-keys` and `renegotiate`.
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/commands.h"
#include "client/cli/option_kinds.h"
#include "client/cli/secret_file.h"
#include "client/cli/show_connection.h"
#include "client/cli/transport_options.h"
#include "client/convert.h"

namespace tlsd::client::cli {
namespace {

using Service = v1::ConnectionService::Stub;

constexpr UnaryMethod kSetSocketOptions = {
    "tlsd.v1.ConnectionService/SetSocketOptions", &Service::SetSocketOptions};
constexpr UnaryMethod kSetMaxSendFragment = {
    "tlsd.v1.ConnectionService/SetMaxSendFragment",
    &Service::SetMaxSendFragment};
constexpr UnaryMethod kExport = {
    "tlsd.v1.ConnectionService/ExportKeyingMaterial",
    &Service::ExportKeyingMaterial};
constexpr UnaryMethod kGetChannelBindings = {
    "tlsd.v1.ConnectionService/GetChannelBindings",
    &Service::GetChannelBindings};
constexpr UnaryMethod kUpdateKeys = {"tlsd.v1.ConnectionService/UpdateKeys",
                                     &Service::UpdateKeys};
constexpr UnaryMethod kRenegotiate = {"tlsd.v1.ConnectionService/Renegotiate",
                                      &Service::Renegotiate};

// SocketCommand is the command line of `connection socket-options`.
struct SocketCommand {
  explicit SocketCommand(CLI::App& app) : sockets(app) {}

  std::string connection;
  SocketCommandLine sockets;
};

// FragmentCommand is the command line of `connection set-max-send-fragment`.
struct FragmentCommand {
  std::string connection;
  int32_t size = 0;
};

// ExportCommand is the command line of `connection export`.
struct ExportCommand {
  std::string connection;
  std::string label;
  int32_t length = 0;
  std::string context;
  bool without_context = false;
  std::string path;
};

// KeysCommand is the command line of `connection update-keys`.
struct KeysCommand {
  std::string connection;
  bool request_peer = false;
};

std::string Shown(const Invocation& run, const v1::Connection& connection) {
  return ConnectionBlock(connection, absl::Now()).Format(run.out_colour());
}

absl::Status SetSocketOptions(Invocation& run, const SocketCommand& command) {
  v1::SetSocketOptionsRequest request;
  request.set_name(ResourceName(kConnections, command.connection));
  command.sockets.Fill(*request.mutable_socket_options());
  return run.Perform(
      kSetSocketOptions, request,
      [&](const v1::Connection& connection) { return Shown(run, connection); });
}

absl::Status SetMaxSendFragment(Invocation& run,
                                const FragmentCommand& command) {
  v1::SetMaxSendFragmentRequest request;
  request.set_name(ResourceName(kConnections, command.connection));
  request.set_size(command.size);
  return run.Perform(
      kSetMaxSendFragment, request,
      [&](const v1::Connection& connection) { return Shown(run, connection); });
}

absl::Status Export(Invocation& run, const ExportCommand& command) {
  v1::ExportKeyingMaterialRequest request;
  request.set_name(ResourceName(kConnections, command.connection));
  request.set_label(command.label);
  request.set_length(command.length);
  request.set_context(command.context);
  request.set_without_context(command.without_context);
  if (run.prints_grpc() || command.path.empty()) {
    return run.Perform(
        kExport, request, [](const v1::ExportKeyingMaterialResponse& response) {
          return absl::StrCat(
              absl::BytesToHexString(response.keying_material()), "\n");
        });
  }
  const absl::StatusOr<v1::ExportKeyingMaterialResponse> response =
      run.Call(kExport, request, run.timeout());
  if (!response.ok()) return response.status();
  return WriteSecretFile(command.path, response->keying_material());
}

absl::Status GetChannelBindings(Invocation& run, const std::string& id) {
  v1::GetChannelBindingsRequest request;
  request.set_name(ResourceName(kConnections, id));
  return run.Perform(kGetChannelBindings, request,
                     [&](const v1::GetChannelBindingsResponse& response) {
                       return ChannelBindingsBlock(request.name(), response)
                           .Format(run.out_colour());
                     });
}

absl::Status UpdateKeys(Invocation& run, const KeysCommand& command) {
  v1::UpdateKeysRequest request;
  request.set_name(ResourceName(kConnections, command.connection));
  request.set_request_peer(command.request_peer);
  return run.Perform(
      kUpdateKeys, request, [](const v1::Connection& connection) {
        return absl::StrCat("updated the keys of ", connection.name(), "\n");
      });
}

absl::Status Renegotiate(Invocation& run, const std::string& id) {
  v1::RenegotiateRequest request;
  request.set_name(ResourceName(kConnections, id));
  return run.Perform(kRenegotiate, request, [](const v1::RenegotiateResponse&) {
    return std::string("renegotiated\n");
  });
}

void AddSocketOptions(CLI::App& connection, Invocation& run) {
  CLI::App* verb = connection.add_subcommand(
      "socket-options",
      "Change how the socket is treated; what is left out gets its default");
  auto command = std::make_shared<SocketCommand>(*verb);
  verb->add_option("name", command->connection, "Its ID or name")->required();
  verb->callback(
      [&run, command] { run.Finish(SetSocketOptions(run, *command)); });
}

void AddSetMaxSendFragment(CLI::App& connection, Invocation& run) {
  CLI::App* verb = connection.add_subcommand(
      "set-max-send-fragment",
      "Limit the cleartext of each record that is sent from now on");
  auto command = std::make_shared<FragmentCommand>();
  verb->add_option("name", command->connection, "Its ID or name")->required();
  verb->add_option("size", command->size, "512 to 16384 bytes")->required();
  verb->callback(
      [&run, command] { run.Finish(SetMaxSendFragment(run, *command)); });
}

void AddExport(CLI::App& connection, Invocation& run) {
  CLI::App* verb = connection.add_subcommand(
      "export",
      "Print a secret that only the two ends share, in hexadecimal (RFC 5705)");
  auto command = std::make_shared<ExportCommand>();
  verb->add_option("name", command->connection, "Its ID or name")->required();
  verb->add_option("--label", command->label,
                   "What it is for; the peer needs the same")
      ->required()
      ->type_name("TEXT");
  verb->add_option("--length", command->length, "How many bytes, 1 to 4096")
      ->required()
      ->type_name("COUNT");
  CLI::Option* context =
      verb->add_option("--exporter-context", command->context,
                       "What it is bound to (default: nothing)")
          ->type_name("TEXT");
  verb->add_flag("--without-context", command->without_context,
                 "Bind it to no context, which under TLS 1.2 is not the same "
                 "as to an empty one")
      ->excludes(context);
  verb->add_option("--out", command->path,
                   "Write it to this file instead, as it is; only its owner "
                   "may read it")
      ->type_name("FILE");
  verb->callback([&run, command] { run.Finish(Export(run, *command)); });
}

void AddUpdateKeys(CLI::App& connection, Invocation& run) {
  CLI::App* verb = connection.add_subcommand(
      "update-keys", "Encrypt what is sent from now on with new keys");
  auto command = std::make_shared<KeysCommand>();
  verb->add_option("name", command->connection, "Its ID or name")->required();
  verb->add_flag("--request-peer", command->request_peer,
                 "Ask the peer to change its keys too");
  verb->callback([&run, command] { run.Finish(UpdateKeys(run, *command)); });
}

// AddNameVerb adds a verb that takes a connection and nothing else.
void AddNameVerb(CLI::App& connection, Invocation& run, const std::string& verb,
                 const std::string& description,
                 absl::Status (*perform)(Invocation&, const std::string&)) {
  CLI::App* command = connection.add_subcommand(verb, description);
  auto id = std::make_shared<std::string>();
  command->add_option("name", *id, "Its ID or name")->required();
  command->callback([&run, id, perform] { run.Finish(perform(run, *id)); });
}

}  // namespace

void AddControlVerbs(CLI::App& connection, Invocation& run) {
  AddSocketOptions(connection, run);
  AddSetMaxSendFragment(connection, run);
  AddExport(connection, run);
  AddNameVerb(connection, run, "bindings",
              "Print what names the connection at both ends, for protocols "
              "that authenticate inside it",
              GetChannelBindings);
  AddUpdateKeys(connection, run);
  AddNameVerb(connection, run, "renegotiate",
              "Fail, and say what to use instead: nobody can begin a "
              "renegotiation",
              Renegotiate);
}

}  // namespace tlsd::client::cli
