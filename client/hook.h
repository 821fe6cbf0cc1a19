// Hook says that handshakes ask a question, and what becomes of them without an
// answer.
//
// It is a plain value that nothing has checked: the daemon does. It mirrors the
// message Hook of proto/tlsd/v1/types.proto; who answers is another matter, see
// DecisionService. Anybody may own it.
#ifndef TLSD_CLIENT_HOOK_H_
#define TLSD_CLIENT_HOOK_H_

#include <vector>

#include "absl/time/time.h"

namespace tlsd::client {

// DecisionType is what a handshake can ask. `kUnknown` is a type of a newer
// daemon.
enum class DecisionType {
  kUnknown,
  // A client has said hello: which secure context, which ALPN protocol, or is
  // it turned away? For servers.
  kClientHello,
  // A client asks for the OCSP response of the server's certificate. For
  // servers.
  kOcspStaple,
  // A client wants to resume a session: where is it? For servers, together with
  // `kSessionStore`.
  kSessionLookup,
  // Keep new sessions. For servers, together with `kSessionLookup`.
  kSessionStore,
  // The peer has shown a certificate: is it accepted?
  kVerifyPeer,
  // Sign with a key that the daemon does not have.
  kSign,
};

// WithoutAnswer says what becomes of a handshake that gets no answer:
// `kContinue` goes on as if the question were not asked, `kFail` fails with
// DECISION_TIMEOUT. `kDefault`: kVerifyPeer and kSign fail, the others go on.
enum class WithoutAnswer { kDefault, kContinue, kFail };

// Hook is a question that shall be asked.
struct Hook {
  // Required. Each type at most once.
  DecisionType type = DecisionType::kUnknown;
  // How long to wait for an answer, at most one hour. 0: the default, 5 s.
  absl::Duration timeout = absl::ZeroDuration();
  WithoutAnswer without_answer = WithoutAnswer::kDefault;
  // Do not wait while nobody handles such questions.
  bool skip_without_handler = false;
};

// Hooks is at most one hook of each type.
using Hooks = std::vector<Hook>;

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_HOOK_H_
