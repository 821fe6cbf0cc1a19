// Cipher lists in OpenSSL's syntax, and what of them BoringSSL understands.
//
// It configures a context that is being made. Any thread may call it.
#ifndef TLSD_SERVER_TLS_CIPHER_LIST_H_
#define TLSD_SERVER_TLS_CIPHER_LIST_H_

#include <openssl/ssl.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tlsd::tls {

struct CipherList {
  // For SSL_CTX_set_cipher_list; empty if the list names suites of TLS 1.3
  // alone.
  std::string rules;
  // The choice of TLS 1.3's suites that the list makes: BoringSSL has no other.
  enum class Tls13Suites { kAll, kAesGcm, kAes256Gcm };
  Tls13Suites tls13_suites = Tls13Suites::kAll;
  // Leave out the suites in which the server's key decrypts.
  bool without_rsa_key_exchange = false;
  // Parts that BoringSSL does not know. Removals ("!RC4") of what it has not
  // are fulfilled, and not among them.
  std::vector<std::string> ignored_tokens;
  std::vector<std::string> warnings;
};

// ParseCipherList reads `text`; empty means the default of policy.h. It fails
// with CIPHERS_INVALID, naming "ciphers", if the text is malformed, selects no
// suite, or chooses suites of TLS 1.3 that cannot be chosen; with `strict` also
// if it has a part that is not known.
absl::StatusOr<CipherList> ParseCipherList(absl::string_view text, bool strict);

// SetCipherList applies `list` to `context`. It fails with CIPHERS_INVALID,
// naming "ciphers", if it leaves out all suites. It must come before groups,
// versions and signature algorithms are set, which it may overwrite.
absl::Status SetCipherList(const CipherList& list, SSL_CTX* context);

// EffectiveCiphers returns the names of the suites that `context`, which is
// configured in all else, can negotiate, most preferred first.
std::vector<std::string> EffectiveCiphers(const SSL_CTX* context,
                                          CipherList::Tls13Suites tls13_suites);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_CIPHER_LIST_H_
