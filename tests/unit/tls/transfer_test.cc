// Cleartext, its limits, and the ways a connection ends.
#include <algorithm>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/tls/tls_versions.h"

namespace tlsd::tls {
namespace {

using ::testing::HasSubstr;
using ::tlsd::testing::ClientOptions;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::MetadataOf;
using ::tlsd::testing::ServerOptions;

class TransferTest : public EachTlsVersion {
 protected:
  TransferTest()
      : pair_(MakeContext(ClientOptions(version())),
              MakeContext(ServerOptions(version()))) {}

  void Connect() {
    pair_.Pump();
    ASSERT_TRUE(pair_.client().handshake.has_value());
    ASSERT_TRUE(pair_.server().handshake.has_value());
  }

  static std::string Pattern(size_t size) {
    std::string text(size, '\0');
    for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 >> 3);
    return text;
  }

  TlsEngine& client() { return *pair_.client().engine; }
  TlsEngine& server() { return *pair_.server().engine; }

  EnginePair pair_;
};
INSTANTIATE_TLS_VERSIONS(TransferTest);

TEST_P(TransferTest, CarriesTenMebibytesUnderASmallLimit) {
  Connect();
  constexpr size_t kSize = 10 << 20;
  const std::string sent = Pattern(kSize);
  pair_.cleartext_limit = 5000;
  ASSERT_THAT(client().Send(base::AsBytes(sent)), IsOk());

  std::string received;
  while (received.size() < kSize) {
    pair_.Pump();
    ASSERT_LE(pair_.server().cleartext->size(), 5000u);
    const std::string part = pair_.server().TakeCleartext();
    ASSERT_FALSE(part.empty());
    received += part;
  }

  EXPECT_TRUE(received == sent);
  EXPECT_TRUE(pair_.server().inbound.empty());
}

TEST_P(TransferTest, FillsTheLimitExactly) {
  Connect();
  ASSERT_THAT(client().Send(base::AsBytes(Pattern(100))), IsOk());

  for (const size_t limit : {1, 2, 50, 99}) {
    pair_.cleartext_limit = limit;
    pair_.Pump();
    EXPECT_EQ(pair_.server().cleartext->size(), limit);
    EXPECT_TRUE(server().has_more());
  }
  pair_.cleartext_limit = 100;
  pair_.Pump();
  EXPECT_EQ(pair_.server().TakeCleartext(), Pattern(100));
  EXPECT_FALSE(server().has_more());
}

TEST_P(TransferTest, GoesOnWithoutNewCiphertext) {
  Connect();
  ASSERT_THAT(client().Send(base::AsBytes("abcdef")), IsOk());
  pair_.cleartext_limit = 4;
  pair_.Pump();
  ASSERT_EQ(pair_.server().TakeCleartext(), "abcd");
  ASSERT_TRUE(pair_.server().inbound.empty());
  ASSERT_TRUE(server().has_more());

  EventList events;
  const auto taken = server().Receive({}, 4, *pair_.server().cleartext, events);

  ASSERT_THAT(taken, IsOk());
  EXPECT_EQ(*taken, 0u);
  EXPECT_EQ(pair_.server().TakeCleartext(), "ef");
  EXPECT_FALSE(server().has_more());
}

TEST_P(TransferTest, TakesNothingWhileTheCallerHasNoRoom) {
  Connect();
  ASSERT_THAT(client().Send(base::AsBytes("abc")), IsOk());
  pair_.cleartext_limit = 0;

  pair_.Pump();

  EXPECT_TRUE(pair_.server().cleartext->empty());
  EXPECT_FALSE(pair_.server().inbound.empty());
  pair_.cleartext_limit = 10;
  pair_.Pump();
  EXPECT_EQ(pair_.server().TakeCleartext(), "abc");
}

TEST_P(TransferTest, FinishesTheHandshakeEvenWithoutRoom) {
  pair_.cleartext_limit = 0;
  pair_.Pump();
  EXPECT_TRUE(pair_.client().handshake.has_value());
  EXPECT_TRUE(pair_.server().handshake.has_value());
}

TEST_P(TransferTest, SendsNothingForNothing) {
  Connect();
  EXPECT_THAT(client().Send({}), IsOk());
  EXPECT_TRUE(client().ciphertext().empty());
}

TEST_P(TransferTest, RefusesCleartextBeforeTheHandshakeIsComplete) {
  EXPECT_THAT(client().Send(base::AsBytes("x")),
              FailsWith(Reason::kHandshakeNotComplete));
  EXPECT_THAT(client().Shutdown(), FailsWith(Reason::kHandshakeNotComplete));
  // Neither is final.
  Connect();
  EXPECT_THAT(client().Send(base::AsBytes("x")), IsOk());
}

TEST_P(TransferTest, ReadsOnAfterItsOwnCloseNotify) {
  Connect();
  ASSERT_THAT(client().Shutdown(), IsOk());
  pair_.Pump();
  EXPECT_TRUE(pair_.server().peer_closed);
  EXPECT_FALSE(pair_.client().peer_closed);

  ASSERT_THAT(server().Send(base::AsBytes("late words")), IsOk());
  ASSERT_THAT(server().Shutdown(), IsOk());
  pair_.Pump();

  EXPECT_EQ(pair_.client().TakeCleartext(), "late words");
  EXPECT_TRUE(pair_.client().peer_closed);
  EXPECT_THAT(pair_.client().status, IsOk());
}

TEST_P(TransferTest, SendsNothingAfterItsOwnCloseNotify) {
  Connect();
  ASSERT_THAT(client().Shutdown(), IsOk());
  EXPECT_THAT(client().Send(base::AsBytes("x")),
              FailsWith(Reason::kWriteAfterShutdown));
  EXPECT_THAT(client().Shutdown(), IsOk());

  pair_.Pump();

  EXPECT_EQ(pair_.server().event_count, 2);
}

TEST_P(TransferTest, DeliversWhatCameBeforeCloseNotify) {
  Connect();
  ASSERT_THAT(client().Send(base::AsBytes("last words")), IsOk());
  ASSERT_THAT(client().Shutdown(), IsOk());
  pair_.cleartext_limit = 4;

  pair_.Pump();
  EXPECT_FALSE(pair_.server().peer_closed);
  EXPECT_EQ(pair_.server().TakeCleartext(), "last");
  pair_.cleartext_limit = 100;
  pair_.Pump();

  EXPECT_EQ(pair_.server().TakeCleartext(), " words");
  EXPECT_TRUE(pair_.server().peer_closed);
}

TEST_P(TransferTest, LeavesWhatComesAfterCloseNotify) {
  Connect();
  ASSERT_THAT(client().Shutdown(), IsOk());
  base::ByteQueue& queue = client().ciphertext();
  pair_.Deliver(Role::kServer, queue.TakeText(queue.size()) + "STARTTLS");

  pair_.Pump();

  EXPECT_TRUE(pair_.server().peer_closed);
  EXPECT_EQ(pair_.server().inbound, "STARTTLS");
  EXPECT_THAT(pair_.server().status, IsOk());
}

TEST_P(TransferTest, SaysWhenTheTransportEndsInTheHandshake) {
  const absl::Status status = server().ReceiveEof();
  EXPECT_THAT(status, FailsWith(Reason::kTlsTruncated));
  EXPECT_THAT(std::string(status.message()), HasSubstr("during the handshake"));
}

TEST_P(TransferTest, SaysWhenTheTransportEndsWithoutCloseNotify) {
  Connect();
  const absl::Status status = server().ReceiveEof();
  EXPECT_THAT(status, FailsWith(Reason::kTlsTruncated));
  EXPECT_THAT(std::string(status.message()), HasSubstr("close_notify"));
  EXPECT_EQ(server().Send(base::AsBytes("x")), status);
}

TEST_P(TransferTest, AbortsWithTheAlertOfItsReason) {
  struct Row {
    Reason reason;
    const char* alert;
  };
  for (const Row& row : {Row{Reason::kHandshakeTimeout, "user_canceled"},
                         Row{Reason::kCallCancelled, "user_canceled"},
                         Row{Reason::kShuttingDown, "internal_error"}}) {
    EnginePair pair(MakeContext(ClientOptions(version())),
                    MakeContext(ServerOptions(version())));
    pair.Pump();
    const absl::Status reason = MakeError(row.reason, "stop");

    pair.client().engine->Abort(reason);
    pair.Pump();

    EXPECT_EQ(pair.client().engine->Send(base::AsBytes("x")), reason);
    EXPECT_THAT(pair.server().status, FailsWith(Reason::kPeerAlert));
    EXPECT_EQ(MetadataOf(pair.server().status, "alert"), row.alert);
  }
}

TEST_P(TransferTest, AbortsInTheHandshakeToo) {
  const absl::Status reason = MakeError(Reason::kHandshakeTimeout, "too slow");

  server().Abort(reason);
  client().ciphertext().Clear();
  pair_.Pump();

  EXPECT_THAT(pair_.client().status, FailsWith(Reason::kPeerAlert));
  EXPECT_EQ(MetadataOf(pair_.client().status, "alert"), "user_canceled");
  EventList events;
  EXPECT_EQ(server().Receive({}, 1, *pair_.server().cleartext, events).status(),
            reason);
}

TEST_P(TransferTest, ACloseNotifyInTheHandshakeIsNoCleanEnd) {
  client().ciphertext().Clear();
  pair_.Deliver(Role::kServer, std::string("\x15\x03\x01\x00\x02\x01\x00", 7));

  pair_.Pump();

  EXPECT_THAT(pair_.server().status, FailsWith(Reason::kPeerAlert));
  EXPECT_EQ(MetadataOf(pair_.server().status, "alert"), "close_notify");
  EXPECT_FALSE(pair_.server().peer_closed);
}

TEST_P(TransferTest, HoldsNoMemoryWhenIdle) {
  Connect();
  ASSERT_THAT(client().Send(base::AsBytes("abc")), IsOk());
  pair_.Pump();
  pair_.server().TakeCleartext();

  EXPECT_TRUE(pair_.server().cleartext->Front().empty());
  EXPECT_TRUE(client().ciphertext().empty());
  EXPECT_TRUE(server().ciphertext().empty());
}

}  // namespace
}  // namespace tlsd::tls
