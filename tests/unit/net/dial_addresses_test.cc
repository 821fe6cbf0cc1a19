#include "server/net/dial_addresses.h"

#include <sys/socket.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "server/net/descriptor.h"
#include "server/net/raw_address.h"
#include "tests/unit/net/net_testing.h"

namespace tlsd::net {
namespace {

using ::testing::HasSubstr;

RawAddress RawOf(const SocketAddress& address) {
  return *RawFromIp(address.ip(), address.port);
}

// A port where nobody listens: a bound socket keeps others away from it.
struct ClosedPort {
  ClosedPort() : socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const RawAddress any = *RawFromIp("127.0.0.1", 0);
    EXPECT_EQ(bind(socket.get(), any.get(), any.size), 0);
    address = LocalAddressOf(socket.get());
  }
  Descriptor socket;
  SocketAddress address;
};

// A port that does not answer: its queue is full, and the kernel drops what
// comes.
struct SilentPort {
  SilentPort() : socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const RawAddress any = *RawFromIp("127.0.0.1", 0);
    EXPECT_EQ(bind(socket.get(), any.get(), any.size), 0);
    EXPECT_EQ(listen(socket.get(), 0), 0);
    address = LocalAddressOf(socket.get());
    const RawAddress raw = RawOf(address);
    for (int i = 0; i < 8; ++i) {
      clients.emplace_back(
          ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      connect(clients.back().get(), raw.get(), raw.size);
    }
  }
  Descriptor socket;
  SocketAddress address;
  std::vector<Descriptor> clients;
};

class DialAddressesTest : public testing::Test {
 protected:
  DialAddressesTest() : listener_(BindOne(LoopbackEndpoint())) {}

  void Start(std::vector<RawAddress> addresses) {
    dial_ = AddressDial::Start(
        *fixture_.loop, fixture_.pool, "peer:1", std::move(addresses), options_,
        [this](absl::StatusOr<std::unique_ptr<Transport>> transport) {
          is_done_ = true;
          result_ = std::move(transport);
          dial_ = nullptr;
        });
  }

  absl::StatusOr<std::unique_ptr<Transport>> Connect(
      std::vector<RawAddress> addresses) {
    Start(std::move(addresses));
    EXPECT_FALSE(is_done_);
    EXPECT_TRUE(fixture_.RunUntil([this] { return is_done_; }));
    return std::move(result_);
  }

  LoopFixture fixture_;
  std::unique_ptr<BoundSocket> listener_;
  DialOptions options_;
  bool is_done_ = false;
  absl::StatusOr<std::unique_ptr<Transport>> result_;
  std::unique_ptr<AddressDial> dial_;
};

TEST_F(DialAddressesTest, ConnectsToTheAddress) {
  const auto transport = Connect({RawOf(listener_->address())});

  ASSERT_TRUE(transport.ok()) << transport.status();
  EXPECT_EQ((*transport)->remote_address(), listener_->address());
}

TEST_F(DialAddressesTest, TriesTheNextAddressAtOnceWhenOneFails) {
  const ClosedPort closed;
  const absl::Time start = absl::Now();

  const auto transport = Connect({RawOf(closed.address), RawOf(closed.address),
                                  RawOf(listener_->address())});

  ASSERT_TRUE(transport.ok()) << transport.status();
  EXPECT_LT(absl::Now() - start, AddressDial::kStagger);
}

TEST_F(DialAddressesTest, TriesTheNextAddressWhenOneDoesNotAnswer) {
  const SilentPort silent;
  const absl::Time start = absl::Now();

  const auto transport =
      Connect({RawOf(silent.address), RawOf(listener_->address())});

  ASSERT_TRUE(transport.ok()) << transport.status();
  EXPECT_EQ((*transport)->remote_address(), listener_->address());
  EXPECT_GE(absl::Now() - start, AddressDial::kStagger);
}

TEST_F(DialAddressesTest, PrefersAnEarlierAddress) {
  const std::unique_ptr<BoundSocket> other = BindOne(LoopbackEndpoint());

  const auto transport =
      Connect({RawOf(listener_->address()), RawOf(other->address())});

  ASSERT_TRUE(transport.ok()) << transport.status();
  EXPECT_EQ((*transport)->remote_address(), listener_->address());
}

TEST_F(DialAddressesTest, TellsOfEachAddressThatFails) {
  const ClosedPort closed;
  RawAddress unreachable = *RawFromIp("255.255.255.255", 1);

  const absl::Status error =
      Connect({RawOf(closed.address), unreachable}).status();

  EXPECT_TRUE(HasReason(error, Reason::kConnectRefused)) << error;
  EXPECT_THAT(
      std::string(error.message()),
      HasSubstr("cannot connect to \"peer:1\": " + closed.address.ToString() +
                ": Connection refused (ECONNREFUSED); "
                "255.255.255.255:1: "));
}

TEST_F(DialAddressesTest, SaysThatAnAddressCannotBeReached) {
  const absl::Status error =
      Connect({*RawFromIp("255.255.255.255", 1)}).status();

  EXPECT_TRUE(HasReason(error, Reason::kConnectFailed)) << error;
}

TEST_F(DialAddressesTest, ShowsWhatItIsWaitingFor) {
  const SilentPort silent;
  const ClosedPort closed;
  Start({RawOf(closed.address), RawOf(silent.address)});
  ASSERT_TRUE(fixture_.RunUntil([this] {
    return dial_->Progress().find("ECONNREFUSED") != std::string::npos;
  }));

  EXPECT_THAT(dial_->Progress(),
              HasSubstr(silent.address.ToString() + ": no answer"));
}

TEST_F(DialAddressesTest, EndsAllAttemptsWhenItIsDestroyed) {
  const SilentPort silent;
  Start({RawOf(silent.address), RawOf(silent.address),
         RawOf(listener_->address())});
  fixture_.RunOnce();

  dial_ = nullptr;

  bool is_over = false;
  const auto timer =
      fixture_.loop->After(AddressDial::kStagger, [&] { is_over = true; });
  fixture_.RunUntil([&] { return is_over; });
  EXPECT_FALSE(is_done_);
}

TEST_F(DialAddressesTest, LetsTheLoopEndDuringAnAttempt) {
  Start({RawOf(listener_->address())});

  dial_ = nullptr;
}

}  // namespace
}  // namespace tlsd::net
