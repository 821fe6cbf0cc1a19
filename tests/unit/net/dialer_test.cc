#include "server/net/dialer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "server/net/acceptor.h"
#include "server/net/descriptor.h"
#include "server/net/raw_address.h"
#include "tests/unit/net/net_testing.h"

namespace tlsd::net {
namespace {

using ::testing::HasSubstr;

// An address whose port has just been free.
SocketAddress FreeAddress() {
  const Descriptor unused(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const RawAddress any = *RawFromIp("127.0.0.1", 0);
  EXPECT_EQ(bind(unused.get(), any.get(), any.size), 0);
  return LocalAddressOf(unused.get());
}

class DialerTest : public testing::Test {
 protected:
  void Start(const Endpoint& endpoint) {
    dial_ = Dial::Start(
        *fixture_.loop, fixture_.pool, endpoint, options_,
        [this](absl::StatusOr<std::unique_ptr<Transport>> transport) {
          is_done_ = true;
          result_ = std::move(transport);
          dial_ = nullptr;
        });
  }

  absl::StatusOr<std::unique_ptr<Transport>> Connect(const Endpoint& endpoint) {
    Start(endpoint);
    EXPECT_FALSE(is_done_);
    EXPECT_TRUE(fixture_.RunUntil([this] { return is_done_; }));
    return std::move(result_);
  }

  Reason ConnectError(const Endpoint& endpoint) {
    const absl::Status error = Connect(endpoint).status();
    EXPECT_THAT(std::string(error.message()),
                HasSubstr(endpoint.is_unix() ? endpoint.path : endpoint.host));
    return GetErrorDetail(error)->reason;
  }

  LoopFixture fixture_;
  TempFolder folder_;
  DialOptions options_;
  bool is_done_ = false;
  absl::StatusOr<std::unique_ptr<Transport>> result_;
  std::unique_ptr<Dial> dial_;
};

TEST_F(DialerTest, ConnectsToAnIpAddress) {
  const std::unique_ptr<BoundSocket> listener = BindOne(LoopbackEndpoint());

  const auto transport = Connect(EndpointOf(listener->address()));

  ASSERT_TRUE(transport.ok()) << transport.status();
  EXPECT_EQ((*transport)->remote_address(), listener->address());
  EXPECT_EQ((*transport)->local_address().ip(), "127.0.0.1");
}

TEST_F(DialerTest, ConnectsToAName) {
  // On one family only, so that the other one may fail first.
  const std::unique_ptr<BoundSocket> listener = BindOne(LoopbackEndpoint());

  const auto transport = Connect({"localhost", listener->address().port, ""});

  ASSERT_TRUE(transport.ok()) << transport.status();
  EXPECT_EQ((*transport)->remote_address(), listener->address());
}

TEST_F(DialerTest, ConnectsToAUnixPath) {
  const std::unique_ptr<BoundSocket> listener =
      BindOne({"", 0, folder_.Path("socket")});

  const auto transport = Connect(EndpointOf(listener->address()));

  ASSERT_TRUE(transport.ok()) << transport.status();
  EXPECT_EQ((*transport)->remote_address(), listener->address());
}

TEST_F(DialerTest, ConnectsWithASocketThatDoesNotDelay) {
  const std::unique_ptr<BoundSocket> listener = BindOne(LoopbackEndpoint());
  const auto transport = Connect(EndpointOf(listener->address()));
  ASSERT_TRUE(transport.ok()) << transport.status();

  const int socket = DescriptorOf((*transport)->local_address());
  WriteText(fixture_, **transport, "The first write is never held back.");
  WriteText(fixture_, **transport, "The second could be.");

  EXPECT_EQ(OptionOf(socket, IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(OptionOf(socket, SOL_SOCKET, SO_KEEPALIVE), 0);
}

TEST_F(DialerTest, ConnectsWithTheOptionsOfASocket) {
  options_.socket = {absl::Seconds(60), /*delay_small_writes=*/true};
  const std::unique_ptr<BoundSocket> listener = BindOne(LoopbackEndpoint());
  const auto transport = Connect(EndpointOf(listener->address()));
  ASSERT_TRUE(transport.ok()) << transport.status();

  const int socket = DescriptorOf((*transport)->local_address());
  WriteText(fixture_, **transport, "one");
  WriteText(fixture_, **transport, "two");

  EXPECT_EQ(OptionOf(socket, IPPROTO_TCP, TCP_NODELAY), 0);
  EXPECT_EQ(OptionOf(socket, IPPROTO_TCP, TCP_KEEPIDLE), 60);
}

TEST_F(DialerTest, ConnectsFromALocalAddress) {
  options_.local_address = ParseIpEndpoint("local", "127.0.0.2").value();
  const std::unique_ptr<BoundSocket> listener = BindOne(LoopbackEndpoint());

  const auto transport = Connect(EndpointOf(listener->address()));

  ASSERT_TRUE(transport.ok()) << transport.status();
  EXPECT_EQ((*transport)->local_address().ip(), "127.0.0.2");
  EXPECT_NE((*transport)->local_address().port, 0);
}

TEST_F(DialerTest, ConnectsFromALocalPort) {
  const std::unique_ptr<BoundSocket> listener = BindOne(LoopbackEndpoint());
  options_.local_address = FreeAddress();

  const auto transport = Connect(EndpointOf(listener->address()));

  ASSERT_TRUE(transport.ok()) << transport.status();
  EXPECT_EQ((*transport)->local_address(), options_.local_address);
}

TEST_F(DialerTest, ConnectsFromALocalPortAgainWhenAConnectionHasJustEnded) {
  options_.local_address = FreeAddress();
  for (int i = 0; i < 2; ++i) {
    is_done_ = false;
    const std::unique_ptr<BoundSocket> listener = BindOne(LoopbackEndpoint());
    const auto transport = Connect(EndpointOf(listener->address()));
    // Closed first, it stays in TIME_WAIT.
    EXPECT_TRUE(transport.ok()) << transport.status();
  }
}

TEST_F(DialerTest, ConnectsToAMappedAddressFromAnIpv4Address) {
  options_.local_address = ParseIpEndpoint("local", "127.0.0.2").value();
  const std::unique_ptr<BoundSocket> listener = BindOne(LoopbackEndpoint());

  const auto transport =
      Connect({"::ffff:127.0.0.1", listener->address().port, ""});

  ASSERT_TRUE(transport.ok()) << transport.status();
  EXPECT_EQ((*transport)->local_address().ip(), "127.0.0.2");
}

TEST_F(DialerTest, TriesOnlyAddressesOfTheFamilyOfTheLocalAddress) {
  options_.local_address = ParseIpEndpoint("local", "127.0.0.1").value();
  const std::unique_ptr<BoundSocket> listener = BindOne(LoopbackEndpoint());

  const auto transport = Connect({"localhost", listener->address().port, ""});

  ASSERT_TRUE(transport.ok()) << transport.status();
  EXPECT_EQ((*transport)->local_address().ip(), "127.0.0.1");
}

TEST_F(DialerTest, SaysThatNoAddressIsOfTheFamilyOfTheLocalAddress) {
  options_.local_address = ParseIpEndpoint("local", "::1").value();
  for (const Endpoint& endpoint :
       {Endpoint{"127.0.0.1", 1, ""}, Endpoint{"", 0, folder_.Path("none")}}) {
    is_done_ = false;
    const absl::Status error = Connect(endpoint).status();

    EXPECT_TRUE(HasReason(error, Reason::kConnectFailed)) << error;
    EXPECT_THAT(std::string(error.message()),
                HasSubstr("not tried, because the local address [::1]:0 is of "
                          "another family"));
  }
}

TEST_F(DialerTest, NamesALocalAddressThatTheHostDoesNotHave) {
  // RFC 5737: no host has it.
  options_.local_address = ParseIpEndpoint("local", "192.0.2.1:7").value();
  const std::unique_ptr<BoundSocket> listener = BindOne(LoopbackEndpoint());

  const absl::Status error = Connect(EndpointOf(listener->address())).status();

  EXPECT_TRUE(HasReason(error, Reason::kConnectFailed)) << error;
  EXPECT_THAT(std::string(error.message()),
              HasSubstr("cannot use the local address 192.0.2.1:7: Cannot "
                        "assign requested address (EADDRNOTAVAIL)"));
}

TEST_F(DialerTest, NamesALocalPortThatIsTaken) {
  const std::unique_ptr<BoundSocket> listener = BindOne(LoopbackEndpoint());
  const std::unique_ptr<BoundSocket> other = BindOne(LoopbackEndpoint());
  options_.local_address = other->address();

  const absl::Status error = Connect(EndpointOf(listener->address())).status();

  EXPECT_TRUE(HasReason(error, Reason::kConnectFailed)) << error;
  EXPECT_THAT(std::string(error.message()),
              HasSubstr(other->address().ToString() +
                        ": Address already in use (EADDRINUSE)"));
}

TEST_F(DialerTest, ShowsAMappedAddressAsIpv4) {
  const std::unique_ptr<BoundSocket> listener = BindOne(LoopbackEndpoint());

  const auto transport =
      Connect({"::ffff:127.0.0.1", listener->address().port, ""});

  ASSERT_TRUE(transport.ok()) << transport.status();
  EXPECT_EQ((*transport)->remote_address(), listener->address());
  EXPECT_EQ((*transport)->local_address().ip(), "127.0.0.1");
}

TEST_F(DialerTest, SaysThatNobodyListens) {
  const Descriptor closed(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const RawAddress any = *RawFromIp("127.0.0.1", 0);
  ASSERT_EQ(bind(closed.get(), any.get(), any.size), 0);

  EXPECT_EQ(ConnectError(EndpointOf(LocalAddressOf(closed.get()))),
            Reason::kConnectRefused);
}

TEST_F(DialerTest, SaysThatNobodyListensAtAUnixPath) {
  const RawAddress path = RawFromPath(folder_.Path("dead"));
  {
    const Descriptor dead(socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(bind(dead.get(), path.get(), path.size), 0);
  }

  EXPECT_EQ(ConnectError({"", 0, folder_.Path("dead")}),
            Reason::kConnectRefused);
}

TEST_F(DialerTest, SaysThatThereIsNoSuchUnixPath) {
  EXPECT_EQ(ConnectError({"", 0, folder_.Path("none")}),
            Reason::kConnectFailed);
}

TEST_F(DialerTest, SaysThatAnAddressCannotBeReached) {
  EXPECT_EQ(ConnectError({"255.255.255.255", 1, ""}), Reason::kConnectFailed);
}

TEST_F(DialerTest, SaysThatANameHasNoAddress) {
  EXPECT_EQ(ConnectError({"tlsd.invalid", 443, ""}), Reason::kNameNotResolved);
}

TEST_F(DialerTest, GivesUpAfterItsTimeout) {
  // The queue of this listener is full, so the kernel does not answer.
  const Descriptor silent(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const RawAddress any = *RawFromIp("127.0.0.1", 0);
  ASSERT_EQ(bind(silent.get(), any.get(), any.size), 0);
  ASSERT_EQ(listen(silent.get(), 0), 0);
  const Endpoint endpoint = EndpointOf(LocalAddressOf(silent.get()));
  const RawAddress raw = *RawFromIp(endpoint.host, endpoint.port);
  std::vector<Descriptor> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back(
        socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    connect(clients.back().get(), raw.get(), raw.size);
  }

  options_.timeout = absl::Milliseconds(50);
  Start(endpoint);
  EXPECT_TRUE(fixture_.RunUntil([this] { return is_done_; }));

  const absl::Status& error = result_.status();
  EXPECT_TRUE(HasReason(error, Reason::kConnectTimeout)) << error;
  EXPECT_THAT(std::string(error.message()),
              HasSubstr("in 50ms: " + endpoint.ToString() + ": no answer"));
}

TEST_F(DialerTest, GivesUpWhileTheNameIsNotResolved) {
  options_.timeout = absl::ZeroDuration();
  Start({"localhost", 1, ""});
  // The timer is due before the loop looks for answers.
  EXPECT_TRUE(fixture_.RunUntil([this] { return is_done_; }));

  EXPECT_TRUE(HasReason(result_.status(), Reason::kConnectTimeout))
      << result_.status();
  EXPECT_THAT(std::string(result_.status().message()),
              HasSubstr("the name is not resolved yet"));
}

TEST_F(DialerTest, DoesNotCallBackWhenItIsDestroyed) {
  const std::unique_ptr<BoundSocket> listener = BindOne(LoopbackEndpoint());
  const uint16_t port = listener->address().port;
  for (const Endpoint& endpoint :
       {Endpoint{"localhost", port, ""}, Endpoint{"127.0.0.1", port, ""},
        Endpoint{"", 0, folder_.Path("none")},
        Endpoint{"255.255.255.255", 1, ""}}) {
    Start(endpoint);
    dial_ = nullptr;
  }

  bool is_over = false;
  const auto timer =
      fixture_.loop->After(absl::Milliseconds(50), [&] { is_over = true; });
  fixture_.RunUntil([&] { return is_over; });
  EXPECT_FALSE(is_done_);
}

TEST_F(DialerTest, SaysThatNoDescriptorIsLeft) {
  const std::unique_ptr<BoundSocket> listener = BindOne(LoopbackEndpoint());
  const Endpoint endpoint = EndpointOf(listener->address());
  // UBSan needs some for the first look at a type.
  ASSERT_TRUE(Connect(endpoint).ok());
  is_done_ = false;
  rlimit previous;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &previous), 0);
  const int next = dup(0);
  close(next);
  const rlimit tight = {static_cast<rlim_t>(next), previous.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);

  const absl::Status error = Connect(endpoint).status();

  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &previous), 0);
  EXPECT_TRUE(HasReason(error, Reason::kDescriptorsExhausted)) << error;
}

}  // namespace
}  // namespace tlsd::net
