#include "server/control/secure_context_service.h"

#include <string>
#include <variant>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::control {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::IsEmpty;
using testing::IsOk;
using tls::ClientCertificateMode;
using tls::TlsVersion;

TEST(ToSecureContextOptionsTest, ReadsDefaultsFromNothing) {
  const auto options = ToSecureContextOptions(v1::SecureContext());

  ASSERT_THAT(options, IsOk());
  EXPECT_THAT(options->credentials, IsEmpty());
  EXPECT_THAT(options->trust_anchors.pems, IsEmpty());
  EXPECT_FALSE(options->trust_anchors.system);
  EXPECT_FALSE(options->trust_anchors.development);
  EXPECT_EQ(options->min_version, TlsVersion::kTls12);
  EXPECT_EQ(options->max_version, TlsVersion::kTls13);
  EXPECT_THAT(options->alpn_protocols, IsEmpty());
  EXPECT_EQ(options->client_certificate_mode, ClientCertificateMode::kNone);
}

TEST(ToSecureContextOptionsTest, ReadsPemCredentials) {
  v1::SecureContext proto;
  v1::PemCredentials& pem = *proto.add_credentials()->mutable_pem();
  pem.set_certificate_chain("chain");
  pem.set_private_key("key");
  pem.set_passphrase("passphrase");
  pem.set_allow_outside_validity(true);

  const auto options = ToSecureContextOptions(proto);

  ASSERT_THAT(options, IsOk());
  ASSERT_EQ(options->credentials.size(), 1u);
  const auto& read = std::get<tls::PemCredentials>(options->credentials[0]);
  EXPECT_EQ(read.certificate_chain, "chain");
  EXPECT_EQ(read.private_key, "key");
  EXPECT_EQ(read.passphrase, "passphrase");
  EXPECT_TRUE(read.allow_outside_validity);
}

TEST(ToSecureContextOptionsTest, ReadsDevelopmentCredentials) {
  v1::SecureContext proto;
  proto.add_credentials()->mutable_development()->add_server_names("a.test");

  const auto options = ToSecureContextOptions(proto);

  ASSERT_THAT(options, IsOk());
  EXPECT_THAT(std::get<tls::DevelopmentCredentials>(options->credentials[0])
                  .server_names,
              ElementsAre("a.test"));
}

TEST(ToSecureContextOptionsTest, RefusesCredentialsWithoutASource) {
  v1::SecureContext proto;
  proto.add_credentials()->mutable_development();
  proto.add_credentials();

  const absl::Status status = ToSecureContextOptions(proto).status();

  EXPECT_THAT(status, FailsWith(Reason::kFieldRequired));
  EXPECT_EQ(testing::MetadataOf(status, "field").rfind("credentials[1].", 0),
            0u)
      << status;
}

TEST(ToSecureContextOptionsTest, ReadsTrustAnchors) {
  v1::SecureContext proto;
  proto.mutable_trust_anchors()->add_pems("one");
  proto.mutable_trust_anchors()->add_pems("two");
  proto.mutable_trust_anchors()->set_system(true);
  proto.mutable_trust_anchors()->set_development(true);
  // The daemon's to set; a caller's value means nothing.
  proto.mutable_trust_anchors()->set_certificate_count(7);

  const auto options = ToSecureContextOptions(proto);

  ASSERT_THAT(options, IsOk());
  EXPECT_THAT(options->trust_anchors.pems, ElementsAre("one", "two"));
  EXPECT_TRUE(options->trust_anchors.system);
  EXPECT_TRUE(options->trust_anchors.development);
}

TEST(ToSecureContextOptionsTest, ReadsEveryTlsVersion) {
  const struct {
    v1::TlsVersion proto;
    TlsVersion min;
    TlsVersion max;
  } kRows[] = {
      {v1::TLS_VERSION_UNSPECIFIED, TlsVersion::kTls12, TlsVersion::kTls13},
      {v1::TLS_VERSION_TLS_1_0, TlsVersion::kTls10, TlsVersion::kTls10},
      {v1::TLS_VERSION_TLS_1_1, TlsVersion::kTls11, TlsVersion::kTls11},
      {v1::TLS_VERSION_TLS_1_2, TlsVersion::kTls12, TlsVersion::kTls12},
      {v1::TLS_VERSION_TLS_1_3, TlsVersion::kTls13, TlsVersion::kTls13},
  };
  for (const auto& row : kRows) {
    v1::SecureContext proto;
    proto.set_min_version(row.proto);
    proto.set_max_version(row.proto);
    const auto options = ToSecureContextOptions(proto);
    ASSERT_THAT(options, IsOk());
    EXPECT_EQ(options->min_version, row.min);
    EXPECT_EQ(options->max_version, row.max);
  }
}

TEST(ToSecureContextOptionsTest, RefusesTlsVersionsThatItDoesNotKnow) {
  for (const int version : {-1, 5, 99}) {
    v1::SecureContext min;
    min.set_min_version(static_cast<v1::TlsVersion>(version));
    EXPECT_THAT(ToSecureContextOptions(min),
                FailsWith(Reason::kFieldInvalid, "min_version"));
    v1::SecureContext max;
    max.set_max_version(static_cast<v1::TlsVersion>(version));
    EXPECT_THAT(ToSecureContextOptions(max),
                FailsWith(Reason::kFieldInvalid, "max_version"));
  }
}

TEST(ToSecureContextOptionsTest, ReadsAlpnProtocolsInTheirOrder) {
  v1::SecureContext proto;
  proto.add_alpn_protocols("h2");
  proto.add_alpn_protocols("http/1.1");

  EXPECT_THAT(ToSecureContextOptions(proto)->alpn_protocols,
              ElementsAre("h2", "http/1.1"));
}

TEST(ToSecureContextOptionsTest, ReadsEveryClientCertificateMode) {
  const struct {
    v1::ClientCertificateMode proto;
    ClientCertificateMode mode;
  } kRows[] = {
      {v1::CLIENT_CERTIFICATE_MODE_UNSPECIFIED, ClientCertificateMode::kNone},
      {v1::CLIENT_CERTIFICATE_MODE_NONE, ClientCertificateMode::kNone},
      {v1::CLIENT_CERTIFICATE_MODE_REQUEST, ClientCertificateMode::kRequest},
      {v1::CLIENT_CERTIFICATE_MODE_REQUIRE, ClientCertificateMode::kRequire},
  };
  for (const auto& row : kRows) {
    v1::SecureContext proto;
    proto.set_client_certificate_mode(row.proto);
    const auto options = ToSecureContextOptions(proto);
    ASSERT_THAT(options, IsOk());
    EXPECT_EQ(options->client_certificate_mode, row.mode);
  }
  v1::SecureContext unknown;
  unknown.set_client_certificate_mode(
      static_cast<v1::ClientCertificateMode>(99));
  EXPECT_THAT(ToSecureContextOptions(unknown),
              FailsWith(Reason::kFieldInvalid, "client_certificate_mode"));
}

}  // namespace
}  // namespace tlsd::control
