// Revocation lists: which certificates they are asked about, and which lists
// count.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/testing/test_revocation.h"
#include "tests/unit/tls/judged_peer.h"
#include "tests/unit/tls/tls_versions.h"

namespace tlsd::tls {
namespace {

using ::tlsd::testing::EnginePair;
using ::tlsd::testing::IntermediateIdentity;
using ::tlsd::testing::MetadataOf;
using ::tlsd::testing::OtherRootIdentity;
using ::tlsd::testing::RevocationListPem;
using ::tlsd::testing::RevocationListSpec;
using ::tlsd::testing::RootIdentity;
using ::tlsd::testing::SelfSignedIdentity;
using ::tlsd::testing::ServerIdentity;
using ::tlsd::testing::TestIdentity;

// What is revoked: nothing, the peer's own certificate, or its issuer's.
std::string RootList(const std::vector<const TestIdentity*>& revoked = {}) {
  return RevocationListPem(RootIdentity(), revoked);
}
std::string IntermediateList(
    const std::vector<const TestIdentity*>& revoked = {},
    const RevocationListSpec& spec = {}) {
  return RevocationListPem(IntermediateIdentity(), revoked, spec);
}

class RevocationTest : public EachTlsVersion {
 protected:
  // ErrorsOf returns what a client and a server that require a good peer find
  // wrong, which must be the same; "" if nothing.
  static std::string ErrorsOf(const JudgedPeer& peer) {
    EnginePair server = peer.AsServer(PeerVerification::kRequire);
    server.Pump();
    EnginePair client = peer.AsClient(ClientCertificateMode::kRequire);
    client.Pump();
    EXPECT_EQ(server.client().handshake.has_value(),
              server.client().status.ok());
    EXPECT_EQ(client.server().handshake.has_value(),
              client.server().status.ok());
    const std::string by_client =
        MetadataOf(server.client().status, "verify_error");
    EXPECT_EQ(MetadataOf(client.server().status, "verify_error"), by_client);
    return by_client;
  }

  // WithLists returns what is wrong with a peer that is judged by `lists`.
  static std::string WithLists(const std::vector<std::string>& lists,
                               bool leaf_only = false) {
    JudgedPeer peer(version());
    peer.revocation_lists.pems = lists;
    peer.revocation_lists.leaf_only = leaf_only;
    return ErrorsOf(peer);
  }
};
INSTANTIATE_TLS_VERSIONS(RevocationTest);

TEST_P(RevocationTest, TheWholeChainIsCheckedByDefault) {
  EXPECT_EQ(WithLists({RootList(), IntermediateList()}), "");
  EXPECT_EQ(WithLists({RootList(), IntermediateList({&ServerIdentity()})}),
            "CERT_REVOKED");
  EXPECT_EQ(
      WithLists({RootList({&IntermediateIdentity()}), IntermediateList()}),
      "CERT_REVOKED");
}

TEST_P(RevocationTest, EveryIssuerNeedsAListByDefault) {
  EXPECT_EQ(WithLists({RootList()}), "UNABLE_TO_GET_CRL");
  EXPECT_EQ(WithLists({IntermediateList()}), "UNABLE_TO_GET_CRL");
}

TEST_P(RevocationTest, TheLeafAloneIsCheckedIfTold) {
  constexpr bool kLeafOnly = true;
  EXPECT_EQ(WithLists({IntermediateList()}, kLeafOnly), "");
  EXPECT_EQ(WithLists({IntermediateList({&ServerIdentity()})}, kLeafOnly),
            "CERT_REVOKED");
  EXPECT_EQ(WithLists({IntermediateList(), RootList({&IntermediateIdentity()})},
                      kLeafOnly),
            "");
  // Its issuer must have one still.
  EXPECT_EQ(WithLists({RootList()}, kLeafOnly), "UNABLE_TO_GET_CRL");
}

TEST_P(RevocationTest, OneStringMayHoldManyLists) {
  EXPECT_EQ(WithLists({RootList() + IntermediateList()}), "");
  EXPECT_EQ(WithLists({RootList() + IntermediateList({&ServerIdentity()})}),
            "CERT_REVOKED");
}

TEST_P(RevocationTest, TheNewestListOfAnIssuerCounts) {
  RevocationListSpec older;
  older.valid_from = -absl::Hours(2);
  older.valid_for = absl::Hours(26);
  const std::string revoking = IntermediateList({&ServerIdentity()});
  const std::string older_revoking =
      IntermediateList({&ServerIdentity()}, older);

  // In either order.
  EXPECT_EQ(WithLists({RootList(), older_revoking, IntermediateList()}), "");
  EXPECT_EQ(WithLists({RootList(), IntermediateList(), older_revoking}), "");
  EXPECT_EQ(WithLists({RootList(), revoking, IntermediateList({}, older)}),
            "CERT_REVOKED");
  EXPECT_EQ(WithLists({RootList(), IntermediateList({}, older), revoking}),
            "CERT_REVOKED");
}

TEST_P(RevocationTest, AnExpiredListIsNoMatterBesideAValidOne) {
  RevocationListSpec expired;
  expired.valid_from = -absl::Hours(2);
  expired.valid_for = absl::Hours(1);
  const std::string expired_list =
      IntermediateList({&ServerIdentity()}, expired);

  EXPECT_EQ(WithLists({RootList(), expired_list, IntermediateList()}), "");
  EXPECT_EQ(WithLists({RootList(), expired_list}), "CRL_HAS_EXPIRED");
}

TEST_P(RevocationTest, AListOfAnotherIssuerSaysNothing) {
  // It names the certificate's serial number, but it is not its issuer's.
  const std::string others =
      RevocationListPem(OtherRootIdentity(), {&ServerIdentity()});

  EXPECT_EQ(WithLists({RootList(), IntermediateList(), others}), "");
  EXPECT_EQ(WithLists({RootList(), others}), "UNABLE_TO_GET_CRL");
  EXPECT_EQ(WithLists({others}), "UNABLE_TO_GET_CRL");
}

TEST_P(RevocationTest, ARevokedIntermediateIsReportedToo) {
  JudgedPeer peer(version());
  peer.revocation_lists.pems = {RootList({&IntermediateIdentity()}),
                                IntermediateList()};
  EnginePair pair = peer.AsClient(ClientCertificateMode::kRequest);

  pair.Pump();

  const HandshakeFacts& facts = pair.server().handshake.value();
  EXPECT_FALSE(facts.authorized);
  EXPECT_EQ(facts.authorization_error, "CERT_REVOKED");
  // The chain is there to look at.
  EXPECT_EQ(facts.peer_chain.size(), 3u);
}

// RFC 5280 section 6.1: a trust anchor is no part of the path that is checked.
// Nobody has a list for it that can be checked.
TEST_P(RevocationTest, AnAnchorNeedsNoList) {
  JudgedPeer peer(version());
  peer.trust_anchors.allow_partial_chain = true;
  peer.trust_anchors.pems = {IntermediateIdentity().CertificatePem()};
  peer.revocation_lists.pems = {IntermediateList()};
  EXPECT_EQ(ErrorsOf(peer), "");
  peer.revocation_lists.pems = {IntermediateList(), RootList()};
  EXPECT_EQ(ErrorsOf(peer), "");
  peer.revocation_lists.pems = {IntermediateList({&ServerIdentity()})};
  EXPECT_EQ(ErrorsOf(peer), "CERT_REVOKED");
  // What is not the anchor needs one.
  peer.revocation_lists.pems = {RootList()};
  EXPECT_EQ(ErrorsOf(peer), "UNABLE_TO_GET_CRL");
}

TEST_P(RevocationTest, ALeafThatIsAnAnchorNeedsNoList) {
  for (const bool leaf_only : {false, true}) {
    JudgedPeer peer(version());
    peer.trust_anchors.allow_partial_chain = true;
    peer.trust_anchors.pems = {ServerIdentity().CertificatePem()};
    peer.revocation_lists.leaf_only = leaf_only;
    peer.revocation_lists.pems = {RootList()};
    EXPECT_EQ(ErrorsOf(peer), "");
    peer.revocation_lists.pems = {IntermediateList()};
    EXPECT_EQ(ErrorsOf(peer), "");
    // One that can be checked counts.
    peer.revocation_lists.pems = {IntermediateList({&ServerIdentity()})};
    EXPECT_EQ(ErrorsOf(peer), "CERT_REVOKED");
  }
}

TEST_P(RevocationTest, ASelfSignedLeafThatIsAnAnchorNeedsNoList) {
  JudgedPeer peer(version());
  peer.Show(SelfSignedIdentity());
  peer.revocation_lists.pems = {RootList()};
  EXPECT_EQ(ErrorsOf(peer), "DEPTH_ZERO_SELF_SIGNED_CERT");
  peer.trust_anchors.pems = {SelfSignedIdentity().CertificatePem()};
  EXPECT_EQ(ErrorsOf(peer), "");
}

TEST_P(RevocationTest, AnIntermediateBesideItsRootNeedsAListIfChainsAreWhole) {
  JudgedPeer peer(version());
  peer.trust_anchors.pems = {RootIdentity().CertificatePem(),
                             IntermediateIdentity().CertificatePem()};
  peer.revocation_lists.pems = {IntermediateList()};
  EXPECT_EQ(ErrorsOf(peer), "UNABLE_TO_GET_CRL");
  peer.trust_anchors.allow_partial_chain = true;
  EXPECT_EQ(ErrorsOf(peer), "");
}

TEST_P(RevocationTest, ARootThatRevokesItselfIsRefused) {
  EXPECT_EQ(WithLists({IntermediateList(), RootList({&RootIdentity()})}),
            "CERT_REVOKED");
  EXPECT_EQ(WithLists({IntermediateList(), RootList({&OtherRootIdentity()})}),
            "");
}

}  // namespace
}  // namespace tlsd::tls
