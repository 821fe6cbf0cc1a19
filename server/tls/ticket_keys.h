// TicketKeys is the ring of keys that seals and opens session tickets (RFC 5077
// section 4, and TLS 1.3 alike): the first key seals, all open.
//
// Given keys stay as they are until somebody rotates them; keys of its own it
// makes afresh each day, and keeps the old ones as long as they are needed.
// Contexts share a ring to resume each other's sessions. Any thread may use it.
//
// A ticket is what RFC 5077 section 4 recommends: the key's name, an
// initialization vector, the session under AES-128-CBC, and HMAC-SHA256 over
// all that.
#ifndef TLSD_SERVER_TLS_TICKET_KEYS_H_
#define TLSD_SERVER_TLS_TICKET_KEYS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

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

  // is_automatic reports whether the ring began with keys of its own.
  bool is_automatic() const { return is_automatic_; }

  // Rotate puts a new key before the others, which only open from then on; the
  // oldest is dropped if there would be too many. `key` has kKeyBytes bytes, or
  // is empty for one of its own. With a given key the ring makes none itself
  // any more. It returns how many keys there are. It fails with
  // TICKET_KEYS_INVALID, naming "key".
  absl::StatusOr<int> Rotate(absl::Time now, absl::string_view key);

  // Seal writes a ticket of at most `session.size() + kOverheadBytes` bytes for
  // `session`, which can be resumed for `session_timeout` from `now`, and
  // returns its size. Nothing if BoringSSL fails. `session` and `ticket` do not
  // overlap.
  static constexpr size_t kOverheadBytes = 80;
  std::optional<size_t> Seal(absl::Time now, absl::Duration session_timeout,
                             absl::Span<const uint8_t> session,
                             uint8_t* ticket);

  // Open writes the session in `ticket`, fewer bytes than that has, and returns
  // its size. Nothing if no key opens the ticket. They do not overlap.
  std::optional<size_t> Open(absl::Time now, absl::Span<const uint8_t> ticket,
                             uint8_t* session);

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
  static Key ReadKey(absl::string_view bytes);
  void Insert(const Key& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Renew(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // FindKey copies the key `name` to `key`, if it is there.
  bool FindKey(absl::Time now, const uint8_t* name, Key& key);

  absl::Mutex mutex_;
  bool is_automatic_ = false;
  // Whether it makes a key each day.
  bool renews_ ABSL_GUARDED_BY(mutex_) = false;
  // The first seals.
  std::vector<Key> keys_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_TICKET_KEYS_H_
