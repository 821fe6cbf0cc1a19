// OCSP responses (RFC 6960) for tests, made in memory, by the issuer itself:
//
//   OcspResponseDer(IntermediateIdentity(), {&ServerIdentity()})
//
//   OcspResponseSpec spec;
//   spec.certificate_status = OcspCertificateStatus::kRevoked;
//   OcspResponseDer(issuer, issuer_key, {certificate}, spec)
//
// They are for tests only, and belong to one thread.
#ifndef TLSD_TESTS_TESTING_TEST_OCSP_RESPONSE_H_
#define TLSD_TESTS_TESTING_TEST_OCSP_RESPONSE_H_

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/testing/test_identities.h"

namespace tlsd::testing {

enum class OcspCertificateStatus { kGood, kRevoked, kUnknown };

// OcspResponseSpec says how a response shall be. The default is one that is
// good, from an hour ago to a day from now.
struct OcspResponseSpec {
  OcspCertificateStatus certificate_status = OcspCertificateStatus::kGood;
  absl::Time produced_time = absl::Now();
  absl::Time this_update_time = absl::Now() - absl::Hours(1);
  std::optional<absl::Time> next_update_time = absl::Now() + absl::Hours(24);
  // If it is revoked.
  absl::Time revocation_time = absl::Now() - absl::Hours(2);
  // Whether the responder is told by the hash of its key instead of its name.
  bool by_key = false;
  // RFC 6960 section 4.2.1, e.g. 3 for tryLater. All but 0 have nothing else.
  uint8_t response_status = 0;
  // The object identifier of basic responses, or of others.
  std::string response_type = "1.3.6.1.5.5.7.48.1.1";
};

// OcspResponseDer returns what `issuer` says of each of `certificates`. It is
// signed with `key`; without one, by eight bytes that verify nowhere.
std::string OcspResponseDer(X509* issuer, EVP_PKEY* key,
                            const std::vector<X509*>& certificates,
                            const OcspResponseSpec& spec = {});
std::string OcspResponseDer(const TestIdentity& issuer,
                            const std::vector<const TestIdentity*>& identities,
                            const OcspResponseSpec& spec = {});

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_TESTING_TEST_OCSP_RESPONSE_H_
