// How connections end, from either side.
#include <string>

#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "server/base/byte_queue.h"
#include "server/conn/connection.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/conn/connection_harness.h"

namespace tlsd::conn {
namespace {

using testing::FailsWith;
using testing::FakeWire;
using testing::IsOk;
using testing::MetadataOf;

class ConnectionEndTest : public ::testing::Test {
 protected:
  ScriptedHarness made_;
  ConnectionHarness& harness_ = made_.harness;
  Connection& connection_ = harness_.connection();
  FakeWire& wire_ = harness_.wire();
  TestPeer& peer_ = harness_.peer();
};

TEST_F(ConnectionEndTest, WritesOnAfterThePeerHasClosed) {
  harness_.Open();
  peer_.Send("request");
  peer_.Shutdown();
  harness_.Pump();

  EXPECT_FALSE(connection_.at_end());
  EXPECT_EQ(TakeAll(connection_), "request");
  EXPECT_TRUE(connection_.at_end());
  EXPECT_EQ(connection_.state(), ConnectionState::kOpen);
  EXPECT_TRUE(connection_.facts().peer_closed);
  EXPECT_TRUE(connection_.writable());
  ASSERT_THAT(connection_.Write(base::AsBytes("response")), IsOk());
  EXPECT_EQ(harness_.closed_count, 0);
}

TEST_F(ConnectionEndTest, ReadsOnAfterItHasShutDown) {
  harness_.Open();
  ASSERT_THAT(connection_.Shutdown(), IsOk());
  harness_.Pump();
  EXPECT_TRUE(peer_.has_seen_close_notify());
  EXPECT_TRUE(connection_.facts().shut_down);

  peer_.Send("response");
  harness_.Pump();

  EXPECT_EQ(TakeAll(connection_), "response");
  EXPECT_FALSE(connection_.at_end());
  EXPECT_EQ(connection_.state(), ConnectionState::kOpen);
}

TEST_F(ConnectionEndTest, WritesNothingAfterItHasShutDown) {
  harness_.Open();
  ASSERT_THAT(connection_.Shutdown(), IsOk());

  EXPECT_FALSE(connection_.writable());
  EXPECT_THAT(connection_.Write(base::AsBytes("more")),
              FailsWith(Reason::kWriteAfterShutdown));
  EXPECT_THAT(connection_.Shutdown(), IsOk());
  harness_.Pump();
  EXPECT_EQ(peer_.TakeCleartext(), "");
}

TEST_F(ConnectionEndTest, EndsCleanlyWhenBothHaveSentCloseNotify) {
  harness_.Open();
  peer_.Shutdown();
  harness_.Pump();
  EXPECT_EQ(harness_.closed_count, 0);

  ASSERT_THAT(connection_.Shutdown(), IsOk());

  EXPECT_EQ(harness_.closed_count, 1);
  EXPECT_THAT(connection_.failure(), IsOk());
  EXPECT_EQ(wire_.ending(), FakeWire::Ending::kGentle);
  EXPECT_TRUE(made_.sink->has_seen_end);
  const ConnectionFacts facts = connection_.facts();
  EXPECT_EQ(facts.state, ConnectionState::kClosed);
  EXPECT_GE(facts.close_time, facts.open_time);
  EXPECT_LT(facts.close_time, absl::InfiniteFuture());
}

TEST_F(ConnectionEndTest, EndsCleanlyWhenThePeerAnswersItsShutdown) {
  harness_.Open();
  ASSERT_THAT(connection_.Shutdown(), IsOk());
  harness_.Pump();
  EXPECT_EQ(harness_.closed_count, 0);

  peer_.Shutdown();
  harness_.Pump();

  EXPECT_EQ(harness_.closed_count, 1);
  EXPECT_THAT(connection_.failure(), IsOk());
}

TEST_F(ConnectionEndTest, KeepsCleartextThatCameBeforeACleanEnd) {
  harness_.Open();
  ASSERT_THAT(connection_.Shutdown(), IsOk());
  peer_.Send("last words");
  peer_.Shutdown();
  harness_.Pump();
  ASSERT_EQ(connection_.state(), ConnectionState::kClosed);

  EXPECT_EQ(TakeAll(connection_), "last words");
  EXPECT_TRUE(connection_.at_end());
}

TEST_F(ConnectionEndTest, IgnoresWhatFollowsCloseNotify) {
  harness_.Open();
  peer_.Shutdown();
  harness_.Pump();
  const int64_t wire_bytes = connection_.facts().wire_bytes_received;

  wire_.Arrive("this is no record");
  wire_.Deliver();

  EXPECT_EQ(connection_.state(), ConnectionState::kOpen);
  EXPECT_EQ(TakeAll(connection_), "");
  EXPECT_EQ(connection_.facts().wire_bytes_received, wire_bytes + 17);
  EXPECT_EQ(harness_.lent_count(), 0u);
}

TEST_F(ConnectionEndTest, EndsOnTheSameBytesBeforeCloseNotify) {
  harness_.Open();

  wire_.Arrive("this is no record");
  wire_.Deliver();

  EXPECT_EQ(connection_.state(), ConnectionState::kClosed);
  EXPECT_FALSE(connection_.failure().ok());
}

TEST_F(ConnectionEndTest, TakesTheEndOfTheTransportAfterCloseNotifyForClean) {
  harness_.Open();
  peer_.Shutdown();
  wire_.ArriveEnd();
  harness_.Pump();

  EXPECT_EQ(connection_.state(), ConnectionState::kOpen);
  EXPECT_TRUE(connection_.at_end());
  ASSERT_THAT(connection_.Shutdown(), IsOk());
  EXPECT_THAT(connection_.failure(), IsOk());
}

TEST_F(ConnectionEndTest, CallsAnEndWithoutCloseNotifyTruncation) {
  harness_.Open();
  peer_.Send("half a ");
  wire_.ArriveEnd();
  harness_.Pump();

  EXPECT_EQ(harness_.closed_count, 1);
  EXPECT_THAT(connection_.failure(), FailsWith(Reason::kTlsTruncated));
  EXPECT_EQ(MetadataOf(connection_.failure(), "phase"), "open");
  EXPECT_EQ(TakeAll(connection_), "half a ");
  EXPECT_FALSE(connection_.at_end());
}

TEST_F(ConnectionEndTest, CallsAnEndDuringTheHandshakeTruncation) {
  harness_.Start();
  wire_.Arrive("\x16\x03\x01");
  wire_.Deliver();
  wire_.ArriveEnd();
  wire_.Deliver();

  EXPECT_THAT(connection_.failure(), FailsWith(Reason::kTlsTruncated));
  EXPECT_EQ(harness_.open_count, 0);
}

TEST_F(ConnectionEndTest, CallsAnEndBeforeTheFirstByteTruncation) {
  harness_.Start();
  wire_.ArriveEnd();
  wire_.Deliver();

  EXPECT_THAT(connection_.failure(), FailsWith(Reason::kTlsTruncated));
  EXPECT_EQ(harness_.closed_count, 1);
}

TEST_F(ConnectionEndTest, DeliversAllThatCameBeforeTruncation) {
  harness_.Open();
  const std::string sent = net::Noise(300'000);
  peer_.Send(sent);
  wire_.ArriveEnd();
  std::string taken;

  do {
    harness_.Pump();
    taken += TakeAll(connection_);
  } while (taken.size() < sent.size() && !wire_.is_paused() &&
           connection_.state() == ConnectionState::kOpen);

  EXPECT_TRUE(taken == sent) << taken.size();
  harness_.Pump();
  EXPECT_THAT(connection_.failure(), FailsWith(Reason::kTlsTruncated));
}

TEST_F(ConnectionEndTest, PassesOnWhyTheTransportFailed) {
  harness_.Open();
  peer_.Send("before");
  harness_.Pump();

  wire_.Fail(MakeError(Reason::kTransportReset, "cut"));

  EXPECT_EQ(harness_.closed_count, 1);
  EXPECT_THAT(connection_.failure(), FailsWith(Reason::kTransportReset));
  EXPECT_EQ(wire_.ending(), FakeWire::Ending::kDestroyed);
  EXPECT_EQ(TakeAll(connection_), "before");
  EXPECT_THAT(connection_.Write(base::AsBytes("x")),
              FailsWith(Reason::kTransportReset));
  EXPECT_THAT(connection_.Shutdown(), FailsWith(Reason::kTransportReset));
}

TEST_F(ConnectionEndTest, EndsOnAnAlteredRecordAfterWhatCameBefore) {
  harness_.Open();
  peer_.Send("good");
  wire_.Arrive(peer_.Exchange(""));
  peer_.Send("evil");
  std::string altered = peer_.Exchange("");
  altered.back() ^= 1;
  wire_.Arrive(altered);
  harness_.Pump();

  EXPECT_THAT(connection_.failure(), FailsWith(Reason::kRecordCorrupt));
  EXPECT_EQ(TakeAll(connection_), "good");
  EXPECT_EQ(harness_.closed_count, 1);
  EXPECT_FALSE(peer_.status().ok());
}

TEST_F(ConnectionEndTest, GivesItsMemoryBackAtTheEnd) {
  harness_.Open();
  wire_.delivery_size = 16 * 1024;
  peer_.Send(net::Noise(1 << 20));
  harness_.Pump();
  EXPECT_GT(harness_.lent_count(), 4u);

  connection_.Reset();

  // What was decrypted can still be read.
  EXPECT_LE(harness_.lent_count(),
            Connection::kQueueBytesMax / base::Chunk::kBytes + 2);
  EXPECT_GE(TakeAll(connection_).size(), Connection::kQueueBytesMax);
  EXPECT_EQ(harness_.lent_count(), 0u);
}

}  // namespace
}  // namespace tlsd::conn
