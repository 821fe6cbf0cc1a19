#include "server/tls/algorithms.h"

#include <openssl/ssl.h>

#include <cstdint>

#include "server/tls/cipher_name.h"
#include "server/tls/policy.h"

namespace tlsd::tls {
namespace {

TlsVersion ToTlsVersion(uint16_t version) {
  switch (version) {
    case TLS1_3_VERSION:
      return TlsVersion::kTls13;
    case TLS1_2_VERSION:
      return TlsVersion::kTls12;
    case TLS1_1_VERSION:
      return TlsVersion::kTls11;
    default:
      return TlsVersion::kTls10;
  }
}

}  // namespace

std::vector<CipherSuiteFacts> ListCipherSuites() {
  std::vector<CipherSuiteFacts> suites;
  // There is no call that lists them.
  for (uint32_t value = 0; value <= 0xffff; ++value) {
    const SSL_CIPHER* cipher =
        SSL_get_cipher_by_value(static_cast<uint16_t>(value));
    if (cipher == nullptr) continue;
    suites.push_back({CipherName(cipher), SSL_CIPHER_standard_name(cipher),
                      ToTlsVersion(SSL_CIPHER_get_min_version(cipher)),
                      ToTlsVersion(SSL_CIPHER_get_max_version(cipher)),
                      SSL_CIPHER_get_bits(cipher, /*out_alg_bits=*/nullptr)});
  }
  return suites;
}

std::vector<std::string> ListGroups() {
  // Not all that BoringSSL parses: P256KYBER is a stub, and a handshake with it
  // dies without an error.
  return {"X25519", "P-256", "P-384", "P-521", "P-224"};
}

std::vector<std::string> ListSignatureAlgorithms() {
  std::vector<std::string> names;
  for (const uint16_t algorithm : kSignatureAlgorithms) {
    names.push_back(
        SSL_get_signature_algorithm_name(algorithm, /*include_curve=*/1));
  }
  return names;
}

std::string BoringSslRevision() { return "32b51305debe"; }

}  // namespace tlsd::tls
