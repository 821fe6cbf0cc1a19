// SIGN: credentials whose key is elsewhere.
#include <openssl/ssl.h>

#include <map>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "server/tls/certificate.h"
#include "server/tls/public_key_facts.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/testing/test_signer.h"
#include "tests/unit/tls/judged_peer.h"
#include "tests/unit/tls/roles_and_versions.h"

namespace tlsd::tls {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
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
using ::tlsd::testing::SignAsAsked;
using ::tlsd::testing::TestIdentity;

constexpr size_t kNoLimit = 1 << 30;

const TestIdentity& Identity(KeyKind kind) {
  static auto& identities = *new std::map<KeyKind, TestIdentity>;
  const auto found = identities.find(kind);
  if (found != identities.end()) return found->second;
  IdentitySpec spec;
  spec.key = kind;
  spec.key_index = 40;
  if (kind == KeyKind::kRsa2048) {
    spec.key_usage = "critical,digitalSignature,keyEncipherment";
  }
  return identities.emplace(kind, IntermediateIdentity().Issue(spec))
      .first->second;
}

RemoteCredentials Remote(KeyKind kind) {
  RemoteCredentials credentials;
  credentials.certificate_chain = Identity(kind).ChainPem();
  return credentials;
}

// The role is that of the end whose key is elsewhere.
class SignQuestionTest : public EachRoleAndVersion {
 protected:
  SignQuestionTest() {
    server.client_certificate_mode = ClientCertificateMode::kRequest;
    server.trust_anchors.pems.push_back(
        IntermediateIdentity().CertificatePem());
    signer().credentials = {Remote(KeyKind::kP256)};
  }

  SecureContextOptions& signer() {
    return role() == Role::kServer ? server : client;
  }
  EngineOptions& signer_options() {
    return role() == Role::kServer ? server_options : client_options;
  }

  EnginePair NewPair() {
    return EnginePair(MakeContext(client), MakeContext(server), client_options,
                      server_options);
  }

  EnginePair Converse(KeyKind kind) {
    signer().credentials = {Remote(kind)};
    EnginePair pair = NewPair();
    Signer(pair).answer = [kind](const Question& question) {
      return SignAnswer{
          SignAsAsked(Identity(kind).key(), std::get<SignQuestion>(question))};
    };
    pair.Pump();
    return pair;
  }
  EnginePair ConverseWith(const Answer& answer) {
    EnginePair pair = NewPair();
    Signer(pair).answer = [answer](const Question&) { return answer; };
    pair.Pump();
    return pair;
  }

  static EnginePair::End& Signer(EnginePair& pair) { return pair.end(role()); }
  static EnginePair::End& Verifier(EnginePair& pair) {
    return pair.end(OtherRole(role()));
  }

  SecureContextOptions client = ClientOptions(version());
  SecureContextOptions server = ServerOptions(version());
  EngineOptions client_options = LocalhostOptions();
  EngineOptions server_options;
};
INSTANTIATE_ROLES_AND_VERSIONS(SignQuestionTest);

TEST_P(SignQuestionTest, SignsWithEveryKindOfKey) {
  for (const KeyKind kind :
       {KeyKind::kRsa2048, KeyKind::kP256, KeyKind::kP384, KeyKind::kEd25519}) {
    SCOPED_TRACE(static_cast<int>(kind));
    EnginePair pair = Converse(kind);
    EXPECT_THAT(Signer(pair).status, IsOk());
    EXPECT_THAT(Verifier(pair).status, IsOk());
    ASSERT_TRUE(Signer(pair).handshake.has_value());
    ASSERT_TRUE(Verifier(pair).handshake.has_value());
    EXPECT_TRUE(Verifier(pair).handshake->authorized);
    const auto asked = Signer(pair).Asked<SignQuestion>();
    ASSERT_THAT(asked, SizeIs(1));
    EXPECT_EQ(asked[0].public_key, PublicKeyDer(Identity(kind).certificate()));
    EXPECT_EQ(
        Signer(pair).handshake->own_certificate_sha256,
        DescribeCertificate(Identity(kind).certificate()).sha256_fingerprint);
    EXPECT_THAT(CheckAnswer(asked[0], SignAnswer{SignAsAsked(
                                          Identity(kind).key(), asked[0])}),
                IsOk());
  }
}

TEST_P(SignQuestionTest, NamesTheAlgorithm) {
  const std::pair<KeyKind, uint16_t> rows[] = {
      {KeyKind::kRsa2048, SSL_SIGN_RSA_PSS_RSAE_SHA512},
      {KeyKind::kP384, SSL_SIGN_ECDSA_SECP384R1_SHA384},
      {KeyKind::kEd25519, SSL_SIGN_ED25519},
  };
  signer().signing_algorithms = {"rsa_pss_rsae_sha512",
                                 "ecdsa_secp384r1_sha384", "ed25519"};
  for (const auto& [kind, algorithm] : rows) {
    EnginePair pair = Converse(kind);
    ASSERT_THAT(Signer(pair).Asked<SignQuestion>(), SizeIs(1));
    EXPECT_EQ(Signer(pair).Asked<SignQuestion>()[0].algorithm, algorithm);
    EXPECT_TRUE(Verifier(pair).handshake.has_value());
  }
}

TEST_P(SignQuestionTest, TakesNothingWhileItWaits) {
  EnginePair pair = NewPair();
  pair.Pump();
  TlsEngine& engine = *Signer(pair).engine;
  const auto asked = Signer(pair).Asked<SignQuestion>();
  ASSERT_THAT(asked, SizeIs(1));
  for (int i = 0; i < 3; ++i) {
    EventList events;
    EXPECT_EQ(*engine.Receive(base::AsBytes("whatever"), kNoLimit,
                              *Signer(pair).cleartext, events),
              0u);
    EXPECT_THAT(events, IsEmpty());
  }
  EXPECT_FALSE(engine.has_more());

  EXPECT_THAT(engine.Answer(SignAnswer{
                  SignAsAsked(Identity(KeyKind::kP256).key(), asked[0])}),
              IsOk());
  EXPECT_TRUE(engine.has_more());
  pair.Pump();
  EXPECT_TRUE(Signer(pair).handshake.has_value());
  EXPECT_TRUE(Verifier(pair).handshake.has_value());
  EXPECT_THAT(Signer(pair).Asked<SignQuestion>(), SizeIs(1));
}

// The remote key is a hook by itself; one that is given goes before.
TEST_P(SignQuestionTest, TellsItsHook) {
  EnginePair by_default = NewPair();
  by_default.Pump();
  ASSERT_THAT(Signer(by_default).Reported<QuestionAsked>(), SizeIs(1));
  const Hook hook = Signer(by_default).Reported<QuestionAsked>()[0].hook;
  EXPECT_EQ(hook.type, HookType::kSign);
  EXPECT_EQ(hook.timeout, absl::Seconds(5));
  EXPECT_TRUE(hook.fails_without_answer);
  EXPECT_FALSE(hook.skip_without_handler);

  signer().hooks = {{HookType::kSign, absl::Seconds(8)}};
  EnginePair of_context = NewPair();
  of_context.Pump();
  EXPECT_EQ(Signer(of_context).Reported<QuestionAsked>()[0].hook.timeout,
            absl::Seconds(8));

  signer_options().hooks = {{HookType::kSign, absl::Seconds(7)}};
  EnginePair of_engine = NewPair();
  of_engine.Pump();
  EXPECT_EQ(Signer(of_engine).Reported<QuestionAsked>()[0].hook.timeout,
            absl::Seconds(7));
}

TEST_P(SignQuestionTest, IsNotAskedForAKeyThatIsHere) {
  signer().credentials = {Identity(KeyKind::kP256).Credentials()};
  signer().hooks = {{HookType::kSign}};
  EnginePair pair = NewPair();
  pair.Pump();
  EXPECT_THAT(Signer(pair).Reported<QuestionAsked>(), IsEmpty());
  EXPECT_TRUE(Verifier(pair).handshake.has_value());
}

TEST_P(SignQuestionTest, IsAskedForTheCredentialsThatAreShown) {
  signer().credentials = {Identity(KeyKind::kP384).Credentials(),
                          Remote(KeyKind::kRsa2048)};
  SecureContextOptions& verifier = role() == Role::kServer ? client : server;
  verifier.signature_algorithms = {"rsa_pss_rsae_sha256",
                                   "ecdsa_secp256r1_sha256"};
  if (!is_tls13()) {
    // Under TLS 1.2 an algorithm names no curve.
    verifier.signature_algorithms = {"rsa_pss_rsae_sha256"};
  }
  EnginePair pair = NewPair();
  pair.Pump();
  ASSERT_THAT(Signer(pair).Asked<SignQuestion>(), SizeIs(1));
  EXPECT_EQ(Signer(pair).Asked<SignQuestion>()[0].public_key,
            PublicKeyDer(Identity(KeyKind::kRsa2048).certificate()));
}

TEST_P(SignQuestionTest, IsNotAskedOnResumption) {
  server.ticket_keys = {std::string(48, 'k')};
  EnginePair first = Converse(KeyKind::kP256);
  client_options.session = first.client().engine->session().value().data;

  EnginePair second = NewPair();
  second.Pump();

  EXPECT_THAT(Signer(second).Asked<SignQuestion>(), IsEmpty());
  EXPECT_TRUE(second.server().handshake.value().resumed);
}

// Answers that do not help.

TEST_P(SignQuestionTest, AWrongSignatureFailsTheHandshake) {
  for (const std::string& signature :
       {std::string(70, 'x'), std::string(), std::string(10'000, 'x')}) {
    EnginePair pair = ConverseWith(SignAnswer{signature});
    EXPECT_FALSE(Verifier(pair).handshake.has_value());
    EXPECT_FALSE(Verifier(pair).status.ok());
    EXPECT_THAT(Signer(pair).Asked<SignQuestion>(), SizeIs(1));
  }
}

// Those are answers that the decision hub lets pass, but nobody can give.
TEST_P(SignQuestionTest, NoSignatureFailsTheHandshake) {
  EnginePair pair = ConverseWith(NoOpinion());
  EXPECT_FALSE(Signer(pair).status.ok());
  EXPECT_FALSE(Signer(pair).handshake.has_value());
  EXPECT_THAT(Verifier(pair).status, FailsWith(Reason::kPeerAlert));
  EXPECT_EQ(MetadataOf(Verifier(pair).status, "alert"), "internal_error");
}

TEST_P(SignQuestionTest, CanBeRefused) {
  EnginePair pair = ConverseWith(Refusal{SSL_AD_ACCESS_DENIED});
  EXPECT_THAT(Signer(pair).status, FailsWith(Reason::kDecisionRefused));
  EXPECT_THAT(Verifier(pair).status, FailsWith(Reason::kPeerAlert));
  EXPECT_EQ(MetadataOf(Verifier(pair).status, "alert"), "access_denied");
}

TEST_P(SignQuestionTest, CanBeAbortedWhileItWaits) {
  EnginePair pair = NewPair();
  pair.Pump();
  const absl::Status reason = MakeError(Reason::kCallCancelled, "gone");
  Signer(pair).engine->Abort(reason);
  EXPECT_EQ(Signer(pair).engine->Answer(SignAnswer()), reason);
  pair.Pump();
  EXPECT_EQ(MetadataOf(Verifier(pair).status, "alert"), "user_canceled");
}

// What such a context offers.

TEST_P(SignQuestionTest, OffersNoSuiteThatDecrypts) {
  if (is_tls13()) return;
  for (const bool is_remote : {true, false}) {
    signer().credentials.clear();
    if (is_remote) {
      signer().credentials.emplace_back(Remote(KeyKind::kRsa2048));
    } else {
      signer().credentials.emplace_back(
          Identity(KeyKind::kRsa2048).Credentials());
    }
    const auto context = MakeContext(signer());
    const auto& ciphers = context->facts().effective_ciphers;
    EXPECT_THAT(ciphers, Contains("ECDHE-RSA-AES128-GCM-SHA256"));
    if (is_remote) {
      EXPECT_THAT(ciphers, Not(Contains("AES128-GCM-SHA256")));
    } else {
      EXPECT_THAT(ciphers, Contains("AES128-GCM-SHA256"));
    }
  }
}

TEST_P(SignQuestionTest, AgreesToNoVersionBelowTls12) {
  signer().min_version = TlsVersion::kTls11;
  EXPECT_THAT(SecureContext::Create(signer(), ::tlsd::testing::TestAuthority(),
                                    absl::Now()),
              FailsWith(Reason::kFieldsConflict, "min_version"));
  signer().credentials = {Identity(KeyKind::kP256).Credentials()};
  EXPECT_THAT(SecureContext::Create(signer(), ::tlsd::testing::TestAuthority(),
                                    absl::Now()),
              IsOk());
}

}  // namespace
}  // namespace tlsd::tls
