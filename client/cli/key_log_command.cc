// `tlsctl keylog`.
#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/commands.h"
#include "client/cli/option_kinds.h"
#include "client/cli/secret_file.h"

namespace tlsd::client::cli {
namespace {

constexpr absl::string_view kWatch = "tlsd.v1.KeyLogService/WatchKeyLog";

// KeyLogCommand is the command line of `keylog`.
struct KeyLogCommand {
  std::string listener;
  std::string path;
  std::optional<int64_t> limit;
};

absl::Status WriteLine(Invocation& run, const v1::KeyLogLine& line,
                       std::optional<SecretFile>& file) {
  if (file.has_value()) return file->Write(absl::StrCat(line.line(), "\n"));
  return run.Print(run.is_json() ? JsonLine(line)
                                 : absl::StrCat(line.line(), "\n"));
}

// Handle handles one message; `left` counts its lines down.
absl::Status Handle(Invocation& run, const v1::WatchKeyLogResponse& message,
                    std::optional<SecretFile>& file, int64_t& left) {
  if (message.has_started()) run.Note({"watching; Ctrl-C ends", Tone::kFaint});
  if (message.has_gap()) {
    run.Note({absl::StrCat(message.gap().dropped_count(),
                           " lines were dropped here"),
              Tone::kBad});
  }
  if (!message.has_line()) return absl::OkStatus();
  --left;
  return WriteLine(run, message.line(), file);
}

absl::Status WatchKeyLog(Invocation& run, const KeyLogCommand& command) {
  v1::WatchKeyLogRequest request;
  request.set_listener(ResourceName(kListeners, command.listener));
  if (run.prints_grpc()) return run.PrintGrpc(kWatch, request);
  const absl::StatusOr<std::shared_ptr<ControlChannel>> channel = run.channel();
  if (!channel.ok()) return channel.status();
  std::optional<SecretFile> file;
  if (!command.path.empty()) {
    absl::StatusOr<SecretFile> opened =
        SecretFile::Open(command.path, FileStart::kAppend);
    if (!opened.ok()) return opened.status();
    file.emplace(*std::move(opened));
  }
  grpc::ClientContext context;
  if (run.options().timeout.has_value()) {
    ControlChannel::SetDeadline(absl::Now() + run.timeout(), context);
  }
  const auto reader = (*channel)->stub<v1::KeyLogService::Stub>().WatchKeyLog(
      &context, request);
  v1::WatchKeyLogResponse message;
  int64_t left = command.limit.value_or(INT64_MAX);
  absl::Status handled;
  while (left > 0 && handled.ok() && reader->Read(&message)) {
    handled = Handle(run, message, file, left);
  }
  const bool is_enough = left == 0 || !handled.ok();
  // Else the call has ended by itself, and cancelling would hide why.
  if (is_enough) context.TryCancel();
  const grpc::Status status = reader->Finish();
  return is_enough ? handled : (*channel)->Explain(status);
}

}  // namespace

void AddKeyLogCommand(CLI::App& app, Invocation& run) {
  CLI::App* keylog = app.add_subcommand(
      "keylog",
      "Write the secrets of handshakes as they are made, as SSLKEYLOGFILE has "
      "them; not for production");
  auto command = std::make_shared<KeyLogCommand>();
  keylog->add_option("--listener,-l", command->listener,
                     "Only of connections that this listener accepts");
  keylog
      ->add_option("--out", command->path,
                   "Add them to this file, which only its owner may read; "
                   "without one they go to standard output")
      ->type_name("FILE");
  keylog->add_option("--limit", command->limit, "End after so many lines")
      ->check(CLI::PositiveNumber)
      ->type_name("COUNT");
  keylog->callback([&run, command] { run.Finish(WatchKeyLog(run, *command)); });
}

}  // namespace tlsd::client::cli
