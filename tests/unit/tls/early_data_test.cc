// Early data that the server takes, and what is sent early if nobody can.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/unit/tls/early_data_fixture.h"
#include "tests/unit/tls/ech_configs.h"
#include "tests/unit/tls/named_contexts.h"

namespace tlsd::tls {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::MakeContext;

class EarlyDataTest : public EarlyDataFixture {
 protected:
  // SecretsOf returns the names of the secrets that an end has told.
  static std::vector<std::string> SecretsOf(const EnginePair::End& end) {
    std::vector<std::string> names;
    for (const SecretMade& secret : end.Reported<SecretMade>()) {
      names.push_back(secret.line.substr(0, secret.line.find(' ')));
    }
    return names;
  }
};

TEST_F(EarlyDataTest, ArrivesWithTheFirstFlight) {
  GetSession();
  EnginePair pair = NewPair();
  Arrive(pair.client(), pair.server());

  ASSERT_TRUE(pair.server().handshake.has_value());
  EXPECT_EQ(pair.server().handshake->early_data, EarlyData::kAccepted);
  EXPECT_TRUE(pair.server().handshake->resumed);
  EXPECT_EQ(pair.server().handshake->server_name, "localhost");
  EXPECT_EQ(pair.server().handshake->protocol, "TLSv1.3");
  EXPECT_EQ(pair.server().handshake->cipher_standard_name,
            "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(pair.server().handshake->group, "X25519");
  EXPECT_EQ(pair.server().TakeCleartext(), "early");
  EXPECT_THAT(pair.server().Reported<EarlyDataEnded>(), IsEmpty());
  EXPECT_FALSE(pair.client().handshake.has_value());

  pair.Pump();
  ExpectAccepted(std::move(pair), "");
}

TEST_F(EarlyDataTest, EndsWithTheHandshakeOfTheClient) {
  GetSession();
  EnginePair pair = Converse();
  ASSERT_THAT(pair.server().events, SizeIs(2));
  EXPECT_TRUE(
      std::holds_alternative<HandshakeCompleted>(pair.server().events[0]));
  EXPECT_EQ(pair.server().Reported<EarlyDataEnded>()[0].size, 5);
  ExpectAccepted(std::move(pair));
}

// What comes in one piece with the end is told apart.
TEST_F(EarlyDataTest, IsCountedWithoutWhatFollows) {
  GetSession();
  EnginePair pair = NewPair();
  Arrive(pair.client(), pair.server());
  Arrive(pair.server(), pair.client());
  ASSERT_THAT(pair.client().engine->Send(base::AsBytes(" and later")), IsOk());
  Arrive(pair.client(), pair.server());
  EXPECT_EQ(pair.server().Reported<EarlyDataEnded>()[0].size, 5);
  ExpectAccepted(std::move(pair), "early and later");
}

TEST_F(EarlyDataTest, ArrivesByteByByte) {
  GetSession();
  EnginePair pair = NewPair();
  pair.delivery_size = 1;
  pair.Pump();
  EXPECT_EQ(pair.server().Reported<EarlyDataEnded>()[0].size, 5);
  ExpectAccepted(std::move(pair));
}

TEST_F(EarlyDataTest, WaitsWhileThereIsNoRoomForIt) {
  GetSession();
  EnginePair pair = NewPair();
  pair.cleartext_limit = 3;
  pair.Pump();
  EXPECT_TRUE(pair.server().handshake.has_value());
  EXPECT_THAT(pair.server().Reported<EarlyDataEnded>(), IsEmpty());
  EXPECT_TRUE(pair.server().engine->has_more());
  EXPECT_EQ(pair.server().TakeCleartext(), "ear");
  pair.Pump();
  EXPECT_EQ(pair.server().Reported<EarlyDataEnded>()[0].size, 5);
  ExpectAccepted(std::move(pair), "ly");
}

// The context that is chosen says whether, and what has come while it was
// chosen is not lost.
TEST_F(EarlyDataTest, IsForTheContextThatTheNameChooses) {
  const auto names = std::make_shared<NamedContexts>();
  names->by_name["localhost"] = {"secureContexts/chosen", MakeContext(server)};
  server_options.contexts = names;
  server.early_data = false;
  GetSession();
  for (const size_t limit : {size_t{1}, size_t{1000}}) {
    EnginePair pair = NewPair();
    pair.delivery_size = limit;
    pair.cleartext_limit = 3;
    pair.Pump();
    EXPECT_EQ(pair.server().TakeCleartext(), "ear");
    pair.Pump();
    ExpectAccepted(std::move(pair), "ly");
  }

  names->by_name["localhost"].context = MakeContext(server);
  ExpectRejected(Converse());
}

TEST_F(EarlyDataTest, IsAsMuchAsTheLibraryTakes) {
  GetSession();
  client_options.early_data = std::string(kEarlyDataBytesMax, 'e');
  EnginePair pair = Converse();
  EXPECT_EQ(pair.server().Reported<EarlyDataEnded>()[0].size, 14336);
  ExpectAccepted(std::move(pair), client_options.early_data);

  client_options.early_data += "e";
  base::ChunkPool pool;
  EXPECT_THAT(TlsEngine::Create(MakeContext(client), Role::kClient,
                                client_options, pool),
              FailsWith(Reason::kFieldInvalid, "early_data"));
}

// Another server may have promised to take less.
TEST_F(EarlyDataTest, IsSentAsFarAsTheSessionAllows) {
  GetSession();
  // max_early_data_size, as the library writes it.
  const std::string most = "\x02\x02\x38";
  const size_t at = client_options.session.find(most + std::string(1, '\0'));
  ASSERT_NE(at, std::string::npos);
  client_options.session.replace(at, 4, std::string("\x02\x02\x01\x00", 4));
  client_options.early_data = std::string(1000, 'e');

  EnginePair pair = NewPair();
  Arrive(pair.client(), pair.server());
  EXPECT_THAT(pair.server().TakeCleartext(), SizeIs(256));
  pair.Pump();
  EXPECT_EQ(pair.server().Reported<EarlyDataEnded>()[0].size, 256);
  ExpectAccepted(std::move(pair), std::string(744, 'e'));
}

// Servers may answer before the client has proved that it is there.
TEST_F(EarlyDataTest, IsAnsweredEarly) {
  GetSession();
  EnginePair pair = NewPair();
  Arrive(pair.client(), pair.server());
  EXPECT_TRUE(pair.server().engine->can_send());
  EXPECT_THAT(pair.server().engine->UpdateKeys(false),
              FailsWith(Reason::kHandshakeNotComplete));
  ASSERT_THAT(pair.server().engine->Send(base::AsBytes("answer")), IsOk());
  Arrive(pair.server(), pair.client());
  EXPECT_TRUE(pair.client().handshake.has_value());
  EXPECT_EQ(pair.client().TakeCleartext(), "answer");
}

TEST_F(EarlyDataTest, DelaysTheServersCloseNotify) {
  GetSession();
  EnginePair pair = NewPair();
  Arrive(pair.client(), pair.server());
  ASSERT_THAT(pair.server().engine->Send(base::AsBytes("answer")), IsOk());
  ASSERT_THAT(pair.server().engine->Shutdown(), IsOk());
  EXPECT_THAT(pair.server().engine->Send(base::AsBytes("more")),
              FailsWith(Reason::kWriteAfterShutdown));
  Arrive(pair.server(), pair.client());
  EXPECT_EQ(pair.client().TakeCleartext(), "answer");
  EXPECT_THAT(pair.client().Reported<PeerClosed>(), IsEmpty());

  pair.Pump();
  EXPECT_THAT(pair.client().Reported<PeerClosed>(), SizeIs(1));
  ASSERT_THAT(pair.client().engine->Send(base::AsBytes(" late")), IsOk());
  ASSERT_THAT(pair.client().engine->Shutdown(), IsOk());
  pair.Pump();
  EXPECT_TRUE(pair.server().peer_closed);
  EXPECT_EQ(pair.server().TakeCleartext(), "early late");
}

TEST_F(EarlyDataTest, LeavesASessionForTheNextTime) {
  GetSession();
  for (int i = 0; i < 3; ++i) {
    EnginePair pair = Converse();
    ASSERT_THAT(pair.client().Reported<SessionReceived>(), SizeIs(1));
    client_options.session = pair.client().engine->session().value().data;
    ExpectAccepted(std::move(pair));
  }
}

TEST_F(EarlyDataTest, TellsItsSecret) {
  server.key_log = client.key_log = true;
  GetSession();
  EnginePair pair = Converse();
  EXPECT_THAT(SecretsOf(pair.client()),
              Contains("CLIENT_EARLY_TRAFFIC_SECRET"));
  EXPECT_EQ(SecretsOf(pair.client())[0], "CLIENT_EARLY_TRAFFIC_SECRET");
  EXPECT_THAT(SecretsOf(pair.server()),
              Contains("CLIENT_EARLY_TRAFFIC_SECRET"));
}

TEST_F(EarlyDataTest, GoesWithAnEncryptedClientHello) {
  const EchKeyOptions key = MakeEchKey("cover.test");
  server.ech_keys = {key};
  client_options.ech_config_list = ConfigListOf({key});
  GetSession();
  EnginePair pair = Converse();
  EXPECT_TRUE(pair.server().handshake.value().ech_accepted);
  EXPECT_TRUE(pair.client().handshake.value().ech_accepted);
  ExpectAccepted(std::move(pair));
}

TEST_F(EarlyDataTest, IsLostWithAnEncryptedClientHello) {
  GetSession();
  client_options.ech_config_list = ConfigListOf({MakeEchKey("localhost")});
  EnginePair pair = Converse();
  EXPECT_THAT(pair.client().status, FailsWith(Reason::kEchRejected));
  EXPECT_EQ(pair.server().TakeCleartext(), "");
}

// It is sent all the same.

TEST_F(EarlyDataTest, ComesLaterWithoutASession) {
  client_options.early_data = "early";
  ExpectNone(Converse());
}

TEST_F(EarlyDataTest, ComesLaterIfTheClientsContextHasNone) {
  GetSession();
  client.early_data = false;
  EnginePair pair = Converse();
  EXPECT_TRUE(pair.server().handshake.value().resumed);
  ExpectNone(std::move(pair));
}

TEST_F(EarlyDataTest, ComesLaterIfTheSessionHasNone) {
  server.early_data = false;
  GetSession();
  server.early_data = true;
  EnginePair pair = Converse();
  EXPECT_TRUE(pair.server().handshake.value().resumed);
  ExpectNone(std::move(pair));
}

TEST_F(EarlyDataTest, ComesLaterUnderTls12) {
  server.min_version = server.max_version = TlsVersion::kTls12;
  client.min_version = TlsVersion::kTls12;
  GetSession();
  EnginePair pair = Converse();
  EXPECT_TRUE(pair.server().handshake.value().resumed);
  EXPECT_EQ(pair.server().handshake.value().protocol, "TLSv1.2");
  ExpectNone(std::move(pair));
  EXPECT_THAT(MakeContext(server)->facts().warnings,
              Contains(StartsWith("early_data:")));
  EXPECT_THAT(MakeContext(client)->facts().warnings, IsEmpty());
}

// RFC 8446 section 4.2.10: it would mean something else.
TEST_F(EarlyDataTest, ComesLaterIfTheSessionIsOfAnotherProtocol) {
  server.alpn_protocols = {"a", "b"};
  client.alpn_protocols = {"a"};
  GetSession();
  client.alpn_protocols = {"b"};
  EnginePair pair = Converse();
  EXPECT_EQ(pair.server().handshake.value().alpn_protocol, "b");
  ExpectNone(std::move(pair));
}

TEST_F(EarlyDataTest, IsNotOfferedIfThereIsNothingToSay) {
  GetSession();
  client_options.early_data = "";
  EnginePair pair = Converse();
  EXPECT_TRUE(pair.server().handshake.value().resumed);
  ExpectNone(std::move(pair), "");
}

TEST_F(EarlyDataTest, GoesWithAnApplicationProtocol) {
  server.alpn_protocols = client.alpn_protocols = {"a", "b"};
  GetSession();
  EnginePair pair = Converse();
  EXPECT_EQ(pair.server().handshake.value().alpn_protocol, "a");
  EXPECT_EQ(pair.client().handshake.value().alpn_protocol, "a");
  ExpectAccepted(std::move(pair));
}

}  // namespace
}  // namespace tlsd::tls
