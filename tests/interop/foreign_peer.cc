#include "tests/interop/foreign_peer.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace tlsd::testing {
namespace {

// The packages of Debian that `tools/dev test` installs peers from.
const std::map<std::string, std::string>& Packages() {
  static const auto& packages = *new std::map<std::string, std::string>{
      {"openssl", "openssl"},
      {"gnutls-cli", "gnutls-bin"},
      {"gnutls-serv", "gnutls-bin"},
      {"curl", "curl"},
      {"node", "nodejs"},
      {"java", "openjdk-17-jdk-headless"},
      {"go", "golang-go"},
      {"tshark", "tshark"},
  };
  return packages;
}

// SocketsOf returns the inodes of a process's sockets.
std::set<std::string> SocketsOf(pid_t pid) {
  std::set<std::string> inodes;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(
           absl::StrCat("/proc/", pid, "/fd"), error)) {
    const std::string target =
        std::filesystem::read_symlink(entry.path(), error).string();
    if (!absl::StartsWith(target, "socket:[")) continue;
    inodes.insert(target.substr(8, target.size() - 9));
  }
  return inodes;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Subprocess>> StartPeer(const Command& command) {
  auto peer = Subprocess::Start(command);
  auto package = Packages().find(command.front());
  if (peer.ok() || package == Packages().end()) return peer;
  return absl::NotFoundError(absl::StrCat("this test needs ", command.front(),
                                          ": apt-get install ", package->second,
                                          ", as tools/dev test does (",
                                          peer.status().message(), ")"));
}

absl::StatusOr<int> NumberAfter(Subprocess& peer, absl::string_view text) {
  absl::Status came = peer.WaitForOutput(text);
  if (!came.ok()) return came;
  std::string digits;
  while (true) {
    const std::string output = peer.output();
    size_t end = absl::string_view(output).find(text) + text.size();
    const size_t start = end;
    while (end < output.size() && absl::ascii_isdigit(output[end])) ++end;
    digits = output.substr(start, end - start);
    if (end < output.size()) break;
    // What follows the number has not come yet.
    came = peer.WaitForOutput(absl::StrCat(text, digits, "\n"));
    if (!came.ok()) return came;
  }
  int number = 0;
  if (absl::SimpleAtoi(digits, &number)) return number;
  return absl::InternalError(absl::StrCat("no number after ", text));
}

absl::StatusOr<int> ListeningPort(const Subprocess& peer) {
  const std::set<std::string> inodes = SocketsOf(peer.pid());
  std::ifstream table(absl::StrCat("/proc/", peer.pid(), "/net/tcp"));
  for (std::string line; std::getline(table, line);) {
    // proc(5): "0: 0100007F:1F90 00000000:0000 0A ... inode"; 0A is LISTEN.
    const std::vector<std::string> fields =
        absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (fields.size() < 10 || fields[3] != "0A") continue;
    if (!inodes.contains(fields[9])) continue;
    int port = 0;
    if (absl::SimpleHexAtoi(fields[1].substr(fields[1].find(':') + 1), &port)) {
      return port;
    }
  }
  return absl::NotFoundError("the peer listens on no IPv4 port");
}

Command Plus(Command command, const Command& more) {
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

}  // namespace tlsd::testing
