#include "tests/testing/test_revocation.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/time/clock.h"

namespace tlsd::testing {
namespace {

void Check(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "making a revocation list failed: %s\n", what);
  std::abort();
}

bssl::UniquePtr<ASN1_TIME> MakeTime(absl::Time time) {
  bssl::UniquePtr<ASN1_TIME> made(
      ASN1_TIME_set_posix(nullptr, absl::ToUnixSeconds(time)));
  Check(made != nullptr, "ASN1_TIME_set_posix");
  return made;
}

void Revoke(X509* certificate, const ASN1_TIME* when, X509_CRL* list) {
  bssl::UniquePtr<X509_REVOKED> entry(X509_REVOKED_new());
  Check(X509_REVOKED_set_serialNumber(entry.get(),
                                      X509_get_serialNumber(certificate)) &&
            X509_REVOKED_set_revocationDate(entry.get(), when) &&
            X509_CRL_add0_revoked(list, entry.get()),
        "adding an entry");
  // The list owns it now.
  (void)entry.release();
}

}  // namespace

std::string RevocationListPem(const TestIdentity& issuer,
                              const std::vector<const TestIdentity*>& revoked,
                              const RevocationListSpec& spec) {
  const absl::Time begin = absl::Now() + spec.valid_from;
  const auto this_update = MakeTime(begin);
  const auto next_update = MakeTime(begin + spec.valid_for);
  const bssl::UniquePtr<X509_CRL> list(X509_CRL_new());
  Check(X509_CRL_set_version(list.get(), X509_CRL_VERSION_2) &&
            X509_CRL_set_issuer_name(
                list.get(), X509_get_subject_name(issuer.certificate())) &&
            X509_CRL_set1_lastUpdate(list.get(), this_update.get()) &&
            X509_CRL_set1_nextUpdate(list.get(), next_update.get()),
        "setting issuer and times");
  for (const TestIdentity* identity : revoked) {
    Revoke(identity->certificate(), this_update.get(), list.get());
  }
  EVP_PKEY* key = spec.signing_key != nullptr ? spec.signing_key : issuer.key();
  const EVP_MD* digest =
      EVP_PKEY_id(key) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
  Check(X509_CRL_sort(list.get()) && X509_CRL_sign(list.get(), key, digest),
        "X509_CRL_sign");
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  Check(PEM_write_bio_X509_CRL(bio.get(), list.get()), "writing PEM");
  const uint8_t* data = nullptr;
  size_t size = 0;
  Check(BIO_mem_contents(bio.get(), &data, &size), "BIO_mem_contents");
  return std::string(reinterpret_cast<const char*>(data), size);
}

}  // namespace tlsd::testing
