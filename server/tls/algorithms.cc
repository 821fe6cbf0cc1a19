#include "server/tls/algorithms.h"

#include <openssl/ssl.h>

#include <cstdint>

#include "server/tls/cipher_name.h"
#include "server/tls/key_exchange.h"
#include "server/tls/policy.h"
#include "server/tls/signature_algorithms.h"
#include "server/tls/version_range.h"

namespace tlsd::tls {
std::vector<CipherSuiteFacts> ListCipherSuites() {
  std::vector<CipherSuiteFacts> suites;
  // There is no call that lists them.
  for (uint32_t value = 0; value <= 0xffff; ++value) {
    const SSL_CIPHER* cipher =
        SSL_get_cipher_by_value(static_cast<uint16_t>(value));
    if (cipher == nullptr) continue;
    suites.push_back({CipherName(cipher), SSL_CIPHER_standard_name(cipher),
                      FromProtocolVersion(SSL_CIPHER_get_min_version(cipher)),
                      FromProtocolVersion(SSL_CIPHER_get_max_version(cipher)),
                      SSL_CIPHER_get_bits(cipher, /*out_alg_bits=*/nullptr)});
  }
  return suites;
}

std::vector<std::string> ListGroups() { return SupportedGroups(); }

std::vector<std::string> ListSignatureAlgorithms() {
  std::vector<std::string> names;
  for (const uint16_t algorithm : SupportedSignatureAlgorithms()) {
    names.emplace_back(SignatureAlgorithmName(algorithm));
  }
  return names;
}

std::vector<std::string> ListSecureProtocols() { return SecureProtocolNames(); }

std::string DefaultCiphers() { return kCipherList; }

std::string BoringSslRevision() { return "32b51305debe"; }

}  // namespace tlsd::tls
