// Question is what a handshake asks while it waits, and Answer what it is told:
// plain data, with no BoringSSL in it. Who asks, how and how long is a `Hook`.
//
// A question never changes once it is asked, so that threads can share it.
#ifndef TLSD_SERVER_TLS_QUESTION_H_
#define TLSD_SERVER_TLS_QUESTION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/base/secret.h"
#include "server/tls/client_hello_facts.h"
#include "server/tls/hook.h"
#include "server/tls/ocsp_response.h"
#include "server/tls/secure_context.h"

namespace tlsd::tls {

// A client asks for the state of our certificate. All in DER.
struct OcspStapleQuestion {
  std::string certificate;
  // Empty if it is not known.
  std::string issuer;
  std::vector<std::string> ocsp_urls;
};

// A client wants to resume the session that was stored under `session_id`.
struct SessionLookupQuestion {
  std::string session_id;
};

// It wipes its secret when it goes.
struct StoredSession {
  ~StoredSession() { base::Wipe(session); }

  std::string session_id;
  // Secret.
  std::string session;
  absl::Duration lifetime;
  bool single_use = false;
};

// New sessions shall be stored.
struct SessionStoreQuestion {
  std::vector<StoredSession> sessions;
};

// The peer has shown a certificate. All certificates in DER.
struct VerifyPeerQuestion {
  std::vector<std::string> certificates;
  // Our own verdict.
  bool authorized = false;
  std::string authorization_error;
  std::string authorization_error_text;
  // As far as it could be built.
  std::vector<std::string> chain;
  std::optional<OcspResponseFacts> ocsp_response;
  // Empty if none.
  std::string expected_name;
  bool resumed = false;
};

// A signature with a key that is elsewhere.
struct SignQuestion {
  // Its number in TLS, e.g. 0x0804.
  uint16_t algorithm = 0;
  // What to sign, not its digest.
  std::string input;
  // SubjectPublicKeyInfo in DER.
  std::string public_key;
};

using Question =
    std::variant<ClientHelloFacts, OcspStapleQuestion, SessionLookupQuestion,
                 SessionStoreQuestion, VerifyPeerQuestion, SignQuestion>;

inline HookType TypeOf(const Question& question) {
  return static_cast<HookType>(question.index());
}

// What a client gets. What is not set others decide.
struct ClientHelloAnswer {
  NamedContext context;
  std::string alpn_protocol;
  std::optional<ClientCertificateMode> client_certificate_mode;
};

struct OcspStapleAnswer {
  // In DER; empty for none.
  std::string response;
  // Staple it so long to others too, without asking.
  absl::Duration reuse_for;
};

struct SessionLookupAnswer {
  // Secret. Empty if there is none.
  std::string session;
};

struct SessionStoreAnswer {};

struct VerifyPeerAnswer {
  bool accept = false;
  // What the peer gets if it is refused: certificate_unknown.
  uint8_t alert = 46;
};

struct SignAnswer {
  std::string signature;
};

// The handshake ends.
struct Refusal {
  // What the peer gets: handshake_failure.
  uint8_t alert = 40;
};

// The handshake goes on as if nobody had been asked.
struct NoOpinion {};

// The first are in the order of `Question`.
using Answer = std::variant<ClientHelloAnswer, OcspStapleAnswer,
                            SessionLookupAnswer, SessionStoreAnswer,
                            VerifyPeerAnswer, SignAnswer, Refusal, NoOpinion>;

// CheckAnswer fails if `answer` cannot be given to `question`: with
// DECISION_ANSWER_INVALID if it is of another kind, if its signature does not
// verify, or if SIGN gets no opinion; with ALPN_INVALID for a protocol that the
// client does not offer; with OCSP_RESPONSE_INVALID.
absl::Status CheckAnswer(const Question& question, const Answer& answer);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_QUESTION_H_
