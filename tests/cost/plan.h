// What the loads share: the versions of TLS, and what was asked for. Plain
// data.
#ifndef TLSD_TESTS_COST_PLAN_H_
#define TLSD_TESTS_COST_PLAN_H_

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "server/tls/secure_context.h"

namespace tlsd::cost {

// Tables are filled and pools stocked after so many rounds.
inline constexpr int kWarmUpCount = 5;

// Version is a version of TLS with a context for each side.
struct Version {
  std::string name;
  std::shared_ptr<const tls::SecureContext> server;
  bssl::UniquePtr<SSL_CTX> client;
};

struct Plan {
  Version tls13;
  Version tls12;
  // The quantities to measure; all of them if there is none.
  std::vector<std::string> names;

  bool wants(const std::string& quantity) const {
    return names.empty() || absl::c_linear_search(names, quantity);
  }
};

}  // namespace tlsd::cost

#endif  // TLSD_TESTS_COST_PLAN_H_
