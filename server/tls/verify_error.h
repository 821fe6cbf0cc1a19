// The names of X.509 verification errors, and what they mean for tlsd.
//
// A table and nothing else; any thread may use it.
#ifndef TLSD_SERVER_TLS_VERIFY_ERROR_H_
#define TLSD_SERVER_TLS_VERIFY_ERROR_H_

#include "proto/status/reason.h"

namespace tlsd::tls {

struct VerifyError {
  // As OpenSSL and Node name it, without "X509_V_ERR_".
  const char* name;
  Reason reason;
};

// DescribeVerifyError returns the row of `code`, an X509_V_ERR_ value;
// "UNSPECIFIED" for one that is not known.
VerifyError DescribeVerifyError(int code);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_VERIFY_ERROR_H_
