// All questions of one handshake, each in its turn.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/certificate.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/testing/test_signer.h"
#include "tests/unit/tls/tls_versions.h"

namespace tlsd::tls {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::tlsd::testing::ClientIdentity;
using ::tlsd::testing::ClientOptions;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IntermediateIdentity;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::LocalhostOptions;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::ServerIdentity;
using ::tlsd::testing::ServerOptions;
using ::tlsd::testing::SignAsAsked;

constexpr HookType kAll[] = {HookType::kClientHello,   HookType::kOcspStaple,
                             HookType::kSessionLookup, HookType::kSessionStore,
                             HookType::kVerifyPeer,    HookType::kSign};

class QuestionOrderTest : public EachTlsVersion {
 protected:
  QuestionOrderTest() {
    RemoteCredentials remote;
    remote.certificate_chain = ServerIdentity().ChainPem();
    server_.credentials = {remote};
    server_.client_certificate_mode = ClientCertificateMode::kRequire;
    server_.trust_anchors.pems.push_back(
        IntermediateIdentity().CertificatePem());
    for (const HookType type : kAll) server_.hooks.push_back({type});
    client_.credentials = {ClientIdentity().Credentials()};
    client_options_.request_ocsp = true;
  }

  EnginePair NewPair() {
    if (server_context_ == nullptr) server_context_ = MakeContext(server_);
    return EnginePair(MakeContext(client_), server_context_, client_options_);
  }

  Answer AnswerTo(const Question& question) {
    switch (TypeOf(question)) {
      case HookType::kClientHello:
        return ClientHelloAnswer();
      case HookType::kOcspStaple:
        return OcspStapleAnswer();
      case HookType::kSessionLookup:
        return SessionLookupAnswer{
            store_[std::get<SessionLookupQuestion>(question).session_id]};
      case HookType::kSessionStore:
        for (const StoredSession& stored :
             std::get<SessionStoreQuestion>(question).sessions) {
          store_[stored.session_id] = stored.session;
        }
        return SessionStoreAnswer();
      case HookType::kVerifyPeer:
        return VerifyPeerAnswer{/*accept=*/true};
      case HookType::kSign:
        break;
    }
    return SignAnswer{
        SignAsAsked(ServerIdentity().key(), std::get<SignQuestion>(question))};
  }

  // Converse answers each question only when nothing else moves.
  EnginePair Converse() {
    EnginePair pair = NewPair();
    pair.Pump();
    for (size_t answered = 0; answered < Asked(pair).size(); ++answered) {
      EXPECT_FALSE(pair.server().handshake.has_value());
      const auto asked = pair.server().Reported<QuestionAsked>()[answered];
      EXPECT_THAT(pair.server().engine->Answer(AnswerTo(*asked.question)),
                  IsOk());
      pair.Pump();
    }
    EXPECT_FALSE(pair.server().engine->has_more());
    return pair;
  }

  // RefuseAt answers all questions before number `index`, and refuses that.
  EnginePair RefuseAt(size_t index) {
    EnginePair pair = NewPair();
    pair.server().answer = [this, &pair, index](const Question& question) {
      const bool refuses = Asked(pair).size() == index + 1;
      return refuses ? Answer(Refusal()) : AnswerTo(question);
    };
    pair.Pump();
    pair.server().answer = nullptr;
    return pair;
  }

  static std::vector<HookType> Asked(const EnginePair& pair) {
    std::vector<HookType> types;
    for (const auto& asked :
         const_cast<EnginePair&>(pair).server().Reported<QuestionAsked>()) {
      EXPECT_EQ(asked.hook.type, TypeOf(*asked.question));
      types.push_back(asked.hook.type);
    }
    return types;
  }

  SecureContextOptions server_ = ServerOptions(version());
  SecureContextOptions client_ = ClientOptions(version());
  EngineOptions client_options_ = LocalhostOptions();
  std::shared_ptr<const SecureContext> server_context_;
  std::map<std::string, std::string> store_;
};
INSTANTIATE_TLS_VERSIONS(QuestionOrderTest);

TEST_P(QuestionOrderTest, AsksEachOnceInAFullHandshake) {
  EnginePair pair = Converse();
  EXPECT_THAT(Asked(pair),
              ElementsAre(HookType::kClientHello, HookType::kOcspStaple,
                          HookType::kSign, HookType::kVerifyPeer,
                          HookType::kSessionStore));
  EXPECT_THAT(pair.server().status, IsOk());
  EXPECT_TRUE(pair.server().handshake.value().authorized);
  EXPECT_TRUE(pair.client().handshake.has_value());
}

TEST_P(QuestionOrderTest, AsksEachOnceOnResumption) {
  EnginePair first = Converse();
  client_options_.session = first.client().engine->session().value().data;

  EnginePair pair = Converse();

  std::vector<HookType> expected = {
      HookType::kClientHello, HookType::kOcspStaple, HookType::kSessionLookup,
      HookType::kVerifyPeer};
  // There are new sessions.
  if (is_tls13()) expected.push_back(HookType::kSessionStore);
  EXPECT_EQ(Asked(pair), expected);
  EXPECT_THAT(pair.server().status, IsOk());
  EXPECT_TRUE(pair.server().handshake.value().resumed);
  EXPECT_TRUE(pair.server().handshake->authorized);
  EXPECT_EQ(pair.server().event_count, 1);
}

TEST_P(QuestionOrderTest, GoesOnAtOnceIfAnswersComeAtOnce) {
  for (const char* round : {"full", "resumed"}) {
    SCOPED_TRACE(round);
    EnginePair pair = NewPair();
    pair.server().answer = [this](const Question& question) {
      return AnswerTo(question);
    };
    pair.Pump();
    ASSERT_THAT(pair.server().status, IsOk());
    EXPECT_EQ(pair.server().handshake.value().resumed,
              !client_options_.session.empty());
    client_options_.session = pair.client().engine->session().value().data;
  }
}

TEST_P(QuestionOrderTest, AsksNothingBehindARefusal) {
  for (size_t index = 0; index < 5; ++index) {
    EnginePair pair = RefuseAt(index);
    EXPECT_EQ(Asked(pair).size(), index + 1);
    EXPECT_THAT(pair.server().status, FailsWith(Reason::kDecisionRefused));
    EXPECT_THAT(pair.client().status, FailsWith(Reason::kPeerAlert));
    EXPECT_EQ(pair.server().event_count, 0);
  }
  EXPECT_THAT(RefuseAt(5).server().status, IsOk());
}

// BoringSSL asks for credentials again behind each answer, and has forgotten
// what the client offers.
TEST_P(QuestionOrderTest, KeepsTheCredentialsThatItHasChosen) {
  RemoteCredentials remote;
  remote.certificate_chain = ::tlsd::testing::RsaServerIdentity().ChainPem();
  server_.credentials.insert(server_.credentials.begin(), remote);
  if (is_tls13()) {
    client_.signature_algorithms = {"ecdsa_secp256r1_sha256"};
  } else {
    client_.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256";
  }
  EnginePair pair = Converse();
  EXPECT_THAT(pair.server().status, IsOk());
  ASSERT_EQ(pair.server().Asked<OcspStapleQuestion>().size(), 1u);
  EXPECT_EQ(pair.server().Asked<OcspStapleQuestion>()[0].certificate,
            EncodeDer(ServerIdentity().certificate()));
  EXPECT_EQ(
      pair.server().handshake.value().own_certificate_sha256,
      DescribeCertificate(ServerIdentity().certificate()).sha256_fingerprint);
}

// Who says nothing to anything gets the connection as if there were no hooks;
// only a signature is needed.
TEST_P(QuestionOrderTest, NeedsNoOpinion) {
  EnginePair pair = NewPair();
  pair.server().answer = [this](const Question& question) -> Answer {
    if (TypeOf(question) == HookType::kSign) return AnswerTo(question);
    return NoOpinion();
  };
  pair.Pump();
  EXPECT_THAT(pair.server().status, IsOk());
  EXPECT_TRUE(pair.server().handshake.value().authorized);
  EXPECT_THAT(pair.client().Reported<QuestionAsked>(), IsEmpty());
}

}  // namespace
}  // namespace tlsd::tls
