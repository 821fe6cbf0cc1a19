#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "client/convert.h"
#include "tests/unit/client/parse_text.h"

namespace tlsd::client {
namespace {

using ::testing::ElementsAre;
using testing::Parse;
using ::testing::UnorderedElementsAreArray;

// Fields whose numbers are written by the daemon alone.
bool IsOutputOnly(const std::string& field) {
  static const auto& names =
      *new std::set<std::string>{"name",           "etag",
                                 "expire_time",    "create_time",
                                 "update_time",    "effective_ciphers",
                                 "warnings",       "ignored_cipher_tokens",
                                 "ech_config_list"};
  return names.count(field) > 0;
}

SecureContextUpdate FullUpdate() {
  return {.credentials = CredentialsList{PemCredentials{}},
          .trust_anchors = TrustAnchors{.pems = {"ROOT"}},
          .revocation_lists = RevocationLists{.pems = {"LIST"}},
          .peer_rules = PeerRules{.certificate_pins = {"pin"}},
          .client_certificate_mode = ClientCertificateMode::kRequest,
          .min_version = TlsVersion::kTls12,
          .max_version = TlsVersion::kTls13,
          .secure_protocol = "TLS_method",
          .ciphers = "C",
          .strict_ciphers = true,
          .prefer_client_ciphers = true,
          .groups = std::vector<std::string>{"X25519"},
          .dh_params = "DH",
          .signature_algorithms = std::vector<std::string>{"ed25519"},
          .signing_algorithms = std::vector<std::string>{"ed25519"},
          .alpn_protocols = std::vector<std::string>{"h2"},
          .alpn_protocols_wire = "\x02h2",
          .npn_protocols = std::vector<std::string>{"h2"},
          .npn_protocols_wire = "\x02h2",
          .session_timeout = absl::Minutes(1),
          .session_id_context = "id",
          .ticket_keys = std::vector<std::string>{"key"},
          .disable_session_tickets = true,
          .hooks = Hooks{{.type = DecisionType::kSign}},
          .early_data = true,
          .ech_keys =
              std::vector<EchKey>{{.config = "CONFIG", .private_key = "KEY"}}};
}

TEST(ConvertContextTest, WritesSecureContextOptions) {
  const v1::CreateSecureContextRequest request = ToProto(SecureContextOptions{
      .id = "web",
      .credentials = {PemCredentials{.certificate_chain = "CHAIN",
                                     .private_key = "KEY",
                                     .passphrase = "secret",
                                     .allow_outside_validity = true}},
      .trust_anchors = {.pems = {"ROOT"}, .development = true},
      .client_certificate_mode = ClientCertificateMode::kRequire,
      .min_version = TlsVersion::kTls13,
      .alpn_protocols = {"h2", "http/1.1"}});

  EXPECT_EQ(request.secure_context_id(), "web");
  const v1::SecureContext& context = request.secure_context();
  ASSERT_EQ(context.credentials_size(), 1);
  EXPECT_EQ(context.credentials(0).pem().certificate_chain(), "CHAIN");
  EXPECT_EQ(context.credentials(0).pem().private_key(), "KEY");
  EXPECT_EQ(context.credentials(0).pem().passphrase(), "secret");
  EXPECT_TRUE(context.credentials(0).pem().allow_outside_validity());
  EXPECT_THAT(context.trust_anchors().pems(), ElementsAre("ROOT"));
  EXPECT_TRUE(context.trust_anchors().development());
  EXPECT_FALSE(context.trust_anchors().system());
  EXPECT_EQ(context.min_version(), v1::TLS_VERSION_TLS_1_3);
  EXPECT_EQ(context.max_version(), v1::TLS_VERSION_UNSPECIFIED);
  EXPECT_THAT(context.alpn_protocols(), ElementsAre("h2", "http/1.1"));
  EXPECT_EQ(context.client_certificate_mode(),
            v1::CLIENT_CERTIFICATE_MODE_REQUIRE);
}

TEST(ConvertContextTest, LeavesTrustUnsetWhenNothingIsTrustedByName) {
  const v1::CreateSecureContextRequest request =
      ToProto(SecureContextOptions{});

  EXPECT_FALSE(request.secure_context().has_trust_anchors());
  EXPECT_EQ(request.secure_context().credentials_size(), 0);
  EXPECT_FALSE(request.secure_context().has_revocation_lists());
  EXPECT_FALSE(request.secure_context().has_peer_rules());
  EXPECT_FALSE(request.secure_context().has_session_timeout());
}

TEST(ConvertContextTest, WritesDevelopmentCredentials) {
  const v1::CreateSecureContextRequest request = ToProto(SecureContextOptions{
      .credentials = {DevelopmentCredentials{.server_names = {"a.test"}}}});

  EXPECT_THAT(
      request.secure_context().credentials(0).development().server_names(),
      ElementsAre("a.test"));
}

TEST(ConvertContextTest, WritesSeveralCredentialsInTheirOrder) {
  const v1::CreateSecureContextRequest request = ToProto(SecureContextOptions{
      .credentials = {
          Pkcs12Credentials{.pfx = "PFX",
                            .passphrase = "secret",
                            .allow_outside_validity = true,
                            .trust_certificates = true},
          PemCredentials{.certificate_chain = "CHAIN", .private_key = "KEY"},
          DevelopmentCredentials{}}});

  const v1::SecureContext& context = request.secure_context();
  ASSERT_EQ(context.credentials_size(), 3);
  EXPECT_EQ(context.credentials(0).pkcs12().pfx(), "PFX");
  EXPECT_EQ(context.credentials(0).pkcs12().passphrase(), "secret");
  EXPECT_TRUE(context.credentials(0).pkcs12().allow_outside_validity());
  EXPECT_TRUE(context.credentials(0).pkcs12().trust_certificates());
  EXPECT_EQ(context.credentials(1).pem().private_key(), "KEY");
  EXPECT_TRUE(context.credentials(2).has_development());
}

TEST(ConvertContextTest, WritesWhatIsAskedOfPeers) {
  const v1::CreateSecureContextRequest request = ToProto(SecureContextOptions{
      .trust_anchors = {.system = true, .allow_partial_chain = true},
      .revocation_lists = {.pems = {"LIST"}, .leaf_only = true},
      .peer_rules = {.names = {{NameKind::kDns, "a.test"},
                               {NameKind::kIp, "::1"},
                               {NameKind::kUri, "u:1"},
                               {NameKind::kUriPrefix, "u:"},
                               {NameKind::kEmail, "a@b"}},
                     .certificate_pins = {"c"},
                     .public_key_pins = {"k"}}});

  const v1::SecureContext& context = request.secure_context();
  EXPECT_TRUE(context.trust_anchors().system());
  EXPECT_TRUE(context.trust_anchors().allow_partial_chain());
  EXPECT_THAT(context.revocation_lists().pems(), ElementsAre("LIST"));
  EXPECT_TRUE(context.revocation_lists().leaf_only());
  ASSERT_EQ(context.peer_rules().names_size(), 5);
  EXPECT_EQ(context.peer_rules().names(0).dns(), "a.test");
  EXPECT_EQ(context.peer_rules().names(1).ip(), "::1");
  EXPECT_EQ(context.peer_rules().names(2).uri(), "u:1");
  EXPECT_EQ(context.peer_rules().names(3).uri_prefix(), "u:");
  EXPECT_EQ(context.peer_rules().names(4).email(), "a@b");
  EXPECT_THAT(context.peer_rules().certificate_pins(), ElementsAre("c"));
  EXPECT_THAT(context.peer_rules().public_key_pins(), ElementsAre("k"));
}

TEST(ConvertContextTest, WritesPolicyProtocolsAndSessions) {
  const v1::CreateSecureContextRequest request =
      ToProto(SecureContextOptions{.secure_protocol = "TLSv1_2_method",
                                   .ciphers = "HIGH",
                                   .strict_ciphers = true,
                                   .prefer_client_ciphers = true,
                                   .groups = {"X25519", "P-256"},
                                   .dh_params = "DH",
                                   .signature_algorithms = {"s1"},
                                   .signing_algorithms = {"s2"},
                                   .alpn_protocols_wire = "\x02h2",
                                   .npn_protocols = {"spdy/2"},
                                   .session_timeout = absl::Hours(1),
                                   .session_id_context = std::string("\0id", 3),
                                   .ticket_keys = {"k1", "k2"},
                                   .disable_session_tickets = true});

  const v1::SecureContext& context = request.secure_context();
  EXPECT_EQ(context.secure_protocol(), "TLSv1_2_method");
  EXPECT_EQ(context.ciphers(), "HIGH");
  EXPECT_TRUE(context.strict_ciphers());
  EXPECT_TRUE(context.prefer_client_ciphers());
  EXPECT_THAT(context.groups(), ElementsAre("X25519", "P-256"));
  EXPECT_EQ(context.dh_params(), "DH");
  EXPECT_THAT(context.signature_algorithms(), ElementsAre("s1"));
  EXPECT_THAT(context.signing_algorithms(), ElementsAre("s2"));
  EXPECT_EQ(context.alpn_protocols_wire(), "\x02h2");
  EXPECT_THAT(context.npn_protocols(), ElementsAre("spdy/2"));
  EXPECT_EQ(context.session_timeout().seconds(), 3600);
  EXPECT_EQ(context.session_id_context(), std::string("\0id", 3));
  EXPECT_THAT(context.ticket_keys(), ElementsAre("k1", "k2"));
  EXPECT_TRUE(context.disable_session_tickets());
}

TEST(ConvertContextTest, AnUpdateNamesOnlyWhatItSets) {
  const v1::UpdateSecureContextRequest request = ToProto(
      "secureContexts/s", SecureContextUpdate{.ciphers = "HIGH", .etag = "e"});

  EXPECT_EQ(request.secure_context().name(), "secureContexts/s");
  EXPECT_EQ(request.secure_context().etag(), "e");
  EXPECT_EQ(request.secure_context().ciphers(), "HIGH");
  EXPECT_THAT(request.update_mask().paths(), ElementsAre("ciphers"));
  EXPECT_THAT(ToProto("s", SecureContextUpdate{}).update_mask().paths(),
              ElementsAre());
}

TEST(ConvertContextTest, AnUpdateCanNameEveryFieldOfAContext) {
  const v1::UpdateSecureContextRequest request = ToProto("s", FullUpdate());

  std::vector<std::string> fields;
  const auto& descriptor = *v1::SecureContext::descriptor();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const auto& field = *descriptor.field(i);
    if (IsOutputOnly(field.name())) continue;
    fields.push_back(field.name());
    EXPECT_TRUE(field.is_repeated() ||
                request.secure_context().GetReflection()->HasField(
                    request.secure_context(), &field))
        << field.name();
  }
  EXPECT_THAT(request.update_mask().paths(), UnorderedElementsAreArray(fields));
}

TEST(ConvertContextTest, AnUpdateGivesADefaultBackByNamingTheUnsetField) {
  const v1::UpdateSecureContextRequest request = ToProto(
      "s", SecureContextUpdate{.trust_anchors = TrustAnchors{},
                               .peer_rules = PeerRules{},
                               .min_version = TlsVersion::kDefault,
                               .ciphers = "",
                               .session_timeout = absl::ZeroDuration()});

  EXPECT_THAT(request.update_mask().paths(),
              ElementsAre("trust_anchors", "peer_rules", "min_version",
                          "ciphers", "session_timeout"));
  v1::SecureContext only_name;
  only_name.set_name("s");
  EXPECT_EQ(request.secure_context().SerializeAsString(),
            only_name.SerializeAsString());
}

TEST(ConvertContextTest, AnUpdateOfProtocolsReplacesEitherForm) {
  EXPECT_THAT(ToProto("s", SecureContextUpdate{.alpn_protocols_wire = "\x02h2"})
                  .update_mask()
                  .paths(),
              ElementsAre("alpn_protocols_wire", "alpn_protocols"));
  EXPECT_THAT(
      ToProto("s", SecureContextUpdate{.npn_protocols =
                                           std::vector<std::string>{"h2"}})
          .update_mask()
          .paths(),
      ElementsAre("npn_protocols", "npn_protocols_wire"));
}

TEST(ConvertContextTest, ReadsEverythingThatAContextSays) {
  const SecureContextFacts facts = FromProto(Parse<v1::SecureContext>(R"pb(
    credentials {
      pkcs12 {}
      certificates { subject: "CN=a" }
      certificates { subject: "CN=ca" }
    }
    credentials { pem {} }
    credentials { development {} }
    trust_anchors { pems: "ROOT" development: true allow_partial_chain: true }
    revocation_lists { pems: "LIST" leaf_only: true }
    peer_rules {
      names { uri_prefix: "u:" }
      names { dns: "d" }
      names { ip: "::1" }
      names { uri: "u:1" }
      names { email: "e@e" }
      certificate_pins: "c"
      public_key_pins: "k"
    }
    secure_protocol: "TLS_method"
    ciphers: "HIGH"
    strict_ciphers: true
    prefer_client_ciphers: true
    effective_ciphers: "A"
    ignored_cipher_tokens: "LOW"
    warnings: "w"
    groups: "X25519"
    dh_params: "DH"
    signature_algorithms: "s1"
    signing_algorithms: "s2"
    npn_protocols: "spdy/2"
    session_timeout { seconds: 300 }
    session_id_context: "id"
    disable_session_tickets: true
    update_time { seconds: 9 }
  )pb"));

  ASSERT_EQ(facts.credentials.size(), 3u);
  EXPECT_EQ(facts.credentials[0].source, CredentialsSource::kPkcs12);
  EXPECT_EQ(facts.credentials[1].source, CredentialsSource::kPem);
  EXPECT_EQ(facts.credentials[2].source, CredentialsSource::kDevelopment);
  ASSERT_EQ(facts.credentials[0].certificates.size(), 2u);
  EXPECT_EQ(facts.credentials[0].certificates[1].subject, "CN=ca");
  EXPECT_FALSE(facts.trusts_system);
  EXPECT_TRUE(facts.trusts_development);
  EXPECT_TRUE(facts.allows_partial_chain);
  EXPECT_THAT(facts.trusted_pems, ElementsAre("ROOT"));
  ASSERT_TRUE(facts.revocation_lists.has_value());
  EXPECT_THAT(facts.revocation_lists->pems, ElementsAre("LIST"));
  EXPECT_TRUE(facts.revocation_lists->leaf_only);
  ASSERT_EQ(facts.peer_rules.names.size(), 5u);
  EXPECT_EQ(facts.peer_rules.names[0].kind, NameKind::kUriPrefix);
  EXPECT_EQ(facts.peer_rules.names[0].value, "u:");
  EXPECT_EQ(facts.peer_rules.names[1].kind, NameKind::kDns);
  EXPECT_EQ(facts.peer_rules.names[2].kind, NameKind::kIp);
  EXPECT_EQ(facts.peer_rules.names[3].kind, NameKind::kUri);
  EXPECT_EQ(facts.peer_rules.names[4].kind, NameKind::kEmail);
  EXPECT_EQ(facts.peer_rules.names[4].value, "e@e");
  EXPECT_THAT(facts.peer_rules.certificate_pins, ElementsAre("c"));
  EXPECT_THAT(facts.peer_rules.public_key_pins, ElementsAre("k"));
  EXPECT_EQ(facts.secure_protocol, "TLS_method");
  EXPECT_EQ(facts.ciphers, "HIGH");
  EXPECT_TRUE(facts.strict_ciphers);
  EXPECT_TRUE(facts.prefer_client_ciphers);
  EXPECT_THAT(facts.effective_ciphers, ElementsAre("A"));
  EXPECT_THAT(facts.ignored_cipher_tokens, ElementsAre("LOW"));
  EXPECT_THAT(facts.warnings, ElementsAre("w"));
  EXPECT_THAT(facts.groups, ElementsAre("X25519"));
  EXPECT_EQ(facts.dh_params, "DH");
  EXPECT_THAT(facts.signature_algorithms, ElementsAre("s1"));
  EXPECT_THAT(facts.signing_algorithms, ElementsAre("s2"));
  EXPECT_THAT(facts.npn_protocols, ElementsAre("spdy/2"));
  EXPECT_EQ(facts.session_timeout, absl::Minutes(5));
  EXPECT_EQ(facts.session_id_context, "id");
  EXPECT_TRUE(facts.disables_session_tickets);
  EXPECT_EQ(facts.update_time, absl::FromUnixSeconds(9));
}

TEST(ConvertContextTest, ReadsAlgorithms) {
  const AlgorithmFacts facts = FromProto(Parse<v1::ListAlgorithmsResponse>(R"pb(
    cipher_suites {
      name: "A"
      standard_name: "TLS_A"
      min_version: TLS_VERSION_TLS_1_2
      max_version: TLS_VERSION_TLS_1_3
      strength_bits: 128
    }
    groups: "X25519"
    signature_algorithms: "ed25519"
    secure_protocols: "TLS_method"
    default_ciphers: "HIGH"
  )pb"));

  ASSERT_EQ(facts.cipher_suites.size(), 1u);
  EXPECT_EQ(facts.cipher_suites[0].name, "A");
  EXPECT_EQ(facts.cipher_suites[0].standard_name, "TLS_A");
  EXPECT_EQ(facts.cipher_suites[0].min_version, TlsVersion::kTls12);
  EXPECT_EQ(facts.cipher_suites[0].max_version, TlsVersion::kTls13);
  EXPECT_EQ(facts.cipher_suites[0].strength_bits, 128);
  EXPECT_THAT(facts.groups, ElementsAre("X25519"));
  EXPECT_THAT(facts.signature_algorithms, ElementsAre("ed25519"));
  EXPECT_THAT(facts.secure_protocols, ElementsAre("TLS_method"));
  EXPECT_EQ(facts.default_ciphers, "HIGH");
}

TEST(ConvertContextTest, ReadsASecureContext) {
  const SecureContextFacts facts = FromProto(Parse<v1::SecureContext>(R"pb(
    name: "secureContexts/s"
    credentials { certificates { subject: "CN=a" } }
    trust_anchors { system_path: "/etc/ssl" certificate_count: 3 }
    min_version: TLS_VERSION_TLS_1_2
    max_version: TLS_VERSION_TLS_1_3
    alpn_protocols: "h2"
    client_certificate_mode: CLIENT_CERTIFICATE_MODE_REQUEST
    expire_time { seconds: 7 }
    etag: "e"
  )pb"));

  EXPECT_EQ(facts.name, "secureContexts/s");
  ASSERT_EQ(facts.credentials.size(), 1u);
  EXPECT_EQ(facts.credentials[0].source, CredentialsSource::kUnknown);
  ASSERT_EQ(facts.credentials[0].certificates.size(), 1u);
  EXPECT_EQ(facts.credentials[0].certificates[0].subject, "CN=a");
  EXPECT_FALSE(facts.revocation_lists.has_value());
  EXPECT_TRUE(facts.peer_rules.names.empty());
  EXPECT_TRUE(facts.trusts_system);
  EXPECT_FALSE(facts.trusts_development);
  EXPECT_EQ(facts.system_trust_path, "/etc/ssl");
  EXPECT_EQ(facts.trusted_certificate_count, 3);
  EXPECT_EQ(facts.min_version, TlsVersion::kTls12);
  EXPECT_EQ(facts.max_version, TlsVersion::kTls13);
  EXPECT_THAT(facts.alpn_protocols, ElementsAre("h2"));
  EXPECT_EQ(facts.client_certificate_mode, ClientCertificateMode::kRequest);
  EXPECT_EQ(facts.expire_time, absl::FromUnixSeconds(7));
  EXPECT_FALSE(facts.create_time.has_value());
  EXPECT_EQ(facts.etag, "e");
}

TEST(ConvertContextTest, WritesStaplesOfAllKindsAndRemoteCredentials) {
  SecureContextOptions options;
  options.credentials = {PemCredentials{.ocsp_response = "1"},
                         Pkcs12Credentials{.ocsp_response = "2"},
                         DevelopmentCredentials{.ocsp_response = "3"},
                         RemoteCredentials{.certificate_chain = "C",
                                           .allow_outside_validity = true,
                                           .ocsp_response = "4"}};

  const v1::SecureContext context = ToProto(options).secure_context();

  ASSERT_EQ(context.credentials_size(), 4);
  EXPECT_EQ(context.credentials(0).ocsp_response(), "1");
  EXPECT_EQ(context.credentials(1).ocsp_response(), "2");
  EXPECT_EQ(context.credentials(2).ocsp_response(), "3");
  EXPECT_EQ(context.credentials(3).ocsp_response(), "4");
  EXPECT_EQ(context.credentials(3).remote().certificate_chain(), "C");
  EXPECT_TRUE(context.credentials(3).remote().allow_outside_validity());
}

TEST(ConvertContextTest, WritesHooksWhenTheyAreGiven) {
  const Hooks hooks = {{.type = DecisionType::kSign}};
  EXPECT_EQ(ToProto(SecureContextOptions{.hooks = hooks})
                .secure_context()
                .hooks(0)
                .type(),
            v1::DECISION_TYPE_SIGN);

  const auto given = ToProto("s", SecureContextUpdate{.hooks = hooks});
  EXPECT_EQ(given.secure_context().hooks_size(), 1);
  EXPECT_THAT(given.update_mask().paths(), ElementsAre("hooks"));

  const auto taken = ToProto("s", SecureContextUpdate{.hooks = Hooks{}});
  EXPECT_EQ(taken.secure_context().hooks_size(), 0);
  EXPECT_THAT(taken.update_mask().paths(), ElementsAre("hooks"));
  EXPECT_EQ(ToProto("s", SecureContextUpdate{}).update_mask().paths_size(), 0);
}

TEST(ConvertContextTest, ReadsStaplesAndHooks) {
  const SecureContextFacts facts = FromProto(Parse<v1::SecureContext>(R"pb(
    credentials {
      remote {}
      stapled_ocsp_response { certificate_status: "good" }
    }
    credentials { pem {} }
    hooks { type: DECISION_TYPE_CLIENT_HELLO }
  )pb"));

  ASSERT_EQ(facts.credentials.size(), 2u);
  EXPECT_EQ(facts.credentials[0].source, CredentialsSource::kRemote);
  EXPECT_EQ(facts.credentials[0].stapled_ocsp_response->certificate_status,
            "good");
  EXPECT_FALSE(facts.credentials[1].stapled_ocsp_response.has_value());
  ASSERT_EQ(facts.hooks.size(), 1u);
  EXPECT_EQ(facts.hooks[0].type, DecisionType::kClientHello);
}

TEST(ConvertContextTest, WritesEarlyDataAndEchKeys) {
  const v1::SecureContext context =
      ToProto(SecureContextOptions{
                  .early_data = true,
                  .ech_keys = {{.config = "C1", .private_key = "K1"},
                               {.config = "C2",
                                .private_key = "K2",
                                .not_for_retry = true}}})
          .secure_context();

  EXPECT_TRUE(context.early_data());
  ASSERT_EQ(context.ech_keys_size(), 2);
  EXPECT_EQ(context.ech_keys(0).config(), "C1");
  EXPECT_EQ(context.ech_keys(0).private_key(), "K1");
  EXPECT_FALSE(context.ech_keys(0).not_for_retry());
  EXPECT_EQ(context.ech_keys(1).config(), "C2");
  EXPECT_TRUE(context.ech_keys(1).not_for_retry());
}

TEST(ConvertContextTest, TakesNoEarlyDataAndHasNoEchKeysByDefault) {
  const v1::SecureContext context =
      ToProto(SecureContextOptions{}).secure_context();

  EXPECT_FALSE(context.early_data());
  EXPECT_EQ(context.ech_keys_size(), 0);
}

TEST(ConvertContextTest, ReadsWhatToPublishAndWhetherEarlyDataIsTaken) {
  const SecureContextFacts facts = FromProto(
      Parse<v1::SecureContext>("early_data: true ech_config_list: 'LIST'"));

  EXPECT_TRUE(facts.early_data);
  EXPECT_EQ(facts.ech_config_list, "LIST");
  EXPECT_FALSE(FromProto(v1::SecureContext()).early_data);
  EXPECT_EQ(FromProto(v1::SecureContext()).ech_config_list, "");
}

}  // namespace
}  // namespace tlsd::client
