#include "server/conn/transport_sink.h"

#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/conn/connection_harness.h"

namespace tlsd::conn {
namespace {

using net::Noise;
using testing::FailsWith;
using testing::FakeWire;
using ::testing::HasSubstr;
using testing::IsOk;

class TransportSinkTest : public ::testing::Test {
 protected:
  explicit TransportSinkTest(FarEnd::Kind kind = FarEnd::Kind::kUpstream,
                             std::string preamble = "")
      : harness_(std::make_unique<TransportSink>(far_.MakeTransport(),
                                                 FarEnd{kind, "192.0.2.7:80"},
                                                 std::move(preamble))) {
    harness_.Open();
  }

  // Settle moves bytes on both sides of the connection until nothing does.
  void Settle() {
    do {
      harness_.Pump();
    } while (far_.Deliver());
    harness_.Pump();
  }

  // Its transport is the sink's.
  FakeWire far_;
  ConnectionHarness harness_;
  Connection& connection_ = harness_.connection();
  FakeWire& wire_ = harness_.wire();
  TestPeer& peer_ = harness_.peer();
};

TEST_F(TransportSinkTest, CarriesBothWays) {
  peer_.Send("to the far end");
  far_.Arrive("to the peer");
  Settle();

  EXPECT_EQ(far_.TakeSent(), "to the far end");
  EXPECT_EQ(peer_.TakeCleartext(), "to the peer");
}

TEST_F(TransportSinkTest, PassesTheEndsOfDirectionsOn) {
  peer_.Send("last");
  peer_.Shutdown();
  Settle();
  EXPECT_EQ(far_.TakeSent(), "last");
  EXPECT_TRUE(far_.has_ended_writing());
  EXPECT_EQ(connection_.state(), ConnectionState::kOpen);

  far_.Arrive("answer");
  far_.ArriveEnd();
  Settle();

  EXPECT_EQ(peer_.TakeCleartext(), "answer");
  EXPECT_TRUE(peer_.has_seen_close_notify());
  EXPECT_EQ(far_.ending(), FakeWire::Ending::kGentle);
  EXPECT_THAT(connection_.failure(), IsOk());
}

TEST_F(TransportSinkTest, PassesTheEndOfTheFarEndOnFirst) {
  far_.ArriveEnd();
  Settle();
  EXPECT_TRUE(peer_.has_seen_close_notify());
  EXPECT_FALSE(far_.has_ended_writing());

  peer_.Send("more");
  peer_.Shutdown();
  Settle();

  EXPECT_EQ(far_.TakeSent(), "more");
  EXPECT_EQ(connection_.state(), ConnectionState::kClosed);
  EXPECT_EQ(far_.ending(), FakeWire::Ending::kGentle);
}

TEST_F(TransportSinkTest, StopsReadingThePeerWhileTheFarEndDoesNotTake) {
  far_.room = 0;
  wire_.delivery_size = 16 * 1024;
  const std::string sent = Noise(1'000'000);
  peer_.Send(sent);
  Settle();
  EXPECT_TRUE(wire_.is_paused());
  EXPECT_LE(far_.unsent_size(),
            Connection::kQueueBytesMax + wire_.delivery_size);

  std::string received;
  while (received.size() < sent.size()) {
    far_.MakeRoom(50'000);
    Settle();
    const std::string more = far_.TakeSent();
    ASSERT_FALSE(more.empty());
    received += more;
  }
  EXPECT_EQ(received, sent);
}

TEST_F(TransportSinkTest, StopsReadingTheFarEndWhileThePeerDoesNotTake) {
  wire_.room = 0;
  far_.delivery_size = 16 * 1024;
  const std::string sent = Noise(1'000'000);
  far_.Arrive(sent);
  Settle();
  EXPECT_TRUE(far_.is_paused());
  EXPECT_GT(far_.arrived_size(), sent.size() / 2);

  wire_.MakeRoom(std::numeric_limits<size_t>::max());
  Settle();

  EXPECT_EQ(peer_.TakeCleartext(), sent);
}

TEST_F(TransportSinkTest, TellsThePeersFailureAsAReset) {
  peer_.Send("half of");
  Settle();
  wire_.ArriveEnd();
  Settle();

  EXPECT_THAT(connection_.failure(), FailsWith(Reason::kTlsTruncated));
  EXPECT_EQ(far_.TakeSent(), "half of");
  EXPECT_FALSE(far_.has_ended_writing());
  EXPECT_EQ(far_.ending(), FakeWire::Ending::kReset);
  EXPECT_THAT(far_.reset_reason(), FailsWith(Reason::kTlsTruncated));
}

TEST_F(TransportSinkTest, KeepsNothingBackForAFarEndThatIsReset) {
  far_.room = 0;
  peer_.Send(Noise(300'000));
  Settle();
  wire_.Fail(MakeError(Reason::kTransportReset, "cut"));

  EXPECT_EQ(connection_.state(), ConnectionState::kClosed);
  EXPECT_EQ(far_.ending(), FakeWire::Ending::kReset);
}

TEST_F(TransportSinkTest, SendsTheRestOfWhatHasEnded) {
  far_.ArriveEnd();
  Settle();
  far_.room = 0;
  wire_.delivery_size = 16 * 1024;
  const std::string sent = Noise(120'000);
  peer_.Send(sent);
  peer_.Shutdown();
  Settle();
  EXPECT_EQ(far_.ending(), FakeWire::Ending::kNone);

  far_.MakeRoom(std::numeric_limits<size_t>::max());
  Settle();

  EXPECT_EQ(far_.TakeSent(), sent);
  EXPECT_EQ(far_.ending(), FakeWire::Ending::kGentle);
  EXPECT_THAT(connection_.failure(), IsOk());
}

TEST_F(TransportSinkTest, TellsTheFarEndsFailureToThePeer) {
  peer_.Send("request");
  Settle();
  far_.Fail(MakeError(Reason::kTransportReset, "cut"));
  Settle();

  EXPECT_THAT(connection_.failure(), FailsWith(Reason::kUpstreamFailed));
  EXPECT_THAT(std::string(connection_.failure().message()),
              HasSubstr("192.0.2.7:80"));
  EXPECT_EQ(GetErrorDetail(connection_.failure())->metadata.at("cause"),
            "TRANSPORT_RESET");
  // Not as a clean end.
  EXPECT_FALSE(peer_.has_seen_close_notify());
  EXPECT_THAT(peer_.status(), FailsWith(Reason::kPeerAlert));
}

TEST_F(TransportSinkTest, DoesNotTakeAFarEndThatLeavesForTheEndOfThePeer) {
  far_.ArriveEnd();
  Settle();
  far_.Fail(MakeError(Reason::kConnectionClosed, "gone"));
  Settle();

  // The peer might have had more to say.
  EXPECT_THAT(connection_.failure(), FailsWith(Reason::kUpstreamFailed));
}

TEST_F(TransportSinkTest, LosesNothingInSilence) {
  far_.room = 0;
  far_.ArriveEnd();
  peer_.Send("nobody takes this");
  Settle();
  far_.Fail(MakeError(Reason::kConnectionClosed, "gone"));
  Settle();

  EXPECT_THAT(connection_.failure(), FailsWith(Reason::kUpstreamFailed));
}

class CarriedTest : public TransportSinkTest {
 protected:
  CarriedTest() : TransportSinkTest(FarEnd::Kind::kCarried) {}
};

TEST_F(CarriedTest, EndsCleanlyWithWhatItHasCarried) {
  far_.ArriveEnd();
  Settle();
  far_.Fail(MakeError(Reason::kConnectionClosed, "gone"));
  Settle();

  EXPECT_EQ(connection_.state(), ConnectionState::kClosed);
  EXPECT_THAT(connection_.failure(), IsOk());
  EXPECT_TRUE(peer_.has_seen_close_notify());
}

TEST_F(CarriedTest, FailsWithWhatItCarries) {
  far_.Fail(MakeError(Reason::kConnectionReset, "reset"));
  EXPECT_THAT(connection_.failure(), FailsWith(Reason::kPipeBroken));
}

TEST_F(TransportSinkTest, HearsThatAFarEndIsGoneWhichHasEnded) {
  far_.ArriveEnd();
  Settle();

  EXPECT_FALSE(far_.is_paused());
}

TEST_F(TransportSinkTest, ShowsNoCleanEndThatThePeerHasNotMade) {
  connection_.CloseCleanly();
  EXPECT_EQ(far_.ending(), FakeWire::Ending::kReset);
}

TEST_F(TransportSinkTest, ResetsWithTheConnection) {
  connection_.Reset();
  EXPECT_EQ(far_.ending(), FakeWire::Ending::kReset);
  EXPECT_THAT(far_.reset_reason(), FailsWith(Reason::kConnectionReset));
}

class PreambleTest : public TransportSinkTest {
 protected:
  PreambleTest()
      : TransportSinkTest(FarEnd::Kind::kUpstream, "PROXY UNKNOWN\r\n") {}
};

TEST_F(PreambleTest, GoesBeforeAllElse) {
  peer_.Send("hello");
  Settle();

  EXPECT_EQ(far_.TakeSent(), "PROXY UNKNOWN\r\nhello");
  EXPECT_EQ(connection_.facts().cleartext_bytes_received, 5);
}

}  // namespace
}  // namespace tlsd::conn
