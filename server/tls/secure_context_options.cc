#include "server/tls/secure_context_options.h"

#include <openssl/mem.h>

namespace tlsd::tls {
namespace {

void Wipe(std::string& secret) {
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

}  // namespace

void WipeSecrets(SecureContextOptions& options) {
  for (CredentialsOptions& credentials : options.credentials) {
    if (auto* pem = std::get_if<PemCredentials>(&credentials)) {
      Wipe(pem->private_key);
      Wipe(pem->passphrase);
    } else if (auto* pkcs12 = std::get_if<Pkcs12Credentials>(&credentials)) {
      Wipe(pkcs12->pfx);
      Wipe(pkcs12->passphrase);
    }
  }
  for (std::string& key : options.ticket_keys) Wipe(key);
  options.ticket_keys.clear();
}

}  // namespace tlsd::tls
