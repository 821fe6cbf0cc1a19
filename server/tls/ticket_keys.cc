#include "server/tls/ticket_keys.h"

#include <openssl/cipher.h>
#include <openssl/crypto.h>
#include <openssl/digest.h>
#include <openssl/mem.h>
#include <openssl/rand.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"

namespace tlsd::tls {
namespace {

constexpr size_t kCountMax = 16;
constexpr size_t kIvBytes = 16;

}  // namespace

absl::StatusOr<std::shared_ptr<TicketKeys>> TicketKeys::FromBytes(
    const std::vector<std::string>& keys) {
  if (keys.size() > kCountMax) {
    return FieldError(Reason::kTicketKeysInvalid, "ticket_keys",
                      absl::StrCat(keys.size(), " keys"),
                      absl::StrCat("at most ", kCountMax));
  }
  const std::shared_ptr<TicketKeys> ring(new TicketKeys);
  absl::MutexLock lock(&ring->mutex_);
  for (size_t i = 0; i < keys.size(); ++i) {
    const std::string field = absl::StrCat("ticket_keys[", i, "]");
    if (keys[i].size() != kKeyBytes) {
      return FieldError(Reason::kTicketKeysInvalid, field,
                        absl::StrCat(keys[i].size(), " bytes"),
                        absl::StrCat(kKeyBytes, " bytes"));
    }
    Key key;
    const auto* next = reinterpret_cast<const uint8_t*>(keys[i].data());
    for (auto* part : {key.name.data(), key.hmac.data(), key.aes.data()}) {
      std::copy_n(next, kNameBytes, part);
      next += kNameBytes;
    }
    for (const Key& other : ring->keys_) {
      if (other.name == key.name) {
        return FieldError(Reason::kTicketKeysInvalid, field,
                          "a name (its first 16 bytes) that another key has",
                          "a name of its own for each key");
      }
    }
    ring->keys_.push_back(key);
    OPENSSL_cleanse(&key, sizeof(key));
  }
  return ring;
}

std::shared_ptr<TicketKeys> TicketKeys::Automatic() {
  std::shared_ptr<TicketKeys> ring(new TicketKeys);
  ring->is_automatic_ = true;
  return ring;
}

// Room for all: a vector that grows leaves copies of the keys behind.
TicketKeys::TicketKeys() { keys_.reserve(kCountMax); }

TicketKeys::~TicketKeys() {
  absl::MutexLock lock(&mutex_);
  OPENSSL_cleanse(keys_.data(), keys_.size() * sizeof(Key));
}

TicketKeys::Key TicketKeys::MakeKey(absl::Time now) {
  Key key;
  RAND_bytes(key.name.data(), key.name.size());
  RAND_bytes(key.hmac.data(), key.hmac.size());
  RAND_bytes(key.aes.data(), key.aes.size());
  key.create_time = now;
  return key;
}

void TicketKeys::Renew(absl::Time now) {
  if (!is_automatic_) return;
  if (keys_.empty() || keys_[0].create_time + kPeriod <= now) {
    Key key = MakeKey(now);
    keys_.insert(keys_.begin(), key);
    OPENSSL_cleanse(&key, sizeof(key));
  }
  while (keys_.size() > 1 && keys_.back().needed_until <= now) {
    OPENSSL_cleanse(&keys_.back(), sizeof(Key));
    keys_.pop_back();
  }
}

bool TicketKeys::Seal(absl::Time now, absl::Duration session_timeout,
                      uint8_t* name, uint8_t* iv, EVP_CIPHER_CTX* cipher,
                      HMAC_CTX* hmac) {
  absl::MutexLock lock(&mutex_);
  Renew(now);
  Key& key = keys_.front();
  key.needed_until = std::max(key.needed_until, now + session_timeout);
  std::copy(key.name.begin(), key.name.end(), name);
  RAND_bytes(iv, kIvBytes);
  return EVP_EncryptInit_ex(cipher, EVP_aes_128_cbc(), /*impl=*/nullptr,
                            key.aes.data(), iv) == 1 &&
         HMAC_Init_ex(hmac, key.hmac.data(), key.hmac.size(), EVP_sha256(),
                      /*impl=*/nullptr) == 1;
}

TicketKeys::OpenResult TicketKeys::Open(absl::Time now, const uint8_t* name,
                                        const uint8_t* iv,
                                        EVP_CIPHER_CTX* cipher,
                                        HMAC_CTX* hmac) {
  absl::MutexLock lock(&mutex_);
  Renew(now);
  for (const Key& key : keys_) {
    if (CRYPTO_memcmp(key.name.data(), name, kNameBytes) != 0) continue;
    if (EVP_DecryptInit_ex(cipher, EVP_aes_128_cbc(), /*impl=*/nullptr,
                           key.aes.data(), iv) != 1 ||
        HMAC_Init_ex(hmac, key.hmac.data(), key.hmac.size(), EVP_sha256(),
                     /*impl=*/nullptr) != 1) {
      return OpenResult::kFailed;
    }
    return &key == &keys_.front() ? OpenResult::kOpened
                                  : OpenResult::kOpenedByOldKey;
  }
  return OpenResult::kUnknownKey;
}

}  // namespace tlsd::tls
