// Go's crypto/tls: what differs from other programs. The tests are in
// driven_client_test.cc and driven_server_test.cc.
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "tests/interop/driven_peer.h"

namespace tlsd::testing {
namespace {

// The first build on a machine also compiles Go's standard library.
constexpr absl::Duration kBuildTimeout = absl::Minutes(4);

class GoProgram : public PeerProgram {
 public:
  absl::StatusOr<Command> Prepare(const TemporaryFolder& folder) override {
    const absl::StatusOr<std::string> go = FindGo();
    if (!go.ok()) return go.status();
    const std::string program = folder / "go_peer";
    const absl::StatusOr<RunResult> built =
        RunCommand({"env", "GOFLAGS=-mod=mod", "GOTOOLCHAIN=local",
                    absl::StrCat("GOPATH=", folder / "go"),
                    absl::StrCat("GOCACHE=", CacheFolder()), *go, "build", "-o",
                    program, "tests/interop/go_peer.go"},
                   /*input=*/"", kBuildTimeout);
    if (!built.ok()) return built.status();
    if (built->exit_code != 0) return absl::InternalError(built->error_output);
    return Command{program};
  }

  absl::StatusOr<PeerOptions> OwnFiles(const std::string& chain,
                                       const std::string& key) override {
    return PeerOptions{{"chain", chain}, {"key", key}};
  }

  std::string AlertText(absl::string_view alert) const override {
    std::string words = absl::StrReplaceAll(alert, {{"_", " "}});
    if (alert == "unknown_ca") words = "unknown certificate authority";
    if (alert == "protocol_version") words = "protocol version not supported";
    return absl::StrCat("remote error: tls: ", words);
  }
  std::string UnknownIssuerText() const override {
    return "certificate signed by unknown authority";
  }
  std::string WrongNameText() const override {
    return "certificate is valid for wrong.example, not localhost";
  }

 private:
  // Go's own packages for Linux put it where PATH does not lead.
  static absl::StatusOr<std::string> FindGo() {
    constexpr char kOutsidePath[] = "/usr/local/go/bin/go";
    const auto on_path = StartPeer({"go", "version"});
    if (on_path.ok()) return "go";
    if (access(kOutsidePath, X_OK) == 0) return kOutsidePath;
    return on_path.status();
  }

  // CacheFolder returns one that lasts, if it may be written.
  static std::string CacheFolder() {
    const std::string lasting =
        absl::StrCat(std::getenv("HOME"), "/.cache/tlsd");
    const bool is_writable = access(lasting.c_str(), W_OK) == 0;
    return absl::StrCat(is_writable ? lasting : ::testing::TempDir(),
                        "/go-build");
  }
};

}  // namespace

PeerProgram& TheProgram() {
  static auto& program = *new GoProgram;
  return program;
}

}  // namespace tlsd::testing
