// What names a connection at both ends: see TlsEngine::GetChannelBindings.
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "server/tls/certificate.h"
#include "server/tls/sha256.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/unit/tls/roles_and_versions.h"

namespace tlsd::tls {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::tlsd::testing::ClientOptions;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::LocalhostOptions;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::RsaServerIdentity;
using ::tlsd::testing::ServerIdentity;
using ::tlsd::testing::ServerOptions;
using ::tlsd::testing::TestIdentity;

class ChannelBindingsTest : public EachRoleAndVersion {
 protected:
  EnginePair Converse() {
    if (server_context == nullptr) server_context = MakeContext(server);
    EnginePair pair(client_context, server_context, options);
    pair.Pump();
    EXPECT_THAT(pair.client().status, IsOk());
    EXPECT_THAT(pair.server().status, IsOk());
    return pair;
  }

  EnginePair Resume() {
    EnginePair first = Converse();
    options.session = first.client().engine->session().value().data;
    EnginePair second = Converse();
    EXPECT_TRUE(second.client().handshake.value().resumed);
    return second;
  }

  static ChannelBindings Of(EnginePair::End& end) {
    const auto bindings = end.engine->GetChannelBindings();
    EXPECT_THAT(bindings, IsOk());
    return bindings.value_or(ChannelBindings{});
  }

  // The one end's bindings, and what is the same at both.
  static ChannelBindings BindingsOf(EnginePair& pair) {
    const ChannelBindings client = Of(pair.client());
    const ChannelBindings server = Of(pair.server());
    EXPECT_EQ(client.finished, server.peer_finished);
    EXPECT_EQ(client.peer_finished, server.finished);
    EXPECT_EQ(client.tls_unique, server.tls_unique);
    EXPECT_EQ(client.tls_exporter, server.tls_exporter);
    return role() == Role::kClient ? client : server;
  }

  // All test identities were signed with SHA-256.
  static std::string EndPointOf(const TestIdentity& identity) {
    return Sha256(EncodeDer(identity.certificate()));
  }

  SecureContextOptions server = ServerOptions(version());
  std::shared_ptr<const SecureContext> client_context =
      MakeContext(ClientOptions(version()));
  std::shared_ptr<const SecureContext> server_context;
  EngineOptions options = LocalhostOptions();
};
INSTANTIATE_ROLES_AND_VERSIONS(ChannelBindingsTest);

TEST_P(ChannelBindingsTest, AreTheFinishedMessagesBelowTls13) {
  EnginePair pair = Converse();
  const ChannelBindings bindings = BindingsOf(pair);
  if (is_tls13()) {
    EXPECT_THAT(bindings.finished, IsEmpty());
    EXPECT_THAT(bindings.peer_finished, IsEmpty());
  } else {
    EXPECT_THAT(bindings.finished, SizeIs(12));
    EXPECT_THAT(bindings.peer_finished, SizeIs(12));
    EXPECT_NE(bindings.finished, bindings.peer_finished);
  }
}

// RFC 5929 section 3.1: the first Finished of the handshake.
TEST_P(ChannelBindingsTest, AreTheClientsFinishedFirst) {
  EnginePair pair = Converse();
  const ChannelBindings bindings = BindingsOf(pair);
  EXPECT_EQ(bindings.tls_unique,
            is_client() ? bindings.finished : bindings.peer_finished);
}

TEST_P(ChannelBindingsTest, AreTheServersFinishedFirstOnResumption) {
  EnginePair pair = Resume();
  const ChannelBindings bindings = BindingsOf(pair);
  EXPECT_EQ(bindings.tls_unique,
            is_client() ? bindings.peer_finished : bindings.finished);
  EXPECT_EQ(bindings.tls_unique.empty(), is_tls13());
}

// RFC 9266 section 2.
TEST_P(ChannelBindingsTest, AreWhatIsExported) {
  EnginePair pair = Converse();
  const ChannelBindings bindings = BindingsOf(pair);
  ASSERT_OK_AND_ASSIGN(const std::string exported,
                       pair.end(role()).engine->ExportKeyingMaterial(
                           {"EXPORTER-Channel-Binding", "", 32}));
  EXPECT_EQ(bindings.tls_exporter, exported);
  EXPECT_THAT(bindings.tls_exporter, SizeIs(32));
}

TEST_P(ChannelBindingsTest, AreOfOneConnection) {
  EnginePair first_pair = Converse();
  const ChannelBindings first = BindingsOf(first_pair);
  for (const bool resumes : {false, true}) {
    EnginePair pair = resumes ? Resume() : Converse();
    const ChannelBindings other = BindingsOf(pair);
    EXPECT_NE(first.tls_exporter, other.tls_exporter);
    EXPECT_EQ(first.tls_unique == other.tls_unique, is_tls13());
  }
}

TEST_P(ChannelBindingsTest, AreTheHashOfTheServersCertificate) {
  EnginePair pair = Converse();
  EXPECT_EQ(BindingsOf(pair).tls_server_end_point,
            EndPointOf(ServerIdentity()));
}

TEST_P(ChannelBindingsTest, AreOfTheCertificateThatWasShown) {
  server.credentials = {ServerIdentity().Credentials(),
                        RsaServerIdentity().Credentials()};
  SecureContextOptions client = ClientOptions(version());
  client.signature_algorithms = {"rsa_pss_rsae_sha256"};
  client_context = MakeContext(client);
  EnginePair pair = Converse();
  EXPECT_EQ(BindingsOf(pair).tls_server_end_point,
            EndPointOf(RsaServerIdentity()));
}

// A server that resumes does not know what it has shown.
TEST_P(ChannelBindingsTest, AreOfAResumedConnectionForTheClientOnly) {
  EnginePair pair = Resume();
  EXPECT_EQ(BindingsOf(pair).tls_server_end_point,
            is_client() ? EndPointOf(ServerIdentity()) : "");
}

TEST_P(ChannelBindingsTest, AreThereAfterTheEndsToo) {
  EnginePair pair = Converse();
  const ChannelBindings before = BindingsOf(pair);
  ASSERT_THAT(pair.client().engine->Shutdown(), IsOk());
  ASSERT_THAT(pair.server().engine->Shutdown(), IsOk());
  pair.Pump();
  const ChannelBindings after = BindingsOf(pair);
  EXPECT_EQ(before.finished, after.finished);
  EXPECT_EQ(before.tls_unique, after.tls_unique);
  EXPECT_EQ(before.tls_exporter, after.tls_exporter);
  EXPECT_EQ(before.tls_server_end_point, after.tls_server_end_point);
}

TEST_P(ChannelBindingsTest, AreNotThereBeforeTheHandshake) {
  EnginePair pair(client_context, MakeContext(server));
  EXPECT_THAT(pair.end(role()).engine->GetChannelBindings(),
              FailsWith(Reason::kHandshakeNotComplete));
}

TEST_P(ChannelBindingsTest, AreNotThereAfterAFailure) {
  EnginePair pair = Converse();
  pair.end(role()).engine->Abort(MakeError(Reason::kConnectionReset, "reset"));
  EXPECT_THAT(pair.end(role()).engine->GetChannelBindings(),
              FailsWith(Reason::kConnectionReset));
}

}  // namespace
}  // namespace tlsd::tls
