// A foreign TLS peer: a process that shares no TLS code with tlsd, on loopback.
//
// A peer that is not installed fails the test, with the package that has it.
#ifndef TLSD_TESTS_INTEROP_FOREIGN_PEER_H_
#define TLSD_TESTS_INTEROP_FOREIGN_PEER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tests/testing/subprocess.h"

namespace tlsd::testing {

using Command = std::vector<std::string>;

// StartPeer starts a foreign peer.
absl::StatusOr<std::unique_ptr<Subprocess>> StartPeer(const Command& command);

// NumberAfter waits until `text` and a number after it stand in the peer's
// output, and returns the number.
absl::StatusOr<int> NumberAfter(Subprocess& peer, absl::string_view text);

// ListeningPort returns the port of the IPv4 socket that `peer` listens on, for
// peers that pick one and do not say which.
absl::StatusOr<int> ListeningPort(const Subprocess& peer);

// Plus returns `command` with `more` behind it.
Command Plus(Command command, const Command& more);

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_INTEROP_FOREIGN_PEER_H_
