// What BoringSSL tells of a complete handshake, in our words.
//
// What tlsd itself has found out, e.g. of the peer's certificate, is the
// engine's to add. It belongs to the thread of the connection.
#ifndef TLSD_SERVER_TLS_HANDSHAKE_DESCRIPTION_H_
#define TLSD_SERVER_TLS_HANDSHAKE_DESCRIPTION_H_

#include <openssl/ssl.h>

#include "server/tls/handshake_facts.h"

namespace tlsd::tls {

// NoteNpnGuess says of a client that it has chosen a protocol for NPN that its
// server does not have, so that there is no agreement to tell of.
void NoteNpnGuess(SSL* ssl);

// DescribeAgreement returns what both sides of `ssl` have agreed on.
HandshakeFacts DescribeAgreement(const SSL* ssl);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_HANDSHAKE_DESCRIPTION_H_
