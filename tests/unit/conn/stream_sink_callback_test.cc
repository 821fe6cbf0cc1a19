// Callbacks of a StreamSink that call it, or the connection, again.
#include <functional>
#include <limits>
#include <string>

#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "server/conn/stream_sink.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/conn/connection_harness.h"

namespace tlsd::conn {
namespace {

using net::Noise;
using testing::FailsWith;
using testing::IsOk;

absl::Status Cancelled() {
  return MakeError(Reason::kCallCancelled, "the caller has left");
}

class StreamSinkCallbackTest : public ::testing::Test {
 protected:
  StreamSinkCallbackTest()
      : StreamSinkCallbackTest(std::make_unique<StreamSink>()) {}

  void SetUp() override { harness_.Open(); }

  // Reads until the end or an error, each read from the callback of the last.
  void ReadOn(size_t size_max) {
    sink_.Read(connection_, size_max,
               [this, size_max](absl::StatusOr<StreamSink::Cleartext> read) {
                 read_status_ = read.status();
                 if (!read.ok() || read->end) {
                   reads_have_ended_ = true;
                   return;
                 }
                 taken_ += read->bytes;
                 ReadOn(size_max);
               });
  }

  // Writes `pieces` times `piece`, each from the callback of the last.
  void WriteOn(const std::string& piece, int pieces) {
    sink_.Write(connection_, piece, /*shut_down=*/false,
                [this, piece, pieces](absl::Status status) {
                  write_status_ = status;
                  ++write_count_;
                  if (status.ok() && pieces > 1) WriteOn(piece, pieces - 1);
                });
  }

  // Before the harness, whose end answers what waits.
  std::string taken_;
  bool reads_have_ended_ = false;
  absl::Status read_status_;
  int write_count_ = 0;
  absl::Status write_status_;

  StreamSink& sink_;
  std::unique_ptr<ConnectionHarness> owned_;
  ConnectionHarness& harness_ = *owned_;
  Connection& connection_ = harness_.connection();
  testing::FakeWire& wire_ = harness_.wire();
  TestPeer& peer_ = harness_.peer();

 private:
  explicit StreamSinkCallbackTest(std::unique_ptr<StreamSink> sink)
      : sink_(*sink),
        owned_(std::make_unique<ConnectionHarness>(std::move(sink))) {}
};

TEST_F(StreamSinkCallbackTest, ReadsOnFromItsCallback) {
  const std::string sent = Noise(500'000);
  ReadOn(1000);
  peer_.Send(sent);
  peer_.Shutdown();
  harness_.Pump();

  EXPECT_TRUE(taken_ == sent);
  EXPECT_TRUE(reads_have_ended_);
  EXPECT_THAT(read_status_, IsOk());
}

// As deep as there are bytes, this would overflow the stack.
TEST_F(StreamSinkCallbackTest, ReadsByteByByteFromItsCallback) {
  const std::string sent = Noise(300'000);
  peer_.Send(sent);
  harness_.Pump();

  ReadOn(1);
  harness_.Pump();

  EXPECT_TRUE(taken_ == sent) << taken_.size();
}

TEST_F(StreamSinkCallbackTest, WritesOnFromItsCallback) {
  WriteOn("x", 200'000);
  harness_.Pump();

  EXPECT_EQ(write_count_, 200'000);
  EXPECT_EQ(peer_.TakeCleartext(), std::string(200'000, 'x'));
}

TEST_F(StreamSinkCallbackTest, WritesOnFromItsCallbackUnderBackPressure) {
  wire_.room = 0;
  WriteOn(std::string(10'000, 'x'), 50);
  EXPECT_LT(write_count_, 50);

  wire_.MakeRoom(std::numeric_limits<size_t>::max());
  harness_.Pump();

  EXPECT_EQ(write_count_, 50);
  EXPECT_EQ(peer_.TakeCleartext(), std::string(500'000, 'x'));
}

TEST_F(StreamSinkCallbackTest, EchoesFromItsCallbacks) {
  std::string echoed;
  std::function<void()> read = [&] {
    sink_.Read(connection_, 20'000,
               [&](absl::StatusOr<StreamSink::Cleartext> result) {
                 ASSERT_THAT(result, IsOk());
                 sink_.Write(connection_, result->bytes, result->end,
                             [&, end = result->end](absl::Status status) {
                               ASSERT_THAT(status, IsOk());
                               if (!end) read();
                             });
               });
  };
  read();
  const std::string sent = Noise(1 << 20);
  peer_.Send(sent);
  peer_.Shutdown();
  harness_.Pump();

  EXPECT_TRUE(peer_.TakeCleartext() == sent);
  EXPECT_EQ(harness_.closed_count, 1);
  EXPECT_THAT(connection_.failure(), IsOk());
}

// The write seals a piece, which wakes the read, whose callback gives up both.
TEST_F(StreamSinkCallbackTest, CancelsTheWriteFromTheReadItWakes) {
  wire_.room = 0;
  peer_.Send("bytes");
  wire_.Arrive(peer_.Exchange(""));
  int read_count = 0;
  sink_.Read(connection_, 100, [&](absl::StatusOr<StreamSink::Cleartext>) {
    ++read_count;
    sink_.CancelWrite(Cancelled());
  });
  int write_count = 0;
  absl::Status written;
  sink_.Write(connection_, Noise(1 << 20), false, [&](absl::Status status) {
    ++write_count;
    written = status;
    sink_.CancelRead(Cancelled());
  });

  wire_.Deliver();

  EXPECT_EQ(read_count, 1);
  EXPECT_EQ(write_count, 1);
  EXPECT_THAT(written, FailsWith(Reason::kCallCancelled));
}

TEST_F(StreamSinkCallbackTest, CancelsItsWriteFromInsideTheWrite) {
  peer_.Send(Noise(100'000));
  harness_.Pump();
  // It waits for more than there is: only the write's own progress wakes it.
  taken_ = connection_.TakeReadable(Connection::kQueueBytesMax);
  std::string rest = connection_.TakeReadable(Connection::kQueueBytesMax);
  ASSERT_TRUE(connection_.Readable().empty());
  peer_.Shutdown();
  wire_.Arrive(peer_.Exchange(""));
  int write_count = 0;
  sink_.Read(connection_, 100, [&](absl::StatusOr<StreamSink::Cleartext>) {
    sink_.CancelWrite(Cancelled());
    WriteOn("second", 1);
  });
  wire_.room = 0;
  sink_.Write(connection_, Noise(1 << 20), false,
              [&](absl::Status) { ++write_count; });
  wire_.Deliver();
  EXPECT_EQ(write_count, 1);

  wire_.MakeRoom(std::numeric_limits<size_t>::max());
  EXPECT_EQ(write_count_, 1);
  EXPECT_THAT(write_status_, IsOk());
}

TEST_F(StreamSinkCallbackTest, AnswersTheReadWhenTheWriteClosesTheConnection) {
  wire_.room = 0;
  ReadOn(100);
  sink_.Write(connection_, Noise(200'000), false,
              [&](absl::Status) { connection_.Close(); });

  // The write ends inside OnProgress, after the read had its turn.
  while (harness_.closed_count == 0 && wire_.unsent_size() > 0) {
    wire_.MakeRoom(wire_.unsent_size());
  }

  EXPECT_EQ(harness_.closed_count, 1);
  EXPECT_TRUE(reads_have_ended_);
  EXPECT_THAT(read_status_, FailsWith(Reason::kConnectionClosed));
}

TEST_F(StreamSinkCallbackTest, AnswersTheWriteWhenTheReadResetsTheConnection) {
  wire_.room = 0;
  absl::Status written;
  sink_.Write(connection_, Noise(200'000), false,
              [&](absl::Status status) { written = status; });
  sink_.Read(connection_, 100, [&](absl::StatusOr<StreamSink::Cleartext>) {
    connection_.Reset();
  });

  peer_.Send("reset");
  harness_.Pump();

  EXPECT_THAT(written, FailsWith(Reason::kConnectionReset));
}

TEST_F(StreamSinkCallbackTest, AnswersWhatWaitsWhenItIsDestroyed) {
  wire_.room = 0;
  ReadOn(100);
  WriteOn(Noise(1 << 20), 1);
  EXPECT_EQ(write_count_, 0);

  owned_.reset();

  EXPECT_TRUE(reads_have_ended_);
  EXPECT_THAT(read_status_, FailsWith(Reason::kConnectionClosed));
  EXPECT_EQ(write_count_, 1);
  EXPECT_THAT(write_status_, FailsWith(Reason::kConnectionClosed));
}

}  // namespace
}  // namespace tlsd::conn
