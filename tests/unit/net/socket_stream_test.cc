#include "server/net/socket_stream.h"

#include <sys/socket.h>

#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "server/base/byte_queue.h"
#include "server/net/descriptor.h"
#include "server/net/event_loop.h"
#include "server/net/socket_transport.h"
#include "tests/unit/net/net_testing.h"

namespace tlsd::net {
namespace {

using ::testing::HasSubstr;

// A stream over one end of a socket pair; the test has the other.
class SocketStreamTest : public testing::Test {
 protected:
  SocketStreamTest() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    peer_ = Descriptor(ends[1]);
    stream_ = SocketStream::Create(*fixture_.loop, fixture_.pool,
                                   SocketStream::Kind::kUnix);
    EXPECT_EQ(stream_->Open(ends[0]), 0);
  }

  // Writes more than the kernel takes.
  void Fill() {
    base::ByteQueue bytes(fixture_.pool);
    bytes.Append(base::AsBytes(std::string(4 << 20, 'x')));
    stream_->Write(bytes);
    EXPECT_GT(stream_->unsent_size(), 0);
  }

  LoopFixture fixture_;
  Recorder seen_;
  Descriptor peer_;
  SocketStream* stream_;
};

TEST_F(SocketStreamTest, TakesLittleMemoryWhileItIsIdle) {
  stream_->Start(seen_);
  fixture_.RunOnce();

  RecordProperty("size_of_stream", sizeof(SocketStream));
  EXPECT_LT(sizeof(SocketStream) + sizeof(SocketTransport), 640);
  EXPECT_EQ(fixture_.pool.lent_count(), 0);
  stream_->Close();
}

TEST_F(SocketStreamTest, TakesAllThatHasArrivedWithOneRead) {
  const std::string text = Noise(150'000);
  ASSERT_EQ(send(peer_.get(), text.data(), text.size(), 0), text.size());

  stream_->Start(seen_);
  ASSERT_TRUE(fixture_.RunUntil([&] { return seen_.event_count > 0; }));

  EXPECT_TRUE(seen_.received == text);
  stream_->Close();
}

TEST_F(SocketStreamTest, RefusesADescriptorThatIsNone) {
  auto* const other = SocketStream::Create(*fixture_.loop, fixture_.pool,
                                           SocketStream::Kind::kTcp);

  EXPECT_EQ(other->Open(-1), EBADF);

  other->Close();
  stream_->Close();
}

TEST_F(SocketStreamTest, IsAbandonedOnlyWhileItLingers) {
  EXPECT_FALSE(stream_->is_abandoned());

  stream_->Linger();

  EXPECT_TRUE(stream_->is_abandoned());
}

TEST_F(SocketStreamTest, EndsOurDirectionBeforeItLingers) {
  stream_->Start(seen_);

  stream_->Linger();

  char byte;
  EXPECT_EQ(recv(peer_.get(), &byte, 1, MSG_DONTWAIT), 0);
  EXPECT_EQ(send(peer_.get(), "x", 1, MSG_NOSIGNAL), 1);
}

TEST_F(SocketStreamTest, IgnoresOptionsWithoutTcp) {
  stream_->SetOptions({absl::Seconds(1), /*delay_small_writes=*/true});

  EXPECT_EQ(OptionOf(peer_.get(), SOL_SOCKET, SO_KEEPALIVE), 0);
  stream_->Close();
}

TEST_F(SocketStreamTest, EndsItsDirectionNotBeforeAllIsSent) {
  stream_->Start(seen_);
  Fill();
  stream_->EndWriting();
  std::string received;
  std::string buffer(1 << 20, '\0');

  ssize_t count = -1;
  EXPECT_TRUE(fixture_.RunUntil([&] {
    while ((count = recv(peer_.get(), buffer.data(), buffer.size(),
                         MSG_DONTWAIT)) > 0) {
      received.append(buffer, 0, static_cast<size_t>(count));
    }
    return count == 0;
  }));

  EXPECT_EQ(received.size(), 4 << 20);
  EXPECT_EQ(seen_.drained_count, 1);
  stream_->Close();
}

TEST_F(SocketStreamTest, ClosesAtOnceWhenThePeerHasEndedAlready) {
  stream_->Start(seen_);
  shutdown(peer_.get(), SHUT_WR);
  ASSERT_TRUE(fixture_.RunUntil([&] { return seen_.has_ended; }));

  stream_->Linger();

  EXPECT_EQ(send(peer_.get(), "x", 1, MSG_NOSIGNAL), -1);
  EXPECT_EQ(errno, EPIPE);
}

TEST_F(SocketStreamTest, LingersAlthoughItWasNeverStarted) {
  stream_->Linger();
  shutdown(peer_.get(), SHUT_WR);

  EXPECT_TRUE(fixture_.RunUntil(
      [&] { return send(peer_.get(), "x", 1, MSG_NOSIGNAL) == -1; }));
}

TEST_F(SocketStreamTest, ClosesWhenWhatIsUnsentCanNoLongerBeSent) {
  stream_->Start(seen_);
  Fill();
  stream_->Linger();

  peer_ = Descriptor();

  EXPECT_TRUE(
      fixture_.RunUntil([&] { return fixture_.pool.lent_count() == 0; }));
  EXPECT_EQ(seen_.event_count, 0);
}

TEST_F(SocketStreamTest, TellsOfAFailedWriteOnceAndLater) {
  stream_->Start(seen_);
  peer_ = Descriptor();
  base::ByteQueue bytes(fixture_.pool);
  for (int i = 0; i < 3; ++i) {
    bytes.Append(base::AsBytes("x"));
    stream_->Write(bytes);
    EXPECT_TRUE(bytes.empty());
  }
  EXPECT_EQ(seen_.event_count, 0);

  EXPECT_TRUE(fixture_.RunUntil([&] { return seen_.event_count > 0; }));

  EXPECT_TRUE(HasReason(seen_.error, Reason::kTransportReset));
  EXPECT_THAT(std::string(seen_.error.message()),
              HasSubstr("was cut: Broken pipe (EPIPE)"));
  EXPECT_FALSE(seen_.has_ended);
  stream_->Close();
}

TEST_F(SocketStreamTest, MayBeClosedBeforeAFailureIsTold) {
  stream_->Start(seen_);
  peer_ = Descriptor();
  base::ByteQueue bytes(fixture_.pool);
  bytes.Append(base::AsBytes("x"));
  stream_->Write(bytes);

  stream_->Linger();
  fixture_.RunOnce();
  fixture_.RunOnce();

  EXPECT_EQ(seen_.event_count, 0);
}

TEST_F(SocketStreamTest, SurvivesAPeerThatGoesWhileALoopRuns) {
  // Without the stream's care, the write that waits raises SIGPIPE.
  stream_->Start(seen_);
  seen_.on_event = [this] {
    if (!seen_.error.ok()) fixture_.loop->Stop();
  };
  stream_->PauseReading();
  Fill();
  std::thread running([this] {
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, nullptr);
    fixture_.loop->Run();
  });

  peer_ = Descriptor();
  running.join();

  EXPECT_FALSE(seen_.error.ok());
  stream_->Close();
}

TEST_F(SocketStreamTest, TellsTheEndThatCameWithBytesBehindThem) {
  ASSERT_EQ(send(peer_.get(), "last", 4, 0), 4);
  shutdown(peer_.get(), SHUT_WR);
  std::string received_before_end;
  seen_.on_event = [&] {
    if (!seen_.has_ended) received_before_end = seen_.received;
  };

  stream_->Start(seen_);
  ASSERT_TRUE(fixture_.RunUntil([&] { return seen_.has_ended; }));

  EXPECT_EQ(received_before_end, "last");
  EXPECT_EQ(seen_.event_count, 2);
  stream_->Close();
}

TEST_F(SocketStreamTest, KeepsAnEndBackWhoseBytesPauseTheReader) {
  ASSERT_EQ(send(peer_.get(), "last", 4, 0), 4);
  shutdown(peer_.get(), SHUT_WR);
  seen_.on_event = [&] { stream_->PauseReading(); };
  stream_->Start(seen_);
  ASSERT_TRUE(fixture_.RunUntil([&] { return seen_.event_count > 0; }));
  fixture_.RunOnce();
  EXPECT_FALSE(seen_.has_ended);

  stream_->ResumeReading();
  EXPECT_FALSE(seen_.has_ended);
  ASSERT_TRUE(fixture_.RunUntil([&] { return seen_.has_ended; }));

  EXPECT_EQ(seen_.event_count, 2);
  stream_->Close();
}

TEST_F(SocketStreamTest, ClosesAtOnceWithTheBytesThatTheEndCameWith) {
  ASSERT_EQ(send(peer_.get(), "last", 4, 0), 4);
  shutdown(peer_.get(), SHUT_WR);
  seen_.on_event = [&] { stream_->Linger(); };

  stream_->Start(seen_);
  ASSERT_TRUE(fixture_.RunUntil([&] { return seen_.event_count > 0; }));

  EXPECT_EQ(send(peer_.get(), "x", 1, MSG_NOSIGNAL), -1);
  EXPECT_EQ(errno, EPIPE);
}

TEST_F(SocketStreamTest, TellsOfAFailureBehindBytesThatTheGonePeerHasSent) {
  // Gone with bytes unread, which a unix socket fails for.
  base::ByteQueue bytes(fixture_.pool);
  bytes.Append(base::AsBytes("unread"));
  stream_->Write(bytes);
  ASSERT_EQ(send(peer_.get(), "last", 4, 0), 4);
  peer_ = Descriptor();

  stream_->Start(seen_);
  ASSERT_TRUE(fixture_.RunUntil([&] { return !seen_.error.ok(); }));

  EXPECT_EQ(seen_.received, "last");
  EXPECT_FALSE(seen_.has_ended);
  EXPECT_THAT(std::string(seen_.error.message()), HasSubstr("ECONNRESET"));
  stream_->Close();
}

TEST_F(SocketStreamTest, TellsTheEndOfAPeerThatIsGoneAndHasReadAll) {
  ASSERT_EQ(send(peer_.get(), "last", 4, 0), 4);
  peer_ = Descriptor();

  stream_->Start(seen_);
  ASSERT_TRUE(fixture_.RunUntil([&] { return seen_.has_ended; }));

  EXPECT_EQ(seen_.received, "last");
  EXPECT_TRUE(seen_.error.ok()) << seen_.error;
  stream_->Close();
}

TEST_F(SocketStreamTest, ReadsOnWhenTheScratchWasFull) {
  const std::string text = Noise(fixture_.loop->read_scratch().size());
  const int size = 2 * static_cast<int>(text.size());
  ASSERT_EQ(setsockopt(peer_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &size,
                       sizeof(size)) == 0 ||
                setsockopt(peer_.get(), SOL_SOCKET, SO_SNDBUF, &size,
                           sizeof(size)) == 0,
            true);
  std::thread sending([&] {
    EXPECT_EQ(send(peer_.get(), text.data(), text.size(), 0), text.size());
    shutdown(peer_.get(), SHUT_WR);
  });

  stream_->Start(seen_);
  EXPECT_TRUE(fixture_.RunUntil([&] { return seen_.has_ended; }));
  sending.join();

  EXPECT_TRUE(seen_.received == text);
  stream_->Close();
}

// Sends `text`, and a descriptor along with it.
void SendWithDescriptor(int socket, absl::string_view text) {
  iovec vector = {const_cast<char*>(text.data()), text.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &socket, sizeof(socket));
  ASSERT_EQ(sendmsg(socket, &message, 0), text.size());
}

TEST_F(SocketStreamTest, ReadsWhatIsBehindDescriptorsThatNobodyWants) {
  SendWithDescriptor(peer_.get(), "one ");
  SendWithDescriptor(peer_.get(), "two ");
  ASSERT_EQ(send(peer_.get(), "three", 5, 0), 5);

  stream_->Start(seen_);

  EXPECT_TRUE(
      fixture_.RunUntil([&] { return seen_.received == "one two three"; }));
  stream_->Close();
}

TEST_F(SocketStreamTest, EndsItsDirectionAfterThePeersEndToo) {
  stream_->Start(seen_);
  shutdown(peer_.get(), SHUT_WR);
  ASSERT_TRUE(fixture_.RunUntil([&] { return seen_.has_ended; }));

  stream_->EndWriting();
  fixture_.RunOnce();

  char byte;
  EXPECT_EQ(recv(peer_.get(), &byte, 1, MSG_DONTWAIT), 0);
  // It is open all the same.
  EXPECT_EQ(send(peer_.get(), "x", 1, MSG_NOSIGNAL), -1);
  EXPECT_FALSE(stream_->is_closed());
  stream_->Close();
}

TEST_F(SocketStreamTest, GivesEachStreamOneReadATurn) {
  Descriptor other_peer;
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  other_peer = Descriptor(ends[1]);
  auto* const other = SocketStream::Create(*fixture_.loop, fixture_.pool,
                                           SocketStream::Kind::kUnix);
  ASSERT_EQ(other->Open(ends[0]), 0);
  Recorder other_seen;
  stream_->Start(seen_);
  other->Start(other_seen);
  // Each read leaves something, as descriptors end it.
  for (int i = 0; i < 5; ++i) {
    SendWithDescriptor(peer_.get(), "x");
    SendWithDescriptor(other_peer.get(), "x");
  }

  for (int i = 1; i <= 5; ++i) {
    fixture_.RunOnce();
    EXPECT_EQ(seen_.event_count, i);
    EXPECT_EQ(other_seen.event_count, i);
  }

  stream_->Close();
  other->Close();
}

}  // namespace
}  // namespace tlsd::net
