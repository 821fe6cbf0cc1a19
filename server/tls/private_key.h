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
#include "server/tls/ssl_error.h"

namespace tlsd::tls {

// CheckKeySupported fails with KEY_UNSUPPORTED, naming `field`, unless `key`
// is RSA of 2048 to 8192 bits, EC on P-256, P-384 or P-521, or Ed25519.
absl::Status CheckKeySupported(absl::string_view field, const EVP_PKEY* key);

// UnsupportedKey returns KEY_UNSUPPORTED for `field`, which holds `kind`.
absl::Status UnsupportedKey(absl::string_view field, absl::string_view kind);

// IsUnsupportedKind reports whether `error` says that a key is of a kind or
// size that BoringSSL does not have.
bool IsUnsupportedKind(const LibraryError& error);

// IsUnsupportedEncryption reports whether `error` says that a key or file is
// encrypted in a way that BoringSSL does not have.
bool IsUnsupportedEncryption(const LibraryError& error);

// HasUnreadKeyDerivation reports whether `der`, an encrypted key or PKCS#12,
// derives its key in a form that BoringSSL does not read, though it has the
// algorithm: PBKDF2 with the PRF hmacWithSHA256 and no parameters at all (RFC
// 8018 section B.1.2 wants NULL), as GnuTLS writes it.
bool HasUnreadKeyDerivation(absl::string_view der);

// kUnreadKeyDerivation says so in an error.
inline constexpr absl::string_view kUnreadKeyDerivation =
    "a file encrypted as GnuTLS does it, with hmacWithSHA256 but without its "
    "NULL parameters, which the library does not read (write it with openssl, "
    "or with certtool --pkcs-cipher 3des-pkcs12)";

// ParsePrivateKey returns the one private key in `pem`. Errors name the fields
// "private_key" or "passphrase": FIELD_REQUIRED, FIELD_INVALID, PEM_INVALID,
// KEY_REQUIRED, KEY_AMBIGUOUS, KEY_UNSUPPORTED, PASSPHRASE_REQUIRED,
// PASSPHRASE_WRONG.
absl::StatusOr<bssl::UniquePtr<EVP_PKEY>> ParsePrivateKey(
    absl::string_view pem, absl::string_view passphrase);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_PRIVATE_KEY_H_
