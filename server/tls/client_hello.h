// Reading a ClientHello, and the fingerprints of clients that are made of it.
//
// Pure functions; any thread may call them.
#ifndef TLSD_SERVER_TLS_CLIENT_HELLO_H_
#define TLSD_SERVER_TLS_CLIENT_HELLO_H_

#include <openssl/ssl.h>

#include "server/tls/client_hello_facts.h"

namespace tlsd::tls {

// DescribeClientHello returns what `hello` says. It may only be called while
// BoringSSL lends `hello`: in the callback that chooses a certificate.
// Malformed extensions, which end the handshake later, are told as empty.
//
// JA3 is made as github.com/salesforce/ja3 says, JA4 as
// github.com/FoxIO-LLC/ja4 does ("technical_details/JA4.md").
ClientHelloFacts DescribeClientHello(const SSL_CLIENT_HELLO& hello);

// DescribeServerName returns the server name alone.
ClientHelloFacts DescribeServerName(const SSL_CLIENT_HELLO& hello);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_CLIENT_HELLO_H_
