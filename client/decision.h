// Decision is a question of a handshake that waits, and what can be said to it.
//
// These are plain values that mirror the messages of
// proto/tlsd/v1/decision_service.proto, where each field is documented at
// length. They hold secrets of connections: sessions, and what is signed. Who
// answers is decision_handler.h, or Client::ResolveDecision. Anybody may own
// them.
#ifndef TLSD_CLIENT_DECISION_H_
#define TLSD_CLIENT_DECISION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/facts.h"
#include "client/hook.h"

namespace tlsd::client {

// ClientHelloQuestion is what a client has said, in its order. Values without a
// name are in hexadecimal, e.g. "0x0807".
struct ClientHelloQuestion {
  std::vector<std::string> alpn_protocols;
  std::vector<std::string> versions;              // e.g. "TLSv1.3"
  std::vector<std::string> cipher_suites;         // the standards' names
  std::vector<std::string> groups;                // e.g. "X25519"
  std::vector<std::string> signature_algorithms;  // "ecdsa_secp256r1_sha256"
  std::vector<uint32_t> extensions;               // their numbers
  std::string raw;                                // the message, without header
  std::string ja3;                                // what its hash is made of
  std::string ja3_hash;                           // in hexadecimal
  std::string ja4;
};

// ClientHelloAnswer is what the client gets. Empty: as if nobody had been
// asked.
struct ClientHelloAnswer {
  // The name of a context with credentials.
  std::string secure_context = {};
  // One that the client offers, or the handshake fails.
  std::string alpn_protocol = {};
  // Whether it is asked for a certificate.
  std::optional<ClientCertificateMode> client_certificate_mode = {};
};

// OcspStapleQuestion says that a client asks for the state of the server's
// certificate.
struct OcspStapleQuestion {
  std::string certificate;             // in DER
  std::string issuer;                  // in DER; empty if it is not known
  std::vector<std::string> ocsp_urls;  // of the certificate's responder
};

// OcspStapleAnswer is what is stapled.
struct OcspStapleAnswer {
  // In DER, at most 64 KiB. Empty: nothing.
  std::string ocsp_response = {};
  // Staple it to all handshakes with this certificate for so long, without
  // asking; at most 7 days. 0: ask each time.
  absl::Duration reuse_for = absl::ZeroDuration();
};

// SessionLookupQuestion says that a client wants to resume a session.
struct SessionLookupQuestion {
  std::string session_id;  // under what it was stored
};

// SessionLookupAnswer is the session.
struct SessionLookupAnswer {
  // As it was stored. Empty: there is none, and the handshake is a full one.
  std::string session = {};
};

// StoredSession is a session to keep.
struct StoredSession {
  std::string session_id;  // under what to keep it; random
  std::string session;     // secret
  absl::Duration lifetime;
  bool single_use = false;  // whether to give it out only once
};

// SessionStoreQuestion is new sessions. No cleartext flows before its answer.
struct SessionStoreQuestion {
  std::vector<StoredSession> sessions;
};

// SessionStoreAnswer says that they are kept.
struct SessionStoreAnswer {};

// VerifyPeerQuestion is what a peer has shown, and what tlsd makes of it.
struct VerifyPeerQuestion {
  std::vector<std::string> certificates;  // in DER as they came
  bool authorized = false;                // whether tlsd would accept it
  std::string authorization_error;        // why not
  std::string authorization_error_text;   // the same for people
  std::vector<std::string> chain;         // in DER, as far as it could be built
  std::optional<OcspResponseFacts> ocsp_response;  // what a server has stapled
  std::string expected_name;  // that it must be for; empty if none
  bool resumed = false;       // whether the certificate is that of a session
};

// VerifyPeerAnswer is the verdict.
struct VerifyPeerAnswer {
  // Accept it, whatever tlsd would do.
  bool accept = false;
  // What a peer gets that is refused, e.g. "certificate_revoked". Default:
  // "certificate_unknown".
  std::string alert = {};
};

// SignQuestion says that a signature is needed.
struct SignQuestion {
  std::string algorithm;       // e.g. "rsa_pss_rsae_sha256"
  std::string input;           // the message, not its digest
  std::string public_key;      // SubjectPublicKeyInfo in DER
  std::string public_key_pin;  // its SHA-256 in base64
};

// SignAnswer is the signature. The daemon checks it before it uses it.
struct SignAnswer {
  std::string signature = {};
};

// Refusal, to any question, ends the handshake with DECISION_REFUSED.
struct Refusal {
  // What the peer gets, e.g. "access_denied". Default: "handshake_failure".
  std::string alert = {};
};

// NoOpinion, to any question but SIGN, goes on as if nobody had been asked.
struct NoOpinion {};

// Question is one of the six; none if it is of a newer daemon.
using Question =
    std::variant<std::monostate, ClientHelloQuestion, OcspStapleQuestion,
                 SessionLookupQuestion, SessionStoreQuestion,
                 VerifyPeerQuestion, SignQuestion>;

// Answer is what can be said: that of the question's type, or one of the first
// two.
using Answer = std::variant<NoOpinion, Refusal, ClientHelloAnswer,
                            OcspStapleAnswer, SessionLookupAnswer,
                            SessionStoreAnswer, VerifyPeerAnswer, SignAnswer>;

// Decision is a question with what there is to know of its connection.
struct Decision {
  std::string name;  // "decisions/ID"; never reused
  DecisionType type = DecisionType::kUnknown;
  std::string connection;      // "connections/ID" that waits
  std::string listener;        // "listeners/ID"; empty for a client
  std::string secure_context;  // that the handshake uses so far
  Role role = Role::kUnknown;  // which end the daemon plays
  SocketAddress local_address;
  SocketAddress remote_address;
  std::string server_name;  // that the client asks for; empty if none
  absl::Time create_time;
  absl::Time expire_time;  // when its time is up
  Question question;
};

// WaitDecisionOptions says which decision Client::WaitDecision takes.
struct WaitDecisionOptions {
  // Only these types. Default: all.
  std::vector<DecisionType> types = {};
  // Only those of these listeners and secure contexts, by name. Default: all.
  // At most 100.
  std::vector<std::string> subjects = {};
  // How long to wait.
  absl::Duration timeout = absl::InfiniteDuration();
};

// AnswerOr is what may be said to the question that `Expected` answers:
// `Expected` itself, NoOpinion, or a Refusal; an error is a Refusal, too.
template <typename Expected>
struct AnswerChoices {
  using Type = std::variant<Expected, NoOpinion, Refusal>;
};
template <>
struct AnswerChoices<SignAnswer> {
  using Type = std::variant<SignAnswer, Refusal>;
};
template <typename Expected>
using AnswerOr = absl::StatusOr<typename AnswerChoices<Expected>::Type>;

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_DECISION_H_
