// TlsctlTest runs tlsctl against a fake daemon, as a shell would.
//
// It sets the variables of the environment that tlsctl reads. It belongs to one
// test.
#ifndef TLSD_TESTS_UNIT_CLIENT_CLI_TLSCTL_FIXTURE_H_
#define TLSD_TESTS_UNIT_CLIENT_CLI_TLSCTL_FIXTURE_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/tlsctl.h"
#include "tests/unit/client/fake_daemon.h"

namespace tlsd::client::cli {

// Outcome is how a run has ended, and what it has printed.
struct Outcome {
  ExitCode code;
  std::string out;
  std::string err;
};

inline std::string ContentOf(const std::string& path) {
  std::stringstream content;
  content << std::ifstream(path).rdbuf();
  return content.str();
}

// IsOwnersAlone reports whether only its owner may use the file at `path`.
inline bool IsOwnersAlone(const std::string& path) {
  using std::filesystem::perms;
  return std::filesystem::status(path).permissions() ==
         (perms::owner_read | perms::owner_write);
}

class TlsctlTest : public ::testing::Test {
 protected:
  TlsctlTest() {
    unsetenv("NO_COLOR");
    setenv("TLSD_ADDRESS", daemon_.address().c_str(), 1);
    setenv("XDG_RUNTIME_DIR", "/run/user/1", 1);
  }

  // Run runs tlsctl with the words of `line`. Cleartext comes from /dev/null
  // and goes there.
  Outcome Run(const std::string& line, ColourMode colour = ColourMode::kOff) {
    const std::vector<std::string> words =
        absl::StrSplit(line, ' ', absl::SkipEmpty());
    std::ostringstream out;
    std::ostringstream err;
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    const ExitCode code =
        RunTlsctl(words, {out, err, null, null, colour, colour});
    close(null);
    return {code, out.str(), err.str()};
  }

  // File makes a file, and returns its path.
  std::string File(const std::string& name, const std::string& content) {
    const std::string path = absl::StrCat(folder_.path(), "/", name);
    std::ofstream(path) << content;
    return path;
  }

  testing::FakeDaemon daemon_;
  testing::SocketFolder folder_;
};

}  // namespace tlsd::client::cli

#endif  // TLSD_TESTS_UNIT_CLIENT_CLI_TLSCTL_FIXTURE_H_
