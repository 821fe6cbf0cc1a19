// Sessions of clients: what comes out of one connection, and what it does for
// the next.
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/unit/tls/tls_versions.h"

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
using ::tlsd::testing::MetadataOf;
using ::tlsd::testing::OtherRootIdentity;
using ::tlsd::testing::RootIdentity;
using ::tlsd::testing::ServerOptions;

class ClientSessionTest : public EachTlsVersion {
 protected:
  EnginePair Converse() {
    if (server_context == nullptr) server_context = MakeContext(server);
    if (client_context == nullptr) client_context = MakeContext(client);
    EnginePair pair(client_context, server_context, options);
    pair.Pump();
    return pair;
  }

  // Connect has a handshake, and makes the next one offer its session.
  EnginePair Connect() {
    EnginePair pair = Converse();
    EXPECT_THAT(pair.client().status, IsOk());
    EXPECT_TRUE(pair.client().engine->session().has_value());
    options.session = pair.client().engine->session()->data;
    return pair;
  }

  static bool IsResumed(EnginePair& pair) {
    EXPECT_THAT(pair.client().status, IsOk());
    EXPECT_THAT(pair.server().status, IsOk());
    return pair.client().handshake.has_value() &&
           pair.client().handshake->resumed && pair.server().handshake->resumed;
  }

  SecureContextOptions server = ServerOptions(version());
  SecureContextOptions client = ClientOptions(version());
  EngineOptions options = LocalhostOptions();
  std::shared_ptr<const SecureContext> server_context;
  std::shared_ptr<const SecureContext> client_context;
};
INSTANTIATE_TLS_VERSIONS(ClientSessionTest);

TEST_P(ClientSessionTest, ComesOutOfAConnection) {
  server.session_timeout = absl::Hours(1);
  client.session_timeout = absl::Hours(2);
  const absl::Time before = absl::Now() - absl::Seconds(1);
  EnginePair pair = Converse();
  const auto session = pair.client().engine->session();
  ASSERT_TRUE(session.has_value());
  EXPECT_FALSE(session->data.empty());
  EXPECT_FALSE(session->ticket.empty());
  EXPECT_NE(session->data.find(session->ticket), std::string::npos);
  EXPECT_EQ(session->single_use, is_tls13());
  EXPECT_GE(session->create_time, before);
  EXPECT_LE(session->create_time, absl::Now());
  EXPECT_EQ(session->expire_time - session->create_time, absl::Hours(1));
  EXPECT_FALSE(pair.server().engine->session().has_value());
}

TEST_P(ClientSessionTest, LivesNoLongerThanTheClientWants) {
  server.session_timeout = absl::Hours(2);
  client.session_timeout = absl::Hours(1);
  EnginePair pair = Converse();
  const ClientSession session = pair.client().engine->session().value();
  EXPECT_EQ(session.expire_time - session.create_time, absl::Hours(1));
}

TEST_P(ClientSessionTest, IsThereAfterTheConnectionToo) {
  EnginePair pair = Converse();
  pair.CutAfter(Role::kClient, pair.client().arrived_size);
  pair.Pump();
  EXPECT_FALSE(pair.client().status.ok());
  EXPECT_TRUE(pair.client().engine->session().has_value());
}

TEST_P(ClientSessionTest, IsNotThereBeforeTheHandshake) {
  EnginePair pair(MakeContext(client), MakeContext(server));
  EXPECT_FALSE(pair.client().engine->session().has_value());
  pair.CutAfter(Role::kClient, 100);
  pair.Pump();
  EXPECT_FALSE(pair.client().engine->session().has_value());
  EXPECT_THAT(pair.client().Reported<SessionReceived>(), IsEmpty());
}

// Under TLS 1.3 the server sends two tickets behind the handshake. Those that
// come at once are told as one.
TEST_P(ClientSessionTest, IsToldBehindTheHandshake) {
  for (const size_t delivery_size : {size_t{1}, size_t{100'000}}) {
    EnginePair pair(MakeContext(client), MakeContext(server));
    pair.delivery_size = delivery_size;
    pair.Pump();
    ASSERT_THAT(pair.client().events, SizeIs(2));
    EXPECT_TRUE(
        std::holds_alternative<HandshakeCompleted>(pair.client().events[0]));
    EXPECT_THAT(pair.client().Reported<SessionReceived>(), SizeIs(1));
    EXPECT_THAT(pair.server().Reported<SessionReceived>(), IsEmpty());
  }
}

TEST_P(ClientSessionTest, IsNotToldIfThereIsNone) {
  server.disable_session_tickets = true;
  EnginePair pair = Converse();
  EXPECT_TRUE(pair.client().handshake.has_value());
  EXPECT_THAT(pair.client().Reported<SessionReceived>(), IsEmpty());
  EXPECT_FALSE(pair.client().engine->session().has_value());
}

TEST_P(ClientSessionTest, IsResumed) {
  EnginePair first = Connect();
  EXPECT_FALSE(IsResumed(first));
  EnginePair second = Converse();
  EXPECT_TRUE(IsResumed(second));
  EXPECT_TRUE(second.client().handshake->authorized);
  ASSERT_NE(second.client().handshake->peer_certificate, nullptr);
  EXPECT_EQ(second.client().handshake->peer_certificate->subject,
            "CN=localhost");
}

TEST_P(ClientSessionTest, IsThereAgainAfterResumption) {
  Connect();
  const std::string first = options.session;
  EnginePair second = Connect();
  ASSERT_TRUE(IsResumed(second));
  // Under TLS 1.2 it is the same one, of which there is no news.
  EXPECT_THAT(second.client().Reported<SessionReceived>(),
              SizeIs(is_tls13() ? 1 : 0));
  EnginePair third = Converse();
  EXPECT_TRUE(IsResumed(third));
}

TEST_P(ClientSessionTest, IsNotResumedByAServerThatDoesNotKnowIt) {
  Connect();
  server_context = nullptr;
  EnginePair second = Converse();
  EXPECT_FALSE(IsResumed(second));
  EXPECT_TRUE(second.client().handshake.has_value());
  EXPECT_FALSE(second.client().Reported<SessionReceived>().empty());
}

// What a context says of clients is judged anew, so that any may resume.
TEST_P(ClientSessionTest, IsResumedUnderAnotherContext) {
  Connect();
  client_context = nullptr;
  client.session_id_context = "another";
  client.trust_anchors.pems.push_back(OtherRootIdentity().CertificatePem());
  EnginePair second = Converse();
  EXPECT_TRUE(IsResumed(second));
  EXPECT_TRUE(second.client().handshake->authorized);
}

TEST_P(ClientSessionTest, IsNotOfferedInAnotherVersion) {
  Connect();
  client_context = server_context = nullptr;
  client = ClientOptions(is_tls13() ? TlsVersion::kTls12 : TlsVersion::kTls13);
  server = ServerOptions(is_tls13() ? TlsVersion::kTls12 : TlsVersion::kTls13);
  EnginePair second = Converse();
  EXPECT_FALSE(IsResumed(second));
  EXPECT_TRUE(second.client().handshake.has_value());
}

// What is no session.

TEST_P(ClientSessionTest, IsInvalidIfItIsNone) {
  Connect();
  std::string longer = options.session + "x";
  base::ChunkPool pool;
  for (const std::string& bytes :
       {std::string("x"), std::string(1000, '\0'), longer,
        options.session.substr(0, options.session.size() - 1),
        options.session.substr(1)}) {
    EngineOptions with = LocalhostOptions();
    with.session = bytes;
    const auto engine =
        TlsEngine::Create(client_context, Role::kClient, with, pool);
    EXPECT_THAT(engine, FailsWith(Reason::kSessionInvalid, "session"));
  }
  EXPECT_THAT(TlsEngine::Create(client_context, Role::kClient, options, pool),
              IsOk());
}

TEST_P(ClientSessionTest, ErrorsShowNothingOfIt) {
  base::ChunkPool pool;
  EngineOptions with = LocalhostOptions();
  with.session = "hush hush";
  const auto engine =
      TlsEngine::Create(MakeContext(client), Role::kClient, with, pool);
  EXPECT_EQ(engine.status().ToString().find("hush"), std::string::npos);
}

// The server's certificate is judged anew.

TEST_P(ClientSessionTest, DoesNotExcuseAnotherExpectedName) {
  Connect();
  options.expected_name = "other.test";
  EnginePair second = Converse();
  EXPECT_THAT(second.client().status,
              FailsWith(Reason::kPeerCertificateNameMismatch));
  EXPECT_FALSE(second.client().handshake.has_value());
  EXPECT_EQ(second.client().event_count, 0);
  EXPECT_THAT(second.server().status, FailsWith(Reason::kPeerAlert));
  EXPECT_EQ(MetadataOf(second.server().status, "alert"), "access_denied");
}

TEST_P(ClientSessionTest, DoesNotExcuseAServerThatHasLostTrust) {
  Connect();
  client_context = nullptr;
  client.trust_anchors.pems = {OtherRootIdentity().CertificatePem()};
  EnginePair second = Converse();
  EXPECT_THAT(second.client().status,
              FailsWith(Reason::kPeerCertificateUntrusted));
  EXPECT_FALSE(second.client().handshake.has_value());
}

TEST_P(ClientSessionTest, IsOnlyReportedIfTheClientSaysSo) {
  Connect();
  options.verification = PeerVerification::kReport;
  client_context = nullptr;
  client.trust_anchors.pems = {OtherRootIdentity().CertificatePem()};
  EnginePair second = Converse();
  EXPECT_TRUE(IsResumed(second));
  EXPECT_FALSE(second.client().handshake->authorized);
  EXPECT_NE(second.client().handshake->authorization_error, "");
}

// It is the same the other way round: what was not trusted may be now.
TEST_P(ClientSessionTest, IsAuthorizedByTheRulesOfNow) {
  client.trust_anchors.pems = {OtherRootIdentity().CertificatePem()};
  options.verification = PeerVerification::kReport;
  EnginePair first = Connect();
  EXPECT_FALSE(first.client().handshake->authorized);
  client.trust_anchors.pems = {RootIdentity().CertificatePem()};
  client_context = nullptr;
  EnginePair second = Converse();
  EXPECT_TRUE(IsResumed(second));
  EXPECT_TRUE(second.client().handshake->authorized);
}

}  // namespace
}  // namespace tlsd::tls
