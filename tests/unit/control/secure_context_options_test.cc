#include "server/control/secure_context_options.h"

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::control {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::SizeIs;
using tls::ClientCertificateMode;
using tls::TlsVersion;

TEST(ToSecureContextOptionsTest, ReadsDefaultsFromNothing) {
  const auto options = ToSecureContextOptions(v1::SecureContext());

  ASSERT_THAT(options, IsOk());
  EXPECT_THAT(options->credentials, IsEmpty());
  EXPECT_THAT(options->trust_anchors.pems, IsEmpty());
  EXPECT_FALSE(options->trust_anchors.system);
  EXPECT_FALSE(options->trust_anchors.development);
  EXPECT_EQ(options->min_version, std::nullopt);
  EXPECT_EQ(options->max_version, std::nullopt);
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
    std::optional<TlsVersion> version;
  } kRows[] = {
      {v1::TLS_VERSION_UNSPECIFIED, std::nullopt},
      {v1::TLS_VERSION_TLS_1_0, TlsVersion::kTls10},
      {v1::TLS_VERSION_TLS_1_1, TlsVersion::kTls11},
      {v1::TLS_VERSION_TLS_1_2, TlsVersion::kTls12},
      {v1::TLS_VERSION_TLS_1_3, TlsVersion::kTls13},
  };
  for (const auto& row : kRows) {
    v1::SecureContext proto;
    proto.set_min_version(row.proto);
    proto.set_max_version(row.proto);
    const auto options = ToSecureContextOptions(proto);
    ASSERT_THAT(options, IsOk());
    EXPECT_EQ(options->min_version, row.version);
    EXPECT_EQ(options->max_version, row.version);
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

TEST(ToSecureContextOptionsTest, WritesBackWhatItReads) {
  v1::SecureContext proto;
  proto.add_credentials()->mutable_pem()->set_certificate_chain("chain");
  proto.add_credentials()->mutable_pkcs12()->set_trust_certificates(true);
  proto.add_credentials()->mutable_development()->add_server_names("a.test");
  proto.mutable_trust_anchors()->add_pems("anchor");
  proto.mutable_trust_anchors()->set_system(true);
  proto.mutable_trust_anchors()->set_allow_partial_chain(true);
  proto.mutable_revocation_lists()->add_pems("list");
  proto.mutable_revocation_lists()->set_leaf_only(true);
  v1::PeerRules& rules = *proto.mutable_peer_rules();
  rules.add_names()->set_dns("a.test");
  rules.add_names()->set_ip("192.0.2.1");
  rules.add_names()->set_uri("spiffe://a/b");
  rules.add_names()->set_uri_prefix("spiffe://a/");
  rules.add_names()->set_email("a@a.test");
  rules.add_certificate_pins("pin");
  rules.add_public_key_pins("key pin");
  proto.set_client_certificate_mode(v1::CLIENT_CERTIFICATE_MODE_REQUEST);
  proto.set_min_version(v1::TLS_VERSION_TLS_1_1);
  proto.set_max_version(v1::TLS_VERSION_TLS_1_2);
  proto.set_secure_protocol("TLS_method");
  proto.set_ciphers("HIGH");
  proto.set_strict_ciphers(true);
  proto.set_prefer_client_ciphers(true);
  proto.add_groups("P-256");
  proto.set_dh_params("auto");
  proto.add_signature_algorithms("ed25519");
  proto.add_signing_algorithms("ECDSA+SHA256");
  proto.add_alpn_protocols("h2");
  proto.set_alpn_protocols_wire("wire");
  proto.add_npn_protocols("spdy");
  proto.set_npn_protocols_wire("npn wire");
  proto.mutable_session_timeout()->set_seconds(60);
  proto.set_session_id_context("id");
  proto.set_disable_session_tickets(true);
  proto.set_early_data(true);
  v1::SecureContext with_secrets = proto;
  with_secrets.mutable_credentials(0)->mutable_pem()->set_private_key("key");
  with_secrets.mutable_credentials(0)->mutable_pem()->set_passphrase("word");
  with_secrets.mutable_credentials(1)->mutable_pkcs12()->set_pfx("pfx");
  with_secrets.add_ticket_keys("ticket");
  v1::EchKey& ech_key = *with_secrets.add_ech_keys();
  ech_key.set_config("config");
  ech_key.set_private_key("ech");
  ech_key.set_not_for_retry(true);

  const auto options = ToSecureContextOptions(with_secrets);

  ASSERT_THAT(options, IsOk());
  v1::SecureContext back;
  ToProto(*options, back);
  EXPECT_EQ(back.DebugString(), proto.DebugString());
  EXPECT_THAT(options->ticket_keys, ElementsAre("ticket"));
  ASSERT_THAT(options->ech_keys, SizeIs(1));
  EXPECT_EQ(options->ech_keys[0].config, "config");
  EXPECT_EQ(options->ech_keys[0].private_key, "ech");
  EXPECT_TRUE(options->ech_keys[0].not_for_retry);
}

TEST(ToSecureContextOptionsTest, WantsARuleInEveryNameRule) {
  v1::SecureContext proto;
  proto.mutable_peer_rules()->add_names();
  EXPECT_THAT(
      ToSecureContextOptions(proto),
      FailsWith(
          Reason::kFieldRequired,
          "peer_rules.names[0].rule (dns, ip, uri, uri_prefix or email)"));
}

class ApplyUpdateTest : public ::testing::Test {
 protected:
  ApplyUpdateTest() {
    present_.credentials = {tls::DevelopmentCredentials{{"a.test"}}};
    present_.ciphers = "HIGH";
    present_.alpn_protocols = {"h2"};
    present_.secure_protocol = "TLS_method";
  }

  absl::StatusOr<ContextChange> Apply(const v1::SecureContext& update,
                                      const std::vector<std::string>& paths) {
    google::protobuf::FieldMask mask;
    for (const std::string& path : paths) mask.add_paths(path);
    return ApplyUpdate(present_, update, mask);
  }

  tls::SecureContextOptions present_;
};

TEST_F(ApplyUpdateTest, ChangesWhatIsSetIfThereIsNoMask) {
  v1::SecureContext update;
  update.set_name("secureContexts/web");
  update.set_etag("e");
  update.set_ciphers("ECDHE");

  const auto change = Apply(update, {});

  ASSERT_THAT(change, IsOk());
  EXPECT_EQ(change->options.ciphers, "ECDHE");
  EXPECT_THAT(change->options.alpn_protocols, ElementsAre("h2"));
  EXPECT_TRUE(change->kept.credentials);
  EXPECT_TRUE(change->kept.ticket_keys);
  EXPECT_TRUE(change->kept.session_owner);
  EXPECT_TRUE(change->kept.ech_keys);
}

TEST_F(ApplyUpdateTest, ChangesWhatTheMaskNamesAndNothingElse) {
  v1::SecureContext update;
  update.set_dh_params("auto");

  const auto change = Apply(update, {"ciphers"});

  ASSERT_THAT(change, IsOk());
  EXPECT_EQ(change->options.ciphers, "");
  EXPECT_EQ(change->options.dh_params, "");
}

TEST_F(ApplyUpdateTest, TakesLittleOverIfAllIsReplaced) {
  const auto change = Apply({}, {"*"});

  ASSERT_THAT(change, IsOk());
  EXPECT_THAT(change->options.credentials, IsEmpty());
  EXPECT_EQ(change->options.secure_protocol, "");
  EXPECT_FALSE(change->kept.credentials);
  EXPECT_FALSE(change->kept.ticket_keys);
  EXPECT_FALSE(change->kept.session_owner);
  EXPECT_FALSE(change->kept.ech_keys);
}

TEST_F(ApplyUpdateTest, KnowsWhichPartsOfSessionsAreKept) {
  v1::SecureContext update;
  update.set_session_id_context("id");
  auto change = Apply(update, {});
  ASSERT_THAT(change, IsOk());
  EXPECT_TRUE(change->kept.ticket_keys);
  EXPECT_FALSE(change->kept.session_owner);

  change = Apply({}, {"ticket_keys"});
  ASSERT_THAT(change, IsOk());
  EXPECT_FALSE(change->kept.ticket_keys);
  EXPECT_FALSE(change->kept.session_owner);
}

TEST_F(ApplyUpdateTest, KeepsEchKeysThatItDoesNotName) {
  v1::SecureContext update;
  update.set_early_data(true);
  auto change = Apply(update, {});
  ASSERT_THAT(change, IsOk());
  EXPECT_TRUE(change->options.early_data);
  EXPECT_TRUE(change->kept.ech_keys);

  update.add_ech_keys()->set_config("config");
  change = Apply(update, {});
  ASSERT_THAT(change, IsOk());
  EXPECT_FALSE(change->kept.ech_keys);
  EXPECT_THAT(change->options.ech_keys, SizeIs(1));

  change = Apply({}, {"ech_keys"});
  ASSERT_THAT(change, IsOk());
  EXPECT_FALSE(change->kept.ech_keys);
  EXPECT_THAT(Apply({}, {"ech_config_list"}),
              FailsWith(Reason::kFieldInvalid, "update_mask"));
}

TEST_F(ApplyUpdateTest, LetsOneOfTwoAlternativesGiveWay) {
  v1::SecureContext update;
  update.set_alpn_protocols_wire("\x02h3");
  update.set_min_version(v1::TLS_VERSION_TLS_1_3);

  const auto change = Apply(update, {});

  ASSERT_THAT(change, IsOk());
  EXPECT_THAT(change->options.alpn_protocols, IsEmpty());
  EXPECT_EQ(change->options.alpn_protocols_wire, "\x02h3");
  EXPECT_EQ(change->options.secure_protocol, "");
  // To name both is the caller's contradiction, to be refused later.
  update.add_alpn_protocols("h2");
  EXPECT_THAT(Apply(update, {})->options.alpn_protocols, ElementsAre("h2"));
}

TEST_F(ApplyUpdateTest, ResetsAFieldWithoutItsAlternatives) {
  auto change = Apply({}, {"min_version", "max_version"});
  ASSERT_THAT(change, IsOk());
  EXPECT_EQ(change->options.secure_protocol, "TLS_method");

  present_.secure_protocol = "";
  present_.min_version = TlsVersion::kTls13;
  change = Apply({}, {"secure_protocol", "alpn_protocols_wire"});
  ASSERT_THAT(change, IsOk());
  EXPECT_EQ(change->options.min_version, TlsVersion::kTls13);
  EXPECT_THAT(change->options.alpn_protocols, ElementsAre("h2"));

  // A list is reset in either form.
  present_.alpn_protocols.clear();
  present_.alpn_protocols_wire = "\x02h2";
  change = Apply({}, {"alpn_protocols"});
  ASSERT_THAT(change, IsOk());
  EXPECT_EQ(change->options.alpn_protocols_wire, "");
}

TEST_F(ApplyUpdateTest, RefusesWhatCannotBeChanged) {
  for (const char* path :
       {"name", "etag", "warnings", "expire_time", "no_such_field",
        "trust_anchors.pems", "", "credentials[0]"}) {
    EXPECT_THAT(Apply({}, {path}),
                FailsWith(Reason::kFieldInvalid, "update_mask"))
        << path;
  }
}

}  // namespace
}  // namespace tlsd::control
