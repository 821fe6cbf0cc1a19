// CLIENT_HELLO: what a client gets is asked before anything is answered to it.
#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "server/tls/certificate.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/unit/tls/first_flight.h"
#include "tests/unit/tls/named_contexts.h"
#include "tests/unit/tls/tls_versions.h"

namespace tlsd::tls {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::tlsd::testing::ClientIdentity;
using ::tlsd::testing::ClientOptions;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IntermediateIdentity;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::LocalhostOptions;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::MetadataOf;
using ::tlsd::testing::OtherRootIdentity;
using ::tlsd::testing::RsaServerIdentity;
using ::tlsd::testing::ServerIdentity;
using ::tlsd::testing::ServerOptions;
using ::tlsd::testing::StrangerIdentity;
using ::tlsd::testing::TestIdentity;

constexpr size_t kNoLimit = 1 << 30;

class ClientHelloQuestionTest : public EachTlsVersion {
 protected:
  ClientHelloQuestionTest() {
    server_options.hooks = {{HookType::kClientHello}};
  }

  EnginePair NewPair(const std::string& session = "") {
    EngineOptions client_options = LocalhostOptions();
    client_options.session = session;
    if (server_context_ == nullptr) server_context_ = MakeContext(server);
    if (client_context_ == nullptr) client_context_ = MakeContext(client);
    return EnginePair(client_context_, server_context_, client_options,
                      server_options);
  }

  // Converse gives `answer` to the question.
  EnginePair Converse(const Answer& answer, const std::string& session = "") {
    EnginePair pair = NewPair(session);
    pair.server().answer = [answer](const Question&) { return answer; };
    pair.Pump();
    EXPECT_THAT(pair.server().Asked<ClientHelloFacts>(), SizeIs(1));
    return pair;
  }

  static std::string ServerFingerprint(EnginePair& pair) {
    const auto& facts = pair.client().handshake;
    return facts.has_value() ? facts->peer_certificate->sha256_fingerprint
                             : "no handshake";
  }
  static std::string Fingerprint(const TestIdentity& identity) {
    return DescribeCertificate(identity.certificate()).sha256_fingerprint;
  }

  static NamedContext RsaContext() {
    SecureContextOptions options = ServerOptions(version());
    options.credentials = {RsaServerIdentity().Credentials()};
    return {"secureContexts/rsa", MakeContext(options)};
  }
  static Answer WithContext(NamedContext context) {
    return ClientHelloAnswer{std::move(context), "", std::nullopt};
  }
  static Answer WithProtocol(const std::string& protocol) {
    return ClientHelloAnswer{{}, protocol, std::nullopt};
  }
  static Answer WithMode(ClientCertificateMode mode) {
    return ClientHelloAnswer{{}, "", mode};
  }

  SecureContextOptions client = ClientOptions(version());
  SecureContextOptions server = ServerOptions(version());
  EngineOptions server_options;

 private:
  std::shared_ptr<const SecureContext> client_context_;
  std::shared_ptr<const SecureContext> server_context_;
};
INSTANTIATE_TLS_VERSIONS(ClientHelloQuestionTest);

TEST_P(ClientHelloQuestionTest, IsAskedBeforeAnythingIsAnswered) {
  client.alpn_protocols = {"h2"};
  EnginePair pair = NewPair();
  pair.Pump();

  ASSERT_THAT(pair.server().events, SizeIs(1));
  const auto asked = pair.server().Asked<ClientHelloFacts>();
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_EQ(asked[0].server_name, "localhost");
  EXPECT_THAT(asked[0].alpn_protocols, ElementsAre("h2"));
  EXPECT_EQ(pair.server().engine->server_name(), "localhost");
  EXPECT_EQ(pair.client().arrived_size, 0u);
  EXPECT_TRUE(pair.client().inbound.empty());
  EXPECT_FALSE(pair.server().engine->has_more());
}

TEST_P(ClientHelloQuestionTest, TellsItsHook) {
  server_options.hooks = {{HookType::kClientHello, absl::Seconds(7),
                           /*fails_without_answer=*/true,
                           /*skip_without_handler=*/true}};
  server.hooks = {{HookType::kClientHello, absl::Seconds(8)}};
  EnginePair pair = NewPair();
  pair.Pump();
  const auto asked = pair.server().Reported<QuestionAsked>();
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_EQ(asked[0].hook.timeout, absl::Seconds(7));
  EXPECT_TRUE(asked[0].hook.fails_without_answer);
  EXPECT_TRUE(asked[0].hook.skip_without_handler);
}

TEST_P(ClientHelloQuestionTest, IsAskedForTheHookOfTheContextToo) {
  server_options.hooks.clear();
  EnginePair without = NewPair();
  without.Pump();
  EXPECT_THAT(without.server().Reported<QuestionAsked>(), IsEmpty());
  EXPECT_TRUE(without.server().handshake.has_value());

  SecureContextOptions asking = ServerOptions(version());
  asking.hooks = {{HookType::kClientHello, absl::Seconds(8)}};
  EnginePair with(MakeContext(client), MakeContext(asking));
  with.Pump();
  const auto asked = with.server().Reported<QuestionAsked>();
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_EQ(asked[0].hook.timeout, absl::Seconds(8));
}

TEST_P(ClientHelloQuestionTest, TakesNothingWhileItWaits) {
  EnginePair pair = NewPair();
  pair.Pump();
  TlsEngine& engine = *pair.server().engine;

  for (int i = 0; i < 3; ++i) {
    EventList events;
    const auto taken = engine.Receive(base::AsBytes("whatever comes"), kNoLimit,
                                      *pair.server().cleartext, events);
    ASSERT_THAT(taken, IsOk());
    EXPECT_EQ(*taken, 0u);
    EXPECT_THAT(events, IsEmpty());
    EXPECT_TRUE(engine.ciphertext().empty());
  }

  EXPECT_THAT(engine.Answer(NoOpinion()), IsOk());
  EXPECT_TRUE(engine.has_more());
  pair.Pump();
  EXPECT_TRUE(pair.server().handshake.has_value());
  EXPECT_TRUE(pair.client().handshake.has_value());
  EXPECT_THAT(pair.server().Asked<ClientHelloFacts>(), SizeIs(1));
  EXPECT_FALSE(engine.has_more());
}

TEST_P(ClientHelloQuestionTest, IsAskedOnceHoweverTheHelloComes) {
  for (const size_t delivery_size : {size_t{1}, size_t{100'000}}) {
    EnginePair pair = NewPair();
    pair.delivery_size = delivery_size;
    pair.server().answer = [](const Question&) { return NoOpinion(); };
    pair.Pump();
    EXPECT_THAT(pair.server().Asked<ClientHelloFacts>(), SizeIs(1));
    EXPECT_TRUE(pair.client().handshake.has_value());
  }
}

// RFC 8446 section 4.1.4: the second hello changes nothing that matters.
TEST_P(ClientHelloQuestionTest, IsAskedOnceOfAClientThatSaysHelloTwice) {
  client.groups = {"P-256", "X25519"};
  server.groups = {"X25519"};
  EnginePair pair = Converse(NoOpinion());
  EXPECT_THAT(pair.client().status, IsOk());
  EXPECT_EQ(pair.server().handshake.value().group, "X25519");
}

TEST_P(ClientHelloQuestionTest, IsNotAskedAboutWhatIsNoHello) {
  EnginePair pair = NewPair();
  pair.client().engine->ciphertext().Clear();
  pair.Deliver(Role::kServer, "GET / HTTP/1.1\r\n\r\n");
  pair.Pump();
  EXPECT_THAT(pair.server().status, FailsWith(Reason::kNotTls));
  EXPECT_THAT(pair.server().events, IsEmpty());
}

TEST_P(ClientHelloQuestionTest, LosesNothingThatCameWithTheHello) {
  EnginePair pair = NewPair();
  pair.Deliver(Role::kServer,
               absl::StrCat(pair.client().engine->ciphertext().TakeText(9999),
                            Record(SSL3_RT_ALERT, "\2\120")));
  pair.Pump();
  EXPECT_THAT(pair.server().status, IsOk());
  EXPECT_TRUE(pair.server().inbound.empty());

  EXPECT_THAT(pair.server().engine->Answer(NoOpinion()), IsOk());
  pair.Pump();
  EXPECT_THAT(pair.server().status, FailsWith(Reason::kPeerAlert));
  EXPECT_FALSE(pair.server().handshake.has_value());
}

// Answers.

TEST_P(ClientHelloQuestionTest, GivesTheContextOfTheAnswer) {
  EnginePair pair = Converse(WithContext(RsaContext()));
  EXPECT_EQ(ServerFingerprint(pair), Fingerprint(RsaServerIdentity()));
  const auto chosen = pair.server().Reported<ContextChosen>();
  ASSERT_THAT(chosen, SizeIs(1));
  EXPECT_EQ(chosen[0].name, "secureContexts/rsa");

  for (const Answer& none : {Answer(NoOpinion()), WithContext({})}) {
    EnginePair own = Converse(none);
    EXPECT_EQ(ServerFingerprint(own), Fingerprint(ServerIdentity()));
    EXPECT_THAT(own.server().Reported<ContextChosen>(), IsEmpty());
  }
}

TEST_P(ClientHelloQuestionTest, GoesBeforeTheContextsByName) {
  auto names = std::make_shared<NamedContexts>();
  names->by_name["localhost"] = RsaContext();
  server_options.contexts = names;

  EnginePair own = Converse(WithContext(
      {"secureContexts/own", MakeContext(ServerOptions(version()))}));
  EXPECT_EQ(ServerFingerprint(own), Fingerprint(ServerIdentity()));
  EXPECT_THAT(own.server().Reported<ContextChosen>(), SizeIs(1));
  EXPECT_THAT(names->asked, IsEmpty());

  for (const Answer& none : {Answer(NoOpinion()), WithProtocol("")}) {
    EnginePair pair = Converse(none);
    EXPECT_EQ(ServerFingerprint(pair), Fingerprint(RsaServerIdentity()));
  }
  EXPECT_THAT(names->asked, ElementsAre("localhost", "localhost"));
}

TEST_P(ClientHelloQuestionTest, SavesAClientThatWouldBeTurnedAway) {
  auto names = std::make_shared<NamedContexts>();
  names->is_strict = true;
  server_options.contexts = names;

  EXPECT_THAT(Converse(NoOpinion()).server().status,
              FailsWith(Reason::kServerNameUnrecognized));
  EXPECT_THAT(Converse(WithContext(RsaContext())).server().status, IsOk());
}

TEST_P(ClientHelloQuestionTest, RefusesAContextWithoutCredentials) {
  EnginePair pair = Converse(WithContext(
      {"secureContexts/bare", MakeContext(ClientOptions(version()))}));
  EXPECT_THAT(pair.server().status, FailsWith(Reason::kCredentialsRequired));
  EXPECT_EQ(MetadataOf(pair.client().status, "alert"), "internal_error");
}

TEST_P(ClientHelloQuestionTest, GivesTheProtocolOfTheAnswer) {
  client.alpn_protocols = {"h2", "http/1.1"};
  server.alpn_protocols = {"h2"};
  EXPECT_EQ(Converse(WithProtocol("http/1.1"))
                .client()
                .handshake.value()
                .alpn_protocol,
            "http/1.1");
  EXPECT_EQ(Converse(NoOpinion()).client().handshake.value().alpn_protocol,
            "h2");
}

TEST_P(ClientHelloQuestionTest, GivesAProtocolWhereTheContextHasNone) {
  client.alpn_protocols = {"h2"};
  EXPECT_EQ(
      Converse(WithProtocol("h2")).client().handshake.value().alpn_protocol,
      "h2");
  EXPECT_EQ(Converse(NoOpinion()).client().handshake.value().alpn_protocol, "");
}

TEST_P(ClientHelloQuestionTest, GivesNoProtocolThatTheClientDoesNotOffer) {
  client.alpn_protocols = {"h2"};
  server.alpn_protocols = {"h2"};
  EnginePair pair = Converse(WithProtocol("h3"));
  EXPECT_THAT(pair.server().status, FailsWith(Reason::kNoApplicationProtocol));
  EXPECT_EQ(MetadataOf(pair.client().status, "alert"),
            "no_application_protocol");
}

TEST_P(ClientHelloQuestionTest, DecidesWhetherTheClientIsAsked) {
  client.credentials = {ClientIdentity().Credentials()};
  server.trust_anchors.pems.push_back(IntermediateIdentity().CertificatePem());
  EnginePair asked = Converse(WithMode(ClientCertificateMode::kRequire));
  EXPECT_TRUE(asked.server().handshake.value().authorized);
  EXPECT_TRUE(asked.client().handshake.value().certificate_requested);

  EnginePair unasked = Converse(NoOpinion());
  EXPECT_FALSE(unasked.server().handshake.value().authorized);
  EXPECT_FALSE(unasked.client().handshake.value().certificate_requested);
}

// Which it cannot know from a context that asks nobody.
TEST_P(ClientHelloQuestionTest, AsksForTheAuthoritiesOfTheContext) {
  server.trust_anchors.pems = {OtherRootIdentity().CertificatePem()};
  client.credentials = {ClientIdentity().Credentials(),
                        StrangerIdentity().Credentials()};
  EnginePair pair = Converse(WithMode(ClientCertificateMode::kRequire));
  EXPECT_TRUE(pair.server().handshake.value().authorized);
  EXPECT_EQ(pair.client().handshake.value().own_certificate_sha256,
            Fingerprint(StrangerIdentity()));
}

TEST_P(ClientHelloQuestionTest, DecidesThatACertificateIsNeeded) {
  EXPECT_THAT(
      Converse(WithMode(ClientCertificateMode::kRequire)).server().status,
      FailsWith(Reason::kPeerCertificateRequired));
  EXPECT_THAT(
      Converse(WithMode(ClientCertificateMode::kRequest)).server().status,
      IsOk());
}

TEST_P(ClientHelloQuestionTest, DecidesThatNoCertificateIsNeeded) {
  server.client_certificate_mode = ClientCertificateMode::kRequire;
  EXPECT_THAT(Converse(WithMode(ClientCertificateMode::kNone)).server().status,
              IsOk());
  EXPECT_THAT(Converse(NoOpinion()).server().status,
              FailsWith(Reason::kPeerCertificateRequired));
}

// A session shall not carry a client past the certificate it is asked for.
TEST_P(ClientHelloQuestionTest, KeepsSessionsApartByMode) {
  const Answer require = WithMode(ClientCertificateMode::kRequire);
  const Answer none = WithMode(ClientCertificateMode::kNone);
  const std::string session =
      Converse(none).client().engine->session().value().data;

  EXPECT_THAT(Converse(require, session).server().status,
              FailsWith(Reason::kPeerCertificateRequired));
  EXPECT_FALSE(
      Converse(NoOpinion(), session).server().handshake.value().resumed);
  EXPECT_TRUE(Converse(none, session).server().handshake.value().resumed);
}

// The end.

TEST_P(ClientHelloQuestionTest, CanBeRefused) {
  EnginePair pair = Converse(Refusal{SSL_AD_ACCESS_DENIED});
  EXPECT_THAT(pair.server().status, FailsWith(Reason::kDecisionRefused));
  EXPECT_EQ(MetadataOf(pair.server().status, "alert_sent"), "access_denied");
  EXPECT_EQ(pair.server().engine->server_name(), "localhost");
  EXPECT_THAT(pair.client().status, FailsWith(Reason::kPeerAlert));
  EXPECT_EQ(MetadataOf(pair.client().status, "alert"), "access_denied");

  EXPECT_EQ(MetadataOf(Converse(Refusal()).client().status, "alert"),
            "handshake_failure");
}

TEST_P(ClientHelloQuestionTest, CanBeAbortedWhileItWaits) {
  EnginePair pair = NewPair();
  pair.Pump();
  const absl::Status reason = MakeError(Reason::kCallCancelled, "gone");
  pair.server().engine->Abort(reason);
  EXPECT_EQ(pair.server().engine->Answer(NoOpinion()), reason);
  EXPECT_FALSE(pair.server().engine->has_more());
  pair.Pump();
  EXPECT_EQ(MetadataOf(pair.client().status, "alert"), "user_canceled");
  EXPECT_EQ(pair.server().engine->server_name(), "localhost");
}

TEST_P(ClientHelloQuestionTest, TakesNoAnswerThatNobodyWaitsFor) {
  EnginePair pair = NewPair();
  TlsEngine& engine = *pair.server().engine;
  EXPECT_THAT(engine.Answer(Refusal()), IsOk());
  EXPECT_FALSE(engine.has_more());
  pair.Pump();
  EXPECT_THAT(pair.server().Asked<ClientHelloFacts>(), SizeIs(1));

  EXPECT_THAT(engine.Answer(NoOpinion()), IsOk());
  // The first one counts.
  EXPECT_THAT(engine.Answer(Refusal()), IsOk());
  pair.Pump();
  EXPECT_TRUE(pair.server().handshake.has_value());

  EXPECT_THAT(engine.Answer(Refusal()), IsOk());
  EXPECT_FALSE(engine.has_more());
  EXPECT_THAT(engine.Send(base::AsBytes("goes on")), IsOk());
  EXPECT_THAT(pair.client().engine->Answer(Refusal()), IsOk());
}

}  // namespace
}  // namespace tlsd::tls
