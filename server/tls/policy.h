// The choices that every secure context shares, as BoringSSL takes them. Each
// has its reason here; docs/defaults.md tells users.
#ifndef TLSD_SERVER_TLS_POLICY_H_
#define TLSD_SERVER_TLS_POLICY_H_

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>

namespace tlsd::tls {

// kCipherList is the module's default list, less the suites that BoringSSL does
// not have, 3DES, and PSK with certificates, which "!PSK" leaves in. TLS 1.3
// suites are always on.
inline constexpr char kCipherList[] =
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "HIGH:!3DES:!PSK:!aPSK";

inline constexpr char kGroupList[] = "X25519:P-256:P-384";

// kSignatureAlgorithms is what peers may sign with: BoringSSL's list with
// Ed25519 and P-521, which it leaves out, and without SHA-1.
inline constexpr uint16_t kSignatureAlgorithms[] = {
    SSL_SIGN_ED25519,
    SSL_SIGN_ECDSA_SECP256R1_SHA256,
    SSL_SIGN_RSA_PSS_RSAE_SHA256,
    SSL_SIGN_RSA_PKCS1_SHA256,
    SSL_SIGN_ECDSA_SECP384R1_SHA384,
    SSL_SIGN_RSA_PSS_RSAE_SHA384,
    SSL_SIGN_RSA_PKCS1_SHA384,
    SSL_SIGN_ECDSA_SECP521R1_SHA512,
    SSL_SIGN_RSA_PSS_RSAE_SHA512,
    SSL_SIGN_RSA_PKCS1_SHA512,
};

// A peer that shows more certificates than fit here is hostile.
inline constexpr size_t kPeerChainBytesMax = 100 * 1024;
inline constexpr int kPeerChainDepthMax = 10;
// The cost of checking a signature grows with the square of the modulus, and
// the peer chooses the modulus.
inline constexpr int kPeerRsaBitsMax = 8192;

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_POLICY_H_
