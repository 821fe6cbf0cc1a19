// The names of BoringSSL's cipher suites as OpenSSL gives them.
#ifndef TLSD_SERVER_TLS_CIPHER_NAME_H_
#define TLSD_SERVER_TLS_CIPHER_NAME_H_

#include <openssl/ssl.h>

#include <string>

namespace tlsd::tls {

// CipherName returns e.g. "ECDHE-RSA-AES128-GCM-SHA256". For TLS 1.3 that is
// the standard name: BoringSSL's own, "AEAD-AES128-GCM-SHA256", is known to
// nobody else.
inline std::string CipherName(const SSL_CIPHER* cipher) {
  return SSL_CIPHER_get_min_version(cipher) >= TLS1_3_VERSION
             ? SSL_CIPHER_standard_name(cipher)
             : SSL_CIPHER_get_name(cipher);
}

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_CIPHER_NAME_H_
