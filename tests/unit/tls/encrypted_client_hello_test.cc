// Encrypted ClientHellos that the server can read, and what is not encrypted.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/unit/tls/ech_configs.h"
#include "tests/unit/tls/first_flight.h"

namespace tlsd::tls {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::tlsd::testing::ClientIdentity;
using ::tlsd::testing::ClientOptions;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::KeyKind;
using ::tlsd::testing::LocalhostOptions;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::MetadataOf;
using ::tlsd::testing::RsaServerIdentity;
using ::tlsd::testing::ServerIdentity;
using ::tlsd::testing::ServerOptions;
using ::tlsd::testing::TestAuthority;

class EncryptedClientHelloTest : public ::testing::Test {
 protected:
  EncryptedClientHelloTest() {
    server.ech_keys = {key};
    client_options.ech_config_list = ConfigListOf({key});
  }

  EnginePair NewPair() {
    if (server_context == nullptr) server_context = MakeContext(server);
    return EnginePair(MakeContext(client), server_context, client_options);
  }
  EnginePair Converse() {
    EnginePair pair = NewPair();
    pair.Pump();
    return pair;
  }

  // ExpectAccepted expects a handshake, and that both ends say so.
  static void ExpectAccepted(EnginePair pair) {
    ASSERT_THAT(pair.server().status, IsOk());
    ASSERT_THAT(pair.client().status, IsOk());
    ASSERT_TRUE(pair.server().handshake.has_value());
    ASSERT_TRUE(pair.client().handshake.has_value());
    EXPECT_TRUE(pair.server().handshake->ech_accepted);
    EXPECT_TRUE(pair.client().handshake->ech_accepted);
    EXPECT_TRUE(pair.client().handshake->authorized);
    EXPECT_EQ(pair.server().handshake->server_name, "localhost");
  }

  // CreateError is why there is no client.
  absl::Status CreateError() {
    base::ChunkPool pool;
    return TlsEngine::Create(MakeContext(client), Role::kClient, client_options,
                             pool)
        .status();
  }
  void ExpectListRefused() {
    const absl::Status status = CreateError();
    EXPECT_THAT(status, FailsWith(Reason::kEchKeyInvalid));
    EXPECT_EQ(MetadataOf(status, "field"), "ech_config_list");
  }

  const EchKeyOptions key = MakeEchKey("cover.test");
  SecureContextOptions server = ServerOptions(TlsVersion::kTls13);
  SecureContextOptions client = ClientOptions(TlsVersion::kTls13);
  EngineOptions client_options = LocalhostOptions();
  std::shared_ptr<const SecureContext> server_context;
};

TEST_F(EncryptedClientHelloTest, IsAccepted) { ExpectAccepted(Converse()); }

TEST_F(EncryptedClientHelloTest, IsNotToldWhereThereIsNone) {
  client_options.ech_config_list = "";
  EnginePair pair = Converse();
  ASSERT_THAT(pair.server().status, IsOk());
  EXPECT_FALSE(pair.server().handshake.value().ech_accepted);
  EXPECT_FALSE(pair.client().handshake.value().ech_accepted);
  EXPECT_EQ(pair.server().handshake->server_name, "localhost");
}

TEST_F(EncryptedClientHelloTest, HidesTheServerName) {
  const std::string flight = FirstFlight(client, client_options);
  EXPECT_THAT(flight, HasSubstr("cover.test"));
  EXPECT_THAT(flight, Not(HasSubstr("localhost")));
  client_options.ech_config_list = "";
  EXPECT_THAT(FirstFlight(client, client_options), HasSubstr("localhost"));
}

TEST_F(EncryptedClientHelloTest, IsAcceptedByteByByte) {
  EnginePair pair = NewPair();
  pair.delivery_size = 1;
  pair.Pump();
  ExpectAccepted(std::move(pair));
}

// The second ClientHello is encrypted as the first.
TEST_F(EncryptedClientHelloTest, IsAcceptedAfterAHelloRetryRequest) {
  client.groups = {"X25519", "P-384"};
  server.groups = {"P-384"};
  EnginePair pair = Converse();
  EXPECT_EQ(pair.server().handshake.value().group, "P-384");
  ExpectAccepted(std::move(pair));
}

TEST_F(EncryptedClientHelloTest, IsAcceptedWithAnyOfSeveralKeys) {
  const EchKeyOptions others[] = {MakeEchKey("a.test", 1),
                                  MakeEchKey("b.test", 7)};
  server.ech_keys = {others[0], others[1], key};
  ExpectAccepted(Converse());
}

TEST_F(EncryptedClientHelloTest, IsAcceptedWhenKeysHaveOneId) {
  server.ech_keys = {MakeEchKey("cover.test", 7), key};
  ExpectAccepted(Converse());
}

TEST_F(EncryptedClientHelloTest, UsesTheFirstConfigThatItCan) {
  EchKeyOptions unknown = MakeEchKey("new.test");
  unknown.config[1] ^= 0x01;
  client_options.ech_config_list = ConfigListOf({unknown, key});
  ExpectAccepted(Converse());
}

// All that a context does for other clients it does for these.

TEST_F(EncryptedClientHelloTest, KeepsTheChoiceAmongCredentials) {
  server.credentials = {RsaServerIdentity().Credentials(),
                        ServerIdentity().Credentials()};
  client.signature_algorithms = {"ecdsa_secp256r1_sha256"};
  ExpectAccepted(Converse());
  client_options.ech_config_list = "";
  EXPECT_THAT(Converse().client().status, IsOk());
}

TEST_F(EncryptedClientHelloTest,
       KeepsTheChoiceOfProtocolsAndClientCertificates) {
  server.alpn_protocols = client.alpn_protocols = {"h2"};
  server.client_certificate_mode = ClientCertificateMode::kRequire;
  client.credentials = {ClientIdentity().Credentials()};
  EnginePair pair = Converse();
  EXPECT_EQ(pair.server().handshake.value().alpn_protocol, "h2");
  EXPECT_TRUE(pair.server().handshake.value().authorized);
  ExpectAccepted(std::move(pair));
}

TEST_F(EncryptedClientHelloTest, ResumesSessions) {
  EnginePair first = Converse();
  client_options.session = first.client().engine->session().value().data;
  EnginePair second = Converse();
  EXPECT_TRUE(second.server().handshake.value().resumed);
  ExpectAccepted(std::move(second));
}

// A server without TLS 1.3 has no use for keys, and is no worse for them.
TEST_F(EncryptedClientHelloTest, DoesNotTouchServersOfOlderVersions) {
  client_options.ech_config_list = "";
  server.min_version = server.max_version = TlsVersion::kTls12;
  client.min_version = TlsVersion::kTls12;
  EnginePair pair = Converse();
  ASSERT_THAT(pair.server().status, IsOk());
  EXPECT_EQ(pair.server().handshake.value().protocol, "TLSv1.2");
  EXPECT_FALSE(pair.server().handshake.value().ech_accepted);
  EXPECT_THAT(server_context->facts().warnings, SizeIs(1));
  EXPECT_THAT(server_context->facts().warnings[0], HasSubstr("ech_keys"));
}

// Keys.

TEST_F(EncryptedClientHelloTest, IsAcceptedWithAnOlderKey) {
  NewPair();
  EXPECT_EQ(*server_context->RotateEchKeys("cover.test", 64), 2);
  ExpectAccepted(Converse());
  client_options.ech_config_list = server_context->EchConfigList();
  EXPECT_NE(client_options.ech_config_list, ConfigListOf({key}));
  ExpectAccepted(Converse());
}

TEST_F(EncryptedClientHelloTest, IsAcceptedUntilTheKeyIsDropped) {
  NewPair();
  for (int i = 0; i < 7; ++i) {
    ASSERT_THAT(server_context->RotateEchKeys("cover.test", 64).status(),
                IsOk());
  }
  ExpectAccepted(Converse());
  EXPECT_EQ(*server_context->RotateEchKeys("cover.test", 64), 8);
  EXPECT_THAT(Converse().client().status, Not(IsOk()));
}

TEST_F(EncryptedClientHelloTest, KeepsKeysWhenTheContextIsReplaced) {
  NewPair();
  ASSERT_THAT(server_context->RotateEchKeys("cover.test", 64).status(), IsOk());
  const std::string rotated = server_context->EchConfigList();
  SecureContextOptions wiped = server;
  wiped.ech_keys.clear();
  SecureContext::Kept kept;
  kept.ech_keys = true;
  const auto same = SecureContext::Replace(*server_context, kept, wiped,
                                           TestAuthority(), absl::Now())
                        .value();
  EXPECT_EQ(same->EchConfigList(), rotated);
  // They stay one ring.
  ASSERT_THAT(same->RotateEchKeys("cover.test", 64).status(), IsOk());
  EXPECT_EQ(same->EchConfigList(), server_context->EchConfigList());
  server_context = same;
  ExpectAccepted(Converse());

  const auto other =
      SecureContext::Replace(*same, {}, wiped, TestAuthority(), absl::Now())
          .value();
  EXPECT_EQ(other->EchConfigList(), "");
}

// Nothing goes out in the clear that was to be encrypted.

TEST_F(EncryptedClientHelloTest, RefusesAListThatIsNone) {
  const std::string good = client_options.ech_config_list;
  for (const std::string& bad :
       {std::string("x"), good.substr(0, good.size() - 1), good + "x",
        std::string(2, '\0'), key.config}) {
    client_options.ech_config_list = bad;
    ExpectListRefused();
  }
}

TEST_F(EncryptedClientHelloTest, RefusesAListThatItCanUseNothingOf) {
  EchKeyOptions unknown = key;
  unknown.config[1] ^= 0x01;
  client_options.ech_config_list = ConfigListOf({unknown});
  ExpectListRefused();
}

TEST_F(EncryptedClientHelloTest, RefusesAListWithoutTls13) {
  client.min_version = client.max_version = TlsVersion::kTls12;
  ExpectListRefused();
  client.max_version = TlsVersion::kTls13;
  EXPECT_THAT(CreateError(), IsOk());
}

}  // namespace
}  // namespace tlsd::tls
