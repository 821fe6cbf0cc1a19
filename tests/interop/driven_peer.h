// DrivenPeer is a foreign TLS peer that does many handshakes in one process,
// because a Java VM takes a second to start: a program of this folder that gets
// its tasks in lines, and answers in lines. JavaPeer.java lists both.
//
//   ASSERT_OK_AND_ASSIGN(auto peer, DrivenPeer::Start({"java", ...}));
//   PeerTask task = peer->Do({{"role", "server"}, ...});
//   ASSERT_OK_AND_ASSIGN(const int port, task.Port());
//   ...
//   ASSERT_OK_AND_ASSIGN(const std::string said, task.Finish());
//
// It belongs to the thread of the test, and outlives its tasks.
#ifndef TLSD_TESTS_INTEROP_DRIVEN_PEER_H_
#define TLSD_TESTS_INTEROP_DRIVEN_PEER_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tests/interop/interop_fixture.h"
#include "tests/testing/subprocess.h"

namespace tlsd::testing {

// PeerOptions say what a task is. Names and values have no spaces.
using PeerOptions = std::vector<std::pair<std::string, std::string>>;

class PeerTask {
 public:
  // Port waits for the port that a server listens on.
  absl::StatusOr<int> Port();
  // WaitFor waits for a line that begins with `text`.
  absl::Status WaitFor(absl::string_view text);
  // Finish waits for the end of the task, and returns all that was said of it.
  absl::StatusOr<std::string> Finish();

 private:
  friend class DrivenPeer;
  PeerTask(Subprocess& process, int id);

  Subprocess& process_;
  // What each line about this task begins with.
  const std::string prefix_;
};

class DrivenPeer {
 public:
  // Start starts the program; a missing one fails with its package.
  static absl::StatusOr<std::unique_ptr<DrivenPeer>> Start(
      const Command& command);

  // Do begins a task.
  PeerTask Do(const PeerOptions& options);

 private:
  explicit DrivenPeer(std::unique_ptr<Subprocess> process);

  const std::unique_ptr<Subprocess> process_;
  int task_count_ = 0;
};

// PeerProgram is what the programs do not have in common.
class PeerProgram {
 public:
  virtual ~PeerProgram() = default;

  // Prepare makes in `folder` what the program needs to start, and returns the
  // command that starts it.
  virtual absl::StatusOr<Command> Prepare(const TemporaryFolder& folder) = 0;

  // OwnFiles returns the options that name the files of an identity, which it
  // makes from two PEM files: `chain` and `key`.
  virtual absl::StatusOr<PeerOptions> OwnFiles(const std::string& chain,
                                               const std::string& key) = 0;

  // What it says: that an alert has come, named as in RFC 8446; that it does
  // not know who issued a server's certificate; that one is for "wrong.example"
  // and not for "localhost".
  virtual std::string AlertText(absl::string_view alert) const = 0;
  virtual std::string UnknownIssuerText() const = 0;
  virtual std::string WrongNameText() const = 0;
};

// TheProgram is the program under test. The tests are the same for all
// programs, and each test binary defines this function for one.
PeerProgram& TheProgram();

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_INTEROP_DRIVEN_PEER_H_
