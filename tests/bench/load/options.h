// What tls_load is asked for: plain values, and what is allowed of them.
// Anybody may own them.
#ifndef TLSD_TESTS_BENCH_LOAD_OPTIONS_H_
#define TLSD_TESTS_BENCH_LOAD_OPTIONS_H_

#include <openssl/ssl.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace tlsd::bench::load {

// What tls_load does, see its --help.
enum class Mode {
  kHandshakes,
  kPaced,
  kDown,
  kUp,
  kEcho,
  kRoundTrips,
  kIdle,
  kSequence,
  kMegabytes,
};

// In place of a version of TLS: what clients and servers say is cleartext.
constexpr uint16_t kWithoutTls = 0;

struct Options {
  Mode mode = Mode::kHandshakes;
  int port = 0;
  // Or kWithoutTls.
  uint16_t version = TLS1_3_VERSION;
  // 0 is replaced by what the mode has without a word.
  int connections = 0;
  int threads = 1;
  absl::Duration time = absl::Seconds(2);
  absl::Duration warmup = absl::Milliseconds(300);
  // How long nothing may happen on a connection that waits.
  absl::Duration patience = absl::Seconds(20);
  std::vector<pid_t> cpu_of = {};
  // Threads run on them by turns; empty: on any.
  std::vector<int> processors = {};
  bool resume = false;
  bool allow_full = false;
  double rate = 0;
  int size = 1;
  int move = 0;
  int count = 0;
  // Of kMegabytes: from the client.
  bool is_up = false;
  int report_port = 0;
};

// ModeName returns the mode's word in flags and results; ParseMode reads it.
absl::string_view ModeName(Mode mode);
absl::StatusOr<Mode> ParseMode(absl::string_view name);

// ParseVersion reads "none", "1.2" or "1.3"; VersionName returns it.
absl::StatusOr<uint16_t> ParseVersion(absl::string_view name);
absl::string_view VersionName(uint16_t version);

// ParseNumbers reads the words of `flag`, numbers that are not negative.
absl::StatusOr<std::vector<int>> ParseNumbers(
    absl::string_view flag, const std::vector<std::string>& words);

// Complete sets what the mode has without a word, and says what is not allowed.
absl::Status Complete(Options& options);

// HasInterval reports whether a mode runs for a time, and not until it is done.
bool HasInterval(Mode mode);

}  // namespace tlsd::bench::load

#endif  // TLSD_TESTS_BENCH_LOAD_OPTIONS_H_
