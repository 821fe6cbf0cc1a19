// PKCS#12 files for tests. Most are written by the `openssl` binary, so that
// they are what users have.
//
//   WritePkcs12({.certificates = ServerIdentity().ChainPem(),
//                .private_key = ServerIdentity().KeyPem(),
//                .passphrase = "open-sesame"})
//
// They are for tests only, and belong to one thread.
#ifndef TLSD_TESTS_TESTING_TEST_PKCS12_H_
#define TLSD_TESTS_TESTING_TEST_PKCS12_H_

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <string>
#include <vector>

namespace tlsd::testing {

// Pkcs12Spec says what a file shall hold.
struct Pkcs12Spec {
  // In PEM. Empty leaves them out.
  std::string certificates;
  std::string private_key;
  std::string passphrase;
  // More arguments of `openssl pkcs12 -export`, e.g. "-legacy", "-nomac".
  std::vector<std::string> flags;
};

// WritePkcs12 returns the file of `spec`; the process ends if `openssl` cannot
// write it.
std::string WritePkcs12(const Pkcs12Spec& spec);

// PairInPkcs12 returns a file that holds `key` beside `certificate`, also if
// that is of another key, which `openssl` refuses to write.
std::string PairInPkcs12(EVP_PKEY* key, X509* certificate,
                         const std::string& passphrase);

// TwoKeysInPkcs12 returns a file of two keys with their certificates, as Java's
// keytool writes it. Its passphrase is "open-sesame".
std::string TwoKeysInPkcs12();

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_TESTING_TEST_PKCS12_H_
