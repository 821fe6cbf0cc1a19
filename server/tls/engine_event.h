// What a TlsEngine has to report besides bytes: a closed list of facts, one
// struct each.
#ifndef TLSD_SERVER_TLS_ENGINE_EVENT_H_
#define TLSD_SERVER_TLS_ENGINE_EVENT_H_

#include <variant>

#include "absl/container/inlined_vector.h"
#include "server/tls/handshake_facts.h"

namespace tlsd::tls {

// The handshake is complete; cleartext may flow.
struct HandshakeCompleted {
  HandshakeFacts facts;
};

// The peer has sent close_notify (RFC 8446 section 6.1); no cleartext follows.
// Ours can still be sent.
struct PeerClosed {};

using EngineEvent = std::variant<HandshakeCompleted, PeerClosed>;

// EventList holds events in the order in which they happened. All cleartext of
// the same call came between the two that can be in it.
using EventList = absl::InlinedVector<EngineEvent, 2>;

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_ENGINE_EVENT_H_
