#include "server/tls/version_range.h"

#include <openssl/ssl.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::tls {
namespace {

using ::testing::HasSubstr;
using ::tlsd::testing::FailsWith;

constexpr TlsVersion kAllVersions[] = {TlsVersion::kTls10, TlsVersion::kTls11,
                                       TlsVersion::kTls12, TlsVersion::kTls13};

SecureContextOptions Bounds(std::optional<TlsVersion> min,
                            std::optional<TlsVersion> max) {
  SecureContextOptions options;
  options.min_version = min;
  options.max_version = max;
  return options;
}

SecureContextOptions Method(const std::string& name) {
  SecureContextOptions options;
  options.secure_protocol = name;
  return options;
}

TEST(VersionRangeTest, IsTls12And13ByDefault) {
  ASSERT_OK_AND_ASSIGN(const VersionRange range, ChooseVersions({}));
  EXPECT_EQ(range.min, TlsVersion::kTls12);
  EXPECT_EQ(range.max, TlsVersion::kTls13);
}

TEST(VersionRangeTest, TakesEveryRangeThatIsNotEmpty) {
  for (const TlsVersion min : kAllVersions) {
    for (const TlsVersion max : kAllVersions) {
      const auto range = ChooseVersions(Bounds(min, max));
      if (min > max) {
        EXPECT_THAT(range,
                    FailsWith(Reason::kVersionRangeEmpty, "min_version"));
        continue;
      }
      ASSERT_TRUE(range.ok()) << range.status();
      EXPECT_EQ(range->min, min);
      EXPECT_EQ(range->max, max);
    }
  }
}

TEST(VersionRangeTest, OneBoundMeetsTheDefaultOfTheOther) {
  EXPECT_EQ(ChooseVersions(Bounds(TlsVersion::kTls10, {})).value().max,
            TlsVersion::kTls13);
  EXPECT_EQ(ChooseVersions(Bounds({}, TlsVersion::kTls12)).value().min,
            TlsVersion::kTls12);
  const absl::Status status =
      ChooseVersions(Bounds({}, TlsVersion::kTls11)).status();
  EXPECT_THAT(status, FailsWith(Reason::kVersionRangeEmpty, "min_version"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("TLSv1.1"));
}

TEST(VersionRangeTest, TakesOpensslsMethods) {
  struct Row {
    const char* name;
    TlsVersion min;
    TlsVersion max;
  };
  const Row rows[] = {
      {"TLS", TlsVersion::kTls12, TlsVersion::kTls13},
      {"SSLv23", TlsVersion::kTls12, TlsVersion::kTls13},
      {"TLSv1", TlsVersion::kTls10, TlsVersion::kTls10},
      {"TLSv1_1", TlsVersion::kTls11, TlsVersion::kTls11},
      {"TLSv1_2", TlsVersion::kTls12, TlsVersion::kTls12},
  };
  for (const Row& row : rows) {
    for (const char* ending : {"_method", "_client_method", "_server_method"}) {
      const std::string name = absl::StrCat(row.name, ending);
      const auto range = ChooseVersions(Method(name));
      ASSERT_TRUE(range.ok()) << range.status();
      EXPECT_EQ(range->min, row.min) << name;
      EXPECT_EQ(range->max, row.max) << name;
      EXPECT_THAT(SecureProtocolNames(), ::testing::Contains(name));
    }
  }
  EXPECT_EQ(SecureProtocolNames().size(), 15u);
}

TEST(VersionRangeTest, RefusesOtherMethodsAndSaysWhatThereIs) {
  for (const char* name :
       {"SSLv2_method", "SSLv3_method", "SSLv3_server_method", "TLSv1_3_method",
        "TLSv1.2", "TLSv1_2", "TLSv1_2_METHOD", "_method", "DTLS_method",
        " TLS_method"}) {
    const absl::Status status = ChooseVersions(Method(name)).status();
    EXPECT_THAT(status,
                FailsWith(Reason::kProtocolUnsupported, "secure_protocol"))
        << name;
    EXPECT_THAT(std::string(status.message()), HasSubstr("TLSv1_2_method"));
  }
}

TEST(VersionRangeTest, TellsWhyAMethodIsGone) {
  EXPECT_THAT(
      std::string(ChooseVersions(Method("SSLv3_method")).status().message()),
      HasSubstr("RFC 7568"));
  EXPECT_THAT(
      std::string(ChooseVersions(Method("TLSv1_3_method")).status().message()),
      HasSubstr("min_version"));
}

TEST(VersionRangeTest, AMethodExcludesBounds) {
  SecureContextOptions options = Method("TLS_method");
  options.min_version = TlsVersion::kTls12;
  EXPECT_THAT(ChooseVersions(options),
              FailsWith(Reason::kFieldsConflict, "secure_protocol"));
  options.min_version.reset();
  options.max_version = TlsVersion::kTls13;
  EXPECT_THAT(ChooseVersions(options),
              FailsWith(Reason::kFieldsConflict, "secure_protocol"));
}

TEST(VersionRangeTest, TranslatesVersions) {
  EXPECT_EQ(ToProtocolVersion(TlsVersion::kTls10), TLS1_VERSION);
  EXPECT_EQ(ToProtocolVersion(TlsVersion::kTls13), TLS1_3_VERSION);
  for (const TlsVersion version : kAllVersions) {
    EXPECT_EQ(FromProtocolVersion(ToProtocolVersion(version)), version);
  }
  EXPECT_EQ(VersionName(TlsVersion::kTls10), "TLSv1");
  EXPECT_EQ(VersionName(TlsVersion::kTls11), "TLSv1.1");
  EXPECT_EQ(VersionName(TlsVersion::kTls12), "TLSv1.2");
  EXPECT_EQ(VersionName(TlsVersion::kTls13), "TLSv1.3");
}

}  // namespace
}  // namespace tlsd::tls
