#include "server/tls/certificate_parser.h"

#include <openssl/x509.h>

#include "server/base/status_macros.h"
#include "server/tls/certificate.h"

namespace tlsd::tls {

absl::StatusOr<std::vector<CertificateFacts>> ParsePemCertificates(
    absl::string_view field, absl::string_view pem) {
  TLSD_ASSIGN_OR_RETURN(const std::vector<bssl::UniquePtr<X509>> certificates,
                        ReadCertificates(field, pem));
  std::vector<CertificateFacts> result;
  result.reserve(certificates.size());
  for (const bssl::UniquePtr<X509>& certificate : certificates) {
    result.push_back(DescribeCertificate(certificate.get()));
  }
  return result;
}

absl::StatusOr<CertificateFacts> ParseDerCertificate(absl::string_view field,
                                                     absl::string_view der) {
  TLSD_ASSIGN_OR_RETURN(const bssl::UniquePtr<X509> certificate,
                        ReadCertificate(field, der));
  return DescribeCertificate(certificate.get());
}

}  // namespace tlsd::tls
