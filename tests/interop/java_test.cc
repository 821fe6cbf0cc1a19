// javax.net.ssl of the JDK: what differs from other programs. The tests are in
// driven_client_test.cc and driven_server_test.cc.
#include "absl/strings/str_cat.h"
#include "tests/interop/driven_peer.h"

namespace tlsd::testing {
namespace {

class JavaProgram : public PeerProgram {
 public:
  absl::StatusOr<Command> Prepare(const TemporaryFolder& /*folder*/) override {
    return Command{"java",
                   // To start sooner.
                   "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
                   "-XX:-UsePerfData",
                   "-Dcom.sun.net.ssl.requireCloseNotify=true",
                   "tests/interop/JavaPeer.java"};
  }

  absl::StatusOr<PeerOptions> OwnFiles(const std::string& chain,
                                       const std::string& key) override {
    constexpr char kPassphrase[] = "changeit";
    const std::string keystore = absl::StrCat(chain, ".p12");
    const absl::StatusOr<RunResult> made =
        RunCommand({"openssl", "pkcs12", "-export", "-in", chain, "-inkey", key,
                    "-out", keystore, "-name", "own", "-passout",
                    absl::StrCat("pass:", kPassphrase)});
    if (!made.ok()) return made.status();
    if (made->exit_code != 0) return absl::InternalError(made->error_output);
    return PeerOptions{{"keystore", keystore}, {"passphrase", kPassphrase}};
  }

  std::string AlertText(absl::string_view alert) const override {
    return absl::StrCat("Received fatal alert: ", alert);
  }
  std::string UnknownIssuerText() const override {
    return "unable to find valid certification path";
  }
  std::string WrongNameText() const override {
    return "No subject alternative DNS name matching localhost found";
  }
};

}  // namespace

PeerProgram& TheProgram() {
  static auto& program = *new JavaProgram;
  return program;
}

}  // namespace tlsd::testing
