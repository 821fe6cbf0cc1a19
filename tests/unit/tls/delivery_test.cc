// The same conversation however it arrives: in pieces, cut off, altered.
#include <cstddef>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/unit/tls/tls_versions.h"

namespace tlsd::tls {
namespace {

using ::tlsd::testing::ClientOptions;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IdentitySpec;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::RootIdentity;
using ::tlsd::testing::ServerOptions;
using ::tlsd::testing::TestIdentity;

constexpr char kQuestion[] = "What is the way of a byte?";
constexpr char kAnswer[] = "Through the engine, and out again.";

// DeliveryTest has one conversation: a mutual handshake, a question, an answer,
// and close_notify from both.
class DeliveryTest : public EachTlsVersion {
 protected:
  DeliveryTest() {
    // Without intermediates there are fewer bytes to cut and to alter.
    static const auto& identity =
        *new TestIdentity(RootIdentity().Issue(IdentitySpec{}));
    SecureContextOptions client = ClientOptions(version());
    client.credentials = {identity.Credentials()};
    client_context_ = MakeContext(client);
    SecureContextOptions server = ServerOptions(version());
    server.credentials = {identity.Credentials()};
    server.client_certificate_mode = ClientCertificateMode::kRequire;
    server_context_ = MakeContext(server);
  }

  std::unique_ptr<EnginePair> NewPair() const {
    return std::make_unique<EnginePair>(client_context_, server_context_);
  }

  // Converse goes as far as both sides get; a side that has failed is silent.
  static void Converse(EnginePair& pair) {
    pair.Pump();
    Say(pair, Role::kClient, kQuestion);
    Say(pair, Role::kServer, kAnswer);
    Close(pair, Role::kClient);
    Close(pair, Role::kServer);
  }

  static void Say(EnginePair& pair, Role role, const char* text) {
    EnginePair::End& end = pair.end(role);
    if (end.status.ok() && end.handshake.has_value()) {
      EXPECT_THAT(end.engine->Send(base::AsBytes(text)), IsOk());
    }
    pair.Pump();
  }

  static void Close(EnginePair& pair, Role role) {
    EnginePair::End& end = pair.end(role);
    if (end.status.ok() && end.handshake.has_value()) {
      EXPECT_THAT(end.engine->Shutdown(), IsOk());
    }
    pair.Pump();
  }

  static void ExpectWhole(EnginePair& pair) {
    for (const Role role : {Role::kClient, Role::kServer}) {
      EXPECT_THAT(pair.end(role).status, IsOk());
      EXPECT_TRUE(pair.end(role).handshake.has_value());
      EXPECT_TRUE(pair.end(role).peer_closed);
      EXPECT_EQ(pair.end(role).event_count, 2);
    }
    EXPECT_EQ(pair.server().TakeCleartext(), kQuestion);
    EXPECT_EQ(pair.client().TakeCleartext(), kAnswer);
  }

  // What arrived is what was sent, or the beginning of it.
  static void ExpectNothingAltered(EnginePair& pair) {
    EXPECT_EQ(std::string(kQuestion).rfind(pair.server().TakeCleartext(), 0),
              0u);
    EXPECT_EQ(std::string(kAnswer).rfind(pair.client().TakeCleartext(), 0), 0u);
  }

  size_t ArrivedSize(Role receiver) const {
    const auto pair = NewPair();
    Converse(*pair);
    return pair->end(receiver).arrived_size;
  }

  std::shared_ptr<const SecureContext> client_context_;
  std::shared_ptr<const SecureContext> server_context_;
};
INSTANTIATE_TLS_VERSIONS(DeliveryTest);

TEST_P(DeliveryTest, WorksInWholeBuffers) {
  const auto pair = NewPair();
  Converse(*pair);
  ExpectWhole(*pair);
}

TEST_P(DeliveryTest, WorksOneByteAtATime) {
  const auto pair = NewPair();
  pair->delivery_size = 1;
  Converse(*pair);
  ExpectWhole(*pair);
}

TEST_P(DeliveryTest, WorksInPiecesOfAwkwardSizes) {
  for (const size_t size : {2, 3, 5, 7, 13, 61, 251, 1021}) {
    const auto pair = NewPair();
    pair->delivery_size = size;
    Converse(*pair);
    ExpectWhole(*pair);
  }
}

TEST_P(DeliveryTest, TellsATruncationAfterEveryByteFromAnEnd) {
  for (const Role receiver : {Role::kClient, Role::kServer}) {
    // Signatures vary in length by a few bytes, so the sizes do too.
    const size_t size = ArrivedSize(receiver) - 50;
    for (size_t cut = 1; cut < size; ++cut) {
      SCOPED_TRACE(absl::StrCat("cut after ", cut));
      const auto pair = NewPair();
      pair->CutAfter(receiver, cut);

      Converse(*pair);

      const EnginePair::End& end = pair->end(receiver);
      ASSERT_TRUE(end.has_seen_eof);
      if (end.peer_closed) {
        EXPECT_THAT(end.status, IsOk());
      } else {
        EXPECT_THAT(end.status, FailsWith(Reason::kTlsTruncated));
      }
      ExpectNothingAltered(*pair);
    }
  }
}

TEST_P(DeliveryTest, AnEndAfterCloseNotifyIsClean) {
  const auto pair = NewPair();
  Converse(*pair);

  EXPECT_THAT(pair->client().engine->ReceiveEof(), IsOk());
  EXPECT_THAT(pair->server().engine->ReceiveEof(), IsOk());
}

TEST_P(DeliveryTest, NoAlteredByteIsEverDelivered) {
  for (const Role receiver : {Role::kClient, Role::kServer}) {
    const size_t size = ArrivedSize(receiver);
    for (size_t offset = 0; offset < size; offset += 3) {
      SCOPED_TRACE(absl::StrCat("altered at ", offset));
      const auto pair = NewPair();
      pair->Alter(receiver, offset,
                  static_cast<uint8_t>(1 << (offset / 3 % 8)));

      Converse(*pair);

      ExpectNothingAltered(*pair);
    }
  }
}

TEST_P(DeliveryTest, AnAlteredRecordOfCleartextIsCalledSo) {
  const auto pair = NewPair();
  pair->Pump();
  ASSERT_TRUE(pair->server().handshake.has_value());
  // Behind the header of the next record.
  pair->Alter(Role::kServer, pair->server().arrived_size + 10);

  Say(*pair, Role::kClient, kQuestion);

  EXPECT_THAT(pair->server().status, FailsWith(Reason::kRecordCorrupt));
  EXPECT_THAT(pair->client().status, FailsWith(Reason::kPeerAlert));
  EXPECT_EQ(pair->server().TakeCleartext(), "");
}

TEST_P(DeliveryTest, AnAlteredHelloEndsInErrorsOnBothSides) {
  for (const Role receiver : {Role::kClient, Role::kServer}) {
    const auto pair = NewPair();
    // The random of the hello: header 5, type and length 4, version 2.
    pair->Alter(receiver, 5 + 4 + 2 + 3);

    Converse(*pair);

    EXPECT_FALSE(pair->client().status.ok());
    EXPECT_FALSE(pair->server().status.ok());
  }
}

TEST_P(DeliveryTest, GarbageOfAllKindsEndsInAnErrorOrInSilence) {
  // A linear generator: the same garbage in each run.
  uint32_t seed = 12345;
  for (int round = 0; round < 300; ++round) {
    std::string garbage;
    // Half of the rounds begin like a record.
    if (round % 2 == 0) garbage = std::string("\x16\x03\x01\x00\x80\x01", 6);
    while (garbage.size() < 400) {
      seed = seed * 1664525 + 1013904223;
      garbage.push_back(static_cast<char>(seed >> 24));
    }
    for (const Role receiver : {Role::kClient, Role::kServer}) {
      const auto pair = NewPair();
      pair->client().engine->ciphertext().Clear();
      pair->Deliver(receiver, garbage);

      pair->Pump();

      EXPECT_FALSE(pair->end(receiver).handshake.has_value());
    }
  }
}

}  // namespace
}  // namespace tlsd::tls
