// EchKeys is the ring of keys that opens encrypted ClientHellos
// (draft-ietf-tls-esni-13): each key opens, and those for retry are what
// clients are given that have used another one.
//
// It reads no ClientHello itself; an SSL does that with a context that it
// lends. Contexts share a ring, so that it stays when they are replaced. Any
// thread may use it.
#ifndef TLSD_SERVER_TLS_ECH_KEYS_H_
#define TLSD_SERVER_TLS_ECH_KEYS_H_

#include <openssl/hpke.h>
#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "server/tls/secure_context_options.h"

namespace tlsd::tls {

class EchKeys {
 public:
  static constexpr size_t kCountMax = 8;
  static constexpr size_t kPrivateKeyBytes = 32;
  static constexpr int kNameLengthMax = 255;

  // Create returns a ring of `keys`, which may be empty. It fails with
  // ECH_KEY_INVALID, naming "ech_keys", "ech_keys[i].config" or
  // "ech_keys[i].private_key".
  static absl::StatusOr<std::shared_ptr<EchKeys>> Create(
      const std::vector<EchKeyOptions>& keys);

  // Rotate makes a key and puts it before the others, which only open from then
  // on; the oldest is dropped if there would be too many. It returns how many
  // keys there are. It fails with FIELD_REQUIRED, SERVER_NAME_INVALID or
  // FIELD_INVALID, naming "public_name" or "max_name_length".
  absl::StatusOr<int> Rotate(absl::string_view public_name,
                             int max_name_length);

  // config_list returns the ECHConfigList of the keys for retry; empty if there
  // is no key.
  std::string config_list() const;

  // context returns a context whose SSLs open ClientHellos with the keys of
  // this moment, and tell their HelloListener; null if there is no key. It has
  // nothing else.
  bssl::UniquePtr<SSL_CTX> context() const;

 private:
  struct Key {
    std::string config;
    bssl::UniquePtr<EVP_HPKE_KEY> key;
    bool is_for_retry = false;
  };

  EchKeys() = default;
  static absl::StatusOr<Key> ReadKey(const EchKeyOptions& options);
  // ChooseConfigId returns one that no key has: with two of an id, each would
  // be tried.
  uint8_t ChooseConfigId() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Use makes `keys`, at least one of which is for retry, those of the ring.
  absl::Status Use(std::vector<Key> keys) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex mutex_;
  // Most preferred first.
  std::vector<Key> keys_ ABSL_GUARDED_BY(mutex_);
  std::string config_list_ ABSL_GUARDED_BY(mutex_);
  bssl::UniquePtr<SSL_CTX> context_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_ECH_KEYS_H_
