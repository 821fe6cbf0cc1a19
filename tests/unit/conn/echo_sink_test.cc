#include "server/conn/echo_sink.h"

#include <limits>
#include <string>

#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/conn/connection_harness.h"

namespace tlsd::conn {
namespace {

using net::Noise;
using testing::FailsWith;
using testing::IsOk;

class EchoSinkTest : public ::testing::Test {
 protected:
  void SetUp() override { harness_.Open(); }

  ConnectionHarness harness_{std::make_unique<EchoSink>()};
  Connection& connection_ = harness_.connection();
  testing::FakeWire& wire_ = harness_.wire();
  TestPeer& peer_ = harness_.peer();
};

TEST_F(EchoSinkTest, SendsBackWhatItReceives) {
  peer_.Send("hello");
  harness_.Pump();

  EXPECT_EQ(peer_.TakeCleartext(), "hello");
  EXPECT_TRUE(connection_.Readable().empty());
}

TEST_F(EchoSinkTest, AnswersCloseNotifyWithItsOwn) {
  peer_.Send("bye");
  peer_.Shutdown();
  harness_.Pump();

  EXPECT_EQ(peer_.TakeCleartext(), "bye");
  EXPECT_TRUE(peer_.has_seen_close_notify());
  EXPECT_EQ(harness_.closed_count, 1);
  EXPECT_THAT(connection_.failure(), IsOk());
}

TEST_F(EchoSinkTest, DoesNotAnswerTruncation) {
  peer_.Send("bye");
  wire_.ArriveEnd();
  harness_.Pump();

  EXPECT_FALSE(peer_.has_seen_close_notify());
  EXPECT_THAT(connection_.failure(), FailsWith(Reason::kTlsTruncated));
}

TEST_F(EchoSinkTest, SendsBackMoreThanItCanHold) {
  for (const size_t delivery_size : {1000u, 16'000u, 70'000u, 256u * 1024}) {
    SCOPED_TRACE(delivery_size);
    wire_.delivery_size = delivery_size;
    const std::string sent = Noise(1'000'000);

    peer_.Send(sent);
    harness_.Pump();

    EXPECT_TRUE(peer_.TakeCleartext() == sent);
    EXPECT_FALSE(wire_.is_paused());
  }
}

TEST_F(EchoSinkTest, SendsBackManySmallRecordsThatComeAtOnce) {
  std::string sent;
  for (int i = 0; i < 20'000; ++i) {
    const std::string piece(static_cast<size_t>(i % 13 + 1), 'a' + i % 26);
    peer_.Send(piece);
    sent += piece;
  }
  harness_.Pump();

  EXPECT_TRUE(peer_.TakeCleartext() == sent);
}

TEST_F(EchoSinkTest, HoldsBackAPeerThatDoesNotRead) {
  wire_.room = 0;

  peer_.Send(Noise(1 << 20));
  harness_.Pump();

  EXPECT_TRUE(wire_.is_paused());
  EXPECT_LE(wire_.unsent_size(), Connection::kQueueBytesMax + 17'000);
  EXPECT_GT(wire_.arrived_size(), 500'000u);
}

TEST_F(EchoSinkTest, LosesNothingWhenThePeerReadsAgain) {
  const std::string sent = Noise(1 << 20);
  wire_.room = 0;
  peer_.Send(sent);
  peer_.Shutdown();
  harness_.Pump();

  for (int i = 0; i < 1000 && harness_.closed_count == 0; ++i) {
    wire_.MakeRoom(10'000);
    harness_.Pump();
  }
  wire_.MakeRoom(std::numeric_limits<size_t>::max());
  harness_.Pump();

  EXPECT_TRUE(peer_.TakeCleartext() == sent);
  EXPECT_TRUE(peer_.has_seen_close_notify());
  EXPECT_THAT(connection_.failure(), IsOk());
}

TEST_F(EchoSinkTest, StopsWhenTheConnectionIsShutDownUnderIt) {
  ASSERT_THAT(connection_.Shutdown(), IsOk());

  peer_.Send("too late");
  harness_.Pump();

  EXPECT_EQ(peer_.TakeCleartext(), "");
  EXPECT_EQ(connection_.state(), ConnectionState::kOpen);
}

}  // namespace
}  // namespace tlsd::conn
