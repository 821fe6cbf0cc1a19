// Private keys: from PEM, plain or encrypted, to a key that tlsd can use.
//
// Pure functions; any thread may call them. Nothing of a key or a passphrase is
// in any error.
#ifndef TLSD_SERVER_TLS_PRIVATE_KEY_H_
#define TLSD_SERVER_TLS_PRIVATE_KEY_H_

#include <openssl/evp.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tlsd::tls {

// CheckKeySupported fails with KEY_UNSUPPORTED, naming `field`, unless `key`
// is RSA of 2048 to 8192 bits, EC on P-256, P-384 or P-521, or Ed25519.
absl::Status CheckKeySupported(absl::string_view field, const EVP_PKEY* key);

// ParsePrivateKey returns the one private key in `pem`. Errors name the fields
// "private_key" or "passphrase": FIELD_REQUIRED, FIELD_INVALID, PEM_INVALID,
// KEY_UNSUPPORTED, PASSPHRASE_REQUIRED, PASSPHRASE_WRONG.
absl::StatusOr<bssl::UniquePtr<EVP_PKEY>> ParsePrivateKey(
    absl::string_view pem, absl::string_view passphrase);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_PRIVATE_KEY_H_
