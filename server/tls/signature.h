// Checking the signature that a remote signer has made for a handshake.
//
// Pure functions; any thread may call them.
#ifndef TLSD_SERVER_TLS_SIGNATURE_H_
#define TLSD_SERVER_TLS_SIGNATURE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace tlsd::tls {

// CheckSignature checks that `signature` over `input` by `algorithm`, its
// number in TLS (RFC 8446 section 4.2.3), verifies with `public_key`, a
// SubjectPublicKeyInfo in DER. RSA-PSS has a salt as long as the digest. It
// fails with DECISION_ANSWER_INVALID, naming "sign.signature".
absl::Status CheckSignature(uint16_t algorithm, absl::string_view public_key,
                            absl::string_view input,
                            absl::string_view signature);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_SIGNATURE_H_
