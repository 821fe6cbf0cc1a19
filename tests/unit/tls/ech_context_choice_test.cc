// Contexts by server name, and encrypted ClientHellos: who opens them is found
// by the name in the clear, who serves them by the one inside.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/unit/tls/ech_configs.h"
#include "tests/unit/tls/named_contexts.h"

namespace tlsd::tls {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::tlsd::testing::ClientOptions;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IdentitySpec;
using ::tlsd::testing::IntermediateIdentity;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::MetadataOf;
using ::tlsd::testing::ServerOptions;

SecureContextOptions ServerFor(const std::string& name) {
  SecureContextOptions options = ServerOptions(TlsVersion::kTls13);
  IdentitySpec spec;
  spec.alternative_names = {"DNS:" + name};
  options.credentials = {IntermediateIdentity().Issue(spec).Credentials()};
  return options;
}

class EchContextChoiceTest : public ::testing::Test {
 protected:
  EchContextChoiceTest() {
    client_options.server_name = "hidden.test";
    client_options.ech_config_list = ConfigListOf({key});
  }

  EnginePair NewPair() {
    if (own_context == nullptr) {
      own_context = MakeContext(own);
      names->by_name["cover.test"] = {"secureContexts/cover",
                                      MakeContext(cover)};
      names->by_name["hidden.test"] = {"secureContexts/hidden",
                                       MakeContext(hidden)};
    }
    server_options.contexts = names;
    return EnginePair(MakeContext(client), own_context, client_options,
                      server_options);
  }
  EnginePair Converse() {
    EnginePair pair = NewPair();
    pair.Pump();
    return pair;
  }

  static void ExpectHidden(EnginePair pair) {
    ASSERT_THAT(pair.server().status, IsOk());
    ASSERT_THAT(pair.client().status, IsOk());
    ASSERT_TRUE(pair.client().handshake.has_value());
    EXPECT_TRUE(pair.client().handshake->ech_accepted);
    EXPECT_TRUE(pair.server().handshake->ech_accepted);
    EXPECT_TRUE(pair.client().handshake->authorized);
    EXPECT_EQ(pair.server().handshake->server_name, "hidden.test");
    const auto chosen = pair.server().Reported<ContextChosen>();
    ASSERT_THAT(chosen, SizeIs(1));
    EXPECT_EQ(chosen[0].name, "secureContexts/hidden");
  }

  // ExpectCovered expects that it could not be opened, and who says so.
  static void ExpectCovered(EnginePair pair,
                            const std::vector<EchKeyOptions>& retry) {
    EXPECT_THAT(pair.client().status, FailsWith(Reason::kEchRejected));
    std::string configs;
    ASSERT_TRUE(absl::Base64Unescape(
        MetadataOf(pair.client().status, "retry_configs"), &configs));
    EXPECT_EQ(configs, ConfigListOf(retry));
    EXPECT_EQ(pair.server().handshake.value().server_name, "cover.test");
  }

  const EchKeyOptions key = MakeEchKey("cover.test");
  const EchKeyOptions other_key = MakeEchKey("cover.test");
  SecureContextOptions own = ServerFor("own.test");
  SecureContextOptions cover = ServerFor("cover.test");
  SecureContextOptions hidden = ServerFor("hidden.test");
  SecureContextOptions client = ClientOptions(TlsVersion::kTls13);
  EngineOptions client_options;
  EngineOptions server_options;
  std::shared_ptr<NamedContexts> names = std::make_shared<NamedContexts>();
  std::shared_ptr<const SecureContext> own_context;
};

TEST_F(EchContextChoiceTest, IsOpenedByThePublicNameAndServedByTheOther) {
  cover.ech_keys = {key};
  ExpectHidden(Converse());
}

TEST_F(EchContextChoiceTest, IsOpenedByTheListenersOwnContext) {
  own.ech_keys = {key};
  ExpectHidden(Converse());
}

TEST_F(EchContextChoiceTest, IsOpenedAlsoIfThePublicNameHasNoContext) {
  own.ech_keys = {key};
  names->is_strict = true;
  NewPair();
  names->by_name.erase("cover.test");
  ExpectHidden(Converse());
}

TEST_F(EchContextChoiceTest, IsOpenedByteByByte) {
  cover.ech_keys = {key};
  EnginePair pair = NewPair();
  pair.delivery_size = 1;
  pair.Pump();
  ExpectHidden(std::move(pair));
}

TEST_F(EchContextChoiceTest, IsOpenedAgainAfterAHelloRetryRequest) {
  cover.ech_keys = {key};
  client.groups = {"X25519", "P-384"};
  hidden.groups = {"P-384"};
  ExpectHidden(Converse());
}

TEST_F(EchContextChoiceTest, IsNotOpenedByTheContextOfTheNameInside) {
  hidden.ech_keys = {key};
  EnginePair pair = Converse();
  EXPECT_THAT(pair.client().status, FailsWith(Reason::kEchRejected));
  EXPECT_THAT(names->asked, Not(Contains("hidden.test")));
}

TEST_F(EchContextChoiceTest, GivesTheConfigsOfWhoCouldNotOpenIt) {
  cover.ech_keys = {other_key};
  own.ech_keys = {key};
  hidden.ech_keys = {key};
  ExpectCovered(Converse(), {other_key});

  own_context = nullptr;
  cover.ech_keys.clear();
  own.ech_keys = {other_key};
  ExpectCovered(Converse(), {other_key});
}

// A context that serves what another has opened does so by its own rules.
TEST_F(EchContextChoiceTest, IsServedByTheRulesOfTheContextInside) {
  cover.ech_keys = {key};
  cover.alpn_protocols = {"cover"};
  hidden.alpn_protocols = {"hidden"};
  client.alpn_protocols = {"cover", "hidden"};
  hidden.ciphers = "TLS_AES_256_GCM_SHA384";
  hidden.client_certificate_mode = ClientCertificateMode::kRequest;
  EnginePair pair = Converse();
  EXPECT_EQ(pair.client().handshake.value().alpn_protocol, "hidden");
  EXPECT_EQ(pair.client().handshake->cipher, "TLS_AES_256_GCM_SHA384");
  EXPECT_TRUE(pair.client().handshake->certificate_requested);
  ExpectHidden(std::move(pair));
}

TEST_F(EchContextChoiceTest, ResumesSessionsOfTheContextInside) {
  cover.ech_keys = {key};
  EnginePair first = Converse();
  client_options.session = first.client().engine->session().value().data;
  EnginePair second = Converse();
  EXPECT_TRUE(second.server().handshake.value().resumed);
  ExpectHidden(std::move(second));
}

TEST_F(EchContextChoiceTest, IsServedByTheOwnContextIfNoneHasTheNameInside) {
  own = ServerFor("elsewhere.test");
  cover.ech_keys = {key};
  client_options.server_name = "elsewhere.test";
  EnginePair pair = Converse();
  ASSERT_THAT(pair.client().status, IsOk());
  EXPECT_TRUE(pair.server().handshake.value().ech_accepted);
  EXPECT_THAT(pair.server().Reported<ContextChosen>(), IsEmpty());
}

TEST_F(EchContextChoiceTest, TurnsAwayWhoWantsANameThatThereIsNot) {
  cover.ech_keys = {key};
  names->is_strict = true;
  client_options.server_name = "elsewhere.test";
  EnginePair pair = Converse();
  EXPECT_THAT(pair.server().status, FailsWith(Reason::kServerNameUnrecognized));
  EXPECT_THAT(names->asked, ElementsAre("cover.test", "elsewhere.test"));
}

TEST_F(EchContextChoiceTest, IsNotOpenedWithoutNeed) {
  cover.ech_keys = {key};
  client_options.ech_config_list = "";
  EnginePair pair = Converse();
  ASSERT_THAT(pair.client().status, IsOk());
  EXPECT_FALSE(pair.server().handshake.value().ech_accepted);
  EXPECT_THAT(names->asked, ElementsAre("hidden.test"));
}

// Handlers are asked by what is inside, once.
TEST_F(EchContextChoiceTest, IsToldToHandlersAsItIsInside) {
  own.ech_keys = {key};
  server_options.hooks = {{HookType::kClientHello}};
  EnginePair pair = NewPair();
  pair.server().answer = [](const Question&) { return ClientHelloAnswer(); };
  pair.Pump();
  const auto asked = pair.server().Asked<ClientHelloFacts>();
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_EQ(asked[0].server_name, "hidden.test");
  EXPECT_THAT(asked[0].versions, ElementsAre("TLSv1.3"));
}

TEST_F(EchContextChoiceTest, IsToldToHandlersAsItIsInTheClearIfItStaysClosed) {
  own.ech_keys = {other_key};
  cover.ech_keys = {other_key};
  server_options.hooks = {{HookType::kClientHello}};
  EnginePair pair = NewPair();
  pair.server().answer = [](const Question&) { return ClientHelloAnswer(); };
  pair.Pump();
  const auto asked = pair.server().Asked<ClientHelloFacts>();
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_EQ(asked[0].server_name, "cover.test");
  ExpectCovered(std::move(pair), {other_key});
}

// Keys that change while a handler thinks are not the keys of this client.
TEST_F(EchContextChoiceTest, StaysOpenWhileKeysChange) {
  own.ech_keys = {key};
  server_options.hooks = {{HookType::kClientHello}};
  EnginePair pair = NewPair();
  pair.Pump();
  for (int i = 0; i < 8; ++i) {
    ASSERT_THAT(own_context->RotateEchKeys("cover.test", 64).status(), IsOk());
  }
  ASSERT_THAT(pair.server().engine->Answer(ClientHelloAnswer()), IsOk());
  pair.Pump();
  ExpectHidden(std::move(pair));

  server_options.hooks.clear();
  EXPECT_THAT(Converse().client().status, FailsWith(Reason::kEchRejected));
}

}  // namespace
}  // namespace tlsd::tls
