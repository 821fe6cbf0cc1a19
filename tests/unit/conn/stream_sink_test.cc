#include "server/conn/stream_sink.h"

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "server/base/byte_queue.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/conn/connection_harness.h"

namespace tlsd::conn {
namespace {

using net::Noise;
using testing::FailsWith;
using testing::IsOk;

absl::Status TimedOut() {
  return MakeError(Reason::kWaitTimeout, "nothing happened");
}

class StreamSinkTest : public ::testing::Test {
 protected:
  StreamSinkTest() : StreamSinkTest(std::make_unique<StreamSink>()) {}

  void Read(size_t size_max = 65536) {
    sink_.Read(connection_, size_max,
               [this](absl::StatusOr<StreamSink::Cleartext> result) {
                 ++read_count_;
                 read_ = std::move(result);
               });
  }
  void Write(std::string bytes, bool shut_down = false) {
    sink_.Write(connection_, std::move(bytes), shut_down,
                [this](absl::Status status) {
                  ++write_count_;
                  written_ = std::move(status);
                });
  }

  // Before the harness, whose end answers what waits.
  int read_count_ = 0;
  absl::StatusOr<StreamSink::Cleartext> read_;
  int write_count_ = 0;
  absl::Status written_;

  StreamSink& sink_;
  ConnectionHarness harness_;
  Connection& connection_ = harness_.connection();
  testing::FakeWire& wire_ = harness_.wire();
  TestPeer& peer_ = harness_.peer();

 private:
  explicit StreamSinkTest(std::unique_ptr<StreamSink> sink)
      : sink_(*sink), harness_(std::move(sink)) {}
};

TEST_F(StreamSinkTest, AnswersAReadWhenBytesCome) {
  harness_.Open();
  Read();
  EXPECT_EQ(read_count_, 0);

  peer_.Send("hello");
  harness_.Pump();

  ASSERT_EQ(read_count_, 1);
  ASSERT_THAT(read_, IsOk());
  EXPECT_EQ(read_->bytes, "hello");
  EXPECT_FALSE(read_->end);
}

TEST_F(StreamSinkTest, AnswersAReadAtOnceIfBytesWait) {
  harness_.Open();
  peer_.Send("hello");
  harness_.Pump();

  Read();

  ASSERT_EQ(read_count_, 1);
  EXPECT_EQ(read_->bytes, "hello");
}

TEST_F(StreamSinkTest, ReadsNoMoreThanAsked) {
  harness_.Open();
  peer_.Send("hello");
  harness_.Pump();

  Read(2);
  EXPECT_EQ(read_->bytes, "he");
  Read(100);
  EXPECT_EQ(read_->bytes, "llo");
}

TEST_F(StreamSinkTest, AnswersOneReadWithOneArrival) {
  harness_.Open();
  Read();
  peer_.Send("one");
  harness_.Pump();
  peer_.Send("two");
  harness_.Pump();

  EXPECT_EQ(read_count_, 1);
  EXPECT_EQ(read_->bytes, "one");
}

TEST_F(StreamSinkTest, ReportsTheEndAfterTheBytesBeforeIt) {
  harness_.Open();
  peer_.Send("last");
  peer_.Shutdown();
  harness_.Pump();

  Read();
  EXPECT_EQ(read_->bytes, "last");
  EXPECT_FALSE(read_->end);
  Read();
  ASSERT_THAT(read_, IsOk());
  EXPECT_EQ(read_->bytes, "");
  EXPECT_TRUE(read_->end);
}

TEST_F(StreamSinkTest, ReportsAFailureAfterTheBytesBeforeIt) {
  harness_.Open();
  peer_.Send("last");
  wire_.ArriveEnd();
  harness_.Pump();

  Read();
  EXPECT_EQ(read_->bytes, "last");
  Read();
  EXPECT_THAT(read_, FailsWith(Reason::kTlsTruncated));
}

TEST_F(StreamSinkTest, TellsOnceThatTheConnectionHasEnded) {
  harness_.Open();
  ASSERT_THAT(sink_.Claim(Direction::kBoth), IsOk());
  int closed_count = 0;
  sink_.OnClosed([&] { ++closed_count; });
  harness_.Pump();
  EXPECT_EQ(closed_count, 0);

  connection_.Reset();
  sink_.OnProgress(connection_);

  EXPECT_EQ(closed_count, 1);
}

TEST_F(StreamSinkTest, TellsNobodyWhoHasReleasedIt) {
  harness_.Open();
  ASSERT_THAT(sink_.Claim(Direction::kBoth), IsOk());
  int closed_count = 0;
  sink_.OnClosed([&] { ++closed_count; });
  sink_.Release(Direction::kBoth);

  connection_.Reset();

  EXPECT_EQ(closed_count, 0);
}

TEST_F(StreamSinkTest, AnswersReadAndWriteThatWaitWhenTheConnectionFails) {
  harness_.Open();
  wire_.room = 0;
  Read();
  Write(Noise(1 << 20));

  wire_.Fail(MakeError(Reason::kTransportReset, "cut"));

  EXPECT_EQ(read_count_, 1);
  EXPECT_THAT(read_, FailsWith(Reason::kTransportReset));
  EXPECT_EQ(write_count_, 1);
  EXPECT_THAT(written_, FailsWith(Reason::kTransportReset));
}

TEST_F(StreamSinkTest, ReportsAConnectionThatWeClosedAsClosed) {
  harness_.Open();
  Read();
  connection_.Close();

  EXPECT_EQ(read_count_, 1);
  EXPECT_THAT(read_, FailsWith(Reason::kConnectionClosed));
  Write("x");
  EXPECT_THAT(written_, FailsWith(Reason::kConnectionClosed));
}

TEST_F(StreamSinkTest, WritesAtOnceWhenThereIsRoom) {
  harness_.Open();
  Write("hello");

  EXPECT_EQ(write_count_, 1);
  EXPECT_THAT(written_, IsOk());
  harness_.Pump();
  EXPECT_EQ(peer_.TakeCleartext(), "hello");
}

TEST_F(StreamSinkTest, HoldsALargeWriteBackWhileThePeerDoesNotRead) {
  harness_.Open();
  const std::string bytes = Noise(1 << 20);
  wire_.room = 0;
  Write(bytes);

  EXPECT_EQ(write_count_, 0);
  EXPECT_LE(wire_.unsent_size(), Connection::kQueueBytesMax + 17'000);
}

TEST_F(StreamSinkTest, FinishesALargeWriteWhenThePeerReads) {
  harness_.Open();
  const std::string bytes = Noise(1 << 20);
  wire_.room = 0;
  Write(bytes, /*shut_down=*/true);

  wire_.MakeRoom(std::numeric_limits<size_t>::max());
  harness_.Pump();

  EXPECT_EQ(write_count_, 1);
  EXPECT_THAT(written_, IsOk());
  EXPECT_TRUE(peer_.TakeCleartext() == bytes);
  EXPECT_TRUE(peer_.has_seen_close_notify());
}

TEST_F(StreamSinkTest, FinishesALargeWriteThatTheKernelTakesAtOnce) {
  harness_.Open();
  const std::string bytes = Noise(1 << 20);

  Write(bytes);
  harness_.Pump();

  EXPECT_EQ(write_count_, 1);
  EXPECT_TRUE(peer_.TakeCleartext() == bytes);
  EXPECT_FALSE(peer_.has_seen_close_notify());
}

TEST_F(StreamSinkTest, ShutsDownWithoutBytes) {
  harness_.Open();
  Write("", /*shut_down=*/true);
  harness_.Pump();

  EXPECT_THAT(written_, IsOk());
  EXPECT_TRUE(peer_.has_seen_close_notify());

  Write("", /*shut_down=*/true);
  EXPECT_THAT(written_, IsOk());
  Write("x");
  EXPECT_THAT(written_, FailsWith(Reason::kWriteAfterShutdown));
}

TEST_F(StreamSinkTest, WritesWhenTheHandshakeIsComplete) {
  harness_.Start();
  Write("early", /*shut_down=*/true);
  EXPECT_EQ(write_count_, 0);

  harness_.Pump();

  EXPECT_EQ(write_count_, 1);
  EXPECT_THAT(written_, IsOk());
  EXPECT_EQ(peer_.TakeCleartext(), "early");
  EXPECT_TRUE(peer_.has_seen_close_notify());
}

TEST_F(StreamSinkTest, WritesNothingIfTheHandshakeFails) {
  harness_.Start();
  Write("early");
  wire_.Arrive("no TLS at all");
  harness_.Pump();

  EXPECT_EQ(write_count_, 1);
  EXPECT_THAT(written_, FailsWith(Reason::kNotTls));
}

TEST_F(StreamSinkTest, GivesOutEachDirectionOnce) {
  EXPECT_FALSE(sink_.taken());
  EXPECT_THAT(sink_.Claim(Direction::kRead), IsOk());
  EXPECT_TRUE(sink_.taken());
  EXPECT_THAT(sink_.Claim(Direction::kRead),
              FailsWith(Reason::kConnectionAttached));
  EXPECT_THAT(sink_.Claim(Direction::kBoth),
              FailsWith(Reason::kConnectionAttached));
  EXPECT_THAT(sink_.Claim(Direction::kWrite), IsOk());
  EXPECT_THAT(sink_.Claim(Direction::kWrite),
              FailsWith(Reason::kConnectionAttached));
}

TEST_F(StreamSinkTest, TakesNoHalfOfAClaimThatFails) {
  EXPECT_THAT(sink_.Claim(Direction::kWrite), IsOk());
  EXPECT_THAT(sink_.Claim(Direction::kBoth),
              FailsWith(Reason::kConnectionAttached));

  EXPECT_THAT(sink_.Claim(Direction::kRead), IsOk());
}

TEST_F(StreamSinkTest, GivesAReleasedDirectionOutAgain) {
  EXPECT_THAT(sink_.Claim(Direction::kBoth), IsOk());
  sink_.Release(Direction::kRead);
  EXPECT_THAT(sink_.Claim(Direction::kRead), IsOk());
  EXPECT_THAT(sink_.Claim(Direction::kWrite),
              FailsWith(Reason::kConnectionAttached));
  sink_.Release(Direction::kBoth);
  EXPECT_THAT(sink_.Claim(Direction::kBoth), IsOk());
  EXPECT_TRUE(sink_.taken());
}

TEST_F(StreamSinkTest, IsTakenWhenMarked) {
  sink_.MarkTaken();
  EXPECT_TRUE(sink_.taken());
  EXPECT_THAT(sink_.Claim(Direction::kBoth), IsOk());
}

TEST_F(StreamSinkTest, CancelsAReadThatWaits) {
  harness_.Open();
  Read();
  sink_.CancelRead(TimedOut());

  EXPECT_EQ(read_count_, 1);
  EXPECT_THAT(read_, FailsWith(Reason::kWaitTimeout));
  peer_.Send("kept");
  harness_.Pump();
  EXPECT_EQ(read_count_, 1);
  Read();
  EXPECT_EQ(read_->bytes, "kept");
}

TEST_F(StreamSinkTest, CancelsNothingWhenNothingWaits) {
  harness_.Open();
  sink_.CancelRead(TimedOut());
  sink_.CancelWrite(TimedOut());

  EXPECT_EQ(read_count_, 0);
  EXPECT_EQ(write_count_, 0);
}

TEST_F(StreamSinkTest, DropsTheRestOfACancelledWrite) {
  harness_.Open();
  const std::string bytes = Noise(1 << 20);
  wire_.room = 0;
  Write(bytes);

  sink_.CancelWrite(TimedOut());
  EXPECT_EQ(write_count_, 1);
  EXPECT_THAT(written_, FailsWith(Reason::kWaitTimeout));

  wire_.MakeRoom(std::numeric_limits<size_t>::max());
  Write("behind it");
  harness_.Pump();
  EXPECT_THAT(written_, IsOk());
  const std::string arrived = peer_.TakeCleartext();
  EXPECT_LT(arrived.size(), 100'000u);
  EXPECT_EQ(arrived.substr(0, 16384), bytes.substr(0, 16384));
  EXPECT_EQ(arrived.substr(arrived.size() - 9), "behind it");
}

class StreamSinkPiecesTest : public StreamSinkTest {
 protected:
  // What `take` does is done to each queue that comes.
  void ReadQueue(std::function<void(base::ByteQueue&)> take) {
    sink_.ReadQueue(connection_, [this, take = std::move(take)](
                                     absl::StatusOr<base::ByteQueue*> queue) {
      ++read_count_;
      if (!queue.ok()) {
        read_ = queue.status();
      } else {
        take(**queue);
      }
    });
  }

  // WritePieces writes `texts`, which it keeps.
  void WritePieces(std::vector<std::string> texts) {
    texts_ = std::move(texts);
    pieces_.clear();
    for (const std::string& text : texts_) {
      pieces_.push_back(base::AsBytes(text));
    }
    sink_.WritePieces(connection_, pieces_, /*shut_down=*/false,
                      [this](absl::Status status) {
                        ++write_count_;
                        written_ = std::move(status);
                      });
  }

  std::vector<std::string> texts_;
  std::vector<absl::Span<const uint8_t>> pieces_;
};

TEST_F(StreamSinkPiecesTest, LetsAReaderTakeFromTheQueueWhatItWants) {
  harness_.Open();
  std::string taken;
  const auto take_two = [&](base::ByteQueue& queue) {
    taken += queue.TakeText(2);
  };
  ReadQueue(take_two);
  EXPECT_EQ(read_count_, 0);

  peer_.Send("hello");
  harness_.Pump();
  EXPECT_EQ(taken, "he");
  EXPECT_EQ(read_count_, 1);

  ReadQueue(take_two);
  EXPECT_EQ(taken, "hell");
  EXPECT_EQ(base::AsText(connection_.Readable()), "o");
}

TEST_F(StreamSinkPiecesTest, GivesAnEmptyQueueAtTheEnd) {
  harness_.Open();
  peer_.Shutdown();
  harness_.Pump();
  bool was_empty = false;

  ReadQueue([&](base::ByteQueue& queue) { was_empty = queue.empty(); });

  EXPECT_TRUE(was_empty);
  EXPECT_EQ(read_count_, 1);
}

TEST_F(StreamSinkPiecesTest, TellsAReaderOfTheQueueWhatEndedTheConnection) {
  harness_.Open();
  ReadQueue([](base::ByteQueue&) { FAIL() << "there is no cleartext"; });

  connection_.Reset();

  EXPECT_EQ(read_count_, 1);
  EXPECT_THAT(read_.status(), FailsWith(Reason::kConnectionReset));
}

// Else a reader that takes all would never see more than fits the queue.
TEST_F(StreamSinkPiecesTest, GoesOnReadingWhenTheQueueHasBeenEmptied) {
  harness_.Open();
  const std::string sent = Noise(500'000);
  std::string taken;
  std::function<void(base::ByteQueue&)> take = [&](base::ByteQueue& queue) {
    taken += queue.TakeText(queue.size());
    if (taken.size() < sent.size()) ReadQueue(take);
  };
  ReadQueue(take);

  peer_.Send(sent);
  harness_.Pump();

  EXPECT_TRUE(taken == sent) << taken.size();
}

TEST_F(StreamSinkPiecesTest, WritesPiecesOfAllSizesInOrder) {
  harness_.Open();
  std::vector<std::string> texts;
  std::string all;
  for (const size_t size : {3, 0, 5000, 1, 1, 200'000, 0, 4095, 16384, 7}) {
    texts.push_back(Noise(size));
    all += texts.back();
  }

  WritePieces(texts);
  harness_.Pump();

  EXPECT_EQ(write_count_, 1);
  EXPECT_THAT(written_, IsOk());
  EXPECT_TRUE(peer_.TakeCleartext() == all);
}

TEST_F(StreamSinkPiecesTest, HoldsPiecesBackWhileThePeerDoesNotRead) {
  harness_.Open();
  wire_.room = 0;
  const std::string piece = Noise(30'000);
  WritePieces({piece, piece, piece, piece, piece, piece});
  EXPECT_EQ(write_count_, 0);
  EXPECT_LE(wire_.unsent_size(), 2 * Connection::kQueueBytesMax);

  wire_.MakeRoom(std::numeric_limits<size_t>::max());
  harness_.Pump();

  EXPECT_EQ(write_count_, 1);
  EXPECT_TRUE(peer_.TakeCleartext() ==
              piece + piece + piece + piece + piece + piece);
}

TEST_F(StreamSinkPiecesTest, SealsSmallPiecesTogether) {
  harness_.Open();
  const int64_t sent_before = connection_.facts().wire_bytes_sent;

  WritePieces(std::vector<std::string>(100, "x"));

  // A record for each would be 22 bytes for each.
  EXPECT_LT(connection_.facts().wire_bytes_sent - sent_before, 200);
  harness_.Pump();
  EXPECT_EQ(peer_.TakeCleartext(), std::string(100, 'x'));
}

TEST_F(StreamSinkPiecesTest, NeedsNoOpenDirectionForNothing) {
  harness_.Open();
  ASSERT_THAT(connection_.Shutdown(), IsOk());

  WritePieces({"", ""});
  EXPECT_THAT(written_, IsOk());
  WritePieces({"", "x"});
  EXPECT_THAT(written_, FailsWith(Reason::kWriteAfterShutdown));
}

TEST_F(StreamSinkPiecesTest, TakesChunksThatOutliveTheConnection) {
  harness_.Open();
  const std::string sent = Noise(40'000);
  std::vector<base::ByteQueue::TakenChunk> chunks;
  std::function<void(base::ByteQueue&)> take = [&](base::ByteQueue& queue) {
    while (!queue.empty()) chunks.push_back(queue.TakeChunk());
    ReadQueue(take);
  };
  ReadQueue(take);
  peer_.Send(sent);
  harness_.Pump();
  connection_.Reset();

  std::string taken;
  for (const auto& chunk : chunks) {
    taken += std::string(base::AsText(chunk.bytes));
  }
  EXPECT_TRUE(taken == sent);
  EXPECT_EQ(harness_.lent_count(), 0);
}

TEST(StreamSinkGoneTest, TellsWhoHasItWhenItGoes) {
  int gone_count = 0;
  for (const Direction released : {Direction::kRead, Direction::kWrite}) {
    StreamSink sink;
    ASSERT_THAT(sink.Claim(Direction::kBoth), IsOk());
    sink.OnGone([&] { ++gone_count; });
    sink.Release(released);
  }
  EXPECT_EQ(gone_count, 2);

  {
    StreamSink sink;
    ASSERT_THAT(sink.Claim(Direction::kBoth), IsOk());
    sink.OnGone([&] { ++gone_count; });
    sink.Release(Direction::kBoth);
  }
  EXPECT_EQ(gone_count, 2);
}

}  // namespace
}  // namespace tlsd::conn
