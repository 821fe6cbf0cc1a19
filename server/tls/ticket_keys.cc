#include "server/tls/ticket_keys.h"

#include <openssl/cipher.h>
#include <openssl/crypto.h>
#include <openssl/digest.h>
#include <openssl/hmac.h>
#include <openssl/mem.h>
#include <openssl/rand.h>

#include <algorithm>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "proto/status/error.h"

namespace tlsd::tls {
namespace {

constexpr size_t kCountMax = 16;
constexpr size_t kIvBytes = 16;
constexpr size_t kMacBytes = 32;

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
    Key key = ReadKey(keys[i]);
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
  absl::MutexLock lock(&ring->mutex_);
  ring->renews_ = true;
  return ring;
}

// Room for all: a vector that grows leaves copies of the keys behind.
TicketKeys::TicketKeys() { keys_.reserve(kCountMax); }

TicketKeys::~TicketKeys() {
  absl::MutexLock lock(&mutex_);
  OPENSSL_cleanse(keys_.data(), keys_.size() * sizeof(Key));
}

TicketKeys::Key TicketKeys::ReadKey(absl::string_view bytes) {
  Key key;
  const auto* next = reinterpret_cast<const uint8_t*>(bytes.data());
  for (auto* part : {key.name.data(), key.hmac.data(), key.aes.data()}) {
    std::copy_n(next, kNameBytes, part);
    next += kNameBytes;
  }
  return key;
}

void TicketKeys::Insert(const Key& key) {
  if (keys_.size() == kCountMax) {
    OPENSSL_cleanse(&keys_.back(), sizeof(Key));
    keys_.pop_back();
  }
  keys_.insert(keys_.begin(), key);
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
  if (!renews_) return;
  if (keys_.empty() || keys_[0].create_time + kPeriod <= now) {
    Key key = MakeKey(now);
    Insert(key);
    OPENSSL_cleanse(&key, sizeof(key));
  }
  while (keys_.size() > 1 && keys_.back().needed_until <= now) {
    OPENSSL_cleanse(&keys_.back(), sizeof(Key));
    keys_.pop_back();
  }
}

absl::StatusOr<int> TicketKeys::Rotate(absl::Time now, absl::string_view key) {
  if (!key.empty() && key.size() != kKeyBytes) {
    return FieldError(Reason::kTicketKeysInvalid, "key",
                      absl::StrCat(key.size(), " bytes"),
                      absl::StrCat(kKeyBytes, " bytes"));
  }
  Key first = key.empty() ? MakeKey(now) : ReadKey(key);
  first.create_time = now;
  absl::MutexLock lock(&mutex_);
  // So that it has a key to open old tickets with.
  Renew(now);
  const bool is_known = absl::c_any_of(
      keys_, [&](const Key& known) { return known.name == first.name; });
  if (!is_known) {
    Insert(first);
    renews_ = renews_ && key.empty();
  }
  OPENSSL_cleanse(&first, sizeof(first));
  if (is_known) {
    return FieldError(Reason::kTicketKeysInvalid, "key",
                      "a name (its first 16 bytes) that another key has",
                      "a name of its own for each key");
  }
  return static_cast<int>(keys_.size());
}

std::optional<size_t> TicketKeys::Seal(absl::Time now,
                                       absl::Duration session_timeout,
                                       absl::Span<const uint8_t> session,
                                       uint8_t* ticket) {
  Key key;
  {
    absl::MutexLock lock(&mutex_);
    Renew(now);
    keys_.front().needed_until =
        std::max(keys_.front().needed_until, now + session_timeout);
    key = keys_.front();
  }
  uint8_t* iv = std::copy(key.name.begin(), key.name.end(), ticket);
  uint8_t* sealed = iv + kIvBytes;
  bssl::ScopedEVP_CIPHER_CTX cipher;
  int size = 0;
  int rest = 0;
  bool ok = RAND_bytes(iv, kIvBytes) == 1 &&
            EVP_EncryptInit_ex(cipher.get(), EVP_aes_128_cbc(),
                               /*impl=*/nullptr, key.aes.data(), iv) == 1 &&
            EVP_EncryptUpdate(cipher.get(), sealed, &size, session.data(),
                              static_cast<int>(session.size())) == 1 &&
            EVP_EncryptFinal_ex(cipher.get(), sealed + size, &rest) == 1;
  uint8_t* mac = sealed + size + rest;
  ok = ok && HMAC(EVP_sha256(), key.hmac.data(), key.hmac.size(), ticket,
                  static_cast<size_t>(mac - ticket), mac,
                  /*out_len=*/nullptr) != nullptr;
  OPENSSL_cleanse(&key, sizeof(key));
  if (!ok) return std::nullopt;
  return static_cast<size_t>(mac - ticket) + kMacBytes;
}

bool TicketKeys::FindKey(absl::Time now, const uint8_t* name, Key& key) {
  absl::MutexLock lock(&mutex_);
  Renew(now);
  for (const Key& candidate : keys_) {
    if (CRYPTO_memcmp(candidate.name.data(), name, kNameBytes) != 0) continue;
    key = candidate;
    return true;
  }
  return false;
}

std::optional<size_t> TicketKeys::Open(absl::Time now,
                                       absl::Span<const uint8_t> ticket,
                                       uint8_t* session) {
  constexpr size_t kHeadBytes = kNameBytes + kIvBytes;
  Key key;
  if (ticket.size() < kHeadBytes + kMacBytes ||
      !FindKey(now, ticket.data(), key)) {
    return std::nullopt;
  }
  const absl::Span<const uint8_t> mac = ticket.last(kMacBytes);
  const absl::Span<const uint8_t> sealed =
      ticket.subspan(kHeadBytes, ticket.size() - kHeadBytes - kMacBytes);
  std::array<uint8_t, kMacBytes> expected;
  bssl::ScopedEVP_CIPHER_CTX cipher;
  int size = 0;
  int rest = 0;
  const bool ok =
      HMAC(EVP_sha256(), key.hmac.data(), key.hmac.size(), ticket.data(),
           ticket.size() - kMacBytes, expected.data(),
           /*out_len=*/nullptr) != nullptr &&
      CRYPTO_memcmp(expected.data(), mac.data(), kMacBytes) == 0 &&
      EVP_DecryptInit_ex(cipher.get(), EVP_aes_128_cbc(), /*impl=*/nullptr,
                         key.aes.data(), ticket.data() + kNameBytes) == 1 &&
      EVP_DecryptUpdate(cipher.get(), session, &size, sealed.data(),
                        static_cast<int>(sealed.size())) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), session + size, &rest) == 1;
  OPENSSL_cleanse(&key, sizeof(key));
  if (!ok) return std::nullopt;
  return static_cast<size_t>(size + rest);
}

}  // namespace tlsd::tls
