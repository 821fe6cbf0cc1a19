// Certificates: PEM, DER and BoringSSL's X509 in, facts out.
//
// Nothing here judges a certificate; that is peer_verifier.h. Any thread may
// call these functions. Layers without BoringSSL use certificate_parser.h.
#ifndef TLSD_SERVER_TLS_CERTIFICATE_H_
#define TLSD_SERVER_TLS_CERTIFICATE_H_

#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/tls/certificate_facts.h"

namespace tlsd::tls {

// DescribeCertificate returns the facts of `certificate`. All text is UTF-8;
// what is not printable is escaped. What cannot be read, e.g. a malformed
// extension, is left empty, and hides nothing else.
CertificateFacts DescribeCertificate(X509* certificate);

// ShareCertificateFacts returns the same facts as DescribeCertificate; all who
// hold those of one certificate hold one object (certificate_table.h).
std::shared_ptr<const CertificateFacts> ShareCertificateFacts(
    X509* certificate);

// NotBefore and NotAfter return the bounds of the validity period.
absl::Time NotBefore(const X509* certificate);
absl::Time NotAfter(const X509* certificate);

// ReadCertificates returns the certificates in `pem`, in order; text around
// them is ignored. It fails with PEM_INVALID, naming `field`, if there are
// none, if one is malformed, or if there is anything else in PEM.
absl::StatusOr<std::vector<bssl::UniquePtr<X509>>> ReadCertificates(
    absl::string_view field, absl::string_view pem);

// ReadCertificate returns the certificate in `der`. It fails with PEM_INVALID,
// naming `field`, if that is malformed, or has anything behind it.
absl::StatusOr<bssl::UniquePtr<X509>> ReadCertificate(absl::string_view field,
                                                      absl::string_view der);

// EncodeDer returns `certificate` in DER: the bytes that it was read from.
std::string EncodeDer(X509* certificate);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_CERTIFICATE_H_
