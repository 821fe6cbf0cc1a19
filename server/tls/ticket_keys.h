// TicketKeys is the ring of keys that seals and opens session tickets (RFC 5077
// section 4, and TLS 1.3 alike): the first key seals, all open.
//
// Given keys stay as they are; keys of its own it makes afresh each day, and
// keeps the one before. Contexts share a ring to resume each other's sessions.
// Any thread may use it.
#ifndef TLSD_SERVER_TLS_TICKET_KEYS_H_
#define TLSD_SERVER_TLS_TICKET_KEYS_H_

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace tlsd::tls {

class TicketKeys {
 public:
  static constexpr size_t kKeyBytes = 48;
  static constexpr size_t kNameBytes = 16;
  // No session may live longer than a key is kept after its day.
  static constexpr absl::Duration kPeriod = absl::Hours(24);

  // FromBytes returns a ring of `keys`, each name, HMAC key and AES key of 16
  // bytes. It fails with TICKET_KEYS_INVALID, naming "ticket_keys[i]".
  static absl::StatusOr<std::shared_ptr<TicketKeys>> FromBytes(
      const std::vector<std::string>& keys);

  // Automatic returns a ring that makes its own keys, and keeps each long
  // enough for sessions of `session_timeout`.
  static std::shared_ptr<TicketKeys> Automatic(absl::Duration session_timeout);

  ~TicketKeys();

  // is_automatic reports whether the ring makes its own keys.
  bool is_automatic() const { return is_automatic_; }

  // KeepFor makes a ring of its own keys keep them for sessions of
  // `session_timeout` too.
  void KeepFor(absl::Duration session_timeout);

  // Seal readies `cipher` and `hmac` to seal a ticket as of `now`; writes the
  // key's name, and the `iv` of EVP_MAX_IV_LENGTH bytes. False if BoringSSL
  // fails.
  bool Seal(absl::Time now, uint8_t* name, uint8_t* iv, EVP_CIPHER_CTX* cipher,
            HMAC_CTX* hmac);

  enum class OpenResult {
    kOpened,
    // By a key that seals no more: give the client a new ticket.
    kOpenedByOldKey,
    kUnknownKey,
    kFailed,
  };
  // Open readies `cipher` and `hmac` to open the ticket of the key `name`.
  OpenResult Open(absl::Time now, const uint8_t* name, const uint8_t* iv,
                  EVP_CIPHER_CTX* cipher, HMAC_CTX* hmac);

 private:
  struct Key {
    std::array<uint8_t, kNameBytes> name;
    std::array<uint8_t, 16> hmac;
    std::array<uint8_t, 16> aes;
    absl::Time create_time = absl::InfinitePast();
  };

  TicketKeys();
  static Key MakeKey(absl::Time now);
  void Renew(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Mutex mutex_;
  bool is_automatic_ = false;
  // How long a key opens after it was made.
  absl::Duration lifetime_ ABSL_GUARDED_BY(mutex_) = kPeriod;
  // The first seals.
  std::vector<Key> keys_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_TICKET_KEYS_H_
