// Prints as JSON how often a processor does the operations that TLS is made of,
// with the BoringSSL that tlsd is built with: what no server on it can exceed.
//
// Rates are per second of this thread's processor time, for a quarter of a
// second each. Not here: a handshake as a whole (tests/cost), a server
// (tests/bench/peers).
#include <time.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <vector>

#include "openssl/aead.h"
#include "openssl/bn.h"
#include "openssl/curve25519.h"
#include "openssl/digest.h"
#include "openssl/ec_key.h"
#include "openssl/ecdsa.h"
#include "openssl/mem.h"
#include "openssl/nid.h"
#include "openssl/rsa.h"

namespace {

constexpr double kSeconds = 0.25;
constexpr size_t kRecordBytes = 16384;

double ProcessorSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) +
         static_cast<double>(now.tv_nsec) * 1e-9;
}

// Rate returns how often a second the operation succeeds, or 0 if it fails.
double Rate(const std::function<bool()>& operation) {
  if (!operation()) return 0;
  const double start = ProcessorSeconds();
  double elapsed = 0;
  uint64_t count = 0;
  while (elapsed < kSeconds) {
    for (int i = 0; i < 16; ++i, ++count) {
      if (!operation()) return 0;
    }
    elapsed = ProcessorSeconds() - start;
  }
  return static_cast<double>(count) / elapsed;
}

constexpr std::array<uint8_t, 32> kDigest = {1, 2, 3};

double P256SignRate() {
  bssl::UniquePtr<EC_KEY> key(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  if (key == nullptr || !EC_KEY_generate_key(key.get())) return 0;
  std::vector<uint8_t> signature(ECDSA_size(key.get()));
  return Rate([&] {
    unsigned size = 0;
    return ECDSA_sign(0, kDigest.data(), kDigest.size(), signature.data(),
                      &size, key.get()) == 1;
  });
}

double RsaSignRate() {
  bssl::UniquePtr<RSA> key(RSA_new());
  bssl::UniquePtr<BIGNUM> exponent(BN_new());
  if (key == nullptr || exponent == nullptr ||
      !BN_set_word(exponent.get(), RSA_F4) ||
      !RSA_generate_key_ex(key.get(), 2048, exponent.get(), nullptr)) {
    return 0;
  }
  std::vector<uint8_t> signature(RSA_size(key.get()));
  return Rate([&] {
    size_t size = 0;
    return RSA_sign_pss_mgf1(key.get(), &size, signature.data(),
                             signature.size(), kDigest.data(), kDigest.size(),
                             EVP_sha256(), EVP_sha256(), -1) == 1;
  });
}

double X25519KeyRate() {
  return Rate([] {
    uint8_t public_value[X25519_PUBLIC_VALUE_LEN];
    uint8_t private_key[X25519_PRIVATE_KEY_LEN];
    X25519_keypair(public_value, private_key);
    return true;
  });
}

double X25519SharedRate() {
  uint8_t public_value[X25519_PUBLIC_VALUE_LEN];
  uint8_t private_key[X25519_PRIVATE_KEY_LEN];
  X25519_keypair(public_value, private_key);
  return Rate([&] {
    uint8_t shared[X25519_SHARED_KEY_LEN];
    return X25519(shared, private_key, public_value) == 1;
  });
}

// In MB.
double Aes128GcmRate() {
  const std::array<uint8_t, 16> key = {1};
  const std::array<uint8_t, 12> nonce = {2};
  bssl::ScopedEVP_AEAD_CTX context;
  if (!EVP_AEAD_CTX_init(context.get(), EVP_aead_aes_128_gcm(), key.data(),
                         key.size(), EVP_AEAD_DEFAULT_TAG_LENGTH, nullptr)) {
    return 0;
  }
  std::vector<uint8_t> record(kRecordBytes + EVP_AEAD_MAX_OVERHEAD);
  const double rate = Rate([&] {
    size_t size = 0;
    return EVP_AEAD_CTX_seal(context.get(), record.data(), &size, record.size(),
                             nonce.data(), nonce.size(), record.data(),
                             kRecordBytes, nullptr, 0) == 1;
  });
  return rate * kRecordBytes / 1e6;
}

}  // namespace

int main() {
  struct Limit {
    const char* name;
    double rate;
  };
  const Limit limits[] = {
      {"p256-sign", P256SignRate()},    {"rsa-2048-sign", RsaSignRate()},
      {"x25519-key", X25519KeyRate()},  {"x25519-shared", X25519SharedRate()},
      {"aes-128-gcm", Aes128GcmRate()},
  };
  const char* separator = "{";
  for (const Limit& limit : limits) {
    if (limit.rate == 0) {
      std::fprintf(stderr, "crypto_limits: %s fails\n", limit.name);
      return 1;
    }
    std::printf("%s\"%s\": %.1f", separator, limit.name, limit.rate);
    separator = ", ";
  }
  std::printf("}\n");
  return 0;
}
