// Whether one connection of a server asks for a certificate, whatever its
// context says: see EngineOptions::client_certificate_mode.
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/question.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/unit/tls/named_contexts.h"
#include "tests/unit/tls/tls_versions.h"

namespace tlsd::tls {
namespace {

using ::tlsd::testing::ClientIdentity;
using ::tlsd::testing::ClientOptions;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IntermediateIdentity;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::LocalhostOptions;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::ServerOptions;
using ::tlsd::testing::StrangerIdentity;
using ::tlsd::testing::TestIdentity;

using Mode = ClientCertificateMode;

class ClientCertificateModeTest : public EachTlsVersion {
 protected:
  ClientCertificateModeTest() {
    server.trust_anchors.pems.push_back(
        IntermediateIdentity().CertificatePem());
  }

  void Show(const TestIdentity& identity) {
    client.credentials = {identity.Credentials()};
  }

  EnginePair Converse(std::optional<Mode> mode,
                      const std::string& session = "") {
    if (server_context == nullptr) server_context = MakeContext(server);
    server_options.client_certificate_mode = mode;
    EngineOptions client_options = LocalhostOptions();
    client_options.session = session;
    EnginePair pair(MakeContext(client), server_context, client_options,
                    server_options);
    pair.server().answer = answer;
    pair.Pump();
    return pair;
  }

  SecureContextOptions client = ClientOptions(version());
  SecureContextOptions server = ServerOptions(version());
  // Made when it is needed first.
  std::shared_ptr<const SecureContext> server_context;
  EngineOptions server_options;
  std::function<std::optional<Answer>(const Question&)> answer;
};
INSTANTIATE_TLS_VERSIONS(ClientCertificateModeTest);

TEST_P(ClientCertificateModeTest, AsksWhereTheContextAsksNobody) {
  Show(ClientIdentity());
  for (const Mode mode : {Mode::kRequest, Mode::kRequire}) {
    EnginePair pair = Converse(mode);
    EXPECT_TRUE(pair.client().handshake.value().certificate_requested);
    EXPECT_TRUE(pair.server().handshake.value().authorized);
  }
  EnginePair unasked = Converse(std::nullopt);
  EXPECT_FALSE(unasked.client().handshake.value().certificate_requested);
  EXPECT_FALSE(unasked.server().handshake.value().authorized);
}

TEST_P(ClientCertificateModeTest, AsksNobodyWhereTheContextRequires) {
  server.client_certificate_mode = Mode::kRequire;
  EnginePair pair = Converse(Mode::kNone);
  EXPECT_FALSE(pair.client().handshake.value().certificate_requested);
  EXPECT_THAT(pair.server().status, IsOk());
  EXPECT_THAT(Converse(std::nullopt).server().status,
              FailsWith(Reason::kPeerCertificateRequired));
}

TEST_P(ClientCertificateModeTest, RequestsOrRequires) {
  EXPECT_THAT(Converse(Mode::kRequest).server().status, IsOk());
  EXPECT_THAT(Converse(Mode::kRequire).server().status,
              FailsWith(Reason::kPeerCertificateRequired));
  Show(StrangerIdentity());
  EnginePair reported = Converse(Mode::kRequest);
  EXPECT_THAT(reported.server().status, IsOk());
  EXPECT_FALSE(reported.server().handshake.value().authorized);
  EXPECT_THAT(Converse(Mode::kRequire).server().status,
              FailsWith(Reason::kPeerCertificateUntrusted));
}

// A session shall not carry a client past the certificate it is asked for.
TEST_P(ClientCertificateModeTest, KeepsSessionsApart) {
  for (const Mode made : {Mode::kNone, Mode::kRequest}) {
    const std::string session =
        Converse(made).client().engine->session().value().data;
    for (const std::optional<Mode> mode :
         {std::optional<Mode>(), std::optional(Mode::kNone),
          std::optional(Mode::kRequest)}) {
      EnginePair pair = Converse(mode, session);
      EXPECT_EQ(pair.server().handshake.value().resumed, mode == made);
    }
    EXPECT_THAT(Converse(Mode::kRequire, session).server().status,
                FailsWith(Reason::kPeerCertificateRequired));
  }
}

TEST_P(ClientCertificateModeTest, IsOfTheContextThatTheNameChooses) {
  auto names = std::make_shared<NamedContexts>();
  server.client_certificate_mode = Mode::kRequire;
  names->by_name["localhost"] = {"secureContexts/chosen", MakeContext(server)};
  server_options.contexts = names;
  server.client_certificate_mode = Mode::kNone;
  EXPECT_THAT(Converse(Mode::kNone).server().status, IsOk());
  EXPECT_THAT(Converse(std::nullopt).server().status,
              FailsWith(Reason::kPeerCertificateRequired));
}

// What was decided for this ClientHello goes before what was known when the
// connection began.
TEST_P(ClientCertificateModeTest, GivesWayToADecision) {
  Hook hook;
  hook.type = HookType::kClientHello;
  server_options.hooks = {hook};
  answer = [](const Question&) {
    return ClientHelloAnswer{{}, "", Mode::kRequire};
  };
  EXPECT_THAT(Converse(Mode::kNone).server().status,
              FailsWith(Reason::kPeerCertificateRequired));
  answer = [](const Question&) {
    return ClientHelloAnswer{{}, "", std::nullopt};
  };
  EXPECT_THAT(Converse(Mode::kNone).server().status, IsOk());
  EXPECT_THAT(Converse(Mode::kRequire).server().status,
              FailsWith(Reason::kPeerCertificateRequired));
}

TEST_P(ClientCertificateModeTest, MeansNothingToAClient) {
  EngineOptions options = LocalhostOptions();
  options.client_certificate_mode = Mode::kNone;
  EnginePair pair(MakeContext(client), MakeContext(server), options);
  pair.Pump();
  EXPECT_TRUE(pair.client().handshake.value().authorized);

  server.credentials = {StrangerIdentity().Credentials()};
  EnginePair refused(MakeContext(client), MakeContext(server), options);
  refused.Pump();
  EXPECT_THAT(refused.client().status,
              FailsWith(Reason::kPeerCertificateUntrusted));
}

}  // namespace
}  // namespace tlsd::tls
