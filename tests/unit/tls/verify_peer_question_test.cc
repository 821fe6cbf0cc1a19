// VERIFY_PEER: others accept or reject the peer, whichever role it has.
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "server/tls/certificate.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/testing/test_ocsp_response.h"
#include "tests/unit/tls/judged_peer.h"
#include "tests/unit/tls/roles_and_versions.h"

namespace tlsd::tls {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::tlsd::testing::ClientOptions;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IntermediateIdentity;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::LocalhostOptions;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::MetadataOf;
using ::tlsd::testing::OtherRootIdentity;
using ::tlsd::testing::RootIdentity;
using ::tlsd::testing::ServerIdentity;
using ::tlsd::testing::ServerOptions;

constexpr size_t kNoLimit = 1 << 30;

// The role is that of the judge.
class VerifyPeerQuestionTest : public EachRoleAndVersion {
 protected:
  VerifyPeerQuestionTest() {
    judge = is_client() ? ClientOptions(version()) : ServerOptions(version());
    peer = is_client() ? ServerOptions(version()) : ClientOptions(version());
    peer.credentials = {ServerIdentity().Credentials()};
    judge_options.hooks = {{HookType::kVerifyPeer}};
    Require();
  }

  // Whether the judge refuses peers, or only says what it thinks of them.
  void Require() {
    if (is_client()) {
      judge_options.verification = PeerVerification::kRequire;
    } else {
      judge.client_certificate_mode = ClientCertificateMode::kRequire;
    }
  }
  void Report() {
    if (is_client()) {
      judge_options.verification = PeerVerification::kReport;
    } else {
      judge.client_certificate_mode = ClientCertificateMode::kRequest;
    }
  }
  void Distrust() {
    judge.trust_anchors.pems = {OtherRootIdentity().CertificatePem()};
  }

  EnginePair NewPair() {
    if (judge_context == nullptr) judge_context = MakeContext(judge);
    if (peer_context == nullptr) peer_context = MakeContext(peer);
    EngineOptions client = is_client() ? judge_options : EngineOptions();
    const EngineOptions server = is_client() ? EngineOptions() : judge_options;
    client.server_name = "localhost";
    client.session = session;
    client.request_ocsp = true;
    return EnginePair(is_client() ? judge_context : peer_context,
                      is_client() ? peer_context : judge_context, client,
                      server);
  }

  EnginePair Converse(const Answer& answer) {
    EnginePair pair = NewPair();
    Judge(pair).answer = [answer](const Question&) { return answer; };
    pair.Pump();
    return pair;
  }

  static EnginePair::End& Judge(EnginePair& pair) { return pair.end(role()); }
  static EnginePair::End& Peer(EnginePair& pair) {
    return pair.end(OtherRole(role()));
  }
  static size_t AskedCount(EnginePair& pair) {
    return Judge(pair).Asked<VerifyPeerQuestion>().size();
  }

  static Answer Accept() { return VerifyPeerAnswer{/*accept=*/true}; }
  static Answer Reject(uint8_t alert = SSL_AD_CERTIFICATE_UNKNOWN) {
    return VerifyPeerAnswer{/*accept=*/false, alert};
  }

  // KeepSession makes the next connection resume that of `pair`.
  void KeepSession(EnginePair& pair) {
    const auto made = pair.client().engine->session();
    ASSERT_TRUE(made.has_value());
    session = made->data;
  }

  SecureContextOptions judge;
  SecureContextOptions peer;
  EngineOptions judge_options;
  std::shared_ptr<const SecureContext> judge_context;
  std::shared_ptr<const SecureContext> peer_context;
  std::string session;
};
INSTANTIATE_ROLES_AND_VERSIONS(VerifyPeerQuestionTest);

TEST_P(VerifyPeerQuestionTest, TellsAPeerThatIsTrusted) {
  EnginePair pair = NewPair();
  pair.Pump();
  const auto asked = Judge(pair).Asked<VerifyPeerQuestion>();
  ASSERT_THAT(asked, SizeIs(1));
  ASSERT_THAT(asked[0].certificates, SizeIs(2));
  EXPECT_EQ(asked[0].certificates[0],
            EncodeDer(ServerIdentity().certificate()));
  EXPECT_EQ(asked[0].certificates[1],
            EncodeDer(IntermediateIdentity().certificate()));
  ASSERT_THAT(asked[0].chain, SizeIs(3));
  EXPECT_EQ(asked[0].chain[2], EncodeDer(RootIdentity().certificate()));
  EXPECT_TRUE(asked[0].authorized);
  EXPECT_EQ(asked[0].authorization_error, "");
  EXPECT_EQ(asked[0].authorization_error_text, "");
  EXPECT_EQ(asked[0].expected_name, is_client() ? "localhost" : "");
  EXPECT_FALSE(asked[0].resumed);
  EXPECT_FALSE(asked[0].ocsp_response.has_value());
}

TEST_P(VerifyPeerQuestionTest, TellsWhyAPeerIsNotTrusted) {
  Distrust();
  EnginePair pair = NewPair();
  pair.Pump();
  const auto asked = Judge(pair).Asked<VerifyPeerQuestion>();
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_FALSE(asked[0].authorized);
  EXPECT_EQ(asked[0].authorization_error, "UNABLE_TO_GET_ISSUER_CERT_LOCALLY");
  EXPECT_NE(asked[0].authorization_error_text, "");
  EXPECT_THAT(asked[0].chain, SizeIs(2));
}

TEST_P(VerifyPeerQuestionTest, TellsWhatTheServerHasStapled) {
  if (!is_client()) return;
  PemCredentials stapled = ServerIdentity().Credentials();
  stapled.ocsp_response = ::tlsd::testing::OcspResponseDer(
      IntermediateIdentity(), {&ServerIdentity()});
  peer.credentials = {stapled};
  EnginePair pair = NewPair();
  pair.Pump();
  const auto asked = Judge(pair).Asked<VerifyPeerQuestion>();
  ASSERT_THAT(asked, SizeIs(1));
  ASSERT_TRUE(asked[0].ocsp_response.has_value());
  EXPECT_EQ(asked[0].ocsp_response->der, stapled.ocsp_response);
  // It is told before anybody is asked.
  EXPECT_TRUE(
      std::holds_alternative<OcspResponseReceived>(Judge(pair).events[0]));
}

// While it waits.

TEST_P(VerifyPeerQuestionTest, TakesNothingWhileItWaits) {
  EnginePair pair = NewPair();
  pair.Pump();
  TlsEngine& engine = *Judge(pair).engine;
  // Under TLS 1.3 a client does not wait for the judgement.
  if (Peer(pair).handshake.has_value()) {
    EXPECT_THAT(Peer(pair).engine->Send(base::AsBytes("early")), IsOk());
  }
  pair.Pump();
  for (int i = 0; i < 3; ++i) {
    EventList events;
    EXPECT_EQ(*engine.Receive(base::AsBytes("whatever"), kNoLimit,
                              *Judge(pair).cleartext, events),
              0u);
    EXPECT_THAT(events, IsEmpty());
  }
  EXPECT_FALSE(engine.has_more());
  EXPECT_EQ(Judge(pair).TakeCleartext(), "");
  EXPECT_FALSE(Judge(pair).handshake.has_value());
  EXPECT_THAT(engine.Send(base::AsBytes("x")),
              FailsWith(Reason::kHandshakeNotComplete));

  EXPECT_THAT(engine.Answer(Accept()), IsOk());
  EXPECT_TRUE(engine.has_more());
  pair.Pump();
  EXPECT_TRUE(Judge(pair).handshake.has_value());
  EXPECT_TRUE(Peer(pair).handshake.has_value());
  EXPECT_EQ(AskedCount(pair), 1u);
  EXPECT_EQ(Judge(pair).TakeCleartext(),
            !is_client() && version() == TlsVersion::kTls13 ? "early" : "");
}

// Answers.

TEST_P(VerifyPeerQuestionTest, AcceptsAPeerThatIsNotTrusted) {
  Distrust();
  EnginePair pair = Converse(Accept());
  EXPECT_THAT(Judge(pair).status, IsOk());
  const HandshakeFacts& facts = Judge(pair).handshake.value();
  EXPECT_TRUE(facts.authorized);
  EXPECT_EQ(facts.authorization_error, "");
  EXPECT_EQ(facts.authorization_error_code, 0);
  EXPECT_EQ(facts.authorization_error_text, "");
  ASSERT_NE(facts.peer_certificate, nullptr);

  EnginePair alone = Converse(NoOpinion());
  EXPECT_THAT(Judge(alone).status,
              FailsWith(Reason::kPeerCertificateUntrusted));
  EXPECT_THAT(Peer(alone).status, FailsWith(Reason::kPeerAlert));
  EXPECT_EQ(MetadataOf(Peer(alone).status, "alert"), "unknown_ca");
}

TEST_P(VerifyPeerQuestionTest, RejectsAPeerThatIsTrusted) {
  EnginePair pair = Converse(Reject(SSL_AD_CERTIFICATE_REVOKED));
  EXPECT_THAT(Judge(pair).status, FailsWith(Reason::kDecisionRefused));
  EXPECT_EQ(MetadataOf(Judge(pair).status, "decision_type"), "VERIFY_PEER");
  EXPECT_EQ(MetadataOf(Judge(pair).status, "verify_error"),
            "REJECTED_BY_HANDLER");
  EXPECT_FALSE(Judge(pair).handshake.has_value());
  EXPECT_THAT(Peer(pair).status, FailsWith(Reason::kPeerAlert));
  EXPECT_EQ(MetadataOf(Peer(pair).status, "alert"), "certificate_revoked");

  EnginePair by_default = Converse(Reject());
  EXPECT_EQ(MetadataOf(Peer(by_default).status, "alert"),
            "certificate_unknown");

  EnginePair alone = Converse(NoOpinion());
  EXPECT_THAT(Judge(alone).status, IsOk());
  EXPECT_TRUE(Judge(alone).handshake.value().authorized);
}

TEST_P(VerifyPeerQuestionTest, OnlyReportsWhereNobodyIsRefused) {
  Report();
  EnginePair rejected = Converse(Reject());
  EXPECT_THAT(Judge(rejected).status, IsOk());
  EXPECT_FALSE(Judge(rejected).handshake.value().authorized);
  EXPECT_EQ(Judge(rejected).handshake->authorization_error,
            "REJECTED_BY_HANDLER");
  EXPECT_NE(Judge(rejected).handshake->authorization_error_text, "");

  EnginePair alone = Converse(NoOpinion());
  EXPECT_TRUE(Judge(alone).handshake.value().authorized);

  Distrust();
  judge_context = nullptr;
  EnginePair accepted = Converse(Accept());
  EXPECT_TRUE(Judge(accepted).handshake.value().authorized);

  // Our own verdict says more.
  EnginePair untrusted = Converse(Reject());
  EXPECT_FALSE(Judge(untrusted).handshake.value().authorized);
  EXPECT_EQ(Judge(untrusted).handshake->authorization_error,
            "UNABLE_TO_GET_ISSUER_CERT_LOCALLY");
}

TEST_P(VerifyPeerQuestionTest, IsNotAskedAboutNobody) {
  if (is_client()) return;
  Report();
  peer.credentials.clear();
  EnginePair pair = Converse(Accept());
  EXPECT_EQ(AskedCount(pair), 0u);
  EXPECT_FALSE(Judge(pair).handshake.value().authorized);
  EXPECT_EQ(Judge(pair).handshake->authorization_error, "NO_PEER_CERTIFICATE");

  KeepSession(pair);
  EnginePair second = Converse(Accept());
  EXPECT_TRUE(Judge(second).handshake.value().resumed);
  EXPECT_EQ(AskedCount(second), 0u);
  EXPECT_FALSE(Judge(second).handshake->authorized);
}

TEST_P(VerifyPeerQuestionTest, IsNotAskedWhereNobodyIsJudged) {
  if (is_client()) return;
  judge.client_certificate_mode = ClientCertificateMode::kNone;
  EnginePair pair = Converse(Reject());
  EXPECT_EQ(AskedCount(pair), 0u);
  EXPECT_THAT(Judge(pair).status, IsOk());
}

TEST_P(VerifyPeerQuestionTest, IsAskedForTheHookOfTheContextToo) {
  judge_options.hooks.clear();
  EnginePair without = NewPair();
  without.Pump();
  EXPECT_EQ(AskedCount(without), 0u);
  EXPECT_TRUE(Judge(without).handshake.has_value());

  judge.hooks = {{HookType::kVerifyPeer, absl::Seconds(8)}};
  judge_context = nullptr;
  EnginePair with = NewPair();
  with.Pump();
  ASSERT_THAT(Judge(with).Reported<QuestionAsked>(), SizeIs(1));
  EXPECT_EQ(Judge(with).Reported<QuestionAsked>()[0].hook.timeout,
            absl::Seconds(8));
}

// Resumption.

TEST_P(VerifyPeerQuestionTest, IsAskedAgainOnResumption) {
  Distrust();
  EnginePair first = Converse(Accept());
  KeepSession(first);

  EnginePair second = Converse(Accept());
  EXPECT_THAT(Judge(second).status, IsOk());
  EXPECT_TRUE(Judge(second).handshake.value().resumed);
  EXPECT_TRUE(Judge(second).handshake->authorized);
  const auto asked = Judge(second).Asked<VerifyPeerQuestion>();
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_TRUE(asked[0].resumed);
  EXPECT_FALSE(asked[0].authorized);
  EXPECT_EQ(asked[0].certificates[0],
            EncodeDer(ServerIdentity().certificate()));
  EXPECT_FALSE(asked[0].ocsp_response.has_value());

  // Who was accepted once is not accepted for ever.
  EnginePair third = Converse(NoOpinion());
  EXPECT_THAT(Judge(third).status,
              FailsWith(Reason::kPeerCertificateUntrusted));
  EXPECT_FALSE(Judge(third).handshake.has_value());
}

TEST_P(VerifyPeerQuestionTest, RejectsAResumedPeerWithTheAlert) {
  EnginePair first = Converse(Accept());
  KeepSession(first);
  EnginePair second = Converse(Reject(SSL_AD_CERTIFICATE_REVOKED));
  EXPECT_THAT(Judge(second).status, FailsWith(Reason::kDecisionRefused));
  EXPECT_FALSE(Judge(second).handshake.has_value());
  EXPECT_EQ(MetadataOf(Peer(second).status, "alert"), "certificate_revoked");

  Report();
  judge_context = nullptr;
  session.clear();
  EnginePair reported = Converse(Accept());
  KeepSession(reported);
  EnginePair last = Converse(Reject());
  EXPECT_TRUE(Judge(last).handshake.value().resumed);
  EXPECT_FALSE(Judge(last).handshake->authorized);
}

TEST_P(VerifyPeerQuestionTest, HoldsCleartextOnResumption) {
  EnginePair first = Converse(Accept());
  KeepSession(first);
  EnginePair pair = NewPair();
  pair.Pump();
  ASSERT_EQ(AskedCount(pair), 1u);
  const bool sends = Peer(pair).handshake.has_value();
  if (sends) {
    EXPECT_THAT(Peer(pair).engine->Send(base::AsBytes("early")), IsOk());
  }
  pair.Pump();
  EXPECT_FALSE(Judge(pair).handshake.has_value());
  EXPECT_EQ(Judge(pair).TakeCleartext(), "");
  EXPECT_THAT(Judge(pair).engine->Send(base::AsBytes("x")),
              FailsWith(Reason::kHandshakeNotComplete));

  EXPECT_THAT(Judge(pair).engine->Answer(Accept()), IsOk());
  pair.Pump();
  EXPECT_TRUE(Judge(pair).handshake.value().resumed);
  EXPECT_EQ(Judge(pair).TakeCleartext(), sends ? "early" : "");
  EXPECT_EQ(AskedCount(pair), 1u);
}

// The end.

TEST_P(VerifyPeerQuestionTest, CanBeRefused) {
  EnginePair pair = Converse(Refusal{SSL_AD_ACCESS_DENIED});
  EXPECT_THAT(Judge(pair).status, FailsWith(Reason::kDecisionRefused));
  EXPECT_EQ(MetadataOf(Peer(pair).status, "alert"), "access_denied");
}

TEST_P(VerifyPeerQuestionTest, CanBeAbortedWhileItWaits) {
  EnginePair pair = NewPair();
  pair.Pump();
  const absl::Status reason = MakeError(Reason::kCallCancelled, "gone");
  Judge(pair).engine->Abort(reason);
  EXPECT_EQ(Judge(pair).engine->Answer(Accept()), reason);
  pair.Pump();
  EXPECT_EQ(MetadataOf(Peer(pair).status, "alert"), "user_canceled");
}

}  // namespace
}  // namespace tlsd::tls
