// Peers with a certificate that is fine but for one thing, and what must be
// said of them.
//
// They are for tests only.
#ifndef TLSD_TESTS_UNIT_TLS_PEER_FLAWS_H_
#define TLSD_TESTS_UNIT_TLS_PEER_FLAWS_H_

#include <functional>
#include <ostream>
#include <vector>

#include "proto/status/reason.h"
#include "tests/unit/tls/judged_peer.h"

namespace tlsd::tls {

// Flaw says how to make such a peer.
struct Flaw {
  const char* name;
  // As the module has it: error, number and text.
  const char* error;
  int code;
  const char* text;
  Reason reason;
  const char* alert;
  std::function<void(JudgedPeer&)> make;
};

// Test parameters show as what is wrong.
inline void PrintTo(const Flaw& flaw, std::ostream* out) {
  *out << (flaw.error != nullptr ? flaw.error : "nothing");
}

// Whom the peer's certificate is by, and when it is valid.
std::vector<Flaw> TrustFlaws();
// What the chain forbids.
std::vector<Flaw> ChainFlaws();
std::vector<Flaw> RevocationFlaws();
// What is asked for beside trust.
std::vector<Flaw> RuleFlaws();
// What only clients judge.
std::vector<Flaw> ServerNameFlaws();

// Similar peers, with the flaw only just absent: nothing is to be said.
std::vector<Flaw> Flawless();

}  // namespace tlsd::tls

#endif  // TLSD_TESTS_UNIT_TLS_PEER_FLAWS_H_
