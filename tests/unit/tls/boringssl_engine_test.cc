// What a handshake settles, and what the engine says when it cannot be settled.
#include "server/tls/boringssl_engine.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/unit/tls/tls_versions.h"

namespace tlsd::tls {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
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

constexpr size_t kNoLimit = 1 << 30;

class TlsEngineTest : public EachTlsVersion {};
INSTANTIATE_TLS_VERSIONS(TlsEngineTest);

TEST_P(TlsEngineTest, CompletesAHandshake) {
  EnginePair pair(MakeContext(ClientOptions(version())),
                  MakeContext(ServerOptions(version())));

  pair.Pump();

  EXPECT_THAT(pair.client().status, IsOk());
  EXPECT_THAT(pair.server().status, IsOk());
  ASSERT_TRUE(pair.client().handshake.has_value());
  ASSERT_TRUE(pair.server().handshake.has_value());
  EXPECT_EQ(pair.client().event_count, 1);
  EXPECT_EQ(pair.server().event_count, 1);
}

TEST_P(TlsEngineTest, ReportsWhatWasSettled) {
  EnginePair pair(MakeContext(ClientOptions(version())),
                  MakeContext(ServerOptions(version())));

  pair.Pump();

  for (const Role role : {Role::kClient, Role::kServer}) {
    const HandshakeFacts& facts = pair.end(role).handshake.value();
    EXPECT_EQ(facts.version, version());
    EXPECT_EQ(facts.protocol, is_tls13() ? "TLSv1.3" : "TLSv1.2");
    EXPECT_EQ(facts.cipher, is_tls13() ? "TLS_AES_128_GCM_SHA256"
                                       : "ECDHE-ECDSA-AES128-GCM-SHA256");
    EXPECT_EQ(facts.cipher_standard_name,
              is_tls13() ? "TLS_AES_128_GCM_SHA256"
                         : "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
    EXPECT_EQ(facts.group, "X25519");
    EXPECT_EQ(facts.server_name, "localhost");
    EXPECT_EQ(facts.alpn_protocol, "");
    EXPECT_FALSE(facts.resumed);
  }
  const HandshakeFacts& client = pair.client().handshake.value();
  EXPECT_TRUE(client.authorized);
  EXPECT_EQ(client.authorization_error, "");
  ASSERT_NE(client.peer_certificate, nullptr);
  EXPECT_EQ(client.peer_certificate->subject, "CN=localhost");
}

TEST_P(TlsEngineTest, AsksForNoClientCertificateUnlessTold) {
  SecureContextOptions client = ClientOptions(version());
  client.credentials = {::tlsd::testing::ClientIdentity().Credentials()};
  EnginePair pair(MakeContext(client), MakeContext(ServerOptions(version())));

  pair.Pump();

  const HandshakeFacts& server = pair.server().handshake.value();
  EXPECT_FALSE(server.authorized);
  EXPECT_EQ(server.authorization_error, "");
  EXPECT_EQ(server.peer_certificate, nullptr);
}

TEST_P(TlsEngineTest, TakesEveryKindOfServerKey) {
  for (const KeyKind kind :
       {KeyKind::kP256, KeyKind::kP384, KeyKind::kEd25519, KeyKind::kRsa2048}) {
    IdentitySpec spec;
    spec.key = kind;
    SecureContextOptions server = ServerOptions(version());
    server.credentials = {IntermediateIdentity().Issue(spec).Credentials()};
    EnginePair pair(MakeContext(ClientOptions(version())), MakeContext(server));

    pair.Pump();

    EXPECT_THAT(pair.client().status, IsOk()) << static_cast<int>(kind);
    EXPECT_TRUE(pair.client().handshake.has_value()) << static_cast<int>(kind);
  }
}

// RFC 8422 section 5.1: under TLS 1.2 the groups limit the curves of
// certificates too, and P-521 is none of ours.
TEST_P(TlsEngineTest, TakesP521ServerKeysUnderTls13Only) {
  IdentitySpec spec;
  spec.key = KeyKind::kP521;
  SecureContextOptions server = ServerOptions(version());
  server.credentials = {IntermediateIdentity().Issue(spec).Credentials()};
  EnginePair pair(MakeContext(ClientOptions(version())), MakeContext(server));

  pair.Pump();

  if (is_tls13()) {
    EXPECT_THAT(pair.client().status, IsOk());
  } else {
    EXPECT_THAT(pair.client().status,
                FailsWith(Reason::kPeerCertificateInvalid));
  }
}

TEST_P(TlsEngineTest, TakesTheNewestVersionOfBoth) {
  SecureContextOptions client = ClientOptions(version());
  client.min_version = TlsVersion::kTls12;
  SecureContextOptions server = ServerOptions(TlsVersion::kTls13);
  server.min_version = TlsVersion::kTls12;
  EnginePair pair(MakeContext(client), MakeContext(server));

  pair.Pump();

  EXPECT_EQ(pair.client().handshake.value().version, version());
}

TEST_P(TlsEngineTest, SaysSoWhenThereIsNoVersionInCommon) {
  const TlsVersion other = is_tls13() ? TlsVersion::kTls12 : TlsVersion::kTls13;
  EnginePair pair(MakeContext(ClientOptions(version())),
                  MakeContext(ServerOptions(other)));

  pair.Pump();

  EXPECT_THAT(pair.server().status, FailsWith(Reason::kPeerIncompatible));
  EXPECT_EQ(MetadataOf(pair.server().status, "alert_sent"), "protocol_version");
  EXPECT_THAT(pair.client().status, FailsWith(Reason::kPeerAlert));
  EXPECT_EQ(MetadataOf(pair.client().status, "alert"), "protocol_version");
  EXPECT_EQ(MetadataOf(pair.client().status, "alert_code"), "70");
  EXPECT_EQ(pair.server().engine->server_name(), "localhost");
}

TEST_P(TlsEngineTest, ChoosesTheServersFavouriteApplicationProtocol) {
  SecureContextOptions client = ClientOptions(version());
  client.alpn_protocols = {"http/1.1", "h2"};
  SecureContextOptions server = ServerOptions(version());
  server.alpn_protocols = {"h3", "h2", "http/1.1"};
  EnginePair pair(MakeContext(client), MakeContext(server));

  pair.Pump();

  EXPECT_EQ(pair.client().handshake.value().alpn_protocol, "h2");
  EXPECT_EQ(pair.server().handshake.value().alpn_protocol, "h2");
}

TEST_P(TlsEngineTest, RefusesClientsWithoutACommonApplicationProtocol) {
  SecureContextOptions client = ClientOptions(version());
  client.alpn_protocols = {"spdy/1"};
  SecureContextOptions server = ServerOptions(version());
  server.alpn_protocols = {"h2"};
  EnginePair pair(MakeContext(client), MakeContext(server));

  pair.Pump();

  EXPECT_THAT(pair.server().status, FailsWith(Reason::kNoApplicationProtocol));
  EXPECT_THAT(pair.client().status, FailsWith(Reason::kPeerAlert));
  EXPECT_EQ(MetadataOf(pair.client().status, "alert"),
            "no_application_protocol");
}

TEST_P(TlsEngineTest, GoesWithoutAlpnIfOnlyOneSideHasIt) {
  SecureContextOptions client = ClientOptions(version());
  client.alpn_protocols = {"h2"};
  EnginePair only_client(MakeContext(client),
                         MakeContext(ServerOptions(version())));
  SecureContextOptions server = ServerOptions(version());
  server.alpn_protocols = {"h2"};
  EnginePair only_server(MakeContext(ClientOptions(version())),
                         MakeContext(server));

  only_client.Pump();
  only_server.Pump();

  EXPECT_EQ(only_client.client().handshake.value().alpn_protocol, "");
  EXPECT_EQ(only_server.server().handshake.value().alpn_protocol, "");
}

TEST_P(TlsEngineTest, SendsNoServerNameForAnAddress) {
  EngineOptions options;
  options.server_name = "127.0.0.1";
  EnginePair pair(MakeContext(ClientOptions(version())),
                  MakeContext(ServerOptions(version())), options);

  pair.Pump();

  EXPECT_TRUE(pair.client().handshake.value().authorized);
  EXPECT_EQ(pair.server().handshake.value().server_name, "");
}

// BoringSSL sends none to a peer that speaks HTTP.
TEST_P(TlsEngineTest, SendsAnAlertWhereTheLibrarySendsNone) {
  EnginePair pair(MakeContext(ClientOptions(version())),
                  MakeContext(ServerOptions(version())));
  pair.client().engine->ciphertext().Clear();
  pair.Deliver(Role::kServer, "GET / HTTP/1.1\r\n\r\n");

  pair.Pump();

  EXPECT_THAT(pair.client().status, FailsWith(Reason::kPeerAlert));
  EXPECT_EQ(MetadataOf(pair.client().status, "alert"), "internal_error");
}

TEST(TlsEngineCreateTest, RefusesAServerWithoutCredentials) {
  base::ChunkPool pool;
  EXPECT_THAT(TlsEngine::Create(MakeContext(ClientOptions(TlsVersion::kTls13)),
                                Role::kServer, {}, pool),
              FailsWith(Reason::kCredentialsRequired));
}

TEST(TlsEngineCreateTest, RefusesAClientWithABadServerName) {
  base::ChunkPool pool;
  const auto context = MakeContext(ClientOptions(TlsVersion::kTls13));
  for (const std::string& name :
       {std::string(), std::string("a..b"), std::string("a\0b", 3),
        std::string("b\xc3\xbc"
                    "cher.example"),
        std::string(254, 'a')}) {
    EngineOptions options;
    options.server_name = name;
    EXPECT_THAT(TlsEngine::Create(context, Role::kClient, options, pool),
                FailsWith(Reason::kServerNameInvalid, "server_name"))
        << name;
  }
}

TEST(TlsEngineCreateTest, NeedsNoServerNameIfNoneIsChecked) {
  base::ChunkPool pool;
  const auto context = MakeContext(ClientOptions(TlsVersion::kTls13));
  EngineOptions options;
  options.skip_name_check = true;
  EXPECT_THAT(TlsEngine::Create(context, Role::kClient, options, pool), IsOk());
  options.server_name = "a..b";
  EXPECT_THAT(TlsEngine::Create(context, Role::kClient, options, pool),
              FailsWith(Reason::kServerNameInvalid));
}

TEST(TlsEngineCreateTest, AClientSpeaksFirstAndAServerWaits) {
  base::ChunkPool pool;
  const auto client =
      TlsEngine::Create(MakeContext(ClientOptions(TlsVersion::kTls13)),
                        Role::kClient, LocalhostOptions(), pool);
  const auto server = TlsEngine::Create(
      MakeContext(ServerOptions(TlsVersion::kTls13)), Role::kServer, {}, pool);
  ASSERT_THAT(client, IsOk());
  ASSERT_THAT(server, IsOk());

  EXPECT_GT((*client)->ciphertext().size(), 100u);
  EXPECT_TRUE((*server)->ciphertext().empty());
}

// A peer that speaks something else, one row each.
struct NotTlsRow {
  const char* bytes;
  Reason reason;
};

TEST(TlsEngineNotTlsTest, ToldApartFromBrokenTls) {
  const NotTlsRow rows[] = {
      {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", Reason::kNotTls},
      {"POST /x HTTP/1.1\r\n\r\n", Reason::kNotTls},
      {"CONNECT localhost:443 HTTP/1.1\r\n\r\n", Reason::kNotTls},
      {"SSH-2.0-OpenSSH_9.2\r\n", Reason::kNotTls},
      {"EHLO example.com\r\n", Reason::kNotTls},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Reason::kNotTls},
      // A handshake record, but no ClientHello.
      {"\x16\x03\x01\x01\x04\x02\xff\xff\xff", Reason::kPeerMisbehaved},
  };
  for (const NotTlsRow& row : rows) {
    for (const size_t delivery_size : {size_t{1}, kNoLimit}) {
      EnginePair pair(MakeContext(ClientOptions(TlsVersion::kTls13)),
                      MakeContext(ServerOptions(TlsVersion::kTls13)));
      pair.client().engine->ciphertext().Clear();
      pair.delivery_size = delivery_size;
      pair.Deliver(Role::kServer,
                   std::string(row.bytes) + std::string(300, '\0'));

      pair.Pump();

      EXPECT_THAT(pair.server().status, FailsWith(row.reason)) << row.bytes;
    }
  }
}

TEST(TlsEngineNotTlsTest, AClientNoticesToo) {
  EnginePair pair(MakeContext(ClientOptions(TlsVersion::kTls13)),
                  MakeContext(ServerOptions(TlsVersion::kTls13)));
  pair.client().engine->ciphertext().Clear();
  pair.Deliver(Role::kClient, "220 mail.example ESMTP\r\n");

  pair.Pump();

  EXPECT_THAT(pair.client().status, FailsWith(Reason::kNotTls));
}

TEST_P(TlsEngineTest, KeepsItsFinalError) {
  EnginePair pair(MakeContext(ClientOptions(version())),
                  MakeContext(ServerOptions(version())));
  pair.Deliver(Role::kServer, "GET / HTTP/1.1\r\n\r\n");
  pair.Pump();
  const absl::Status first = pair.server().status;
  ASSERT_THAT(first, Not(IsOk()));

  TlsEngine& engine = *pair.server().engine;
  EventList events;
  EXPECT_EQ(
      engine.Receive({}, kNoLimit, *pair.server().cleartext, events).status(),
      first);
  EXPECT_EQ(engine.Send(base::AsBytes("x")), first);
  EXPECT_EQ(engine.Shutdown(), first);
  EXPECT_EQ(engine.ReceiveEof(), first);
  engine.Abort(MakeError(Reason::kShuttingDown, "stop"));
  EXPECT_EQ(engine.Shutdown(), first);
  EXPECT_FALSE(engine.has_more());
  EXPECT_TRUE(events.empty());
}

TEST_P(TlsEngineTest, NamesTheLibrarysReasonInMetadata) {
  EnginePair pair(MakeContext(ClientOptions(version())),
                  MakeContext(ServerOptions(version())));
  pair.Deliver(Role::kServer, "GET / HTTP/1.1\r\n\r\n");

  pair.Pump();

  EXPECT_EQ(MetadataOf(pair.server().status, "library_reason"), "HTTP_REQUEST");
  EXPECT_THAT(std::string(pair.server().status.message()),
              HasSubstr("plain HTTP"));
}

}  // namespace
}  // namespace tlsd::tls
