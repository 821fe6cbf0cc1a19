#include "server/base/log.h"

#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <cstddef>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace tlsd::base {
namespace {

// A pipe takes this many bytes at once or none of them.
constexpr size_t kLineBytesMax = PIPE_BUF;

absl::string_view Name(Severity severity) {
  switch (severity) {
    case Severity::kInfo:
      return "info";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  return "";
}

}  // namespace

void Log(
    Severity severity, absl::string_view fact,
    std::initializer_list<std::pair<absl::string_view, std::string>> values) {
  std::string line =
      absl::StrCat(absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(),
                                    absl::UTCTimeZone()),
                   " ", Name(severity), " ", fact);
  for (const auto& [key, value] : values) {
    absl::StrAppend(&line, " ", key, "=\"", absl::CHexEscape(value), "\"");
  }
  if (line.size() >= kLineBytesMax) line.resize(kLineBytesMax - 1);
  line.push_back('\n');
  // A reader that has stopped must not stop the caller, and one that has gone
  // (POLLERR) must not raise SIGPIPE.
  pollfd error_output = {STDERR_FILENO, POLLOUT, 0};
  if (poll(&error_output, 1, 0) != 1 || error_output.revents != POLLOUT) return;
  [[maybe_unused]] const ssize_t written =
      write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace tlsd::base
