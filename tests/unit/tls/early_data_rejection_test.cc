// Early data that the server does not take: it is sent again when that is safe.
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/unit/tls/early_data_fixture.h"

namespace tlsd::tls {
namespace {

using ::tlsd::testing::EnginePair;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::MetadataOf;
using ::tlsd::testing::SelfSignedIdentity;
using ::tlsd::testing::WrongNameServerIdentity;

class EarlyDataRejectionTest : public EarlyDataFixture {};

TEST_F(EarlyDataRejectionTest, IsWhatAServerWithoutItDoes) {
  GetSession();
  server.early_data = false;
  EnginePair pair = NewPair();
  Arrive(pair.client(), pair.server());
  EXPECT_EQ(pair.server().TakeCleartext(), "");
  pair.Pump();
  EXPECT_TRUE(pair.server().handshake.value().resumed);
  ExpectRejected(std::move(pair));
}

TEST_F(EarlyDataRejectionTest, IsWhatAServerWithOtherTicketKeysDoes) {
  GetSession();
  server.ticket_keys = {std::string(48, 'x')};
  EnginePair pair = Converse();
  EXPECT_FALSE(pair.server().handshake.value().resumed);
  EXPECT_FALSE(pair.client().handshake.value().resumed);
  EXPECT_TRUE(pair.client().handshake.value().authorized);
  ExpectRejected(std::move(pair));
}

TEST_F(EarlyDataRejectionTest, IsWhatAHelloRetryRequestDoes) {
  client.groups = {"X25519", "P-384"};
  GetSession();
  server.groups = {"P-384"};
  EnginePair pair = Converse();
  EXPECT_EQ(pair.client().handshake.value().group, "P-384");
  ExpectRejected(std::move(pair));
}

TEST_F(EarlyDataRejectionTest, HappensByteByByte) {
  client.groups = {"X25519", "P-384"};
  GetSession();
  for (const std::string group : {"X25519", "P-384"}) {
    server.groups = {group};
    server.early_data = false;
    EnginePair pair = NewPair();
    pair.delivery_size = 1;
    pair.Pump();
    ExpectRejected(std::move(pair));
  }
}

TEST_F(EarlyDataRejectionTest, SendsAllOfItAgain) {
  GetSession();
  server.early_data = false;
  client_options.early_data = std::string(kEarlyDataBytesMax, 'e');
  EnginePair pair = Converse();
  ExpectRejected(std::move(pair), client_options.early_data);
}

TEST_F(EarlyDataRejectionTest, SendsItAgainBeforeWhatFollows) {
  GetSession();
  server.early_data = false;
  EnginePair pair = Converse();
  ASSERT_THAT(pair.client().engine->Send(base::AsBytes(" and later")), IsOk());
  pair.Pump();
  ExpectRejected(std::move(pair), "early and later");
}

// The server is judged anew.
TEST_F(EarlyDataRejectionTest, SendsNothingToAServerThatIsNotAccepted) {
  GetSession();
  server.ticket_keys = {std::string(48, 'x')};
  server.credentials = {WrongNameServerIdentity().Credentials()};
  EnginePair pair = Converse();
  EXPECT_THAT(pair.client().status,
              FailsWith(Reason::kPeerCertificateNameMismatch));
  EXPECT_EQ(pair.server().TakeCleartext(), "");
}

// RFC 8446 section 4.2.10: it must not be sent again for another protocol.
TEST_F(EarlyDataRejectionTest, FailsIfAnotherProtocolIsAgreedOn) {
  client.alpn_protocols = {"a", "b"};
  server.alpn_protocols = {"a"};
  GetSession();
  server.alpn_protocols = {"b"};
  EnginePair pair = Converse();
  EXPECT_THAT(pair.client().status, FailsWith(Reason::kPeerIncompatible));
  EXPECT_EQ(MetadataOf(pair.client().status, "early_data_protocol"), "a");
  EXPECT_EQ(MetadataOf(pair.client().status, "alpn_protocol"), "b");
  EXPECT_FALSE(pair.client().handshake.has_value());
  EXPECT_EQ(pair.server().TakeCleartext(), "");
}

TEST_F(EarlyDataRejectionTest, GoesOnIfTheProtocolIsTheSame) {
  client.alpn_protocols = {"a", "b"};
  server.alpn_protocols = {"a"};
  GetSession();
  server.early_data = false;
  ExpectRejected(Converse());
}

// RFC 8446 appendix D.3.
TEST_F(EarlyDataRejectionTest, FailsIfTheServerHasGoneBackToAnOlderVersion) {
  client.min_version = TlsVersion::kTls12;
  GetSession();
  server.min_version = server.max_version = TlsVersion::kTls12;
  EnginePair pair = Converse();
  EXPECT_THAT(pair.client().status, FailsWith(Reason::kPeerIncompatible));
  EXPECT_EQ(MetadataOf(pair.client().status, "library_reason"),
            "WRONG_VERSION_ON_EARLY_DATA");
  EXPECT_EQ(pair.server().TakeCleartext(), "");
}

}  // namespace
}  // namespace tlsd::tls
