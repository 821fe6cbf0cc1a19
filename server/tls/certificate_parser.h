// Certificates as callers send them, as facts: certificate.h for the layers
// without BoringSSL.
//
// Nothing here judges a certificate. Pure functions; any thread may call them.
#ifndef TLSD_SERVER_TLS_CERTIFICATE_PARSER_H_
#define TLSD_SERVER_TLS_CERTIFICATE_PARSER_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/tls/certificate_facts.h"

namespace tlsd::tls {

// ParsePemCertificates returns the certificates in `pem`, in order, at least
// one; text around them is ignored. It fails with PEM_INVALID, naming `field`,
// if there are none, if one is malformed, or if there is anything else in PEM.
absl::StatusOr<std::vector<CertificateFacts>> ParsePemCertificates(
    absl::string_view field, absl::string_view pem);

// ParseDerCertificate returns the one certificate in `der`. It fails with
// PEM_INVALID, naming `field`, if that is malformed, or has anything behind it.
absl::StatusOr<CertificateFacts> ParseDerCertificate(absl::string_view field,
                                                     absl::string_view der);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_CERTIFICATE_PARSER_H_
