#include "client/cli/invocation.h"

#include <utility>

namespace tlsd::client::cli {

void Invocation::Finish(const absl::Status& status, ExitCode answer_code) {
  exit_code_ = status.ok() ? answer_code : ExitCodeOf(status);
  if (status.ok()) return;
  terminal_.err << Paint(Cell("tlsctl:", Tone::kBad), err_colour()) << " "
                << Printable(status.message()) << "\n";
  const std::string next = NextStep(status, options_.address);
  if (!next.empty()) terminal_.err << "  " << Printable(next) << "\n";
}

absl::StatusOr<std::shared_ptr<ControlChannel>> Invocation::channel() {
  if (channel_ == nullptr) {
    absl::StatusOr<std::shared_ptr<ControlChannel>> opened =
        ControlChannel::Open(options_.address);
    if (!opened.ok()) return opened.status();
    channel_ = *std::move(opened);
  }
  return channel_;
}

absl::Status Invocation::PrintGrpc(absl::string_view method,
                                   const google::protobuf::Message& request) {
  return Print(
      absl::StrCat(GrpcurlLine(options_.address, method, request), "\n"));
}

absl::Status Invocation::Print(absl::string_view text) {
  terminal_.out << text << std::flush;
  if (!terminal_.out) {
    return absl::UnknownError("standard output cannot be written");
  }
  return absl::OkStatus();
}

void Invocation::Note(const Cell& line) {
  terminal_.err << Paint(line, err_colour()) << "\n" << std::flush;
}

ColourMode Invocation::out_colour() const {
  return options_.no_colour ? ColourMode::kOff : terminal_.out_colour;
}

ColourMode Invocation::err_colour() const {
  return options_.no_colour ? ColourMode::kOff : terminal_.err_colour;
}

}  // namespace tlsd::client::cli
