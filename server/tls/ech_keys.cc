#include "server/tls/ech_keys.h"

#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/rand.h>

#include <iterator>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/base/byte_queue.h"
#include "server/base/status_macros.h"
#include "server/tls/context_callbacks.h"
#include "server/tls/server_name.h"
#include "server/tls/ssl_error.h"

namespace tlsd::tls {
namespace {

// Of an ECHConfig: its version, and its length behind that.
constexpr size_t kConfigHeadBytes = 4;

const uint8_t* Bytes(absl::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

// AddTo adds a key to `keys`. False if BoringSSL cannot use it.
bool AddTo(SSL_ECH_KEYS* keys, absl::string_view config,
           const EVP_HPKE_KEY* key, bool is_for_retry) {
  return SSL_ECH_KEYS_add(keys, is_for_retry ? 1 : 0, Bytes(config),
                          config.size(), key) == 1;
}

absl::Status ConfigError() {
  const LibraryError error = TakeLibraryError();
  if (error.reason == SSL_R_ECH_SERVER_CONFIG_AND_PRIVATE_KEY_MISMATCH) {
    return ProblemError(Reason::kEchKeyInvalid, "private_key",
                        "it is not the key of config");
  }
  if (error.reason == SSL_R_UNSUPPORTED_ECH_SERVER_CONFIG) {
    return ProblemError(
        Reason::kEchKeyInvalid, "config",
        "the library cannot use it; allowed: version 0xfe0d, "
        "DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 with AES-GCM or "
        "ChaCha20-Poly1305, a DNS name as public name, no extensions");
  }
  return ProblemError(Reason::kEchKeyInvalid, "config",
                      "it is malformed; allowed: one ECHConfig, not a list");
}

absl::StatusOr<std::string> MarshalRetryConfigs(const SSL_ECH_KEYS* keys) {
  uint8_t* data = nullptr;
  size_t size = 0;
  if (!SSL_ECH_KEYS_marshal_retry_configs(keys, &data, &size)) {
    return InternalError("SSL_ECH_KEYS_marshal_retry_configs");
  }
  const bssl::UniquePtr<uint8_t> owner(data);
  return std::string(base::AsText({data, size}));
}

}  // namespace

absl::StatusOr<EchKeys::Key> EchKeys::ReadKey(const EchKeyOptions& options) {
  if (options.private_key.size() != kPrivateKeyBytes) {
    return FieldError(Reason::kEchKeyInvalid, "private_key",
                      absl::StrCat(options.private_key.size(), " bytes"),
                      absl::StrCat(kPrivateKeyBytes, " bytes of X25519"));
  }
  Key key;
  key.config = options.config;
  key.is_for_retry = !options.not_for_retry;
  key.key.reset(EVP_HPKE_KEY_new());
  const bssl::UniquePtr<SSL_ECH_KEYS> trial(SSL_ECH_KEYS_new());
  if (key.key == nullptr || trial == nullptr ||
      !EVP_HPKE_KEY_init(key.key.get(), EVP_hpke_x25519_hkdf_sha256(),
                         Bytes(options.private_key),
                         options.private_key.size())) {
    return InternalError("EVP_HPKE_KEY_init");
  }
  if (!AddTo(trial.get(), key.config, key.key.get(), key.is_for_retry)) {
    return ConfigError();
  }
  return key;
}

absl::StatusOr<std::shared_ptr<EchKeys>> EchKeys::Create(
    const std::vector<EchKeyOptions>& keys) {
  const ErrorQueueGuard guard;
  std::shared_ptr<EchKeys> ring(new EchKeys);
  if (keys.empty()) return ring;
  if (keys.size() > kCountMax) {
    return FieldError(Reason::kEchKeyInvalid, "ech_keys",
                      absl::StrCat(keys.size(), " keys"),
                      absl::StrCat("at most ", kCountMax));
  }
  std::vector<Key> read;
  for (size_t i = 0; i < keys.size(); ++i) {
    absl::StatusOr<Key> key = ReadKey(keys[i]);
    if (!key.ok()) {
      return PrefixField(key.status(), absl::StrCat("ech_keys[", i, "]."));
    }
    read.push_back(*std::move(key));
  }
  if (absl::c_none_of(read, [](const Key& key) { return key.is_for_retry; })) {
    return ProblemError(Reason::kEchKeyInvalid, "ech_keys",
                        "all are not_for_retry; allowed: all but one");
  }
  absl::MutexLock lock(&ring->mutex_);
  TLSD_RETURN_IF_ERROR(ring->Use(std::move(read)));
  return ring;
}

absl::Status EchKeys::Use(std::vector<Key> keys) {
  const bssl::UniquePtr<SSL_ECH_KEYS> usable(SSL_ECH_KEYS_new());
  bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
  if (usable == nullptr || context == nullptr) {
    return InternalError("SSL_ECH_KEYS_new");
  }
  for (const Key& key : keys) {
    if (!AddTo(usable.get(), key.config, key.key.get(), key.is_for_retry)) {
      return InternalError("SSL_ECH_KEYS_add");
    }
  }
  TLSD_ASSIGN_OR_RETURN(std::string list, MarshalRetryConfigs(usable.get()));
  if (!SSL_CTX_set1_ech_keys(context.get(), usable.get())) {
    return InternalError("SSL_CTX_set1_ech_keys");
  }
  TellClientHellos(context.get());
  keys_ = std::move(keys);
  config_list_ = std::move(list);
  context_ = std::move(context);
  return absl::OkStatus();
}

uint8_t EchKeys::ChooseConfigId() const {
  uint8_t id = 0;
  RAND_bytes(&id, sizeof(id));
  const auto is_taken = [&id](const Key& key) {
    return static_cast<uint8_t>(key.config[kConfigHeadBytes]) == id;
  };
  while (absl::c_any_of(keys_, is_taken)) ++id;
  return id;
}

absl::StatusOr<int> EchKeys::Rotate(absl::string_view public_name,
                                    int max_name_length) {
  const ErrorQueueGuard guard;
  if (public_name.empty()) return FieldRequired("public_name");
  TLSD_ASSIGN_OR_RETURN(const ServerName name,
                        ParseServerName("public_name", public_name));
  if (max_name_length < 1 || max_name_length > kNameLengthMax) {
    return FieldError(Reason::kFieldInvalid, "max_name_length",
                      absl::StrCat(max_name_length),
                      absl::StrCat("1 to ", kNameLengthMax));
  }
  Key made;
  made.is_for_retry = true;
  made.key.reset(EVP_HPKE_KEY_new());
  if (made.key == nullptr ||
      !EVP_HPKE_KEY_generate(made.key.get(), EVP_hpke_x25519_hkdf_sha256())) {
    return InternalError("EVP_HPKE_KEY_generate");
  }
  absl::MutexLock lock(&mutex_);
  uint8_t* data = nullptr;
  size_t size = 0;
  if (!SSL_marshal_ech_config(&data, &size, ChooseConfigId(), made.key.get(),
                              name.text.c_str(),
                              static_cast<size_t>(max_name_length))) {
    // It is stricter than DNS: no '_', and no address.
    return FieldError(Reason::kServerNameInvalid, "public_name", public_name,
                      "a DNS name of letters, digits and '-'");
  }
  const bssl::UniquePtr<uint8_t> owner(data);
  made.config = std::string(base::AsText({data, size}));
  std::vector<Key> keys;
  keys.push_back(std::move(made));
  for (const Key& old : keys_) {
    if (keys.size() == kCountMax) break;
    bssl::UniquePtr<EVP_HPKE_KEY> copy(EVP_HPKE_KEY_new());
    if (copy == nullptr || !EVP_HPKE_KEY_copy(copy.get(), old.key.get())) {
      return InternalError("EVP_HPKE_KEY_copy");
    }
    keys.push_back({old.config, std::move(copy), /*is_for_retry=*/false});
  }
  TLSD_RETURN_IF_ERROR(Use(std::move(keys)));
  return static_cast<int>(keys_.size());
}

std::string EchKeys::config_list() const {
  absl::MutexLock lock(&mutex_);
  return config_list_;
}

bssl::UniquePtr<SSL_CTX> EchKeys::context() const {
  absl::MutexLock lock(&mutex_);
  return bssl::UpRef(context_);
}

}  // namespace tlsd::tls
