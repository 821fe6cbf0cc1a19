#include "server/base/secret.h"

#include <cstring>

namespace tlsd::base {

void Wipe(std::string& secret) {
  // Unlike memset it is never optimised away.
  explicit_bzero(secret.data(), secret.size());
  secret.clear();
}

}  // namespace tlsd::base
