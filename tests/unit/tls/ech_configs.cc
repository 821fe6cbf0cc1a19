#include "tests/unit/tls/ech_configs.h"

#include <openssl/hpke.h>
#include <openssl/ssl.h>

#include <cstddef>

#include "absl/strings/str_cat.h"

namespace tlsd::tls {
namespace {

constexpr size_t kNameLengthMax = 64;

}  // namespace

EchKeyOptions MakeEchKey(const std::string& public_name, uint8_t config_id) {
  const bssl::UniquePtr<EVP_HPKE_KEY> key(EVP_HPKE_KEY_new());
  EVP_HPKE_KEY_generate(key.get(), EVP_hpke_x25519_hkdf_sha256());
  uint8_t* config = nullptr;
  size_t size = 0;
  SSL_marshal_ech_config(&config, &size, config_id, key.get(),
                         public_name.c_str(), kNameLengthMax);
  const bssl::UniquePtr<uint8_t> owner(config);
  EchKeyOptions options;
  options.config.assign(reinterpret_cast<const char*>(config), size);
  options.private_key.resize(EVP_HPKE_MAX_PRIVATE_KEY_LENGTH);
  EVP_HPKE_KEY_private_key(
      key.get(), reinterpret_cast<uint8_t*>(options.private_key.data()), &size,
      options.private_key.size());
  options.private_key.resize(size);
  return options;
}

std::string ConfigListOf(const std::vector<EchKeyOptions>& keys) {
  std::string configs;
  for (const EchKeyOptions& key : keys) absl::StrAppend(&configs, key.config);
  const char length[] = {static_cast<char>(configs.size() >> 8),
                         static_cast<char>(configs.size() & 0xff)};
  return absl::StrCat(absl::string_view(length, sizeof(length)), configs);
}

}  // namespace tlsd::tls
