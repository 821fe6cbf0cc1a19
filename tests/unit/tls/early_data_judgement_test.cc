// Early data moves to and from nobody who was not judged first.
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/secure_context_state.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/testing/test_revocation.h"
#include "tests/unit/tls/early_data_fixture.h"

namespace tlsd::tls {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::tlsd::testing::ClientIdentity;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IntermediateIdentity;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::MetadataOf;
using ::tlsd::testing::OtherRootIdentity;
using ::tlsd::testing::RevocationListPem;
using ::tlsd::testing::RootIdentity;

// Servers judge clients.

class EarlyClientTest : public EarlyDataFixture {
 protected:
  void AskForCertificates(ClientCertificateMode mode) {
    server.client_certificate_mode = mode;
    client.credentials = {ClientIdentity().Credentials()};
  }

  // Judge has a client whose session is of a server that trusts it, at one
  // that has revoked its certificate: as if that had happened since.
  EnginePair Judge() {
    const auto server_context = MakeContext(server);
    server.revocation_lists.leaf_only = true;
    server.revocation_lists.pems = {
        RevocationListPem(IntermediateIdentity(), {&ClientIdentity()})};
    const auto stricter = MakeContext(server);
    const_cast<SecureContextState&>(SecureContextAccess::GetState(*stricter))
        .session_id_context =
        SecureContextAccess::GetState(*server_context).session_id_context;
    EnginePair pair(MakeContext(client), stricter, client_options);
    pair.Pump();
    return pair;
  }
};

TEST_F(EarlyClientTest, IsTakenWithAGoodCertificate) {
  for (const auto mode :
       {ClientCertificateMode::kRequest, ClientCertificateMode::kRequire}) {
    client_options = testing::LocalhostOptions();
    AskForCertificates(mode);
    GetSession();
    EnginePair pair = NewPair();
    Arrive(pair.client(), pair.server());
    EXPECT_TRUE(pair.server().handshake.value().authorized);
    ASSERT_NE(pair.server().handshake->peer_certificate, nullptr);
    EXPECT_EQ(pair.server().handshake->peer_certificate->subject, "CN=client");
    EXPECT_EQ(pair.server().TakeCleartext(), "early");
    pair.Pump();
    ExpectAccepted(std::move(pair), "");
  }
}

TEST_F(EarlyClientTest, IsRefusedBeforeItsDataIsDelivered) {
  AskForCertificates(ClientCertificateMode::kRequire);
  GetSession();
  EnginePair pair = Judge();
  EXPECT_THAT(pair.server().status, FailsWith(Reason::kPeerCertificateRevoked));
  EXPECT_EQ(pair.server().TakeCleartext(), "");
  EXPECT_FALSE(pair.server().handshake.has_value());
  EXPECT_EQ(MetadataOf(pair.client().status, "alert"), "access_denied");
}

TEST_F(EarlyClientTest, IsReportedBeforeItsDataIsDelivered) {
  AskForCertificates(ClientCertificateMode::kRequest);
  GetSession();
  EnginePair pair = Judge();
  EXPECT_FALSE(pair.server().handshake.value().authorized);
  EXPECT_EQ(pair.server().handshake->authorization_error, "CERT_REVOKED");
  ExpectAccepted(std::move(pair));
}

TEST_F(EarlyClientTest, IsNotTakenEarlyIfAHandlerJudges) {
  AskForCertificates(ClientCertificateMode::kRequest);
  GetSession();
  server_options.hooks = {{HookType::kVerifyPeer}};

  EnginePair pair = Converse();
  ASSERT_THAT(pair.server().Asked<VerifyPeerQuestion>(), SizeIs(1));
  EXPECT_EQ(pair.server().TakeCleartext(), "");
  EXPECT_FALSE(pair.server().handshake.has_value());
  ASSERT_THAT(pair.server().engine->Answer(VerifyPeerAnswer{/*accept=*/true}),
              IsOk());
  pair.Pump();
  ExpectRejected(std::move(pair));
}

TEST_F(EarlyClientTest, GetsNoTicketForEarlyDataIfAHandlerJudges) {
  AskForCertificates(ClientCertificateMode::kRequest);
  server.hooks = {{HookType::kVerifyPeer}};
  EnginePair first = NewPair();
  first.server().answer = [](const Question&) {
    return VerifyPeerAnswer{/*accept=*/true};
  };
  first.Pump();
  client_options.session = first.client().engine->session().value().data;
  client_options.early_data = "early";
  EnginePair second = NewPair();
  second.server().answer = first.server().answer;
  second.Pump();
  ExpectNone(std::move(second));
}

TEST_F(EarlyClientTest, IsTakenIfAHandlerHasNothingToJudge) {
  server_options.hooks = {{HookType::kVerifyPeer}};
  GetSession();
  EnginePair pair = Converse();
  EXPECT_THAT(pair.server().Asked<VerifyPeerQuestion>(), IsEmpty());
  ExpectAccepted(std::move(pair));
}

// Clients judge the server that their session is of.

class EarlyServerTest : public EarlyDataFixture {
 protected:
  // A first flight with early data has a second record.
  static bool SendsEarly(EnginePair& pair) {
    const base::ByteQueue& queue = pair.client().engine->ciphertext();
    return queue.size() > 1000;
  }

  void SetUp() override { client_options.early_data.clear(); }

  // Long enough to be seen.
  void GetSession() {
    EarlyDataFixture::GetSession();
    client_options.early_data = std::string(2000, 'e');
  }
};

TEST_F(EarlyServerTest, IsSentToIfItIsAccepted) {
  GetSession();
  EnginePair pair = NewPair();
  EXPECT_TRUE(SendsEarly(pair));
  pair.Pump();
  ExpectAccepted(std::move(pair), client_options.early_data);
}

TEST_F(EarlyServerTest, IsSentNothingIfItIsNotTrustedAnyMore) {
  GetSession();
  client.trust_anchors.pems = {OtherRootIdentity().CertificatePem()};
  EnginePair pair = NewPair();
  EXPECT_FALSE(SendsEarly(pair));
  pair.Pump();
  EXPECT_THAT(pair.client().status,
              FailsWith(Reason::kPeerCertificateUntrusted));
  EXPECT_EQ(pair.server().TakeCleartext(), "");
}

// The session is one that was made without any judgement.
TEST_F(EarlyServerTest, IsSentNothingIfItWasOnlyReported) {
  client.trust_anchors.pems = {OtherRootIdentity().CertificatePem()};
  client_options.verification = PeerVerification::kReport;
  GetSession();
  EnginePair reported = NewPair();
  EXPECT_TRUE(SendsEarly(reported));
  reported.Pump();
  EXPECT_FALSE(reported.client().handshake.value().authorized);
  ExpectAccepted(std::move(reported), client_options.early_data);

  client_options.verification = PeerVerification::kRequire;
  EnginePair required = NewPair();
  EXPECT_FALSE(SendsEarly(required));
}

TEST_F(EarlyServerTest, IsSentNothingIfItIsNotTheOneThatIsWanted) {
  GetSession();
  client_options.server_name = "elsewhere.test";
  EnginePair pair = NewPair();
  EXPECT_FALSE(SendsEarly(pair));
  pair.Pump();
  EXPECT_THAT(pair.client().status,
              FailsWith(Reason::kPeerCertificateNameMismatch));
  EXPECT_EQ(pair.server().TakeCleartext(), "");

  client_options.expected_name = "localhost";
  EnginePair expected = NewPair();
  EXPECT_TRUE(SendsEarly(expected));
}

TEST_F(EarlyServerTest, IsSentNothingEarlyIfAHandlerJudges) {
  GetSession();
  client_options.hooks = {{HookType::kVerifyPeer}};
  for (const bool accept : {true, false}) {
    EnginePair pair = NewPair();
    EXPECT_FALSE(SendsEarly(pair));
    pair.client().answer = [&](const Question&) {
      return VerifyPeerAnswer{accept};
    };
    pair.Pump();
    EXPECT_THAT(pair.client().Asked<VerifyPeerQuestion>(), SizeIs(1));
    if (accept) {
      ExpectNone(std::move(pair), client_options.early_data);
      continue;
    }
    EXPECT_THAT(pair.client().status, FailsWith(Reason::kDecisionRefused));
    EXPECT_EQ(pair.server().TakeCleartext(), "");
  }
}

}  // namespace
}  // namespace tlsd::tls
