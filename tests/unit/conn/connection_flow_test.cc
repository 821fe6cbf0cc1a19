// The bounds of a connection, and who waits for whom.
#include <limits>
#include <string>

#include "gtest/gtest.h"
#include "server/base/byte_queue.h"
#include "server/conn/connection.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/conn/connection_harness.h"
#include "tests/unit/net/net_testing.h"

namespace tlsd::conn {
namespace {

using net::Noise;
using testing::IsOk;

constexpr size_t kMax = Connection::kQueueBytesMax;
constexpr size_t kLow = Connection::kQueueBytesLow;
constexpr size_t kRecordBytesMax = 16 * 1024;
// What sealing adds to a record, at most.
constexpr size_t kRecordOverheadMax = 64;

class ConnectionFlowTest : public ::testing::Test {
 protected:
  void SetUp() override { harness_.Open(); }

  // Bytes that were decrypted, taken or not.
  size_t received() {
    return static_cast<size_t>(connection_.facts().cleartext_bytes_received);
  }

  // Writes from the sink, as sinks should: in pieces, while it may.
  void WriteFromSink(const std::string& text) {
    unwritten_ = text;
    made_.sink->on_progress = [this](Connection& connection) {
      while (connection.writable() && !unwritten_.empty()) {
        const std::string piece = unwritten_.substr(0, kRecordBytesMax);
        unwritten_.erase(0, piece.size());
        EXPECT_THAT(connection.Write(base::AsBytes(piece)), IsOk());
      }
    };
  }

  ScriptedHarness made_;
  ConnectionHarness& harness_ = made_.harness;
  Connection& connection_ = harness_.connection();
  testing::FakeWire& wire_ = harness_.wire();
  std::string unwritten_;
};

TEST_F(ConnectionFlowTest, ReadsOnBelowTheBound) {
  harness_.peer().Send(Noise(kMax - 1));
  harness_.Pump();

  EXPECT_EQ(received(), kMax - 1);
  EXPECT_FALSE(wire_.is_paused());
}

TEST_F(ConnectionFlowTest, StopsReadingWhileTheCleartextQueueIsFull) {
  harness_.peer().Send(Noise(kMax));
  harness_.Pump();

  EXPECT_EQ(received(), kMax);
  EXPECT_TRUE(wire_.is_paused());
}

TEST_F(ConnectionFlowTest, DecryptsOneReadBeyondTheBoundAtMost) {
  wire_.delivery_size = kRecordBytesMax;
  const std::string sent = Noise(4 * kMax);
  harness_.peer().Send(sent);
  harness_.Pump();

  EXPECT_GE(received(), kMax);
  EXPECT_LT(received(), kMax + wire_.delivery_size);
  EXPECT_TRUE(wire_.is_paused());

  std::string taken;
  while (wire_.is_paused()) {
    taken += TakeAll(connection_);
    harness_.Pump();
  }
  taken += TakeAll(connection_);
  EXPECT_TRUE(taken == sent) << taken.size();
}

TEST_F(ConnectionFlowTest, LeavesWhatItCannotHoldToTheTransport) {
  const size_t sent = 1 << 20;
  harness_.peer().Send(Noise(sent));
  harness_.Pump();

  // One queue of cleartext, and what is left of one delivery.
  EXPECT_LE(harness_.lent_count() * base::Chunk::kBytes,
            kMax + wire_.delivery_size + 3 * base::Chunk::kBytes);
  EXPECT_GE(wire_.arrived_size(), sent - wire_.delivery_size);
  EXPECT_TRUE(wire_.is_paused());
}

TEST_F(ConnectionFlowTest, GoesOnReadingAtTheLowWaterMark) {
  harness_.peer().Send(Noise(kMax));
  harness_.Pump();

  connection_.TakeReadable(kMax - kLow - 1);
  EXPECT_TRUE(wire_.is_paused());
  connection_.TakeReadable(1);
  EXPECT_FALSE(wire_.is_paused());
}

TEST_F(ConnectionFlowTest, LosesNothingWhateverItsSinkTakesAtOnce) {
  for (const size_t delivery_size : {100u, 10'000u, 256u * 1024}) {
    for (const size_t take_size : {999u, 70'000u}) {
      SCOPED_TRACE(::testing::Message() << delivery_size << ", " << take_size);
      const std::string sent = Noise(500'000);
      std::string taken;
      wire_.delivery_size = delivery_size;
      harness_.peer().Send(sent);

      size_t size_before = 0;
      do {
        size_before = taken.size();
        harness_.Pump();
        taken += connection_.TakeReadable(take_size);
      } while (taken.size() > size_before);

      EXPECT_TRUE(taken == sent) << taken.size();
    }
  }
}

// The engine has opened a record of which only a part fitted.
TEST_F(ConnectionFlowTest, HearsOfTheEndOnlyWhenItHasTakenAllBeforeIt) {
  std::string taken;
  made_.sink->on_progress = [&](Connection& connection) {
    if (taken.empty()) taken = connection.TakeReadable(20'000);
  };
  const std::string sent = Noise(1000 + 8 * kRecordBytesMax);
  harness_.peer().Send(sent.substr(0, 1000));
  harness_.peer().Send(sent.substr(1000));
  wire_.ArriveEnd();

  harness_.Pump();
  EXPECT_EQ(connection_.state(), ConnectionState::kOpen);
  taken += TakeAll(connection_);
  harness_.Pump();

  EXPECT_TRUE(taken == sent) << taken.size();
  EXPECT_EQ(connection_.state(), ConnectionState::kClosed);
}

TEST_F(ConnectionFlowTest, StopsTheSinkWhenThePeerDoesNotRead) {
  wire_.room = 0;
  WriteFromSink(Noise(1 << 20));

  harness_.peer().Send("go");
  harness_.Pump();

  EXPECT_FALSE(connection_.writable());
  EXPECT_GE(wire_.unsent_size(), kMax);
  EXPECT_LE(wire_.unsent_size(),
            kMax + kRecordBytesMax + 8 * kRecordOverheadMax);
}

TEST_F(ConnectionFlowTest, KeepsTheSinkStoppedUntilAllIsSent) {
  wire_.room = 0;
  WriteFromSink(Noise(1 << 20));
  harness_.peer().Send("go");
  harness_.Pump();
  const size_t unwritten_size = unwritten_.size();

  wire_.MakeRoom(wire_.unsent_size() - 1);
  EXPECT_EQ(unwritten_.size(), unwritten_size);
  wire_.MakeRoom(1);
  EXPECT_LT(unwritten_.size(), unwritten_size);
}

TEST_F(ConnectionFlowTest, FinishesAWriteThatThePeerHadHeldUp) {
  const std::string text = Noise(1 << 20);
  wire_.room = 0;
  WriteFromSink(text);
  harness_.peer().Send("go");
  harness_.Pump();

  // From now on the kernel takes all at once, and so has nothing to report.
  wire_.MakeRoom(std::numeric_limits<size_t>::max());
  harness_.Pump();

  EXPECT_TRUE(harness_.peer().TakeCleartext() == text);
}

TEST_F(ConnectionFlowTest, WritesOnWhenTheTransportTakesAllAtOnce) {
  const std::string text = Noise(1 << 20);
  WriteFromSink(text);

  harness_.peer().Send("go");
  harness_.Pump();

  EXPECT_EQ(unwritten_.size(), 0u);
  EXPECT_TRUE(harness_.peer().TakeCleartext() == text);
}

TEST_F(ConnectionFlowTest, NeverCallsTheSinkFromInsideItself) {
  WriteFromSink(Noise(300'000));
  const auto write = made_.sink->on_progress;
  made_.sink->on_progress = [&](Connection& connection) {
    write(connection);
    TakeAll(connection);
  };

  harness_.peer().Send(Noise(300'000));
  harness_.Pump();

  EXPECT_EQ(made_.sink->depth_max, 1);
  EXPECT_EQ(received(), 300'000u);
}

TEST_F(ConnectionFlowTest, DeliversBothWaysThoughTheSinkOnlyReadsAfterWriting) {
  const std::string there = Noise(400'000);
  wire_.room = 0;
  WriteFromSink(there);
  harness_.peer().Send(there);
  harness_.Pump();
  wire_.MakeRoom(std::numeric_limits<size_t>::max());

  std::string back;
  while (back.size() < there.size()) {
    harness_.Pump();
    const std::string taken = connection_.TakeReadable(kMax);
    if (taken.empty()) break;
    back += taken;
  }

  EXPECT_TRUE(back == there) << back.size();
  EXPECT_TRUE(harness_.peer().TakeCleartext() == there);
}

}  // namespace
}  // namespace tlsd::conn
