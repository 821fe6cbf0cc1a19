// PKCS#12 (RFC 7292): a key, its certificate and others, from one file.
//
// Pure functions; any thread may call them. Nothing of a key or a passphrase is
// in any error.
#ifndef TLSD_SERVER_TLS_PKCS12_H_
#define TLSD_SERVER_TLS_PKCS12_H_

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tlsd::tls {

struct Pkcs12Contents {
  bssl::UniquePtr<EVP_PKEY> key;
  // In the order of the file; the key's own need not come first.
  std::vector<bssl::UniquePtr<X509>> certificates;
};

// ReadPkcs12 opens `pfx`. Errors name the fields "pfx" or "passphrase":
// FIELD_REQUIRED, FIELD_INVALID, PKCS12_INVALID, KEY_REQUIRED, KEY_AMBIGUOUS,
// KEY_UNSUPPORTED, PASSPHRASE_REQUIRED, PASSPHRASE_WRONG.
absl::StatusOr<Pkcs12Contents> ReadPkcs12(absl::string_view pfx,
                                          absl::string_view passphrase);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_PKCS12_H_
