// Credentials: an own certificate chain and its private key, checked.
//
// They say who we are; whom we trust is trust_anchors.h. A value; once made it
// may be read from any thread.
#ifndef TLSD_SERVER_TLS_CREDENTIALS_H_
#define TLSD_SERVER_TLS_CREDENTIALS_H_

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/tls/development_authority.h"
#include "server/tls/secure_context_options.h"

namespace tlsd::tls {

struct Credentials {
  // Own certificate first; never empty.
  std::vector<bssl::UniquePtr<X509>> chain;
  bssl::UniquePtr<EVP_PKEY> key;
};

// ParseCredentials checks `options` as of `now`, with the limits of
// proto/tlsd/v1/secure_context_service.proto. Errors name the field
// "certificate_chain" or "private_key": PEM_INVALID, KEY_UNSUPPORTED,
// KEY_MISMATCH, PASSPHRASE_REQUIRED, PASSPHRASE_WRONG, CHAIN_ORDER_INVALID,
// CERTIFICATE_EXPIRED, CERTIFICATE_NOT_YET_VALID, FIELD_REQUIRED,
// FIELD_INVALID. No error shows anything of a key or passphrase.
absl::StatusOr<Credentials> ParseCredentials(const PemCredentials& options,
                                             absl::Time now);

// MakeCredentials does the same for either kind of `options`, and names fields
// "pem.private_key", "development.server_names[0]".
absl::StatusOr<Credentials> MakeCredentials(const CredentialsOptions& options,
                                            DevelopmentAuthority& authority,
                                            absl::Time now);

// WipeKeyMaterial overwrites the secrets in `credentials`.
void WipeKeyMaterial(PemCredentials& credentials);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_CREDENTIALS_H_
