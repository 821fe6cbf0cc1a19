// SecurePair is TLS over a carrier that the daemon never sees: what is written
// to `cleartext` comes out of `encrypted` as TLS, and the other way round.
//
//   your cleartext <-> cleartext [TLS in the daemon] encrypted <-> your carrier
//
//   auto pair = client.CreateSecurePair(
//       {.client = ConnectOptions{.server_name = "a.test"}});
//   // In one thread: what TLS says goes out.
//   carrier.Send(*pair->encrypted.Read());
//   // In another: what the carrier brings goes in.
//   pair->encrypted.Write(carrier.Receive());
//   // In a third: the program.
//   pair->cleartext.Write("hello");
//
// The handshake begins when ciphertext flows. If it fails, reading `cleartext`
// tells why, and the alert that tells the peer can still be read from
// `encrypted`. When one side ends, so does the other. (`tls.createSecurePair`
// of the module.)
//
// Who holds the objects owns the pair. Threads: as each of them.
#ifndef TLSD_CLIENT_SECURE_PAIR_H_
#define TLSD_CLIENT_SECURE_PAIR_H_

#include "client/connection.h"
#include "client/detached_connection.h"

namespace tlsd::client {

// SecurePair is what `Client::CreateSecurePair` returns.
struct SecurePair {
  // The cleartext. Its `ConnectionFacts::carrier` is `encrypted`.
  Connection cleartext;
  // The ciphertext, as cleartext of a plain connection.
  Connection encrypted;
};

// DetachedSecurePair is the same with nobody attached, e.g. to pipe `encrypted`
// with a connection.
struct DetachedSecurePair {
  DetachedConnection cleartext;
  DetachedConnection encrypted;
};

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_SECURE_PAIR_H_
