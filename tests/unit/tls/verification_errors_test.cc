// Everything that can be wrong with a peer's certificate, in handshakes: tlsd
// judges servers and clients, refuses or reports, and the peer gets an alert.
#include <string>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/unit/tls/judged_peer.h"
#include "tests/unit/tls/peer_flaws.h"
#include "tests/unit/tls/tls_versions.h"

namespace tlsd::tls {
namespace {

using ::tlsd::testing::ClientOptions;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IdentitySpec;
using ::tlsd::testing::IntermediateIdentity;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::KeyKind;
using ::tlsd::testing::LocalhostOptions;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::MetadataOf;
using ::tlsd::testing::ServerOptions;

class FlawTest : public ::testing::TestWithParam<std::tuple<TlsVersion, Flaw>> {
 protected:
  static TlsVersion version() { return std::get<0>(GetParam()); }
  static const Flaw& flaw() { return std::get<1>(GetParam()); }

  static JudgedPeer MakePeer() {
    JudgedPeer peer(version());
    flaw().make(peer);
    return peer;
  }

  static void ExpectRefused(EnginePair& pair, Role judge) {
    const absl::Status& status = pair.end(judge).status;
    EXPECT_THAT(status, FailsWith(flaw().reason));
    EXPECT_EQ(MetadataOf(status, "verify_error"), flaw().error);
    EXPECT_TRUE(absl::StrContains(status.message(), flaw().text)) << status;
    EXPECT_FALSE(pair.end(judge).handshake.has_value());
    const absl::Status& told = pair.end(OtherRole(judge)).status;
    EXPECT_THAT(told, FailsWith(Reason::kPeerAlert));
    EXPECT_EQ(MetadataOf(told, "alert"), flaw().alert);
  }

  static void ExpectReported(EnginePair& pair, Role judge) {
    EXPECT_THAT(pair.end(judge).status, IsOk());
    EXPECT_THAT(pair.end(OtherRole(judge)).status, IsOk());
    ASSERT_TRUE(pair.end(judge).handshake.has_value());
    const HandshakeFacts& facts = *pair.end(judge).handshake;
    EXPECT_FALSE(facts.authorized);
    EXPECT_EQ(facts.authorization_error, flaw().error);
    EXPECT_EQ(facts.authorization_error_code, flaw().code);
    EXPECT_EQ(facts.authorization_error_text, flaw().text);
    EXPECT_NE(facts.peer_certificate, nullptr);
  }
};

std::string FlawName(
    const ::testing::TestParamInfo<std::tuple<TlsVersion, Flaw>>& info) {
  return absl::StrCat(
      std::get<1>(info.param).name,
      std::get<0>(info.param) == TlsVersion::kTls12 ? "Tls12" : "Tls13");
}

const auto kVersions =
    ::testing::Values(TlsVersion::kTls12, TlsVersion::kTls13);

using FlawOfPeerTest = FlawTest;

TEST_P(FlawOfPeerTest, AClientRefusesTheServer) {
  EnginePair pair = MakePeer().AsServer(PeerVerification::kRequire);
  pair.Pump();
  ExpectRefused(pair, Role::kClient);
}

TEST_P(FlawOfPeerTest, AClientReportsTheServer) {
  EnginePair pair = MakePeer().AsServer(PeerVerification::kReport);
  pair.Pump();
  ExpectReported(pair, Role::kClient);
}

TEST_P(FlawOfPeerTest, AServerRefusesTheClient) {
  EnginePair pair = MakePeer().AsClient(ClientCertificateMode::kRequire);
  pair.Pump();
  ExpectRefused(pair, Role::kServer);
}

TEST_P(FlawOfPeerTest, AServerReportsTheClient) {
  EnginePair pair = MakePeer().AsClient(ClientCertificateMode::kRequest);
  pair.Pump();
  ExpectReported(pair, Role::kServer);
}

INSTANTIATE_TEST_SUITE_P(Trust, FlawOfPeerTest,
                         ::testing::Combine(kVersions,
                                            ::testing::ValuesIn(TrustFlaws())),
                         FlawName);
INSTANTIATE_TEST_SUITE_P(Chain, FlawOfPeerTest,
                         ::testing::Combine(kVersions,
                                            ::testing::ValuesIn(ChainFlaws())),
                         FlawName);
INSTANTIATE_TEST_SUITE_P(
    Revocation, FlawOfPeerTest,
    ::testing::Combine(kVersions, ::testing::ValuesIn(RevocationFlaws())),
    FlawName);
INSTANTIATE_TEST_SUITE_P(Rules, FlawOfPeerTest,
                         ::testing::Combine(kVersions,
                                            ::testing::ValuesIn(RuleFlaws())),
                         FlawName);

class FlawlessTest : public FlawTest {
 protected:
  static void ExpectAuthorized(EnginePair& pair, Role judge) {
    EXPECT_THAT(pair.client().status, IsOk());
    EXPECT_THAT(pair.server().status, IsOk());
    ASSERT_TRUE(pair.end(judge).handshake.has_value());
    const HandshakeFacts& facts = *pair.end(judge).handshake;
    EXPECT_TRUE(facts.authorized);
    EXPECT_EQ(facts.authorization_error, "");
    EXPECT_EQ(facts.authorization_error_code, 0);
    EXPECT_EQ(facts.authorization_error_text, "");
  }
};

TEST_P(FlawlessTest, AClientTakesTheServer) {
  EnginePair pair = MakePeer().AsServer(PeerVerification::kRequire);
  pair.Pump();
  ExpectAuthorized(pair, Role::kClient);
}

TEST_P(FlawlessTest, AServerTakesTheClient) {
  EnginePair pair = MakePeer().AsClient(ClientCertificateMode::kRequire);
  pair.Pump();
  ExpectAuthorized(pair, Role::kServer);
}

INSTANTIATE_TEST_SUITE_P(, FlawlessTest,
                         ::testing::Combine(kVersions,
                                            ::testing::ValuesIn(Flawless())),
                         FlawName);

class FlawOfServerTest : public FlawTest {};

TEST_P(FlawOfServerTest, AClientRefusesIt) {
  EnginePair pair = MakePeer().AsServer(PeerVerification::kRequire);
  pair.Pump();
  ExpectRefused(pair, Role::kClient);
}

TEST_P(FlawOfServerTest, AClientReportsIt) {
  EnginePair pair = MakePeer().AsServer(PeerVerification::kReport);
  pair.Pump();
  ExpectReported(pair, Role::kClient);
}

INSTANTIATE_TEST_SUITE_P(
    Name, FlawOfServerTest,
    ::testing::Combine(kVersions, ::testing::ValuesIn(ServerNameFlaws())),
    FlawName);

// What the library judges by itself: whether the key may sign.
class KeyUsageTest : public EachTlsVersion {
 protected:
  // Server returns one with a key of RSA.
  static SecureContextOptions Server(const std::string& key_usage) {
    IdentitySpec spec;
    spec.key = KeyKind::kRsa2048;
    spec.key_usage = key_usage;
    SecureContextOptions options = ServerOptions(version());
    options.credentials = {IntermediateIdentity().Issue(spec).Credentials()};
    return options;
  }
};
INSTANTIATE_TLS_VERSIONS(KeyUsageTest);

TEST_P(KeyUsageTest, WithoutSigningAServerIsRefusedInReportsToo) {
  for (const auto verification :
       {PeerVerification::kRequire, PeerVerification::kReport}) {
    EngineOptions options = LocalhostOptions();
    options.verification = verification;
    EnginePair pair(MakeContext(ClientOptions(version())),
                    MakeContext(Server("critical,keyEncipherment")), options);

    pair.Pump();

    EXPECT_THAT(pair.client().status,
                FailsWith(Reason::kPeerCertificateInvalid));
    EXPECT_EQ(MetadataOf(pair.client().status, "library_reason"),
              "KEY_USAGE_BIT_INCORRECT");
    EXPECT_EQ(MetadataOf(pair.server().status, "alert"),
              is_tls13() ? "illegal_parameter" : "unsupported_certificate");
  }
}

TEST_P(KeyUsageTest, SigningWillDo) {
  EnginePair pair(MakeContext(ClientOptions(version())),
                  MakeContext(Server("critical,digitalSignature")));

  pair.Pump();

  EXPECT_TRUE(pair.client().handshake.value().authorized);
}

TEST(KeyTransportTest, NeedsAKeyThatMayDecrypt) {
  SecureContextOptions server = ServerOptions(TlsVersion::kTls12);
  server.ciphers = "kRSA";
  IdentitySpec spec;
  spec.key = KeyKind::kRsa2048;
  for (const bool may_decrypt : {false, true}) {
    spec.key_usage =
        may_decrypt ? "critical,keyEncipherment" : "critical,digitalSignature";
    server.credentials = {IntermediateIdentity().Issue(spec).Credentials()};
    EnginePair pair(MakeContext(ClientOptions(TlsVersion::kTls12)),
                    MakeContext(server));

    pair.Pump();

    EXPECT_EQ(pair.client().handshake.has_value(), may_decrypt);
  }
}

// What only servers judge: BoringSSL does not even ask.
class NoCertificateTest : public EachTlsVersion {};
INSTANTIATE_TLS_VERSIONS(NoCertificateTest);

EnginePair WithoutCertificate(TlsVersion version, ClientCertificateMode mode) {
  SecureContextOptions server = ServerOptions(version);
  server.client_certificate_mode = mode;
  return EnginePair(MakeContext(ClientOptions(version)), MakeContext(server));
}

TEST_P(NoCertificateTest, AServerRefusesTheClient) {
  EnginePair pair =
      WithoutCertificate(version(), ClientCertificateMode::kRequire);

  pair.Pump();

  EXPECT_THAT(pair.server().status,
              FailsWith(Reason::kPeerCertificateRequired));
  EXPECT_EQ(MetadataOf(pair.server().status, "verify_error"),
            "NO_PEER_CERTIFICATE");
  EXPECT_FALSE(pair.server().handshake.has_value());
  EXPECT_EQ(MetadataOf(pair.client().status, "alert"),
            is_tls13() ? "certificate_required" : "handshake_failure");
}

TEST_P(NoCertificateTest, AServerReportsTheClient) {
  EnginePair pair =
      WithoutCertificate(version(), ClientCertificateMode::kRequest);

  pair.Pump();

  const HandshakeFacts& facts = pair.server().handshake.value();
  EXPECT_FALSE(facts.authorized);
  EXPECT_EQ(facts.authorization_error, "NO_PEER_CERTIFICATE");
  EXPECT_EQ(facts.authorization_error_code, 0);
  EXPECT_EQ(facts.authorization_error_text,
            "the peer has shown no certificate");
  EXPECT_EQ(facts.peer_certificate, nullptr);
}

}  // namespace
}  // namespace tlsd::tls
