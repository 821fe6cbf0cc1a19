// What can be told of certificates: those of peers, own ones, trusted ones.
//
// These are plain values that mirror the messages of proto/tlsd/v1, where each
// field is documented at length. They judge nothing, hold no resource and do
// not talk to the daemon. Anybody may own them, and different threads may read
// one at the same time.
#ifndef TLSD_CLIENT_CERTIFICATE_FACTS_H_
#define TLSD_CLIENT_CERTIFICATE_FACTS_H_

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"

namespace tlsd::client {

// Pem is certificates in PEM, one or many.
struct Pem {
  std::string text = {};
};

// Der is one certificate in DER.
struct Der {
  std::string bytes = {};
};

// CertificateSource is what a program has of a certificate.
using CertificateSource = std::variant<Pem, Der>;

// OcspResponseFacts is an OCSP response as far as it can be told without
// judging it: its signature is NOT checked.
struct OcspResponseFacts {
  std::string der;
  // "successful", or why the responder has none, e.g. "tryLater". Only a
  // successful one has the rest.
  std::string response_status;
  std::string certificate_status;  // "good", "revoked" or "unknown"
  std::string serial_number;       // of that certificate, as in its facts
  std::optional<absl::Time> produced_time;
  std::optional<absl::Time> this_update_time;
  std::optional<absl::Time> next_update_time;
  std::optional<absl::Time> revocation_time;
};

// NameAttribute is one attribute of the name of a subject or issuer.
struct NameAttribute {
  std::string type;   // e.g. "CN"; an object identifier if it has no name
  std::string value;  // what is not printable is escaped
};

// CertificateFacts is a certificate as far as it can be told without judging.
struct CertificateFacts {
  std::string subject;  // e.g. "C=DE, O=Example, CN=www.example.com"
  std::string issuer;
  // In the order of the certificate.
  std::vector<NameAttribute> subject_attributes;
  std::vector<NameAttribute> issuer_attributes;
  std::vector<std::string> subject_alternative_names;  // e.g. "DNS:localhost"

  std::optional<absl::Time> not_before_time;
  std::optional<absl::Time> not_after_time;
  // The same as OpenSSL writes it, e.g. "Nov 22 08:00:00 2026 GMT".
  std::string valid_from;
  std::string valid_to;

  std::string serial_number;  // upper-case hexadecimal
  // Over `der`: upper-case hexadecimal with colons.
  std::string sha1_fingerprint;
  std::string sha256_fingerprint;
  std::string sha512_fingerprint;

  std::string public_key;       // e.g. "RSA 2048"
  std::string public_key_type;  // "RSA", "EC", "Ed25519", or OpenSSL's name
  int public_key_bits = 0;      // 0 if it cannot be read
  std::string curve;            // of an EC key, e.g. "P-256"
  std::string asn1_curve;       // the same, e.g. "prime256v1"
  std::string modulus;          // of an RSA key: upper-case hexadecimal
  std::string exponent;         // of an RSA key, e.g. "0x10001"
  std::string public_key_der;   // SubjectPublicKeyInfo
  std::string public_key_pin;   // as `PeerRules::public_key_pins` takes it

  std::vector<std::string> key_usages;               // "digitalSignature"
  std::vector<std::string> extended_key_usages;      // "serverAuth"
  std::vector<std::string> extended_key_usage_oids;  // "1.3.6.1.5.5.7.3.1"
  bool is_authority = false;        // whether it may issue certificates
  std::string signature_algorithm;  // e.g. "ecdsa-with-SHA256"
  std::vector<std::string> ocsp_urls;
  std::vector<std::string> issuer_urls;
  std::vector<std::string> revocation_list_urls;

  std::string der;  // the certificate itself
};

// PeerCertificateFacts is what a peer has shown.
struct PeerCertificateFacts {
  std::optional<CertificateFacts> certificate;  // unset if it has shown none
  // With ChainDetail::kChain: the certificate, its issuer and so on, as far as
  // the chain could be built; it ends with the trust anchor if there is one.
  std::vector<CertificateFacts> chain;
  // With ChainDetail::kChain: the certificates as the peer has sent them.
  std::vector<CertificateFacts> sent;
};

// ChainDetail says whether to tell a peer's chain beside its certificate.
enum class ChainDetail { kCertificateOnly, kChain };

// ServerIdentityFacts says whether a certificate is for a name.
struct ServerIdentityFacts {
  bool matches = false;
  std::string error;    // if not: "HOSTNAME_MISMATCH", "IP_ADDRESS_MISMATCH"
  std::string message;  // if not: why, for people
  // The names that it is for, e.g. "DNS:localhost".
  std::vector<std::string> subject_alternative_names;
};

// OwnCertificateFacts is a certificate that a secure context shows.
struct OwnCertificateFacts {
  std::string secure_context;  // "secureContexts/ID" that has it
  int credentials_index = 0;   // its place there, from 0
  CertificateFacts certificate;
  absl::Duration time_left;  // negative if it has ended
};

// TrustedCertificatesFacts is whom a secure context, or the system, trusts.
struct TrustedCertificatesFacts {
  std::vector<CertificateFacts> certificates;  // in no order
  std::string system_path;  // of the system's store, if it is used
};

// CertificateExpiry is an own certificate that ends soon, or has ended.
struct CertificateExpiry {
  std::string secure_context;    // "secureContexts/ID" that has it
  CertificateFacts certificate;  // without its DER form
  absl::Duration time_left;      // negative if it has ended
};

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_CERTIFICATE_FACTS_H_
