// TicketKeys is the ring of keys that seals and opens session tickets (RFC 5077
// section 4, and TLS 1.3 alike): the first key seals, all open.
//
// Given keys stay as they are; keys of its own it makes afresh each day, and
// keeps the old ones as long as they are needed. Contexts share a ring to
// resume each other's sessions. Any thread may use it.
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
  // How long a key of its own seals.
  static constexpr absl::Duration kPeriod = absl::Hours(24);

  // FromBytes returns a ring of `keys`, each name, HMAC key and AES key of 16
  // bytes. It fails with TICKET_KEYS_INVALID, naming "ticket_keys[i]".
  static absl::StatusOr<std::shared_ptr<TicketKeys>> FromBytes(
      const std::vector<std::string>& keys);

  // Automatic returns a ring that makes its own keys, one a kPeriod, and keeps
  // each as long as a session that it has sealed can be resumed.
  static std::shared_ptr<TicketKeys> Automatic();

  ~TicketKeys();

  // is_automatic reports whether the ring makes its own keys.
  bool is_automatic() const { return is_automatic_; }

  // Seal readies `cipher` and `hmac` to seal a ticket as of `now`, whose
  // session can be resumed for `session_timeout`; writes the key's name, and
  // the `iv` of EVP_MAX_IV_LENGTH bytes. False if BoringSSL fails.
  bool Seal(absl::Time now, absl::Duration session_timeout, uint8_t* name,
            uint8_t* iv, EVP_CIPHER_CTX* cipher, HMAC_CTX* hmac);

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
    // When the last session that it has sealed ends.
    absl::Time needed_until = absl::InfinitePast();
  };

  TicketKeys();
  static Key MakeKey(absl::Time now);
  void Renew(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Mutex mutex_;
  bool is_automatic_ = false;
  // The first seals.
  std::vector<Key> keys_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_TICKET_KEYS_H_
