// CertificateFacts is what can be told of a certificate without judging it:
// plain data, with no BoringSSL in it, so that other layers can pass it on.
#ifndef TLSD_SERVER_TLS_CERTIFICATE_FACTS_H_
#define TLSD_SERVER_TLS_CERTIFICATE_FACTS_H_

#include <string>
#include <vector>

#include "absl/time/time.h"

namespace tlsd::tls {

struct CertificateFacts {
  // "C=DE, O=Example, CN=www.example.com": in the order of the certificate.
  std::string subject;
  std::string issuer;
  // "DNS:www.example.com", "IP:127.0.0.1", "URI:...", "email:...".
  std::vector<std::string> subject_alternative_names;
  absl::Time not_before;
  absl::Time not_after;
  // Upper-case hexadecimal.
  std::string serial_number;
  // SHA-256 over `der`: upper-case hexadecimal with colons.
  std::string sha256_fingerprint;
  // "RSA 2048", "EC P-256", "Ed25519".
  std::string public_key;
  std::string der;
};

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_CERTIFICATE_FACTS_H_
