// Certificate revocation lists for tests, made in memory.
//
//   RevocationListPem(RootIdentity(), {&IntermediateIdentity()})
//
// They are for tests only, and belong to one thread.
#ifndef TLSD_TESTS_TESTING_TEST_REVOCATION_H_
#define TLSD_TESTS_TESTING_TEST_REVOCATION_H_

#include <openssl/evp.h>

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/testing/test_identities.h"

namespace tlsd::testing {

// RevocationListSpec says how a list shall be. The default is one that is valid
// from an hour ago to a day from now.
struct RevocationListSpec {
  // thisUpdate, from now; and nextUpdate, from thisUpdate.
  absl::Duration valid_from = -absl::Hours(1);
  absl::Duration valid_for = absl::Hours(25);
  // Who signs in the issuer's name; null is the issuer itself.
  EVP_PKEY* signing_key = nullptr;
};

// RevocationListPem returns a list of `issuer` with the certificates of
// `revoked`.
std::string RevocationListPem(const TestIdentity& issuer,
                              const std::vector<const TestIdentity*>& revoked,
                              const RevocationListSpec& spec = {});

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_TESTING_TEST_REVOCATION_H_
