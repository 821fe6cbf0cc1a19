#include "server/tls/server_identity.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdint>

#include "server/tls/ssl_error.h"
#include "server/tls/verify_error.h"

namespace tlsd::tls {
namespace {

constexpr unsigned kNameFlags =
    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;

}  // namespace

int CheckServerIdentity(X509* certificate, const ServerName& name) {
  const ErrorQueueGuard guard;
  // X509_check_host finds no address, and X509_check_ip_asc no host name.
  if (name.kind == ServerName::Kind::kIpAddress) {
    return X509_check_ip_asc(certificate, name.text.c_str(), /*flags=*/0) == 1
               ? X509_V_OK
               : X509_V_ERR_IP_ADDRESS_MISMATCH;
  }
  // A length of 0 does not mean strlen here, as it does in OpenSSL.
  return X509_check_host(certificate, name.text.data(), name.text.size(),
                         kNameFlags, /*peername=*/nullptr) == 1
             ? X509_V_OK
             : X509_V_ERR_HOSTNAME_MISMATCH;
}

IdentityMismatch CheckServerIdentity(const CertificateFacts& facts,
                                     const ServerName& name) {
  const ErrorQueueGuard guard;
  const auto* der = reinterpret_cast<const uint8_t*>(facts.der.data());
  const bssl::UniquePtr<X509> certificate(
      d2i_X509(nullptr, &der, static_cast<long>(facts.der.size())));
  int code = name.kind == ServerName::Kind::kIpAddress
                 ? X509_V_ERR_IP_ADDRESS_MISMATCH
                 : X509_V_ERR_HOSTNAME_MISMATCH;
  if (certificate != nullptr) {
    code = CheckServerIdentity(certificate.get(), name);
  }
  if (code == X509_V_OK) return {};
  return {DescribeVerifyError(code).name, X509_verify_cert_error_string(code)};
}

}  // namespace tlsd::tls
