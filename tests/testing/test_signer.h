// What signs for keys that are elsewhere, in tests.
#ifndef TLSD_TESTS_TESTING_TEST_SIGNER_H_
#define TLSD_TESTS_TESTING_TEST_SIGNER_H_

#include <openssl/evp.h>

#include <string>

#include "server/tls/question.h"

namespace tlsd::testing {

// SignAsAsked returns the signature that `question` asks for, made with `key`.
std::string SignAsAsked(EVP_PKEY* key, const tls::SignQuestion& question);

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_TESTING_TEST_SIGNER_H_
