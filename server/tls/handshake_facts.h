// HandshakeFacts is what a complete handshake has settled: plain data, with no
// BoringSSL in it, so that other layers can pass it on.
#ifndef TLSD_SERVER_TLS_HANDSHAKE_FACTS_H_
#define TLSD_SERVER_TLS_HANDSHAKE_FACTS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/tls/certificate_facts.h"
#include "server/tls/secure_context_options.h"

namespace tlsd::tls {

// Certificates that many connections show are held once.
using CertificateList = std::vector<std::shared_ptr<const CertificateFacts>>;

// What became of early data (RFC 8446 section 2.3).
enum class EarlyData {
  // None was sent.
  kNone,
  kAccepted,
  kRejected,
};

struct HandshakeFacts {
  TlsVersion version = TlsVersion::kTls12;
  // As OpenSSL names it: "TLSv1.3".
  std::string protocol;
  // As OpenSSL names it: "ECDHE-RSA-AES128-GCM-SHA256".
  std::string cipher;
  // As the standards name it: "TLS_AES_128_GCM_SHA256".
  std::string cipher_standard_name;
  // The oldest version that has it: "TLSv1.2".
  std::string cipher_min_version;
  // "X25519"; empty if there was no key exchange with a group.
  std::string group;
  // Empty if none was negotiated.
  std::string alpn_protocol;
  std::string npn_protocol;
  // What the client asked for (SNI); empty if nothing.
  std::string server_name;
  bool resumed = false;
  EarlyData early_data = EarlyData::kNone;
  // Whether the ClientHello was encrypted, and the server could read it.
  bool ech_accepted = false;

  // As the standards name it: "rsa_pss_rsae_sha256"; empty if the peer did not
  // sign.
  absl::string_view peer_signature_algorithm;
  // What both can sign with, in the peer's order; as far as TLS tells.
  std::vector<absl::string_view> shared_signature_algorithms;
  // Whether the server has asked us, a client, for a certificate.
  bool certificate_requested = false;
  // SHA-256 over the certificate that we have shown: upper-case hexadecimal
  // with colons. Empty if we showed none, and on resumption.
  std::string own_certificate_sha256;

  // Whether the peer's certificate was asked for, shown, and found good; also
  // on resumption, by the rules of now.
  bool authorized = false;
  // Why not: "CERT_HAS_EXPIRED", "NO_PEER_CERTIFICATE", ... Empty if
  // `authorized`, or if none was asked for. Its number in OpenSSL, 0 if it has
  // none, and what it says to people.
  std::string authorization_error;
  int authorization_error_code = 0;
  std::string authorization_error_text;

  // Null if the peer showed none.
  std::shared_ptr<const CertificateFacts> peer_certificate;
  // The peer's certificates as they came, own one first.
  CertificateList peer_certificates_sent;
  // As far as the chain could be built: the peer's own one, its issuer, and so
  // on; it ends with the trust anchor if there is one.
  CertificateList peer_chain;

  friend bool operator==(const HandshakeFacts&,
                         const HandshakeFacts&) = default;
};

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_HANDSHAKE_FACTS_H_
