// The channel binding "tls-server-end-point" (RFC 5929 section 4): what names a
// server by its certificate.
//
// A pure function; any thread may call it.
#ifndef TLSD_SERVER_TLS_SERVER_END_POINT_H_
#define TLSD_SERVER_TLS_SERVER_END_POINT_H_

#include <openssl/x509.h>

#include <string>

namespace tlsd::tls {

// ServerEndPoint returns the hash of `certificate`, with the hash function that
// it was signed with; SHA-256 in place of MD5 and SHA-1. It is empty where the
// RFC defines none: for signatures without a hash function, e.g. Ed25519. It
// leaves the error queue as it likes.
std::string ServerEndPoint(const X509* certificate);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_SERVER_END_POINT_H_
