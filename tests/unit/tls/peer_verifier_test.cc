#include "server/tls/peer_verifier.h"

#include <openssl/ssl.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/trust_anchors.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"

namespace tlsd::tls {
namespace {

using ::testing::HasSubstr;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IdentitySpec;
using ::tlsd::testing::IntermediateIdentity;
using ::tlsd::testing::KeyKind;
using ::tlsd::testing::MetadataOf;
using ::tlsd::testing::RootIdentity;
using ::tlsd::testing::SelfSignedIdentity;
using ::tlsd::testing::ServerIdentity;
using ::tlsd::testing::TestIdentity;

enum class PartialChain { kRefuse, kAllow };

TrustAnchors Trusting(const std::vector<std::string>& pems,
                      PartialChain partial_chain = PartialChain::kRefuse) {
  DevelopmentAuthority authority;
  TrustAnchorsOptions options;
  options.pems = pems;
  options.allow_partial_chain = partial_chain == PartialChain::kAllow;
  return LoadTrustAnchors(options, {}, {}, authority, SystemStoreUse::kRequired)
      .value();
}

PeerVerdict Verify(const TrustAnchors& anchors, const STACK_OF(X509) * chain,
                   Role peer, const ServerName* name) {
  const PeerRules rules;
  return VerifyPeer({anchors, rules}, chain, peer, name);
}

bssl::UniquePtr<STACK_OF(X509)> Chain(
    const std::vector<const TestIdentity*>& identities) {
  bssl::UniquePtr<STACK_OF(X509)> chain(sk_X509_new_null());
  for (const TestIdentity* identity : identities) {
    bssl::PushToStack(chain.get(), bssl::UpRef(identity->certificate()));
  }
  return chain;
}

PeerVerdict VerifyServer(const std::vector<const TestIdentity*>& chain,
                         const std::string& name = "",
                         const TestIdentity& anchor = RootIdentity(),
                         PartialChain partial_chain = PartialChain::kRefuse) {
  const TrustAnchors anchors =
      Trusting({anchor.CertificatePem()}, partial_chain);
  if (name.empty()) {
    return Verify(anchors, Chain(chain).get(), Role::kServer, nullptr);
  }
  const ServerName parsed = ParseServerName("name", name).value();
  return Verify(anchors, Chain(chain).get(), Role::kServer, &parsed);
}

TEST(PeerVerifierTest, AuthorizesAChainToAnAnchor) {
  const PeerVerdict verdict =
      VerifyServer({&ServerIdentity(), &IntermediateIdentity()});
  EXPECT_TRUE(verdict.authorized);
  EXPECT_EQ(verdict.error, "");
}

TEST(PeerVerifierTest, EndsAChainBeforeItsRootOnlyIfAllowed) {
  for (const TestIdentity* anchor :
       {&IntermediateIdentity(), &ServerIdentity()}) {
    EXPECT_TRUE(
        VerifyServer({&ServerIdentity()}, "", *anchor, PartialChain::kAllow)
            .authorized);
    EXPECT_FALSE(VerifyServer({&ServerIdentity()}, "", *anchor).authorized);
  }
  EXPECT_TRUE(VerifyServer({&SelfSignedIdentity()}, "", SelfSignedIdentity())
                  .authorized);
}

TEST(PeerVerifierTest, NamesWhatIsWrongWithAChain) {
  EXPECT_EQ(VerifyServer({&ServerIdentity()}).error,
            "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
  EXPECT_EQ(VerifyServer({&SelfSignedIdentity()}).error,
            "DEPTH_ZERO_SELF_SIGNED_CERT");
  const TestIdentity& stranger = ::tlsd::testing::StrangerIdentity();
  EXPECT_EQ(
      VerifyServer({&stranger, &::tlsd::testing::OtherRootIdentity()}).error,
      "SELF_SIGNED_CERT_IN_CHAIN");
  EXPECT_EQ(VerifyServer({&ServerIdentity(), &IntermediateIdentity()}, "",
                         ::tlsd::testing::OtherRootIdentity())
                .error,
            "UNABLE_TO_GET_ISSUER_CERT_LOCALLY");
}

TEST(PeerVerifierTest, SaysThatThereIsNoCertificate) {
  const bssl::UniquePtr<STACK_OF(X509)> empty = Chain({});
  for (STACK_OF(X509) * chain :
       std::initializer_list<STACK_OF(X509)*>{empty.get(), nullptr}) {
    const PeerVerdict verdict =
        Verify(Trusting({RootIdentity().CertificatePem()}), chain,
               Role::kClient, nullptr);
    EXPECT_FALSE(verdict.authorized);
    EXPECT_EQ(verdict.error, "NO_PEER_CERTIFICATE");
    EXPECT_EQ(verdict.reason, Reason::kPeerCertificateRequired);
  }
}

struct NameRow {
  const char* alternative_name;
  const char* asked;
  bool matches;
};

TEST(PeerVerifierTest, MatchesNamesAsRfc9525Says) {
  const NameRow rows[] = {
      {"DNS:example.com", "example.com", true},
      {"DNS:example.com", "EXAMPLE.com", true},
      {"DNS:EXAMPLE.com", "example.com", true},
      {"DNS:example.com", "example.com.", true},
      {"DNS:example.com", "www.example.com", false},
      {"DNS:example.com", "xexample.com", false},
      {"DNS:www.example.com", "example.com", false},
      // Wildcards: one whole label, the leftmost, above two others.
      {"DNS:*.example.com", "www.example.com", true},
      {"DNS:*.example.com", "WWW.EXAMPLE.COM.", true},
      {"DNS:*.example.com", "example.com", false},
      {"DNS:*.example.com", "a.b.example.com", false},
      {"DNS:w*.example.com", "www.example.com", false},
      {"DNS:www.*.com", "www.example.com", false},
      {"DNS:*.com", "example.com", false},
      {"DNS:*", "localhost", false},
      // Addresses match addresses only.
      {"IP:127.0.0.1", "127.0.0.1", true},
      {"IP:127.0.0.1", "127.0.0.2", false},
      {"DNS:127.0.0.1", "127.0.0.1", false},
      {"IP:::1", "0:0:0:0:0:0:0:1", true},
      {"IP:::1", "::2", false},
      {"IP:127.0.0.1", "::ffff:127.0.0.1", false},
      // Other kinds of names are not DNS names.
      {"URI:https://example.com", "example.com", false},
      {"email:a@example.com", "example.com", false},
  };
  for (const NameRow& row : rows) {
    IdentitySpec spec;
    spec.alternative_names = {row.alternative_name};
    const TestIdentity leaf = RootIdentity().Issue(spec);

    const PeerVerdict verdict = VerifyServer({&leaf}, row.asked);

    EXPECT_EQ(verdict.authorized, row.matches)
        << row.alternative_name << " for " << row.asked;
    if (!row.matches) {
      EXPECT_EQ(verdict.reason, Reason::kPeerCertificateNameMismatch);
    }
  }
}

TEST(PeerVerifierTest, NeverLooksAtTheCommonName) {
  IdentitySpec spec;
  spec.common_name = "example.com";
  spec.alternative_names = {};
  const TestIdentity without = RootIdentity().Issue(spec);
  spec.alternative_names = {"DNS:other.example"};
  const TestIdentity other = RootIdentity().Issue(spec);
  spec.alternative_names = {"URI:https://example.com"};
  const TestIdentity only_uri = RootIdentity().Issue(spec);

  for (const TestIdentity* leaf : {&without, &other, &only_uri}) {
    const PeerVerdict verdict = VerifyServer({leaf}, "example.com");
    EXPECT_EQ(verdict.error, "HOSTNAME_MISMATCH");
  }
}

TEST(PeerVerifierTest, PutsTheChainBeforeTheName) {
  EXPECT_EQ(VerifyServer({&SelfSignedIdentity()}, "wrong.example").error,
            "DEPTH_ZERO_SELF_SIGNED_CERT");
  EXPECT_EQ(VerifyServer({&::tlsd::testing::ExpiredServerIdentity(),
                          &IntermediateIdentity()},
                         "wrong.example")
                .error,
            "CERT_HAS_EXPIRED");
}

TEST(PeerVerifierTest, TellsAddressesApartFromNames) {
  EXPECT_EQ(
      VerifyServer({&ServerIdentity(), &IntermediateIdentity()}, "192.0.2.1")
          .error,
      "IP_ADDRESS_MISMATCH");
}

TEST(PeerVerifierTest, ChecksThePurposeOfEachRole) {
  IdentitySpec spec;
  spec.extended_key_usage = "clientAuth";
  const TestIdentity leaf = RootIdentity().Issue(spec);
  const TrustAnchors anchors = Trusting({RootIdentity().CertificatePem()});

  EXPECT_TRUE(
      Verify(anchors, Chain({&leaf}).get(), Role::kClient, nullptr).authorized);
  EXPECT_EQ(Verify(anchors, Chain({&leaf}).get(), Role::kServer, nullptr).error,
            "INVALID_PURPOSE");
}

TEST(PeerVerifierTest, TakesNoLeafForAnAuthority) {
  IdentitySpec spec;
  spec.key_index = 20;
  const TestIdentity by_leaf = ServerIdentity().Issue(spec);
  const PeerVerdict verdict =
      VerifyServer({&by_leaf, &ServerIdentity(), &IntermediateIdentity()});
  EXPECT_FALSE(verdict.authorized);
}

TEST(PeerVerifierTest, RefusesHugeKeysWhateverTheCallerSays) {
  IdentitySpec spec;
  spec.key = KeyKind::kRsaHuge;
  const TestIdentity leaf = RootIdentity().Issue(spec);

  const PeerVerdict verdict = VerifyServer({&leaf});

  EXPECT_FALSE(verdict.authorized);
  EXPECT_TRUE(verdict.is_hostile);
  EXPECT_EQ(verdict.reason, Reason::kPeerCertificateInvalid);
  EXPECT_EQ(verdict.alert, SSL_AD_BAD_CERTIFICATE);
}

// The root is one of the ten.
TEST(PeerVerifierTest, StopsAtADepthOfTen) {
  IdentitySpec spec;
  spec.is_authority = true;
  std::vector<TestIdentity> line;
  line.push_back(RootIdentity().Issue(spec));
  for (int i = 1; i <= 12; ++i) {
    spec.common_name = "authority " + std::to_string(i);
    spec.key_index = 200 + i;
    line.push_back(line.back().Issue(spec));
  }
  const auto verify = [&](int intermediate_count) {
    IdentitySpec leaf_spec;
    const TestIdentity leaf = line[intermediate_count - 1].Issue(leaf_spec);
    std::vector<const TestIdentity*> chain = {&leaf};
    for (int i = intermediate_count - 1; i >= 0; --i) chain.push_back(&line[i]);
    return VerifyServer(chain);
  };

  EXPECT_TRUE(verify(8).authorized);
  EXPECT_TRUE(verify(9).authorized);
  EXPECT_FALSE(verify(10).authorized);
  EXPECT_FALSE(verify(12).authorized);
}

TEST(PeerVerifierTest, ExplainsItsVerdict) {
  const ServerName name = ParseServerName("n", "other.example").value();
  const absl::Status status =
      VerdictError(VerifyServer({&ServerIdentity(), &IntermediateIdentity()},
                                "other.example"),
                   Role::kServer, &name);

  EXPECT_THAT(status, FailsWith(Reason::kPeerCertificateNameMismatch));
  EXPECT_EQ(MetadataOf(status, "verify_error"), "HOSTNAME_MISMATCH");
  EXPECT_EQ(MetadataOf(status, "server_name"), "other.example");
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"other.example\""));
}

}  // namespace
}  // namespace tlsd::tls
