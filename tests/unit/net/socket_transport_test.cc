#include "server/net/socket_transport.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "server/net/acceptor.h"
#include "server/net/descriptor.h"
#include "tests/unit/net/net_testing.h"

namespace tlsd::net {
namespace {

using ::testing::HasSubstr;

// An accepted TCP connection whose peer is a plain socket of the test. What all
// transports promise is tested in tests/contract.
class SocketTransportTest : public testing::Test {
 protected:
  SocketTransportTest() {
    std::unique_ptr<BoundSocket> socket = BindOne(LoopbackEndpoint());
    const SocketAddress address = socket->address();
    const auto acceptor =
        Acceptor::Create(*fixture_.loop, fixture_.pool, std::move(socket),
                         [this](std::unique_ptr<Transport> transport) {
                           transport_ = std::move(transport);
                         })
            .value();
    peer_ = Descriptor(ConnectTo(address));
    EXPECT_TRUE(fixture_.RunUntil([this] { return transport_ != nullptr; }));
    transport_->Start(seen_);
  }

  enum class Last { kNo, kYes };
  void Send(absl::string_view text, Last last) {
    base::ByteQueue bytes(fixture_.pool);
    bytes.Append(base::AsBytes(text));
    if (last == Last::kYes) {
      transport_->WriteLast(bytes);
    } else {
      transport_->Write(bytes);
    }
  }

  // How many segments have come to the peer's socket.
  uint32_t SegmentsReceived() const {
    tcp_info info = {};
    socklen_t size = sizeof(info);
    EXPECT_EQ(getsockopt(peer_.get(), IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    return info.tcpi_segs_in;
  }

  // Reads from the peer's socket, blocking, until the end or an error.
  std::string ReadAll() {
    std::string text;
    char buffer[4096];
    ssize_t count;
    while ((count = recv(peer_.get(), buffer, sizeof(buffer), 0)) > 0) {
      text.append(buffer, static_cast<size_t>(count));
    }
    read_error_ = count < 0 ? errno : 0;
    return text;
  }

  LoopFixture fixture_;
  Recorder seen_;
  Descriptor peer_;
  std::unique_ptr<Transport> transport_;
  int read_error_ = 0;
};

TEST_F(SocketTransportTest, SendsToAPeerThatHasEndedItsDirection) {
  shutdown(peer_.get(), SHUT_WR);
  ASSERT_TRUE(fixture_.RunUntil([this] { return seen_.has_ended; }));

  WriteText(fixture_, *transport_, "answer");
  transport_ = nullptr;

  EXPECT_EQ(ReadAll(), "answer");
  EXPECT_EQ(read_error_, 0);
}

TEST_F(SocketTransportTest, SendsBeforeTheLoopTurns) {
  WriteText(fixture_, *transport_, "at once");

  char buffer[16];
  EXPECT_EQ(recv(peer_.get(), buffer, sizeof(buffer), MSG_DONTWAIT), 7);
}

TEST_F(SocketTransportTest, ResetsThePeer) {
  Transport::Reset(std::move(transport_), absl::CancelledError("why"));

  EXPECT_EQ(ReadAll(), "");
  EXPECT_EQ(read_error_, ECONNRESET);
}

TEST_F(SocketTransportTest, SendsTheLastBytesTogetherWithTheEnd) {
  const uint32_t segments_before = SegmentsReceived();

  Send("last", Last::kYes);
  transport_->EndWriting();

  EXPECT_EQ(ReadAll(), "last");
  EXPECT_EQ(SegmentsReceived() - segments_before, 1);
}

TEST_F(SocketTransportTest, SendsOtherBytesBeforeTheEnd) {
  const uint32_t segments_before = SegmentsReceived();

  Send("not the last", Last::kNo);
  transport_->EndWriting();

  EXPECT_EQ(ReadAll(), "not the last");
  EXPECT_EQ(SegmentsReceived() - segments_before, 2);
}

TEST_F(SocketTransportTest, SendsTheLastBytesWhenItIsGivenUpGently) {
  Send("last", Last::kYes);
  Transport::CloseGently(std::move(transport_));

  EXPECT_EQ(ReadAll(), "last");
  EXPECT_EQ(read_error_, 0);
}

TEST_F(SocketTransportTest, SendsLastBytesForWhichThereIsNoRoomYet) {
  const std::string text = Noise(8 << 20);
  std::string received;
  std::thread reader([&] { received = ReadAll(); });

  Send(text, Last::kYes);
  const bool had_to_wait = transport_->unsent_size() > 0;
  transport_->EndWriting();
  EXPECT_TRUE(
      fixture_.RunUntil([this] { return transport_->unsent_size() == 0; }));
  fixture_.RunOnce();
  reader.join();

  EXPECT_TRUE(had_to_wait);
  EXPECT_TRUE(received == text);
  EXPECT_EQ(read_error_, 0);
}

TEST_F(SocketTransportTest, EndsItsDirectionOnly) {
  WriteText(fixture_, *transport_, "last");
  transport_->EndWriting();

  EXPECT_EQ(ReadAll(), "last");
  EXPECT_EQ(read_error_, 0);
  ASSERT_EQ(send(peer_.get(), "answer", 6, 0), 6);
  EXPECT_TRUE(fixture_.RunUntil([this] { return !seen_.received.empty(); }));
  EXPECT_EQ(seen_.received, "answer");
  EXPECT_FALSE(seen_.has_ended);
}

TEST_F(SocketTransportTest, ClosesAfterItsOwnEndWithoutAReset) {
  transport_->EndWriting();
  ASSERT_EQ(send(peer_.get(), "unread", 6, 0), 6);

  Transport::CloseGently(std::move(transport_));
  fixture_.RunOnce();

  EXPECT_EQ(ReadAll(), "");
  EXPECT_EQ(read_error_, 0);
  // It waits for the peer's end.
  EXPECT_EQ(send(peer_.get(), "x", 1, MSG_NOSIGNAL), 1);
}

TEST_F(SocketTransportTest, TellsLaterThatItCouldNotEnd) {
  transport_->PauseReading();
  const linger at_once = {1, 0};
  setsockopt(peer_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  peer_ = Descriptor();

  transport_->EndWriting();
  EXPECT_EQ(seen_.event_count, 0);
  EXPECT_TRUE(fixture_.RunUntil([this] { return seen_.event_count > 0; }));

  EXPECT_TRUE(HasReason(seen_.error, Reason::kTransportReset)) << seen_.error;
  EXPECT_THAT(std::string(seen_.error.message()), HasSubstr("ECONNRESET"));
}

// Answers each byte of a message with a byte, and now and then stops reading.
class Answering : public Recorder {
 public:
  Answering(LoopFixture& fixture, Transport& transport)
      : fixture_(fixture), transport_(transport) {}

  void OnBytes(absl::Span<const uint8_t> bytes) override {
    WriteText(fixture_, transport_, std::string(bytes.size(), 'a'));
    if (++count_ % 3 != 0) return;
    transport_.PauseReading();
    fixture_.loop->Post([this] { transport_.ResumeReading(); });
  }

 private:
  LoopFixture& fixture_;
  Transport& transport_;
  int count_ = 0;
};

TEST_F(SocketTransportTest, MissesNothingThatAPeerDoesMeanwhile) {
  // A second accepted connection, because the first is started already.
  std::unique_ptr<BoundSocket> socket = BindOne(LoopbackEndpoint());
  const SocketAddress address = socket->address();
  std::unique_ptr<Transport> transport;
  const auto acceptor =
      Acceptor::Create(*fixture_.loop, fixture_.pool, std::move(socket),
                       [&](std::unique_ptr<Transport> accepted) {
                         transport = std::move(accepted);
                       })
          .value();
  const Descriptor peer(ConnectTo(address));
  ASSERT_TRUE(fixture_.RunUntil([&] { return transport != nullptr; }));
  Answering answering(fixture_, *transport);
  transport->Start(answering);
  bool is_done = false;

  // Each message waits for the answer to the one before: an event that is
  // missed stops it all.
  std::thread speaking([&] {
    const std::string text(5000, 'q');
    std::string buffer(5000, '\0');
    for (int i = 0; i < 3000; ++i) {
      const size_t size = static_cast<size_t>(i * 7919 % 5000 + 1);
      // In two parts, of which the second often meets the read of the first.
      const size_t first = size / 2;
      EXPECT_EQ(send(peer.get(), text.data(), first, 0), first);
      EXPECT_EQ(send(peer.get(), text.data(), size - first, 0), size - first);
      EXPECT_EQ(recv(peer.get(), buffer.data(), size, MSG_WAITALL), size);
    }
    fixture_.loop->Post([&] { is_done = true; });
  });

  EXPECT_TRUE(fixture_.RunUntil([&] { return is_done; }));
  // Else the thread would wait for ever.
  transport = nullptr;
  speaking.join();
}

TEST_F(SocketTransportTest, ReadsWhatIsBehindUrgentData) {
  transport_->PauseReading();
  ASSERT_EQ(send(peer_.get(), "before!", 7, MSG_OOB), 7);
  ASSERT_EQ(send(peer_.get(), "after", 5, 0), 5);
  shutdown(peer_.get(), SHUT_WR);

  transport_->ResumeReading();
  EXPECT_TRUE(fixture_.RunUntil([this] { return seen_.has_ended; }));

  // tcp(7): the last byte is not in the stream.
  EXPECT_EQ(seen_.received, "beforeafter");
}

TEST_F(SocketTransportTest, TellsOfAResetThatCameWhileReadingWasPaused) {
  transport_->PauseReading();
  ASSERT_EQ(send(peer_.get(), "last", 4, 0), 4);
  const linger at_once = {1, 0};
  setsockopt(peer_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  peer_ = Descriptor();
  fixture_.RunOnce();
  EXPECT_EQ(seen_.event_count, 0);

  transport_->ResumeReading();
  EXPECT_TRUE(fixture_.RunUntil([this] { return !seen_.error.ok(); }));

  EXPECT_EQ(seen_.received, "last");
  EXPECT_FALSE(seen_.has_ended);
  EXPECT_THAT(std::string(seen_.error.message()), HasSubstr("ECONNRESET"));
}

TEST_F(SocketTransportTest, SetsTheOptionsOfItsSocket) {
  const int socket =
      DescriptorOf(transport_->local_address(), transport_->remote_address());
  ASSERT_GE(socket, 0);
  EXPECT_EQ(OptionOf(socket, IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(OptionOf(socket, SOL_SOCKET, SO_KEEPALIVE), 0);

  transport_->SetOptions({absl::Seconds(7), /*delay_small_writes=*/true});
  EXPECT_EQ(OptionOf(socket, IPPROTO_TCP, TCP_NODELAY), 0);
  EXPECT_EQ(OptionOf(socket, SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(OptionOf(socket, IPPROTO_TCP, TCP_KEEPIDLE), 7);
  EXPECT_EQ(OptionOf(socket, IPPROTO_TCP, TCP_KEEPINTVL), 7);
  EXPECT_EQ(OptionOf(socket, IPPROTO_TCP, TCP_KEEPCNT), 6);

  transport_->SetOptions({absl::Hours(9), /*delay_small_writes=*/false});
  EXPECT_EQ(OptionOf(socket, IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(OptionOf(socket, IPPROTO_TCP, TCP_KEEPIDLE), 32400);
  EXPECT_EQ(OptionOf(socket, IPPROTO_TCP, TCP_KEEPINTVL), 10);

  transport_->SetOptions({});
  EXPECT_EQ(OptionOf(socket, SOL_SOCKET, SO_KEEPALIVE), 0);
}

TEST_F(SocketTransportTest, ProbesAtLeastEachSecondAndAtMostAsTheKernelCan) {
  const int socket =
      DescriptorOf(transport_->local_address(), transport_->remote_address());
  transport_->SetOptions({absl::Milliseconds(1), false});
  EXPECT_EQ(OptionOf(socket, IPPROTO_TCP, TCP_KEEPIDLE), 1);

  transport_->SetOptions({absl::InfiniteDuration(), false});
  EXPECT_EQ(OptionOf(socket, IPPROTO_TCP, TCP_KEEPIDLE), 32767);
}

TEST_F(SocketTransportTest, ResetsThePeerWithUnreadInputWhenItIsDestroyed) {
  ASSERT_EQ(send(peer_.get(), "unread", 6, 0), 6);

  transport_ = nullptr;

  ReadAll();
  EXPECT_EQ(read_error_, ECONNRESET);
}

TEST_F(SocketTransportTest, DoesNotResetThePeerWithUnreadInputWhenItLingers) {
  transport_->PauseReading();
  ASSERT_EQ(send(peer_.get(), "unread", 6, 0), 6);
  WriteText(fixture_, *transport_, "alert");

  Transport::CloseGently(std::move(transport_));
  fixture_.RunOnce();

  EXPECT_EQ(ReadAll(), "alert");
  EXPECT_EQ(read_error_, 0);
}

}  // namespace
}  // namespace tlsd::net
