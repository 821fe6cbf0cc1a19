#include "server/tls/secure_context_options.h"

#include "server/base/secret.h"

namespace tlsd::tls {
bool HasRemoteCredentials(const SecureContextOptions& options) {
  for (const CredentialsOptions& credentials : options.credentials) {
    if (std::holds_alternative<RemoteCredentials>(credentials)) return true;
  }
  return false;
}

void WipeSecrets(SecureContextOptions& options) {
  for (CredentialsOptions& credentials : options.credentials) {
    if (auto* pem = std::get_if<PemCredentials>(&credentials)) {
      base::Wipe(pem->private_key);
      base::Wipe(pem->passphrase);
    } else if (auto* pkcs12 = std::get_if<Pkcs12Credentials>(&credentials)) {
      base::Wipe(pkcs12->pfx);
      base::Wipe(pkcs12->passphrase);
    }
  }
  for (std::string& key : options.ticket_keys) base::Wipe(key);
  options.ticket_keys.clear();
  for (EchKeyOptions& key : options.ech_keys) base::Wipe(key.private_key);
  options.ech_keys.clear();
}

}  // namespace tlsd::tls
