// `tlsctl connection read`, `write`, `upgrade` and `pipe`: the cleartext of
// connections that nobody is attached to.
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/client_options.h"
#include "client/cli/commands.h"
#include "client/cli/file_content.h"
#include "client/cli/option_kinds.h"
#include "client/cli/show_connection.h"
#include "client/cli/transport_options.h"
#include "client/connection.h"
#include "client/convert.h"
#include "proto/status/error.h"

namespace tlsd::client::cli {
namespace {

using Service = v1::ConnectionService::Stub;

constexpr UnaryMethod kRead = {"tlsd.v1.ConnectionService/Read",
                               &Service::Read};
constexpr UnaryMethod kWrite = {"tlsd.v1.ConnectionService/Write",
                                &Service::Write};
constexpr UnaryMethod kUpgrade = {"tlsd.v1.ConnectionService/Upgrade",
                                  &Service::Upgrade};
constexpr UnaryMethod kPipe = {"tlsd.v1.ConnectionService/Pipe",
                               &Service::Pipe};

constexpr int32_t kReadBytesMax = 65536;

// ReadCommand is the command line of `connection read`.
struct ReadCommand {
  std::string connection;
  int32_t max_bytes = 0;
};

// WriteCommand is the command line of `connection write`.
struct WriteCommand {
  std::string connection;
  std::optional<std::string> text;
  bool shut_down = false;
};

// UpgradeCommand is the command line of `connection upgrade`.
struct UpgradeCommand {
  explicit UpgradeCommand(CLI::App& app) : role(app) {}

  std::string connection;
  RoleCommandLine role;
};

// PipeCommand is the command line of `connection pipe`.
struct PipeCommand {
  std::string connection;
  std::string peer;
};

std::string Shown(const Invocation& run, const v1::Connection& connection) {
  return ConnectionBlock(connection, absl::Now()).Format(run.out_colour());
}

absl::Status Read(Invocation& run, const ReadCommand& command) {
  v1::ReadRequest request;
  request.set_name(ResourceName(kConnections, command.connection));
  request.set_max_bytes(command.max_bytes);
  absl::Duration timeout = absl::InfiniteDuration();
  if (run.options().timeout.has_value()) {
    timeout = *run.options().timeout;
    *request.mutable_timeout() = ToProto(timeout);
  }
  if (run.prints_grpc()) {
    request.set_as_text(true);
    return run.PrintGrpc(kRead.name, request);
  }
  // The daemon keeps the time, so that no cleartext is lost to it.
  const absl::StatusOr<v1::ReadResponse> response =
      run.Call(kRead, request, timeout + kAnswerGrace);
  if (!response.ok()) return response.status();
  if (run.is_json()) return run.Print(PrettyJson(*response));
  if (response->end()) run.Note({"the peer has ended", Tone::kFaint});
  return run.Print(response->data());
}

// ReadInput reads a piece of standard input, which is empty at its end.
absl::StatusOr<std::string> ReadInput(int descriptor) {
  std::string piece(kWrittenMessageBytesMax, '\0');
  while (true) {
    const ssize_t size = read(descriptor, piece.data(), piece.size());
    if (size >= 0) {
      piece.resize(static_cast<size_t>(size));
      return piece;
    }
    if (errno != EINTR) {
      return absl::UnknownError(
          absl::StrCat("standard input cannot be read: ", strerror(errno)));
    }
  }
}

// WriteInput writes all of standard input.
absl::Status WriteInput(Invocation& run, v1::WriteRequest request) {
  while (true) {
    absl::StatusOr<std::string> piece = ReadInput(run.terminal().in_descriptor);
    if (!piece.ok()) return piece.status();
    if (piece->empty()) return absl::OkStatus();
    request.set_data(*std::move(piece));
    const absl::Status written =
        run.Call(kWrite, request, run.timeout()).status();
    if (!written.ok()) return written;
  }
}

absl::Status Write(Invocation& run, const WriteCommand& command) {
  v1::WriteRequest request;
  request.set_name(ResourceName(kConnections, command.connection));
  if (run.prints_grpc()) {
    request.set_shut_down(command.shut_down);
    if (command.text.has_value()) {
      request.set_text(*command.text);
    } else {
      const FileContents input(FileUse::kMark);
      const absl::StatusOr<std::string> mark = input.Bytes("/dev/stdin");
      if (!mark.ok()) return mark.status();
      request.set_data(*mark);
    }
    return run.PrintGrpc(kWrite.name, request);
  }
  if (!command.text.has_value()) {
    const absl::Status written = WriteInput(run, request);
    if (!written.ok() || !command.shut_down) return written;
  }
  request.set_shut_down(command.shut_down);
  if (command.text.has_value()) request.set_text(*command.text);
  return run.Call(kWrite, request, run.timeout()).status();
}

absl::Status Upgrade(Invocation& run, const UpgradeCommand& command) {
  v1::UpgradeRequest request;
  request.set_name(ResourceName(kConnections, command.connection));
  const FileContents files(run.prints_grpc() ? FileUse::kMark : FileUse::kRead);
  const absl::Status filled =
      command.role.Fill(files, run.options().timeout, request);
  if (!filled.ok()) return filled;
  // The daemon keeps the time, and its answer says what took so long.
  return run.PerformWithin(
      command.role.HandshakeTimeMax(run.options().timeout) + kAnswerGrace,
      kUpgrade, request,
      [&](const v1::Connection& upgraded) { return Shown(run, upgraded); });
}

absl::Status Pipe(Invocation& run, const PipeCommand& command) {
  v1::PipeRequest request;
  request.set_name(ResourceName(kConnections, command.connection));
  request.set_peer(ResourceName(kConnections, command.peer));
  return run.Perform(kPipe, request, [&](const v1::Connection& piped) {
    return Shown(run, piped);
  });
}

void AddRead(CLI::App& connection, Invocation& run) {
  CLI::App* verb = connection.add_subcommand(
      "read", "Print cleartext that has arrived, or wait for some");
  auto command = std::make_shared<ReadCommand>();
  verb->add_option("name", command->connection, "Its ID or name")->required();
  verb->add_option("--max-bytes", command->max_bytes,
                   "At most so many, and no more are taken (default 65536)")
      ->check(CLI::Range(1, kReadBytesMax))
      ->type_name("COUNT");
  verb->callback([&run, command] { run.Finish(Read(run, *command)); });
}

void AddWrite(CLI::App& connection, Invocation& run) {
  CLI::App* verb = connection.add_subcommand(
      "write", "Send --text, or stdin, and leave the connection open");
  auto command = std::make_shared<WriteCommand>();
  verb->add_option("name", command->connection, "Its ID or name")->required();
  verb->add_option("--text", command->text, "What to send")->type_name("TEXT");
  verb->add_flag("--shut-down", command->shut_down,
                 "Send close_notify after it");
  verb->callback([&run, command] { run.Finish(Write(run, *command)); });
}

void AddUpgrade(CLI::App& connection, Invocation& run) {
  CLI::App* verb = connection.add_subcommand(
      "upgrade",
      "Begin TLS over a connection, which carries the new one from then on");
  auto command = std::make_shared<UpgradeCommand>(*verb);
  verb->add_option("name", command->connection, "Its ID or name")->required();
  verb->callback([&run, command] { run.Finish(Upgrade(run, *command)); });
}

void AddPipe(CLI::App& connection, Invocation& run) {
  CLI::App* verb = connection.add_subcommand(
      "pipe",
      "Give the cleartext of each of two connections to the other, in the "
      "daemon");
  auto command = std::make_shared<PipeCommand>();
  verb->add_option("name", command->connection, "Its ID or name")->required();
  verb->add_option("peer", command->peer,
                   "That of the other, or the same to send back what comes")
      ->required();
  verb->callback([&run, command] { run.Finish(Pipe(run, *command)); });
}

}  // namespace

void AddCleartextVerbs(CLI::App& connection, Invocation& run) {
  AddRead(connection, run);
  AddWrite(connection, run);
  AddUpgrade(connection, run);
  AddPipe(connection, run);
}

}  // namespace tlsd::client::cli
