#include "server/net/socket_transport.h"

#include <sys/socket.h>

#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "server/net/acceptor.h"
#include "server/net/descriptor.h"
#include "tests/unit/net/net_testing.h"

namespace tlsd::net {
namespace {

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
  Transport::Reset(std::move(transport_));

  EXPECT_EQ(ReadAll(), "");
  EXPECT_EQ(read_error_, ECONNRESET);
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
