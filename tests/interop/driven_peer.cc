#include "tests/interop/driven_peer.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace tlsd::testing {

PeerTask::PeerTask(Subprocess& process, int id)
    : process_(process), prefix_(absl::StrCat("[", id, "] ")) {}

absl::StatusOr<int> PeerTask::Port() {
  return NumberAfter(process_, absl::StrCat(prefix_, "port "));
}

absl::Status PeerTask::WaitFor(absl::string_view text) {
  return process_.WaitForOutput(absl::StrCat(prefix_, text));
}

absl::StatusOr<std::string> PeerTask::Finish() {
  const absl::Status done = WaitFor("done\n");
  if (!done.ok()) return done;
  std::string said;
  for (absl::string_view line : absl::StrSplit(process_.output(), '\n')) {
    if (absl::ConsumePrefix(&line, prefix_)) absl::StrAppend(&said, line, "\n");
  }
  return said;
}

DrivenPeer::DrivenPeer(std::unique_ptr<Subprocess> process)
    : process_(std::move(process)) {}

absl::StatusOr<std::unique_ptr<DrivenPeer>> DrivenPeer::Start(
    const Command& command) {
  absl::StatusOr<std::unique_ptr<Subprocess>> process = StartPeer(command);
  if (!process.ok()) return process.status();
  return std::unique_ptr<DrivenPeer>(new DrivenPeer(*std::move(process)));
}

PeerTask DrivenPeer::Do(const PeerOptions& options) {
  const int id = ++task_count_;
  std::string line = absl::StrCat(id);
  for (const auto& [name, value] : options) {
    absl::StrAppend(&line, " ", name, "=", value);
  }
  // A program that has ended fails every wait for the task, with its output.
  process_->Write(absl::StrCat(line, "\n")).IgnoreError();
  return PeerTask(*process_, id);
}

}  // namespace tlsd::testing
