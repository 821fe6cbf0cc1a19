// What a TlsEngine has to report besides bytes: a closed list of facts, one
// struct each.
#ifndef TLSD_SERVER_TLS_ENGINE_EVENT_H_
#define TLSD_SERVER_TLS_ENGINE_EVENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "absl/container/inlined_vector.h"
#include "server/tls/handshake_facts.h"
#include "server/tls/hook.h"
#include "server/tls/ocsp_response.h"
#include "server/tls/question.h"

namespace tlsd::tls {

// The ClientHello has made a server use another secure context than the one it
// was created with.
struct ContextChosen {
  // "secureContexts/ID".
  std::string name;
};

// The handshake waits for an answer, see TlsEngine::Answer.
struct QuestionAsked {
  std::shared_ptr<const Question> question;
  Hook hook;
};

// The server has stapled an OCSP response that we have asked for. It is not
// verified.
struct OcspResponseReceived {
  std::shared_ptr<const OcspResponseFacts> response;
};

// The handshake is complete; cleartext may flow.
struct HandshakeCompleted {
  HandshakeFacts facts;
};

// A client has got a session that it can resume, see TlsEngine::session. Under
// TLS 1.3 it comes after HandshakeCompleted, and maybe more than once.
struct SessionReceived {};

// A secret of the connection, as a line of SSLKEYLOGFILE without its end.
struct SecretMade {
  std::string line;
};

// A server (TLS 1.2 and older) asks a client to renegotiate (HelloRequest, RFC
// 5246 section 7.4.1.1). The engine takes nothing until
// TlsEngine::AcceptRenegotiation; to refuse, end it with Abort.
struct RenegotiationRequested {};

// The renegotiation is complete; cleartext can be sent again.
struct Renegotiated {};

// Early data is over: the client has finished the handshake, so that what
// follows is no replay (RFC 8446 section 8).
struct EarlyDataEnded {
  // How many bytes of cleartext came before.
  int64_t size = 0;
};

// The peer has sent close_notify (RFC 8446 section 6.1); no cleartext follows.
// Ours can still be sent.
struct PeerClosed {};

using EngineEvent =
    std::variant<ContextChosen, QuestionAsked, OcspResponseReceived,
                 HandshakeCompleted, SessionReceived, SecretMade,
                 RenegotiationRequested, Renegotiated, EarlyDataEnded,
                 PeerClosed>;

// EventList holds events in the order in which they happened. All cleartext of
// the same call came between HandshakeCompleted and PeerClosed.
using EventList = absl::InlinedVector<EngineEvent, 2>;

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_ENGINE_EVENT_H_
