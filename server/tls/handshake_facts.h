// HandshakeFacts is what a complete handshake has settled: plain data, with no
// BoringSSL in it, so that other layers can pass it on.
#ifndef TLSD_SERVER_TLS_HANDSHAKE_FACTS_H_
#define TLSD_SERVER_TLS_HANDSHAKE_FACTS_H_

#include <memory>
#include <string>

#include "server/tls/certificate_facts.h"
#include "server/tls/secure_context_options.h"

namespace tlsd::tls {

struct HandshakeFacts {
  TlsVersion version = TlsVersion::kTls12;
  // As OpenSSL names it: "TLSv1.3".
  std::string protocol;
  // As OpenSSL names it: "ECDHE-RSA-AES128-GCM-SHA256".
  std::string cipher;
  // As the standards name it: "TLS_AES_128_GCM_SHA256".
  std::string cipher_standard_name;
  // "X25519"; empty if there was no key exchange with a group.
  std::string group;
  // Empty if none was negotiated.
  std::string alpn_protocol;
  // What the client asked for (SNI); empty if nothing.
  std::string server_name;
  bool resumed = false;
  // Whether the peer's certificate was asked for, shown, and found good; also
  // on resumption, by the rules of now.
  bool authorized = false;
  // Why not: "CERT_HAS_EXPIRED", "NO_PEER_CERTIFICATE", ... Empty if
  // `authorized`, or if none was asked for.
  std::string authorization_error;
  // Null if the peer showed none.
  std::shared_ptr<const CertificateFacts> peer_certificate;
};

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_HANDSHAKE_FACTS_H_
