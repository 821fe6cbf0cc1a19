// Signature algorithms by their names in the standards and in OpenSSL.
//
// Pure functions; any thread may call them.
#ifndef TLSD_SERVER_TLS_SIGNATURE_ALGORITHMS_H_
#define TLSD_SERVER_TLS_SIGNATURE_ALGORITHMS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tlsd::tls {

// ParseSignatureAlgorithms returns `names`, e.g. "ecdsa_secp256r1_sha256",
// "ECDSA+SHA256", "rsa_pss_rsae_sha256", "RSA-PSS+SHA256", alone or joined by
// ':', as BoringSSL takes them. It fails with SIGNATURE_ALGORITHM_UNSUPPORTED,
// naming "`field`[i]", if one is not known or named twice.
absl::StatusOr<std::vector<uint16_t>> ParseSignatureAlgorithms(
    absl::string_view field, const std::vector<std::string>& names);

// SignatureAlgorithmName returns the name in the standards, e.g.
// "ecdsa_secp256r1_sha256"; empty for 0, "unknown" if it has none. The name
// lives forever.
absl::string_view SignatureAlgorithmName(uint16_t algorithm);

// SupportedSignatureAlgorithms returns all that can be used.
std::vector<uint16_t> SupportedSignatureAlgorithms();

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_SIGNATURE_ALGORITHMS_H_
