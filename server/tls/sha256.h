// SHA-256 (FIPS 180-4) of bytes in memory. A pure function; any thread may call
// it.
#ifndef TLSD_SERVER_TLS_SHA256_H_
#define TLSD_SERVER_TLS_SHA256_H_

#include <string>

#include "absl/strings/string_view.h"

namespace tlsd::tls {

// Sha256 returns the 32 bytes of the digest of `bytes`.
std::string Sha256(absl::string_view bytes);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_SHA256_H_
