#include "server/tls/verify_error.h"

#include <openssl/x509.h>

namespace tlsd::tls {
namespace {

struct Row {
  int code;
  VerifyError error;
};

#define ROW(name, reason)                        \
  {                                              \
    X509_V_ERR_##name, { #name, Reason::reason } \
  }
constexpr Row kRows[] = {
    ROW(UNSPECIFIED, kPeerCertificateUntrusted),
    ROW(UNABLE_TO_GET_ISSUER_CERT, kPeerCertificateUntrusted),
    ROW(UNABLE_TO_GET_CRL, kPeerCertificateInvalid),
    ROW(UNABLE_TO_DECRYPT_CERT_SIGNATURE, kPeerCertificateUntrusted),
    ROW(UNABLE_TO_DECRYPT_CRL_SIGNATURE, kPeerCertificateInvalid),
    ROW(UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY, kPeerCertificateUntrusted),
    ROW(CERT_SIGNATURE_FAILURE, kPeerCertificateUntrusted),
    ROW(CRL_SIGNATURE_FAILURE, kPeerCertificateInvalid),
    ROW(CERT_NOT_YET_VALID, kPeerCertificateExpired),
    ROW(CERT_HAS_EXPIRED, kPeerCertificateExpired),
    ROW(CRL_NOT_YET_VALID, kPeerCertificateInvalid),
    ROW(CRL_HAS_EXPIRED, kPeerCertificateInvalid),
    ROW(ERROR_IN_CERT_NOT_BEFORE_FIELD, kPeerCertificateInvalid),
    ROW(ERROR_IN_CERT_NOT_AFTER_FIELD, kPeerCertificateInvalid),
    ROW(ERROR_IN_CRL_LAST_UPDATE_FIELD, kPeerCertificateInvalid),
    ROW(ERROR_IN_CRL_NEXT_UPDATE_FIELD, kPeerCertificateInvalid),
    ROW(OUT_OF_MEM, kPeerCertificateInvalid),
    ROW(DEPTH_ZERO_SELF_SIGNED_CERT, kPeerCertificateUntrusted),
    ROW(SELF_SIGNED_CERT_IN_CHAIN, kPeerCertificateUntrusted),
    ROW(UNABLE_TO_GET_ISSUER_CERT_LOCALLY, kPeerCertificateUntrusted),
    ROW(UNABLE_TO_VERIFY_LEAF_SIGNATURE, kPeerCertificateUntrusted),
    ROW(CERT_CHAIN_TOO_LONG, kPeerCertificateUntrusted),
    ROW(CERT_REVOKED, kPeerCertificateRevoked),
    ROW(INVALID_CA, kPeerCertificateUntrusted),
    ROW(PATH_LENGTH_EXCEEDED, kPeerCertificateInvalid),
    ROW(INVALID_PURPOSE, kPeerCertificateInvalid),
    ROW(CERT_UNTRUSTED, kPeerCertificateUntrusted),
    ROW(CERT_REJECTED, kPeerCertificateUntrusted),
    ROW(SUBJECT_ISSUER_MISMATCH, kPeerCertificateUntrusted),
    ROW(AKID_SKID_MISMATCH, kPeerCertificateUntrusted),
    ROW(AKID_ISSUER_SERIAL_MISMATCH, kPeerCertificateUntrusted),
    ROW(KEYUSAGE_NO_CERTSIGN, kPeerCertificateUntrusted),
    ROW(UNABLE_TO_GET_CRL_ISSUER, kPeerCertificateInvalid),
    ROW(UNHANDLED_CRITICAL_EXTENSION, kPeerCertificateInvalid),
    ROW(KEYUSAGE_NO_CRL_SIGN, kPeerCertificateInvalid),
    ROW(UNHANDLED_CRITICAL_CRL_EXTENSION, kPeerCertificateInvalid),
    ROW(INVALID_NON_CA, kPeerCertificateInvalid),
    ROW(PROXY_PATH_LENGTH_EXCEEDED, kPeerCertificateInvalid),
    ROW(KEYUSAGE_NO_DIGITAL_SIGNATURE, kPeerCertificateInvalid),
    ROW(PROXY_CERTIFICATES_NOT_ALLOWED, kPeerCertificateInvalid),
    ROW(INVALID_EXTENSION, kPeerCertificateInvalid),
    ROW(INVALID_POLICY_EXTENSION, kPeerCertificateInvalid),
    ROW(NO_EXPLICIT_POLICY, kPeerCertificateInvalid),
    ROW(DIFFERENT_CRL_SCOPE, kPeerCertificateInvalid),
    ROW(UNSUPPORTED_EXTENSION_FEATURE, kPeerCertificateInvalid),
    ROW(UNNESTED_RESOURCE, kPeerCertificateInvalid),
    ROW(PERMITTED_VIOLATION, kPeerCertificateInvalid),
    ROW(EXCLUDED_VIOLATION, kPeerCertificateInvalid),
    ROW(SUBTREE_MINMAX, kPeerCertificateInvalid),
    ROW(APPLICATION_VERIFICATION, kPeerCertificateInvalid),
    ROW(UNSUPPORTED_CONSTRAINT_TYPE, kPeerCertificateInvalid),
    ROW(UNSUPPORTED_CONSTRAINT_SYNTAX, kPeerCertificateInvalid),
    ROW(UNSUPPORTED_NAME_SYNTAX, kPeerCertificateInvalid),
    ROW(CRL_PATH_VALIDATION_ERROR, kPeerCertificateInvalid),
    ROW(HOSTNAME_MISMATCH, kPeerCertificateNameMismatch),
    ROW(EMAIL_MISMATCH, kPeerCertificateNameMismatch),
    ROW(IP_ADDRESS_MISMATCH, kPeerCertificateNameMismatch),
    ROW(INVALID_CALL, kPeerCertificateInvalid),
    ROW(STORE_LOOKUP, kPeerCertificateUntrusted),
    ROW(NAME_CONSTRAINTS_WITHOUT_SANS, kPeerCertificateInvalid),
};
#undef ROW

}  // namespace

VerifyError DescribeVerifyError(int code) {
  for (const Row& row : kRows) {
    if (row.code == code) return row.error;
  }
  return {"UNSPECIFIED", Reason::kPeerCertificateUntrusted};
}

}  // namespace tlsd::tls
