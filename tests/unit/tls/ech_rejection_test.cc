// Encrypted ClientHellos that the server cannot read: the handshake fails, and
// whoever proves to be the public name may say what to retry with.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/unit/tls/ech_configs.h"
#include "tests/unit/tls/session_client.h"

namespace tlsd::tls {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::tlsd::testing::ClientIdentity;
using ::tlsd::testing::ClientOptions;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IdentitySpec;
using ::tlsd::testing::IntermediateIdentity;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::LocalhostOptions;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::MetadataOf;
using ::tlsd::testing::OtherRootIdentity;
using ::tlsd::testing::ServerIdentity;
using ::tlsd::testing::ServerOptions;
using ::tlsd::testing::TestIdentity;

// For the public name, and no other.
PemCredentials CoverCredentials() {
  IdentitySpec spec;
  spec.alternative_names = {"DNS:cover.test"};
  return IntermediateIdentity().Issue(spec).Credentials();
}

bool HasRetryConfigs(const absl::Status& status) {
  return GetErrorDetail(status)->metadata.count("retry_configs") > 0;
}

class EchRejectionTest : public ::testing::Test {
 protected:
  EchRejectionTest() {
    server.credentials = {CoverCredentials()};
    server.ech_keys = {key};
    client_options.ech_config_list = ConfigListOf({MakeEchKey("cover.test")});
  }

  EnginePair NewPair() {
    return EnginePair(MakeContext(client), MakeContext(server), client_options);
  }
  EnginePair Converse() {
    EnginePair pair = NewPair();
    pair.Pump();
    EXPECT_FALSE(pair.client().handshake.has_value());
    return pair;
  }

  // ExpectRejected expects that the server was believed to be the public name.
  void ExpectRejected() {
    EnginePair pair = Converse();
    EXPECT_THAT(pair.client().status, FailsWith(Reason::kEchRejected));
    EXPECT_EQ(MetadataOf(pair.client().status, "public_name"), "cover.test");
    EXPECT_THAT(pair.server().status, FailsWith(Reason::kPeerAlert));
    EXPECT_EQ(MetadataOf(pair.server().status, "alert"), "ech_required");
    std::string configs;
    ASSERT_TRUE(absl::Base64Unescape(
        MetadataOf(pair.client().status, "retry_configs"), &configs));
    EXPECT_EQ(configs, ConfigListOf({key}));
  }

  // ExpectDisbelieved expects that it was not, and had nothing to say.
  void ExpectDisbelieved(Reason reason) {
    EnginePair pair = Converse();
    EXPECT_THAT(pair.client().status, FailsWith(reason));
    EXPECT_EQ(MetadataOf(pair.client().status, "ech_rejected"), "true");
    EXPECT_EQ(MetadataOf(pair.client().status, "server_name"), "cover.test");
    EXPECT_FALSE(HasRetryConfigs(pair.client().status));
  }

  const EchKeyOptions key = MakeEchKey("cover.test");
  SecureContextOptions server = ServerOptions(TlsVersion::kTls13);
  SecureContextOptions client = ClientOptions(TlsVersion::kTls13);
  EngineOptions client_options = LocalhostOptions();
};

TEST_F(EchRejectionTest, TellsWhatToRetryWith) { ExpectRejected(); }

TEST_F(EchRejectionTest, IsMendedByARetry) {
  EnginePair pair = Converse();
  server.credentials = {ServerIdentity().Credentials()};
  ASSERT_TRUE(
      absl::Base64Unescape(MetadataOf(pair.client().status, "retry_configs"),
                           &client_options.ech_config_list));
  EnginePair retry = NewPair();
  retry.Pump();
  ASSERT_THAT(retry.client().status, IsOk());
  EXPECT_TRUE(retry.client().handshake.value().ech_accepted);
}

TEST_F(EchRejectionTest, HappensAfterAHelloRetryRequest) {
  client.groups = {"X25519", "P-384"};
  server.groups = {"P-384"};
  ExpectRejected();
}

TEST_F(EchRejectionTest, SaysWhenThereIsNothingToRetryWith) {
  server.ech_keys.clear();
  EnginePair pair = Converse();
  EXPECT_THAT(pair.client().status, FailsWith(Reason::kEchRejected));
  EXPECT_FALSE(HasRetryConfigs(pair.client().status));
  EXPECT_THAT(std::string(pair.client().status.message()),
              HasSubstr("connect without"));
}

TEST_F(EchRejectionTest, TellsNoMoreThanThereIsRoomFor) {
  const std::string label(63, 'a');
  server.ech_keys.assign(
      8, MakeEchKey(absl::StrCat(label, ".", label, ".", label, ".test")));
  EnginePair pair = Converse();
  EXPECT_THAT(pair.client().status, FailsWith(Reason::kEchRejected));
  EXPECT_TRUE(HasRetryConfigs(pair.client().status));

  server.ech_keys.assign(
      8, MakeEchKey(absl::StrCat(label, ".", label, ".", label, ".", "test.",
                                 std::string(56, 'a'))));
  EnginePair longer = Converse();
  EXPECT_THAT(longer.client().status, FailsWith(Reason::kEchRejected));
  EXPECT_FALSE(HasRetryConfigs(longer.client().status));
  EXPECT_THAT(std::string(longer.client().status.message()),
              HasSubstr("too long"));
}

TEST_F(EchRejectionTest, HappensWithAServerOfAnOlderVersion) {
  client.min_version = TlsVersion::kTls12;
  server.min_version = server.max_version = TlsVersion::kTls12;
  EnginePair pair = Converse();
  EXPECT_THAT(pair.client().status, FailsWith(Reason::kEchRejected));
  EXPECT_FALSE(HasRetryConfigs(pair.client().status));
  EXPECT_EQ(MetadataOf(pair.server().status, "alert"), "ech_required");

  server.credentials = {ServerIdentity().Credentials()};
  ExpectDisbelieved(Reason::kPeerCertificateNameMismatch);
}

// Who is believed.

TEST_F(EchRejectionTest, IsNotBelievedOfTheServerThatIsWanted) {
  server.credentials = {ServerIdentity().Credentials()};
  ExpectDisbelieved(Reason::kPeerCertificateNameMismatch);
}

TEST_F(EchRejectionTest, IsNotBelievedOfAStranger) {
  client.trust_anchors.pems = {OtherRootIdentity().CertificatePem()};
  ExpectDisbelieved(Reason::kPeerCertificateUntrusted);
}

TEST_F(EchRejectionTest, IsJudgedAlsoIfPeersAreOnlyReported) {
  client_options.verification = PeerVerification::kReport;
  ExpectRejected();
  server.credentials = {ServerIdentity().Credentials()};
  ExpectDisbelieved(Reason::kPeerCertificateNameMismatch);
  server.credentials = {CoverCredentials()};
  client.trust_anchors.pems = {OtherRootIdentity().CertificatePem()};
  ExpectDisbelieved(Reason::kPeerCertificateUntrusted);
}

TEST_F(EchRejectionTest, IsJudgedByThePublicNameWhateverIsExpected) {
  client_options.skip_name_check = true;
  ExpectRejected();
  server.credentials = {ServerIdentity().Credentials()};
  ExpectDisbelieved(Reason::kPeerCertificateNameMismatch);
  client_options.skip_name_check = false;
  client_options.expected_name = "localhost";
  ExpectDisbelieved(Reason::kPeerCertificateNameMismatch);
  server.credentials = {CoverCredentials()};
  ExpectRejected();
}

// A handler can refuse the server, but not make it the public name.
TEST_F(EchRejectionTest, IsNotForHandlersToAccept) {
  client_options.hooks = {{HookType::kVerifyPeer}};
  server.credentials = {ServerIdentity().Credentials()};
  EnginePair pair = NewPair();
  pair.client().answer = [](const Question&) {
    return VerifyPeerAnswer{/*accept=*/true};
  };
  pair.Pump();
  EXPECT_THAT(pair.client().Asked<VerifyPeerQuestion>(), IsEmpty());
  EXPECT_THAT(pair.client().status,
              FailsWith(Reason::kPeerCertificateNameMismatch));
}

TEST_F(EchRejectionTest, IsForHandlersToRefuse) {
  client_options.hooks = {{HookType::kVerifyPeer}};
  for (const bool accept : {true, false}) {
    EnginePair pair = NewPair();
    pair.client().answer = [&](const Question&) {
      return VerifyPeerAnswer{accept};
    };
    pair.Pump();
    const auto asked = pair.client().Asked<VerifyPeerQuestion>();
    ASSERT_THAT(asked, SizeIs(1));
    EXPECT_EQ(asked[0].expected_name, "cover.test");
    EXPECT_TRUE(asked[0].authorized);
    EXPECT_THAT(
        pair.client().status,
        FailsWith(accept ? Reason::kEchRejected : Reason::kDecisionRefused));
    EXPECT_EQ(HasRetryConfigs(pair.client().status), accept);
  }
}

// It is not the server that may know it.
TEST_F(EchRejectionTest, ShowsNoClientCertificate) {
  server.client_certificate_mode = ClientCertificateMode::kRequest;
  client.credentials = {ClientIdentity().Credentials()};
  EnginePair pair = Converse();
  EXPECT_THAT(pair.client().status, FailsWith(Reason::kEchRejected));
  EXPECT_EQ(pair.server().handshake.value().peer_certificate, nullptr);
  EXPECT_EQ(pair.server().handshake->server_name, "cover.test");
}

// Clients without a configuration send something of that form (section 6.2).
TEST_F(EchRejectionTest, IsNoMatterToClientsThatGrease) {
  for (const bool has_keys : {true, false}) {
    if (!has_keys) server.ech_keys.clear();
    SessionClient greasing(TlsVersion::kTls13, nullptr);
    greasing.server_name = "localhost";
    greasing.greases_ech = true;
    const SessionClient::Outcome outcome =
        greasing.Converse(MakeContext(server));
    EXPECT_THAT(outcome.status, IsOk());
    ASSERT_TRUE(outcome.handshake.has_value());
    EXPECT_FALSE(outcome.handshake->ech_accepted);
    EXPECT_EQ(outcome.handshake->server_name, "localhost");
    EXPECT_EQ(outcome.alert, -1);
  }
}

}  // namespace
}  // namespace tlsd::tls
