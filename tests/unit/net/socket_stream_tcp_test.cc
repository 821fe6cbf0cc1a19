// SocketStream over TCP: what is behind the last bytes, and a loop that ends.
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <thread>

#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "server/base/byte_queue.h"
#include "server/net/descriptor.h"
#include "server/net/event_loop.h"
#include "server/net/raw_address.h"
#include "server/net/socket_stream.h"
#include "tests/unit/net/net_testing.h"

namespace tlsd::net {
namespace {

using ::testing::HasSubstr;

// A stream over one end of a TCP connection.
class TcpStreamTest : public testing::Test {
 protected:
  TcpStreamTest() {
    const RawAddress any = *RawFromIp("127.0.0.1", 0);
    const Descriptor listening(
        socket(any.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(bind(listening.get(), any.get(), any.size), 0);
    EXPECT_EQ(listen(listening.get(), 1), 0);
    peer_ = Descriptor(ConnectTo(LocalAddressOf(listening.get())));
    descriptor_ = accept4(listening.get(), nullptr, nullptr,
                          SOCK_CLOEXEC | SOCK_NONBLOCK);
    stream_ = SocketStream::Create(*fixture_.loop, fixture_.pool,
                                   SocketStream::Kind::kTcp);
    EXPECT_EQ(stream_->Open(descriptor_), 0);
  }

  // StartPaused starts the stream, and pauses it when so much has gone through
  // it that the kernel makes room for more than one read takes.
  void StartPaused() {
    constexpr size_t kSize = 16 << 20;
    stream_->Start(seen_);
    std::thread sending([this] {
      const std::string text(kSize, 'w');
      EXPECT_EQ(send(peer_.get(), text.data(), text.size(), MSG_NOSIGNAL),
                text.size());
    });
    EXPECT_TRUE(
        fixture_.RunUntil([&] { return seen_.received.size() == kSize; }));
    // Else it would wait for ever.
    if (seen_.received.size() < kSize) shutdown(peer_.get(), SHUT_RDWR);
    sending.join();
    stream_->PauseReading();
    seen_.received.clear();
    seen_.event_count = 0;
  }

  // Arrive has the peer send `text`, and waits until all of it has arrived.
  void Arrive(absl::string_view text) {
    absl::string_view unsent = text;
    ASSERT_TRUE(fixture_.RunUntil([&] {
      const ssize_t count = send(peer_.get(), unsent.data(), unsent.size(),
                                 MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count > 0) unsent.remove_prefix(static_cast<size_t>(count));
      int queued = 0;
      ioctl(descriptor_, FIONREAD, &queued);
      return static_cast<size_t>(queued) == text.size();
    }));
  }

  // The peer ends its direction, or the connection; both have arrived when
  // these return.
  void EndPeer() {
    shutdown(peer_.get(), SHUT_WR);
    AwaitEvent(POLLRDHUP);
  }
  void ResetPeer() {
    const linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(peer_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    peer_ = Descriptor();
    AwaitEvent(POLLERR);
  }
  void AwaitEvent(short event) {
    EXPECT_TRUE(fixture_.RunUntil([&] {
      pollfd state = {descriptor_, event, 0};
      poll(&state, 1, 0);
      return (state.revents & event) != 0;
    }));
  }

  bool RunUntilEnded() {
    return fixture_.RunUntil(
        [this] { return seen_.has_ended || !seen_.error.ok(); });
  }

  // ReceiveAll returns what the peer gets, and sets `end` to what recv says
  // behind it: 0, or an errno.
  std::string ReceiveAll(int& end) {
    std::string received;
    std::string buffer(1 << 20, '\0');
    for (;;) {
      const ssize_t count = recv(peer_.get(), buffer.data(), buffer.size(), 0);
      if (count <= 0) {
        end = count == 0 ? 0 : errno;
        return received;
      }
      received.append(buffer, 0, static_cast<size_t>(count));
    }
  }

  void Write(absl::string_view text) {
    base::ByteQueue bytes(fixture_.pool);
    bytes.Append(base::AsBytes(text));
    stream_->Write(bytes);
  }

  // EndLoop ends the loop as its thread does.
  void EndLoop() {
    fixture_.loop->Stop();
    fixture_.loop->Run();
  }

  LoopFixture fixture_;
  Recorder seen_;
  Descriptor peer_;
  int descriptor_ = -1;
  SocketStream* stream_;
};

TEST_F(TcpStreamTest, LooksForTheEndBehindAReadThatWasFull) {
  const std::string text = Noise(fixture_.loop->read_scratch().size());
  StartPaused();
  Arrive(text);
  EndPeer();

  stream_->ResumeReading();
  fixture_.RunOnce();

  EXPECT_TRUE(seen_.received == text);
  EXPECT_FALSE(seen_.has_ended);
  fixture_.RunOnce();
  EXPECT_TRUE(seen_.has_ended);
  EXPECT_EQ(seen_.event_count, 2);
  stream_->Close();
}

TEST_F(TcpStreamTest, KnowsOfTheEndBehindAReadThatWasNotFull) {
  const std::string text = Noise(fixture_.loop->read_scratch().size() - 1);
  StartPaused();
  Arrive(text);
  EndPeer();

  stream_->ResumeReading();
  fixture_.RunOnce();

  EXPECT_TRUE(seen_.received == text);
  EXPECT_TRUE(seen_.has_ended);
  EXPECT_EQ(seen_.event_count, 2);
  stream_->Close();
}

TEST_F(TcpStreamTest, WaitsForMoreBehindAReadThatWasFull) {
  const std::string text = Noise(fixture_.loop->read_scratch().size());
  StartPaused();
  Arrive(text);

  stream_->ResumeReading();
  fixture_.RunOnce();
  fixture_.RunOnce();

  EXPECT_TRUE(seen_.received == text);
  EXPECT_EQ(seen_.event_count, 1);
  ASSERT_EQ(send(peer_.get(), "more", 4, 0), 4);
  EXPECT_TRUE(
      fixture_.RunUntil([&] { return seen_.received == text + "more"; }));
  stream_->Close();
}

TEST_F(TcpStreamTest, TellsOfAResetBehindTheBytesBeforeIt) {
  const std::string text = Noise(fixture_.loop->read_scratch().size());
  StartPaused();
  Arrive(text);
  ResetPeer();

  stream_->ResumeReading();
  ASSERT_TRUE(RunUntilEnded());

  EXPECT_TRUE(seen_.received == text);
  EXPECT_FALSE(seen_.has_ended);
  EXPECT_EQ(seen_.event_count, 2);
  EXPECT_THAT(std::string(seen_.error.message()), HasSubstr("ECONNRESET"));
  stream_->Close();
}

TEST_F(TcpStreamTest, TellsOfAResetBehindAFewBytesToo) {
  stream_->Start(seen_);
  stream_->PauseReading();
  Arrive("last");
  ResetPeer();

  stream_->ResumeReading();
  ASSERT_TRUE(RunUntilEnded());

  EXPECT_EQ(seen_.received, "last");
  EXPECT_FALSE(seen_.has_ended);
  EXPECT_TRUE(HasReason(seen_.error, Reason::kTransportReset));
  stream_->Close();
}

// Which came first, and was true.
TEST_F(TcpStreamTest, TellsTheEndThatAResetHasFollowed) {
  stream_->Start(seen_);
  stream_->PauseReading();
  Arrive("last");
  EndPeer();
  ResetPeer();

  stream_->ResumeReading();
  ASSERT_TRUE(RunUntilEnded());

  EXPECT_EQ(seen_.received, "last");
  EXPECT_TRUE(seen_.error.ok()) << seen_.error;
  // Nobody is there to write to.
  Write("x");
  ASSERT_TRUE(fixture_.RunUntil([&] { return !seen_.error.ok(); }));
  EXPECT_TRUE(HasReason(seen_.error, Reason::kTransportReset));
  stream_->Close();
}

TEST_F(TcpStreamTest, ResetsItsPeerWhenTheLoopEndsBeforeAllIsSent) {
  const std::string text(32 << 20, 'x');
  stream_->Start(seen_);
  Write(text);
  ASSERT_GT(stream_->unsent_size(), 0);
  stream_->Linger();

  EndLoop();

  int end = 0;
  const std::string received = ReceiveAll(end);
  EXPECT_LT(received.size(), text.size());
  EXPECT_EQ(end, ECONNRESET);
}

TEST_F(TcpStreamTest, ShowsItsPeerTheEndWhenTheLoopEndsAfterAllIsSent) {
  stream_->Start(seen_);
  Write("all");
  ASSERT_EQ(stream_->unsent_size(), 0);
  stream_->Linger();

  EndLoop();

  int end = -1;
  EXPECT_EQ(ReceiveAll(end), "all");
  EXPECT_EQ(end, 0);
}

}  // namespace
}  // namespace tlsd::net
