// Fresh keys on an open connection (RFC 8446 section 4.6.3): see
// TlsEngine::UpdateKeys.
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/tls/judged_peer.h"
#include "tests/unit/tls/roles_and_versions.h"

namespace tlsd::tls {
namespace {

using ::tlsd::testing::ClientOptions;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::MetadataOf;
using ::tlsd::testing::ServerOptions;

constexpr size_t kNoLimit = 1 << 30;
// A KeyUpdate and the longest overhead of its record.
constexpr size_t kMessageBytesMax = 64;

// The role is that of the end which changes its keys.
class KeyUpdateTest : public EachRoleAndVersion {
 protected:
  KeyUpdateTest() { pair.Pump(); }

  EnginePair::End& updater() { return pair.end(role()); }
  EnginePair::End& peer() { return pair.end(OtherRole(role())); }

  void SendBothWays(absl::string_view text) {
    for (EnginePair::End* end : {&updater(), &peer()}) {
      ASSERT_THAT(end->engine->Send(base::AsBytes(text)), IsOk());
    }
    pair.Pump();
    EXPECT_THAT(updater().status, IsOk());
    EXPECT_THAT(peer().status, IsOk());
    EXPECT_EQ(updater().TakeCleartext(), text);
    EXPECT_EQ(peer().TakeCleartext(), text);
  }

  // Take returns what `end` has for its peer; Give gives `bytes` to `end`
  // alone.
  static std::string Take(EnginePair::End& end) {
    base::ByteQueue& queue = end.engine->ciphertext();
    return queue.TakeText(queue.size());
  }
  static void Give(EnginePair::End& end, absl::string_view bytes) {
    EventList events;
    ASSERT_OK_AND_ASSIGN(const size_t taken,
                         end.engine->Receive(base::AsBytes(bytes), kNoLimit,
                                             *end.cleartext, events));
    EXPECT_EQ(taken, bytes.size());
  }

  EnginePair pair{MakeContext(ClientOptions(version())),
                  MakeContext(ServerOptions(version()))};
};
INSTANTIATE_ROLES_AND_VERSIONS(KeyUpdateTest);

// Of TLS 1.3 alone.
class Tls13KeyUpdateTest : public KeyUpdateTest {};
INSTANTIATE_TEST_SUITE_P(
    , Tls13KeyUpdateTest,
    ::testing::Combine(::testing::Values(Role::kClient, Role::kServer),
                       ::testing::Values(TlsVersion::kTls13)),
    RoleAndVersionName);

TEST_P(Tls13KeyUpdateTest, IsSaidAtOnce) {
  ASSERT_TRUE(updater().engine->ciphertext().empty());
  ASSERT_THAT(updater().engine->UpdateKeys(/*request_peer=*/false), IsOk());
  EXPECT_GT(updater().engine->ciphertext().size(), 0u);
  EXPECT_LE(updater().engine->ciphertext().size(), kMessageBytesMax);
  pair.Pump();
  SendBothWays("after");
}

TEST_P(Tls13KeyUpdateTest, AsksThePeerOnlyIfToldTo) {
  const size_t arrived = updater().arrived_size;
  ASSERT_THAT(updater().engine->UpdateKeys(/*request_peer=*/false), IsOk());
  pair.Pump();
  EXPECT_EQ(updater().arrived_size, arrived);

  // The peer sends nothing else.
  ASSERT_THAT(updater().engine->UpdateKeys(/*request_peer=*/true), IsOk());
  pair.Pump();
  EXPECT_GT(updater().arrived_size, arrived);
  SendBothWays("after");
}

TEST_P(Tls13KeyUpdateTest, GoesOnAsOftenAsThereIsCleartextBetween) {
  for (int i = 0; i < 100; ++i) {
    ASSERT_THAT(updater().engine->UpdateKeys(/*request_peer=*/i % 2 == 0),
                IsOk());
    SendBothWays(absl::StrCat("text ", i));
  }
}

// BoringSSL bears 32 in a row.
TEST_P(Tls13KeyUpdateTest, IsNoFlood) {
  for (int i = 0; i < 32; ++i) {
    ASSERT_THAT(updater().engine->UpdateKeys(/*request_peer=*/false), IsOk());
  }
  pair.Pump();
  SendBothWays("after");

  for (int i = 0; i < 33; ++i) {
    ASSERT_THAT(updater().engine->UpdateKeys(/*request_peer=*/false), IsOk());
  }
  pair.Pump();
  EXPECT_THAT(peer().status, FailsWith(Reason::kPeerMisbehaved));
}

TEST_P(Tls13KeyUpdateTest, CrossesThatOfThePeer) {
  ASSERT_THAT(updater().engine->UpdateKeys(/*request_peer=*/true), IsOk());
  ASSERT_THAT(peer().engine->UpdateKeys(/*request_peer=*/true), IsOk());
  pair.Pump();
  SendBothWays("after");
}

TEST_P(Tls13KeyUpdateTest, ComesBehindWhatWasSent) {
  ASSERT_THAT(updater().engine->Send(base::AsBytes("before ")), IsOk());
  ASSERT_THAT(updater().engine->UpdateKeys(/*request_peer=*/true), IsOk());
  ASSERT_THAT(updater().engine->Send(base::AsBytes("behind")), IsOk());
  pair.delivery_size = 1;
  pair.Pump();
  EXPECT_THAT(peer().status, IsOk());
  EXPECT_EQ(peer().TakeCleartext(), "before behind");
}

// A peer that asks again and again, and does not read, costs no memory.
TEST_P(Tls13KeyUpdateTest, IsNotAnsweredWhileMuchIsUnsent) {
  TlsEngine& answerer = *peer().engine;
  ASSERT_THAT(answerer.Send(base::AsBytes(std::string(20'000, 'x'))), IsOk());
  const size_t unsent = answerer.ciphertext().size();
  for (int i = 0; i < 1000; ++i) {
    ASSERT_THAT(updater().engine->UpdateKeys(/*request_peer=*/true), IsOk());
    ASSERT_THAT(updater().engine->Send(base::AsBytes("x")), IsOk());
    ASSERT_NO_FATAL_FAILURE(Give(peer(), Take(updater())));
  }
  EXPECT_EQ(answerer.ciphertext().size(), unsent);

  // The answer is not lost.
  Give(updater(), Take(peer()));
  Give(peer(), "");
  EXPECT_GT(answerer.ciphertext().size(), 0u);
  EXPECT_LE(answerer.ciphertext().size(), kMessageBytesMax);
  peer().cleartext->Clear();
  updater().cleartext->Clear();
  SendBothWays("after");
}

// The answer that is held back is not taken for a question.
TEST_P(Tls13KeyUpdateTest, AsksAlthoughAnAnswerIsHeldBack) {
  TlsEngine& answerer = *peer().engine;
  ASSERT_THAT(answerer.Send(base::AsBytes(std::string(20'000, 'x'))), IsOk());
  ASSERT_THAT(updater().engine->UpdateKeys(/*request_peer=*/true), IsOk());
  ASSERT_NO_FATAL_FAILURE(Give(peer(), Take(updater())));
  ASSERT_THAT(answerer.UpdateKeys(/*request_peer=*/true), IsOk());
  ASSERT_TRUE(updater().engine->ciphertext().empty());
  ASSERT_NO_FATAL_FAILURE(Give(updater(), Take(peer())));
  EXPECT_GT(updater().engine->ciphertext().size(), 0u);
  updater().cleartext->Clear();
  SendBothWays("after");
}

TEST_P(Tls13KeyUpdateTest, IsNotAnsweredAfterShutdown) {
  ASSERT_THAT(peer().engine->Shutdown(), IsOk());
  pair.Pump();
  const size_t arrived = updater().arrived_size;
  ASSERT_THAT(updater().engine->UpdateKeys(/*request_peer=*/true), IsOk());
  ASSERT_THAT(updater().engine->Send(base::AsBytes("still read")), IsOk());
  pair.Pump();
  EXPECT_THAT(peer().status, IsOk());
  EXPECT_EQ(peer().TakeCleartext(), "still read");
  EXPECT_EQ(updater().arrived_size, arrived);
}

TEST_P(Tls13KeyUpdateTest, IsNotSaidAfterShutdown) {
  ASSERT_THAT(updater().engine->Shutdown(), IsOk());
  EXPECT_THAT(updater().engine->UpdateKeys(/*request_peer=*/false),
              FailsWith(Reason::kWriteAfterShutdown));
}

TEST_P(KeyUpdateTest, IsOfTls13) {
  const absl::Status status =
      updater().engine->UpdateKeys(/*request_peer=*/true);
  if (is_tls13()) {
    EXPECT_THAT(status, IsOk());
  } else {
    EXPECT_THAT(status, FailsWith(Reason::kVersionMismatch));
    EXPECT_EQ(MetadataOf(status, "protocol"), "TLSv1.2");
    EXPECT_TRUE(updater().engine->ciphertext().empty());
  }
  SendBothWays("after");
}

TEST_P(KeyUpdateTest, IsNotSaidBeforeTheHandshake) {
  EnginePair early(MakeContext(ClientOptions(version())),
                   MakeContext(ServerOptions(version())));
  EXPECT_THAT(early.end(role()).engine->UpdateKeys(/*request_peer=*/true),
              FailsWith(Reason::kHandshakeNotComplete));
}

TEST_P(KeyUpdateTest, IsNotSaidAfterAFailure) {
  updater().engine->Abort(MakeError(Reason::kConnectionReset, "reset"));
  EXPECT_THAT(updater().engine->UpdateKeys(/*request_peer=*/true),
              FailsWith(Reason::kConnectionReset));
}

}  // namespace
}  // namespace tlsd::tls
