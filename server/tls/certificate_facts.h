// CertificateFacts is what can be told of a certificate without judging it:
// plain data, with no BoringSSL in it, so that other layers can pass it on.
#ifndef TLSD_SERVER_TLS_CERTIFICATE_FACTS_H_
#define TLSD_SERVER_TLS_CERTIFICATE_FACTS_H_

#include <string>
#include <vector>

#include "absl/time/time.h"

namespace tlsd::tls {

// One attribute of a name.
struct NameAttribute {
  // "CN"; an object identifier if it has no short name.
  std::string type;
  // UTF-8; what is not printable is escaped.
  std::string value;
};

struct CertificateFacts {
  // "C=DE, O=Example, CN=www.example.com": in the order of the certificate.
  std::string subject;
  std::string issuer;
  std::vector<NameAttribute> subject_attributes;
  std::vector<NameAttribute> issuer_attributes;
  // "DNS:www.example.com", "IP:127.0.0.1", "URI:...", "email:...".
  std::vector<std::string> subject_alternative_names;
  absl::Time not_before;
  absl::Time not_after;
  // The same as OpenSSL writes it: "Nov 22 08:00:00 2026 GMT".
  std::string valid_from;
  std::string valid_to;
  // Upper-case hexadecimal.
  std::string serial_number;
  // Over `der`: upper-case hexadecimal with colons.
  std::string sha1_fingerprint;
  std::string sha256_fingerprint;
  std::string sha512_fingerprint;

  // "RSA 2048", "EC P-256", "Ed25519".
  std::string public_key;
  // "RSA", "EC", "Ed25519", or OpenSSL's name.
  std::string public_key_type;
  // 0 if it cannot be read.
  int public_key_bits = 0;
  // "P-256" and "prime256v1"; empty unless it is an EC key.
  std::string curve;
  std::string asn1_curve;
  // Upper-case hexadecimal, and "0x10001"; empty unless it is an RSA key.
  std::string modulus;
  std::string exponent;
  // SubjectPublicKeyInfo, and SHA-256 over it in base64.
  std::string public_key_der;
  std::string public_key_pin;

  // "digitalSignature", "serverAuth", "1.3.6.1.5.5.7.3.1".
  std::vector<std::string> key_usages;
  std::vector<std::string> extended_key_usages;
  std::vector<std::string> extended_key_usage_oids;
  // Whether it may issue certificates.
  bool is_authority = false;
  // "ecdsa-with-SHA256".
  std::string signature_algorithm;
  std::vector<std::string> ocsp_urls;
  std::vector<std::string> issuer_urls;
  std::vector<std::string> revocation_list_urls;

  std::string der;
};

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_CERTIFICATE_FACTS_H_
