// EachTlsVersion makes a test run once for each version of TLS, under the names
// Tls12 and Tls13.
#ifndef TLSD_TESTS_UNIT_TLS_TLS_VERSIONS_H_
#define TLSD_TESTS_UNIT_TLS_TLS_VERSIONS_H_

#include "gtest/gtest.h"
#include "server/tls/secure_context_options.h"

namespace tlsd::tls {

class EachTlsVersion : public ::testing::TestWithParam<TlsVersion> {
 protected:
  static TlsVersion version() { return GetParam(); }
  static bool is_tls13() { return version() == TlsVersion::kTls13; }
};

#define INSTANTIATE_TLS_VERSIONS(suite)                                   \
  INSTANTIATE_TEST_SUITE_P(                                               \
      , suite, ::testing::Values(TlsVersion::kTls12, TlsVersion::kTls13), \
      [](const ::testing::TestParamInfo<TlsVersion>& info) {              \
        return info.param == TlsVersion::kTls12 ? "Tls12" : "Tls13";      \
      })

}  // namespace tlsd::tls

#endif  // TLSD_TESTS_UNIT_TLS_TLS_VERSIONS_H_
