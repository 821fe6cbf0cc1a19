// Subprocess is a real process that a test starts: the daemon's binary, or a
// foreign TLS peer. Its output is collected as it comes, so that it never waits
// for the test, and every wait has an end.
//
//   ASSERT_OK_AND_ASSIGN(auto peer, Subprocess::Start({"openssl", ...}));
//   ASSERT_THAT(peer->WaitForOutput("ACCEPT"), IsOk());
//   ASSERT_THAT(peer->Write("hello\n"), IsOk());
//   peer->CloseInput();
//   ASSERT_OK_AND_ASSIGN(const int exit_code, peer->Wait());
//
// The destructor kills the process and all that it has started.
//
// For limits and umask put a shell in front; `exec` keeps the pid:
//   {"sh", "-c", "ulimit -n 64; exec \"$@\"", "sh", "server/main/tlsd", ...}
//
// It belongs to the thread of the test.
#ifndef TLSD_TESTS_TESTING_SUBPROCESS_H_
#define TLSD_TESTS_TESTING_SUBPROCESS_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace tlsd::testing {

class Subprocess {
 public:
  // How long to wait for what takes no time unless something is wrong.
  static constexpr absl::Duration kTimeout = absl::Seconds(20);

  // Start runs `command`, whose first word is a path or is looked up in PATH.
  // It gets this process's environment and `environment` ("NAME=value"), which
  // comes first.
  static absl::StatusOr<std::unique_ptr<Subprocess>> Start(
      const std::vector<std::string>& command,
      const std::vector<std::string>& environment = {});

  ~Subprocess();
  Subprocess(const Subprocess&) = delete;
  Subprocess& operator=(const Subprocess&) = delete;

  pid_t pid() const { return pid_; }

  // Write puts all of `bytes` into standard input, or fails with UNAVAILABLE if
  // the process does not read any more.
  absl::Status Write(absl::string_view bytes,
                     absl::Duration timeout = kTimeout);
  // CloseInput ends standard input. To do so twice does nothing.
  void CloseInput();

  // What came so far.
  std::string output() const;
  std::string error_output() const;

  // WaitForOutput waits until standard output holds `text`. It fails with
  // UNAVAILABLE when the output has ended without it; the message shows what
  // came instead.
  absl::Status WaitForOutput(absl::string_view text,
                             absl::Duration timeout = kTimeout);
  // WaitForErrorOutput does the same for standard error.
  absl::Status WaitForErrorOutput(absl::string_view text,
                                  absl::Duration timeout = kTimeout);

  // Signal sends signal `number`; nothing happens if the process has ended.
  void Signal(int number);

  // Wait waits until the process and its output have ended, and returns its
  // exit code, or 128 and the number of the signal that ended it.
  absl::StatusOr<int> Wait(absl::Duration timeout = kTimeout);

 private:
  struct Capture {
    std::string text;
    bool ended = false;
  };

  Subprocess() = default;
  void Collect();
  bool Drain(int descriptor, Capture& capture);
  absl::Status WaitFor(absl::string_view text, const Capture& capture,
                       absl::Duration timeout);
  std::string Describe() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::string command_;
  pid_t pid_ = -1;
  int input_ = -1;
  int output_ = -1;
  int error_output_ = -1;
  // Readable when the process has ended, when this object goes.
  int exit_ = -1;
  int stop_ = -1;
  std::thread collector_;

  mutable absl::Mutex mutex_;
  Capture output_capture_ ABSL_GUARDED_BY(mutex_);
  Capture error_capture_ ABSL_GUARDED_BY(mutex_);
  bool exited_ ABSL_GUARDED_BY(mutex_) = false;
};

// RunResult is what came of a process that has ended.
struct RunResult {
  int exit_code = 0;
  std::string output;
  std::string error_output;
};

// RunCommand starts `command`, gives it `input`, and waits for its end.
absl::StatusOr<RunResult> RunCommand(
    const std::vector<std::string>& command, absl::string_view input = "",
    absl::Duration timeout = Subprocess::kTimeout);

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_TESTING_SUBPROCESS_H_
