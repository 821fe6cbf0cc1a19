#include "server/net/acceptor.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "server/net/descriptor.h"
#include "server/net/raw_address.h"
#include "tests/unit/net/descriptor_shortage.h"
#include "tests/unit/net/net_testing.h"

namespace tlsd::net {
namespace {

using Family = SocketAddress::Family;

class AcceptorTest : public testing::Test {
 protected:
  void Listen(const Endpoint& endpoint) {
    std::unique_ptr<BoundSocket> socket = BindOne(endpoint);
    address_ = socket->address();
    acceptor_ =
        Acceptor::Create(*fixture_.loop, fixture_.pool, std::move(socket),
                         [this](std::unique_ptr<Transport> transport) {
                           accepted_.push_back(std::move(transport));
                           on_accept_();
                         })
            .value();
  }

  bool RunUntilAccepted(size_t count) {
    return fixture_.RunUntil([&] { return accepted_.size() >= count; });
  }

  LoopFixture fixture_;
  SocketAddress address_;
  std::vector<std::unique_ptr<Transport>> accepted_;
  std::function<void()> on_accept_ = [] {};
  std::unique_ptr<Acceptor> acceptor_;
};

TEST_F(AcceptorTest, AcceptsConnections) {
  Listen(LoopbackEndpoint());
  std::vector<Descriptor> clients;
  for (int i = 0; i < 100; ++i) clients.emplace_back(ConnectTo(address_));

  EXPECT_TRUE(RunUntilAccepted(100));
}

TEST_F(AcceptorTest, KnowsTheAddressesOfBothEnds) {
  Listen(LoopbackEndpoint());
  const Descriptor client(ConnectTo(address_));
  ASSERT_TRUE(RunUntilAccepted(1));

  EXPECT_EQ(accepted_[0]->remote_address(), LocalAddressOf(client.get()));
  EXPECT_EQ(accepted_[0]->local_address(), address_);
}

TEST_F(AcceptorTest, ShowsMappedAddressesAsIpv4) {
  Listen({"", 0, ""});
  const Descriptor client(
      ConnectTo({Family::kIpv4, address_.port, "127.0.0.1"}));
  ASSERT_TRUE(RunUntilAccepted(1));

  EXPECT_EQ(accepted_[0]->remote_address(), LocalAddressOf(client.get()));
  EXPECT_EQ(accepted_[0]->local_address(),
            (SocketAddress{Family::kIpv4, address_.port, "127.0.0.1"}));
}

TEST_F(AcceptorTest, AcceptsOnAUnixPath) {
  const TempFolder folder;
  Listen({"", 0, folder.Path("socket")});
  const Descriptor client(ConnectTo(address_));
  ASSERT_TRUE(RunUntilAccepted(1));

  EXPECT_EQ(accepted_[0]->local_address(), address_);
  EXPECT_EQ(accepted_[0]->remote_address(),
            (SocketAddress{Family::kUnix, 0, ""}));
}

// Returns the value of a TCP option of the socket of this process that is
// connected with `peer`, or -1.
int OptionOfSocketConnectedWith(const SocketAddress& peer, int option) {
  for (int descriptor = 3; descriptor < 1024; ++descriptor) {
    RawAddress remote;
    if (getpeername(descriptor, remote.get(), &remote.size) != 0) continue;
    if (FromRaw(remote) != peer) continue;
    int value = -1;
    socklen_t size = sizeof(value);
    getsockopt(descriptor, IPPROTO_TCP, option, &value, &size);
    return value;
  }
  return -1;
}

TEST_F(AcceptorTest, AcceptsSocketsThatDoNotDelay) {
  Listen(LoopbackEndpoint());
  const Descriptor client(ConnectTo(address_));
  ASSERT_TRUE(RunUntilAccepted(1));

  EXPECT_EQ(
      OptionOfSocketConnectedWith(LocalAddressOf(client.get()), TCP_NODELAY),
      1);
  // The client's end, which nobody has set, shows that it is no default.
  EXPECT_EQ(OptionOfSocketConnectedWith(address_, TCP_NODELAY), 0);
}

TEST_F(AcceptorTest, StopsAcceptingWhenItIsDestroyed) {
  Listen(LoopbackEndpoint());

  acceptor_ = nullptr;

  EXPECT_FALSE(Descriptor(ConnectTo(address_)).is_open());
}

TEST_F(AcceptorTest, MayBeDestroyedWhileItAccepts) {
  // At the first connection, and in the middle of a batch.
  for (const size_t last : {1, 40}) {
    accepted_.clear();
    Listen(LoopbackEndpoint());
    std::vector<Descriptor> clients;
    for (int i = 0; i < 60; ++i) clients.emplace_back(ConnectTo(address_));
    on_accept_ = [this, last] {
      if (accepted_.size() == last) acceptor_ = nullptr;
    };

    ASSERT_TRUE(RunUntilAccepted(last));
    fixture_.RunOnce();

    EXPECT_EQ(accepted_.size(), last);
  }
}

TEST_F(AcceptorTest, ClosesConnectionsThatNobodyWants) {
  Listen(LoopbackEndpoint());
  const Descriptor client(ConnectTo(address_));
  on_accept_ = [this] { accepted_.back() = nullptr; };

  ASSERT_TRUE(RunUntilAccepted(1));

  char byte;
  EXPECT_EQ(recv(client.get(), &byte, 1, 0), 0);
}

absl::Duration CpuTime() {
  timespec spent;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
  return absl::DurationFromTimespec(spent);
}

TEST_F(AcceptorTest, SurvivesAShortageOfDescriptorsAndLosesNoConnection) {
  Listen(LoopbackEndpoint());
  std::vector<Descriptor> clients;
  for (int i = 0; i < 5; ++i) clients.emplace_back(ConnectTo(address_));

  bool is_over = false;
  const auto timer =
      fixture_.loop->After(absl::Milliseconds(350), [&] { is_over = true; });
  const absl::Duration cpu_before = CpuTime();
  {
    const DescriptorShortage shortage;
    fixture_.RunUntil([&] { return is_over; });
  }

  EXPECT_TRUE(accepted_.empty());
  // A loop that spins would use all of the 350 ms.
  EXPECT_LT(CpuTime() - cpu_before, absl::Milliseconds(100));
  EXPECT_TRUE(RunUntilAccepted(5));
  for (const Descriptor& client : clients) {
    char byte;
    EXPECT_EQ(recv(client.get(), &byte, 1, MSG_DONTWAIT), -1);
    EXPECT_EQ(errno, EAGAIN);
  }
}

TEST_F(AcceptorTest, MayBeDestroyedDuringAShortage) {
  Listen(LoopbackEndpoint());
  const Descriptor client(ConnectTo(address_));
  const DescriptorShortage shortage;
  fixture_.RunOnce();

  acceptor_ = nullptr;

  fixture_.RunOnce();
  EXPECT_TRUE(accepted_.empty());
}

// How many connections an acceptor takes in a turn of its loop.
class AcceptorBatchTest : public AcceptorTest {
 protected:
  // So many turns are full before it takes more; and never more than that.
  static constexpr size_t kFullTurns = 17;
  static constexpr int kBatchMax = 32;

  AcceptorBatchTest() { Listen({"", 0, folder_.Path("socket")}); }

  // Of a unix socket, a connection waits when connect returns.
  void Connect(int count) {
    for (int i = 0; i < count; ++i) clients_.emplace_back(ConnectTo(address_));
  }

  // Turns returns how many are accepted in each turn, until none is left.
  std::vector<int> Turns() {
    std::vector<int> counts;
    while (accepted_.size() < clients_.size() &&
           counts.size() <= clients_.size()) {
      const size_t before = accepted_.size();
      fixture_.RunOnce();
      counts.push_back(static_cast<int>(accepted_.size() - before));
    }
    return counts;
  }

  const TempFolder folder_;
  std::vector<Descriptor> clients_;
};

TEST_F(AcceptorBatchTest, TakesMoreATurnWhenThereAreAlwaysMore) {
  Connect(kFullTurns + 2 + 4 + 8 + 16 + 3 * kBatchMax + 5);

  std::vector<int> expected(kFullTurns, 1);
  for (const int count : {2, 4, 8, 16, kBatchMax, kBatchMax, kBatchMax, 5}) {
    expected.push_back(count);
  }
  EXPECT_EQ(Turns(), expected);
}

TEST_F(AcceptorBatchTest, TakesOneATurnOfConnectionsThatComeAlone) {
  for (int i = 0; i < 100; ++i) {
    Connect(1);
    EXPECT_EQ(Turns(), std::vector<int>{1});
  }
}

TEST_F(AcceptorBatchTest, TakesLessATurnWhenItHasFoundNone) {
  Connect(kFullTurns + 2 + 4 + 8);
  Turns();

  // It would take 16.
  Connect(3);
  EXPECT_EQ(Turns(), std::vector<int>{3});
  Connect(10);
  EXPECT_EQ(Turns(), (std::vector<int>{3, 3, 3, 1}));
  Connect(4);
  EXPECT_EQ(Turns(), (std::vector<int>{1, 1, 1, 1}));
}

TEST_F(AcceptorBatchTest, IsPatientAnewWhenItHasFoundNone) {
  Connect(kFullTurns + 1);
  Turns();

  Connect(kFullTurns + 2);

  std::vector<int> expected(kFullTurns, 1);
  expected.push_back(2);
  EXPECT_EQ(Turns(), expected);
}

}  // namespace
}  // namespace tlsd::net
