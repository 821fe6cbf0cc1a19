// What a peer's certificate must be for beside being trusted, and where trust
// begins: pins, name rules, partial chains and the expected name, in
// handshakes.
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/certificate.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/unit/tls/judged_peer.h"
#include "tests/unit/tls/tls_versions.h"

namespace tlsd::tls {
namespace {

using ::tlsd::testing::ClientOptions;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IdentitySpec;
using ::tlsd::testing::IntermediateIdentity;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::MetadataOf;
using ::tlsd::testing::OtherRootIdentity;
using ::tlsd::testing::RootIdentity;
using ::tlsd::testing::SelfSignedIdentity;
using ::tlsd::testing::ServerIdentity;
using ::tlsd::testing::ServerOptions;
using ::tlsd::testing::TestIdentity;
using ::tlsd::testing::WrongNameServerIdentity;

CertificateFacts FactsOf(const TestIdentity& identity) {
  return DescribeCertificate(identity.certificate());
}

// ErrorOf returns what a client and a server that require a good peer find
// wrong, which must be the same; "" if nothing.
std::string ErrorOf(const JudgedPeer& peer) {
  EnginePair server = peer.AsServer(PeerVerification::kRequire);
  server.Pump();
  EnginePair client = peer.AsClient(ClientCertificateMode::kRequire);
  client.Pump();
  EXPECT_EQ(server.client().handshake.has_value(), server.client().status.ok());
  EXPECT_EQ(client.server().handshake.has_value(), client.server().status.ok());
  const std::string by_client =
      MetadataOf(server.client().status, "verify_error");
  EXPECT_EQ(MetadataOf(client.server().status, "verify_error"), by_client);
  return by_client;
}

// Pins.

class PinTest : public EachTlsVersion {
 protected:
  static std::string WithCertificatePins(std::vector<std::string> pins) {
    JudgedPeer peer(version());
    peer.peer_rules.certificate_pins = std::move(pins);
    return ErrorOf(peer);
  }
  static std::string WithKeyPins(std::vector<std::string> pins) {
    JudgedPeer peer(version());
    peer.peer_rules.public_key_pins = std::move(pins);
    return ErrorOf(peer);
  }
};
INSTANTIATE_TLS_VERSIONS(PinTest);

TEST_P(PinTest, ACertificateFitsItsFingerprintInAnyForm) {
  const std::string fingerprint = FactsOf(ServerIdentity()).sha256_fingerprint;
  EXPECT_EQ(WithCertificatePins({fingerprint}), "");
  EXPECT_EQ(WithCertificatePins({absl::AsciiStrToLower(
                absl::StrReplaceAll(fingerprint, {{":", ""}}))}),
            "");
  EXPECT_EQ(
      WithCertificatePins({FactsOf(IntermediateIdentity()).sha256_fingerprint}),
      "PIN_MISMATCH");
}

TEST_P(PinTest, AKeyFitsItsPinInAnyForm) {
  const std::string pin = FactsOf(ServerIdentity()).public_key_pin;
  EXPECT_EQ(WithKeyPins({pin}), "");
  EXPECT_EQ(WithKeyPins({absl::StrCat("sha256/", pin)}), "");
  EXPECT_EQ(WithKeyPins({FactsOf(IntermediateIdentity()).public_key_pin}),
            "PIN_MISMATCH");
}

TEST_P(PinTest, AKeyPinOutlivesTheCertificate) {
  IdentitySpec spec;
  spec.key_index = 4;
  const TestIdentity renewed = IntermediateIdentity().Issue(spec);
  JudgedPeer peer(version());
  peer.Show(renewed);
  peer.peer_rules.public_key_pins = {FactsOf(ServerIdentity()).public_key_pin};
  EXPECT_EQ(ErrorOf(peer), "");

  peer.peer_rules = {};
  peer.peer_rules.certificate_pins = {
      FactsOf(ServerIdentity()).sha256_fingerprint};
  EXPECT_EQ(ErrorOf(peer), "PIN_MISMATCH");
}

TEST_P(PinTest, OneOfManyWillDo) {
  const std::string other(64, '0');
  const std::string fingerprint = FactsOf(ServerIdentity()).sha256_fingerprint;
  EXPECT_EQ(WithCertificatePins({other, fingerprint}), "");
  EXPECT_EQ(WithCertificatePins({other, std::string(64, '1')}), "PIN_MISMATCH");
}

TEST_P(PinTest, PinsOfBothKindsMustFit) {
  JudgedPeer peer(version());
  peer.peer_rules.certificate_pins = {
      FactsOf(ServerIdentity()).sha256_fingerprint};
  peer.peer_rules.public_key_pins = {FactsOf(ServerIdentity()).public_key_pin};
  EXPECT_EQ(ErrorOf(peer), "");

  peer.peer_rules.public_key_pins = {std::string(64, '0')};
  EXPECT_EQ(ErrorOf(peer), "PIN_MISMATCH");
}

TEST_P(PinTest, APinIsNoTrust) {
  JudgedPeer peer(version());
  peer.Show(SelfSignedIdentity());
  peer.peer_rules.certificate_pins = {
      FactsOf(SelfSignedIdentity()).sha256_fingerprint};
  EXPECT_EQ(ErrorOf(peer), "DEPTH_ZERO_SELF_SIGNED_CERT");

  peer.trust_anchors.pems = {SelfSignedIdentity().CertificatePem()};
  EXPECT_EQ(ErrorOf(peer), "");
}

// Name rules.

class NameRuleTest : public EachTlsVersion {
 protected:
  static const TestIdentity& Identity() {
    static const auto& identity = *new TestIdentity([] {
      IdentitySpec spec;
      spec.alternative_names = {"DNS:localhost", "DNS:*.wild.test",
                                "IP:192.0.2.1", "URI:spiffe://tlsd.test/web/1",
                                "email:ops@tlsd.test"};
      return IntermediateIdentity().Issue(spec);
    }());
    return identity;
  }

  static std::string WithRules(std::vector<NameRule> rules) {
    JudgedPeer peer(version());
    peer.Show(Identity());
    peer.peer_rules.names = std::move(rules);
    return ErrorOf(peer);
  }

  static constexpr char kMismatch[] = "SUBJECT_ALTERNATIVE_NAME_MISMATCH";
};
INSTANTIATE_TLS_VERSIONS(NameRuleTest);

TEST_P(NameRuleTest, EachKindHasWhatFitsAndWhatDoesNot) {
  using Kind = NameRule::Kind;
  const struct {
    Kind kind;
    const char* fits;
    const char* misfits;
  } rows[] = {
      {Kind::kDns, "LocalHost", "local"},
      {Kind::kDns, "a.wild.test", "a.b.wild.test"},
      {Kind::kDns, "a.wild.test", "wild.test"},
      {Kind::kIp, "192.0.2.1", "192.0.2.2"},
      {Kind::kUri, "spiffe://tlsd.test/web/1", "spiffe://tlsd.test/web"},
      {Kind::kUriPrefix, "spiffe://tlsd.test/web/", "spiffe://tlsd.test/db/"},
      {Kind::kEmail, "ops@tlsd.test", "dev@tlsd.test"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(absl::StrCat(row.fits, " and ", row.misfits));
    EXPECT_EQ(WithRules({{row.kind, row.fits}}), "");
    EXPECT_EQ(WithRules({{row.kind, row.misfits}}), kMismatch);
  }
}

TEST_P(NameRuleTest, OneOfManyWillDo) {
  EXPECT_EQ(WithRules({{NameRule::Kind::kDns, "other.test"},
                       {NameRule::Kind::kEmail, "ops@tlsd.test"}}),
            "");
  EXPECT_EQ(WithRules({{NameRule::Kind::kDns, "other.test"},
                       {NameRule::Kind::kEmail, "dev@tlsd.test"}}),
            kMismatch);
}

TEST_P(NameRuleTest, TheCommonNameNeverCounts) {
  IdentitySpec spec;
  spec.common_name = "common.test";
  JudgedPeer peer(version());
  peer.Show(IntermediateIdentity().Issue(spec));
  peer.peer_rules.names = {{NameRule::Kind::kDns, "common.test"}};
  EXPECT_EQ(ErrorOf(peer), kMismatch);

  peer.peer_rules.names = {{NameRule::Kind::kDns, "localhost"}};
  EXPECT_EQ(ErrorOf(peer), "");
}

TEST_P(NameRuleTest, RulesComeBesideTheServerName) {
  JudgedPeer peer(version());
  peer.Show(WrongNameServerIdentity());
  peer.peer_rules.names = {{NameRule::Kind::kDns, "wrong.example"}};
  EnginePair pair = peer.AsServer(PeerVerification::kRequire);
  pair.Pump();
  EXPECT_EQ(MetadataOf(pair.client().status, "verify_error"),
            "HOSTNAME_MISMATCH");

  peer.engine.skip_name_check = true;
  EnginePair by_rule = peer.AsServer(PeerVerification::kRequire);
  by_rule.Pump();
  EXPECT_TRUE(by_rule.client().handshake.value().authorized);
}

// Where trust begins.

class PartialChainTest : public EachTlsVersion {
 protected:
  static std::string WithAnchor(const TestIdentity& anchor,
                                bool allow_partial_chain) {
    JudgedPeer peer(version());
    peer.trust_anchors.pems = {anchor.CertificatePem()};
    peer.trust_anchors.allow_partial_chain = allow_partial_chain;
    return ErrorOf(peer);
  }
};
INSTANTIATE_TLS_VERSIONS(PartialChainTest);

TEST_P(PartialChainTest, AnIntermediateIsAnAnchorIfAllowed) {
  EXPECT_EQ(WithAnchor(IntermediateIdentity(), true), "");
  EXPECT_EQ(WithAnchor(IntermediateIdentity(), false),
            "UNABLE_TO_GET_ISSUER_CERT");
}

TEST_P(PartialChainTest, ALeafIsAnAnchorIfAllowed) {
  EXPECT_EQ(WithAnchor(ServerIdentity(), true), "");
  EXPECT_EQ(WithAnchor(ServerIdentity(), false),
            "UNABLE_TO_GET_ISSUER_CERT_LOCALLY");
}

TEST_P(PartialChainTest, AnotherLeafOfTheSameIssuerIsNoAnchor) {
  EXPECT_EQ(WithAnchor(WrongNameServerIdentity(), true),
            "UNABLE_TO_GET_ISSUER_CERT_LOCALLY");
}

TEST_P(PartialChainTest, ASelfSignedLeafIsAnAnchorAnyway) {
  JudgedPeer peer(version());
  peer.Show(SelfSignedIdentity());
  peer.trust_anchors.pems = {SelfSignedIdentity().CertificatePem()};
  EXPECT_EQ(ErrorOf(peer), "");

  // Not one of the same name.
  IdentitySpec spec;
  spec.key_index = 6;
  peer.Show(TestIdentity::SelfSigned(spec));
  EXPECT_EQ(ErrorOf(peer), "DEPTH_ZERO_SELF_SIGNED_CERT");
}

// A certificate for its issuer's own name is not an anchor for that.
TEST_P(PartialChainTest, ALeafWithTheNameOfItsIssuerNeedsAWholeChain) {
  IdentitySpec spec;
  spec.common_name = "tlsd test intermediate";
  JudgedPeer peer(version());
  peer.Show(IntermediateIdentity().Issue(spec));
  EXPECT_EQ(ErrorOf(peer), "");

  peer.trust_anchors.pems = {IntermediateIdentity().CertificatePem()};
  EXPECT_EQ(ErrorOf(peer), "UNABLE_TO_GET_ISSUER_CERT");
  peer.trust_anchors.allow_partial_chain = true;
  EXPECT_EQ(ErrorOf(peer), "");
}

TEST_P(PartialChainTest, TheChainEndsWithTheAnchor) {
  const auto chain_by = [](const TestIdentity& anchor) {
    JudgedPeer peer(version());
    peer.trust_anchors.pems = {anchor.CertificatePem()};
    peer.trust_anchors.allow_partial_chain = true;
    EnginePair pair = peer.AsServer(PeerVerification::kRequire);
    pair.Pump();
    std::vector<std::string> subjects;
    for (const auto& facts : pair.client().handshake.value().peer_chain) {
      subjects.push_back(facts->subject);
    }
    return subjects;
  };
  using ::testing::ElementsAre;
  EXPECT_THAT(chain_by(RootIdentity()),
              ElementsAre("CN=localhost", "CN=tlsd test intermediate",
                          "CN=tlsd test root"));
  EXPECT_THAT(chain_by(IntermediateIdentity()),
              ElementsAre("CN=localhost", "CN=tlsd test intermediate"));
  EXPECT_THAT(chain_by(ServerIdentity()), ElementsAre("CN=localhost"));
}

// The expected name.

class ExpectedNameTest : public EachTlsVersion {
 protected:
  static EnginePair Pair(const EngineOptions& options) {
    SecureContextOptions server = ServerOptions(version());
    server.credentials = {WrongNameServerIdentity().Credentials()};
    return EnginePair(MakeContext(ClientOptions(version())),
                      MakeContext(server), options);
  }
};
INSTANTIATE_TLS_VERSIONS(ExpectedNameTest);

TEST_P(ExpectedNameTest, IsWhatTheCertificateMustBeFor) {
  EngineOptions options;
  options.server_name = "localhost";
  options.expected_name = "wrong.example";
  EnginePair pair = Pair(options);

  pair.Pump();

  ASSERT_THAT(pair.client().status, IsOk());
  EXPECT_TRUE(pair.client().handshake.value().authorized);
  // What is asked for stays what it was.
  EXPECT_EQ(pair.server().handshake.value().server_name, "localhost");
}

TEST_P(ExpectedNameTest, IsNamedWhenItIsNotMet) {
  EngineOptions options;
  options.server_name = "wrong.example";
  options.expected_name = "right.example";
  EnginePair pair = Pair(options);

  pair.Pump();

  EXPECT_THAT(pair.client().status,
              FailsWith(Reason::kPeerCertificateNameMismatch));
  EXPECT_EQ(MetadataOf(pair.client().status, "verify_error"),
            "HOSTNAME_MISMATCH");
  EXPECT_EQ(MetadataOf(pair.client().status, "server_name"), "right.example");
  EXPECT_EQ(MetadataOf(pair.server().status, "alert"), "bad_certificate");
}

TEST_P(ExpectedNameTest, MayBeAnAddress) {
  EngineOptions options;
  options.server_name = "wrong.example";
  options.expected_name = "127.0.0.1";
  EnginePair pair = Pair(options);

  pair.Pump();

  EXPECT_EQ(MetadataOf(pair.client().status, "verify_error"),
            "IP_ADDRESS_MISMATCH");
}

TEST_P(ExpectedNameTest, NeedsNoServerNameBesideIt) {
  EngineOptions options;
  options.expected_name = "wrong.example";
  EnginePair pair = Pair(options);

  pair.Pump();

  EXPECT_TRUE(pair.client().handshake.value().authorized);
  EXPECT_EQ(pair.server().handshake.value().server_name, "");
}

TEST(ExpectedNameOptionsTest, MustBeANameAndNotSkipped) {
  const auto create = [](const EngineOptions& options) {
    static base::ChunkPool& pool = *new base::ChunkPool;
    return TlsEngine::Create(MakeContext(ClientOptions(TlsVersion::kTls13)),
                             Role::kClient, options, pool);
  };
  EngineOptions options;
  options.server_name = "localhost";
  options.expected_name = "not a name";
  EXPECT_THAT(create(options),
              FailsWith(Reason::kServerNameInvalid, "expected_name"));
  options.expected_name = "right.example";
  EXPECT_THAT(create(options), IsOk());
  options.skip_name_check = true;
  EXPECT_THAT(create(options),
              FailsWith(Reason::kFieldsConflict, "expected_name"));
}

}  // namespace
}  // namespace tlsd::tls
