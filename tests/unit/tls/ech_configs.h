// Keys of encrypted ClientHellos, and lists of their configurations.
//
// They are for tests only.
#ifndef TLSD_TESTS_UNIT_TLS_ECH_CONFIGS_H_
#define TLSD_TESTS_UNIT_TLS_ECH_CONFIGS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "server/tls/secure_context_options.h"

namespace tlsd::tls {

// MakeEchKey returns a fresh key, with a configuration for `public_name`.
EchKeyOptions MakeEchKey(const std::string& public_name, uint8_t config_id = 7);

// ConfigListOf returns the ECHConfigList of `keys`.
std::string ConfigListOf(const std::vector<EchKeyOptions>& keys);

}  // namespace tlsd::tls

#endif  // TLSD_TESTS_UNIT_TLS_ECH_CONFIGS_H_
