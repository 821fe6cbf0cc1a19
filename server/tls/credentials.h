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
  // Only the public part if it `is_remote`: who has the rest makes signatures.
  bssl::UniquePtr<EVP_PKEY> key;
  bool is_remote = false;
  // Certificates that came along to be trusted.
  std::vector<bssl::UniquePtr<X509>> trusted;
};

// ParseCredentials checks `options` as of `now`, with the limits of
// proto/tlsd/v1/secure_context_service.proto. Errors name the field
// "certificate_chain" or "private_key": PEM_INVALID, KEY_REQUIRED,
// KEY_AMBIGUOUS, KEY_UNSUPPORTED, KEY_MISMATCH, PASSPHRASE_REQUIRED,
// PASSPHRASE_WRONG, CHAIN_ORDER_INVALID, CERTIFICATE_EXPIRED,
// CERTIFICATE_NOT_YET_VALID, FIELD_REQUIRED, FIELD_INVALID. No error shows
// anything of a key or passphrase.
absl::StatusOr<Credentials> ParseCredentials(const PemCredentials& options,
                                             absl::Time now);

// ParseCredentials of PKCS#12 names the fields "pfx" and "passphrase", and
// fails with PKCS12_INVALID where PEM would be PEM_INVALID. The chain is made
// from the file's certificates, in whatever order they are.
absl::StatusOr<Credentials> ParseCredentials(const Pkcs12Credentials& options,
                                             absl::Time now);

// ParseCredentials of a remote key names the field "certificate_chain" alone.
absl::StatusOr<Credentials> ParseCredentials(const RemoteCredentials& options,
                                             absl::Time now);

// MakeCredentials does the same for each kind of `options`, and names fields
// "pem.private_key", "pkcs12.pfx", "development.server_names[0]",
// "remote.certificate_chain".
absl::StatusOr<Credentials> MakeCredentials(const CredentialsOptions& options,
                                            DevelopmentAuthority& authority,
                                            absl::Time now);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_CREDENTIALS_H_
