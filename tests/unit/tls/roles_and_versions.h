// EachRoleAndVersion makes a test run once for either role in each version of
// TLS, under names like ClientTls12.
#ifndef TLSD_TESTS_UNIT_TLS_ROLES_AND_VERSIONS_H_
#define TLSD_TESTS_UNIT_TLS_ROLES_AND_VERSIONS_H_

#include <string>
#include <tuple>

#include "gtest/gtest.h"
#include "server/tls/role.h"
#include "server/tls/secure_context_options.h"

namespace tlsd::tls {

using RoleAndVersion = std::tuple<Role, TlsVersion>;

class EachRoleAndVersion : public ::testing::TestWithParam<RoleAndVersion> {
 protected:
  // Of the end that the test is about.
  static Role role() { return std::get<0>(GetParam()); }
  static bool is_client() { return role() == Role::kClient; }
  static TlsVersion version() { return std::get<1>(GetParam()); }
  static bool is_tls13() { return version() == TlsVersion::kTls13; }
};

inline std::string RoleAndVersionName(
    const ::testing::TestParamInfo<RoleAndVersion>& info) {
  const auto [role, version] = info.param;
  return std::string(role == Role::kClient ? "Client" : "Server") +
         (version == TlsVersion::kTls12 ? "Tls12" : "Tls13");
}

#define INSTANTIATE_ROLES_AND_VERSIONS(suite)                         \
  INSTANTIATE_TEST_SUITE_P(                                           \
      , suite,                                                        \
      ::testing::Combine(                                             \
          ::testing::Values(Role::kClient, Role::kServer),            \
          ::testing::Values(TlsVersion::kTls12, TlsVersion::kTls13)), \
      RoleAndVersionName)

}  // namespace tlsd::tls

#endif  // TLSD_TESTS_UNIT_TLS_ROLES_AND_VERSIONS_H_
