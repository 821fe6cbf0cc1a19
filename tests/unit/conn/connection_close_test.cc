// Close, Abort and Reset, in each state and from everywhere.
#include <functional>
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

absl::Status Cancelled() {
  return MakeError(Reason::kCallCancelled, "the caller has left");
}

class ConnectionCloseTest : public ::testing::Test {
 protected:
  ScriptedHarness made_;
  ConnectionHarness& harness_ = made_.harness;
  Connection& connection_ = harness_.connection();
  FakeWire& wire_ = harness_.wire();
  TestPeer& peer_ = harness_.peer();
};

TEST_F(ConnectionCloseTest, ClosesAnOpenConnectionCleanly) {
  harness_.Open();
  connection_.Close();
  harness_.Pump();

  EXPECT_EQ(harness_.closed_count, 1);
  EXPECT_THAT(connection_.failure(), IsOk());
  EXPECT_TRUE(connection_.facts().shut_down);
  EXPECT_TRUE(peer_.has_seen_close_notify());
  EXPECT_EQ(wire_.ending(), FakeWire::Ending::kGentle);
  EXPECT_THAT(connection_.Write(base::AsBytes("x")),
              FailsWith(Reason::kConnectionClosed));
}

TEST_F(ConnectionCloseTest, SendsWhatWasWrittenBeforeItCloses) {
  harness_.Open();
  wire_.room = 0;
  ASSERT_THAT(connection_.Write(base::AsBytes("last words")), IsOk());
  connection_.Close();

  wire_.MakeRoom(1 << 20);
  harness_.Pump();

  EXPECT_EQ(peer_.TakeCleartext(), "last words");
  EXPECT_TRUE(peer_.has_seen_close_notify());
}

TEST_F(ConnectionCloseTest, DropsCleartextThatWasNotTaken) {
  harness_.Open();
  peer_.Send("unheard");
  harness_.Pump();

  connection_.Close();

  EXPECT_TRUE(connection_.Readable().empty());
  EXPECT_FALSE(connection_.at_end());
  EXPECT_EQ(harness_.lent_count(), 0u);
}

TEST_F(ConnectionCloseTest, ClosesAfterItsOwnShutdown) {
  harness_.Open();
  ASSERT_THAT(connection_.Shutdown(), IsOk());

  connection_.Close();

  EXPECT_EQ(harness_.closed_count, 1);
  EXPECT_THAT(connection_.failure(), IsOk());
}

TEST_F(ConnectionCloseTest, FailsAHandshakeThatIsClosed) {
  harness_.Start();
  wire_.Arrive("\x16\x03\x01");
  wire_.Deliver();

  connection_.Close();

  EXPECT_EQ(harness_.closed_count, 1);
  EXPECT_THAT(connection_.failure(), FailsWith(Reason::kConnectionClosed));
  EXPECT_NE(wire_.TakeSent(), "");
}

TEST_F(ConnectionCloseTest, ClosesASilentPeerWithoutAWord) {
  harness_.Start();

  connection_.Close();

  EXPECT_THAT(connection_.failure(), FailsWith(Reason::kConnectionClosed));
  EXPECT_EQ(wire_.TakeSent(), "");
}

TEST_F(ConnectionCloseTest, AbortsWithAnAlert) {
  harness_.Open();
  connection_.Abort(Cancelled());
  harness_.Pump();

  EXPECT_EQ(harness_.closed_count, 1);
  EXPECT_THAT(connection_.failure(), FailsWith(Reason::kCallCancelled));
  EXPECT_THAT(peer_.status(), FailsWith(Reason::kPeerAlert));
  EXPECT_EQ(wire_.ending(), FakeWire::Ending::kGentle);
}

TEST_F(ConnectionCloseTest, AbortsAHandshake) {
  harness_.Start();

  connection_.Abort(Cancelled());

  EXPECT_EQ(harness_.closed_count, 1);
  EXPECT_THAT(connection_.failure(), FailsWith(Reason::kCallCancelled));
}

TEST_F(ConnectionCloseTest, ResetsWithoutAWord) {
  harness_.Open();
  wire_.TakeSent();

  connection_.Reset();

  EXPECT_EQ(harness_.closed_count, 1);
  EXPECT_THAT(connection_.failure(), FailsWith(Reason::kConnectionReset));
  EXPECT_EQ(wire_.TakeSent(), "");
  EXPECT_EQ(wire_.ending(), FakeWire::Ending::kReset);
  EXPECT_FALSE(connection_.facts().shut_down);
}

TEST_F(ConnectionCloseTest, ResetsAHandshake) {
  harness_.Start();

  connection_.Reset();

  EXPECT_THAT(connection_.failure(), FailsWith(Reason::kConnectionReset));
  EXPECT_EQ(wire_.ending(), FakeWire::Ending::kReset);
}

TEST_F(ConnectionCloseTest, EndsOnlyOnce) {
  harness_.Open();
  connection_.Reset();
  const ConnectionFacts facts = connection_.facts();

  connection_.Close();
  connection_.Abort(Cancelled());
  connection_.Reset();

  EXPECT_EQ(harness_.closed_count, 1);
  EXPECT_EQ(connection_.failure(), facts.failure);
  EXPECT_EQ(connection_.facts().close_time, facts.close_time);
}

// Ways to end a connection, and what comes of them.
struct Ending {
  const char* name;
  std::function<void(Connection&)> end;
  absl::StatusCode code;
};

const Ending kEndings[] = {
    {"Close", [](Connection& connection) { connection.Close(); },
     absl::StatusCode::kOk},
    {"Abort", [](Connection& connection) { connection.Abort(Cancelled()); },
     absl::StatusCode::kCancelled},
    {"Reset", [](Connection& connection) { connection.Reset(); },
     absl::StatusCode::kAborted},
};

class ConnectionEndingTest : public ::testing::TestWithParam<Ending> {
 protected:
  void ExpectEnded() {
    Connection& connection = made_.harness.connection();
    EXPECT_EQ(made_.harness.closed_count, 1);
    EXPECT_EQ(connection.state(), ConnectionState::kClosed);
    EXPECT_EQ(connection.failure().code(), GetParam().code);
    EXPECT_TRUE(made_.sink->has_seen_end);
    EXPECT_EQ(made_.sink->depth_max, 1);
  }

  ScriptedHarness made_;
};

INSTANTIATE_TEST_SUITE_P(, ConnectionEndingTest, ::testing::ValuesIn(kEndings),
                         [](const auto& info) { return info.param.name; });

TEST_P(ConnectionEndingTest, EndsFromInsideOnProgress) {
  made_.harness.Open();
  made_.sink->on_progress = [&](Connection& connection) {
    if (!connection.Readable().empty()) GetParam().end(connection);
  };

  made_.harness.peer().Send("end");
  made_.harness.Pump();

  ExpectEnded();
}

TEST_P(ConnectionEndingTest, EndsFromInsideOnProgressWithBytesInAllQueues) {
  made_.harness.Open();
  made_.harness.wire().room = 0;
  made_.sink->on_progress = [&](Connection& connection) {
    while (connection.writable()) {
      ASSERT_THAT(connection.Write(base::AsBytes(net::Noise(9000))), IsOk());
    }
    connection.TakeReadable(50'000);
    if (connection.facts().cleartext_bytes_received > 90'000) {
      GetParam().end(connection);
    }
  };

  made_.harness.peer().Send(net::Noise(1 << 20));
  made_.harness.Pump();

  ExpectEnded();
}

TEST_P(ConnectionEndingTest, EndsFromInsideOnOpenWithCleartextBehindIt) {
  ConnectionHarness& harness = made_.harness;
  harness.on_open = [&] { GetParam().end(harness.connection()); };
  // The client's last flight and more than a queue of cleartext in one piece.
  harness.Start();
  harness.wire().Arrive(harness.peer().Exchange(""));
  harness.wire().Deliver();
  std::string flight = harness.peer().Exchange(harness.wire().TakeSent());
  harness.peer().Send(net::Noise(150'000));
  flight += harness.peer().Exchange("");
  harness.wire().Arrive(flight);
  harness.wire().Deliver();

  ExpectEnded();
  TakeAll(harness.connection());
  EXPECT_EQ(harness.lent_count(), 0u);
}

TEST_P(ConnectionEndingTest, EndsWithoutNestingWhenTheSinkTakesTheRest) {
  made_.harness.Open();
  made_.harness.peer().Send("rest");
  made_.harness.Pump();
  made_.sink->on_progress = [](Connection& connection) { TakeAll(connection); };

  GetParam().end(made_.harness.connection());

  ExpectEnded();
}

}  // namespace
}  // namespace tlsd::conn
