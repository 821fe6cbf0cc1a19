#include "server/net/bound_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "server/net/acceptor.h"
#include "server/net/descriptor.h"
#include "server/net/raw_address.h"
#include "tests/unit/net/net_testing.h"

namespace tlsd::net {
namespace {

using ::testing::Each;
using ::testing::Gt;
using ::testing::HasSubstr;
using Family = SocketAddress::Family;

// A socket of another program, as it were, listening at `address`.
Descriptor ListenAt(const RawAddress& address, bool shares_port) {
  Descriptor other(socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(other.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (shares_port) {
    setsockopt(other.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
  }
  if (bind(other.get(), address.get(), address.size) != 0 ||
      listen(other.get(), 1) != 0) {
    return Descriptor();
  }
  return other;
}

Reason ReasonOf(const absl::Status& error) {
  return GetErrorDetail(error)->reason;
}

Reason BindError(const Endpoint& endpoint, int count = 1) {
  return ReasonOf(BoundSocket::Bind("address", endpoint, count).status());
}

// How many of `client_count` connections each of `sockets` gets.
std::vector<int> Spread(std::vector<std::unique_ptr<BoundSocket>> sockets,
                        int client_count) {
  LoopFixture fixture;
  const SocketAddress address = sockets.front()->address();
  std::vector<int> counts(sockets.size());
  std::vector<std::unique_ptr<Transport>> accepted;
  std::vector<std::unique_ptr<Acceptor>> acceptors;
  for (size_t i = 0; i < sockets.size(); ++i) {
    acceptors.push_back(
        Acceptor::Create(*fixture.loop, fixture.pool, std::move(sockets[i]),
                         [&, i](std::unique_ptr<Transport> transport) {
                           ++counts[i];
                           accepted.push_back(std::move(transport));
                         })
            .value());
  }
  std::vector<Descriptor> clients;
  for (int i = 0; i < client_count; ++i) {
    clients.emplace_back(ConnectTo(address));
    EXPECT_TRUE(clients.back().is_open());
  }
  EXPECT_TRUE(fixture.RunUntil(
      [&] { return accepted.size() == static_cast<size_t>(client_count); }));
  return counts;
}

TEST(BoundSocketTest, HasTheAddressAndThePortThatTheKernelChose) {
  const std::unique_ptr<BoundSocket> socket = BindOne(LoopbackEndpoint());

  EXPECT_EQ(socket->address().family, Family::kIpv4);
  EXPECT_EQ(socket->address().ip(), "127.0.0.1");
  EXPECT_NE(socket->address().port, 0);
}

TEST(BoundSocketTest, GivesAllSocketsTheSamePort) {
  const auto sockets = BoundSocket::Bind("address", LoopbackEndpoint(), 3);

  ASSERT_TRUE(sockets.ok()) << sockets.status();
  ASSERT_EQ(sockets->size(), 3);
  EXPECT_EQ((*sockets)[1]->address(), (*sockets)[0]->address());
  EXPECT_EQ((*sockets)[2]->address(), (*sockets)[0]->address());
}

TEST(BoundSocketTest, SpreadsConnectionsOverItsSockets) {
  for (const Endpoint& endpoint :
       {LoopbackEndpoint(), Endpoint{"0.0.0.0", 0, ""}, Endpoint{}}) {
    auto sockets = BoundSocket::Bind("address", endpoint, 2);
    ASSERT_TRUE(sockets.ok()) << sockets.status();

    // All on one side has a chance of 2 in 2^64.
    EXPECT_THAT(Spread(*std::move(sockets), 64), Each(Gt(0)))
        << endpoint.ToString();
  }
}

TEST(BoundSocketTest, RefusesAPortThatAnotherBindHas) {
  for (const int count : {1, 2}) {
    auto sockets = BoundSocket::Bind("address", LoopbackEndpoint(), count);
    ASSERT_TRUE(sockets.ok()) << sockets.status();
    const Endpoint same = EndpointOf(sockets->front()->address());

    EXPECT_EQ(BindError(same, 1), Reason::kAddressInUse);
    EXPECT_EQ(BindError(same, 2), Reason::kAddressInUse);
    EXPECT_EQ(BindError({"", same.port, ""}, 2), Reason::kAddressInUse);
  }
}

TEST(BoundSocketTest, RefusesAPortThatAnotherProgramHas) {
  for (const bool shares_port : {false, true}) {
    const Descriptor other = ListenAt(*RawFromIp("127.0.0.1", 0), shares_port);
    ASSERT_TRUE(other.is_open());
    const Endpoint same = EndpointOf(LocalAddressOf(other.get()));

    EXPECT_EQ(BindError(same, 1), Reason::kAddressInUse);
    EXPECT_EQ(BindError(same, 2), Reason::kAddressInUse);
  }
}

TEST(BoundSocketTest, KeepsItsPortFromOthers) {
  const auto sockets = BoundSocket::Bind("address", LoopbackEndpoint(), 2);
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  const SocketAddress address = sockets->front()->address();

  EXPECT_FALSE(
      ListenAt(*RawFromIp(address.ip(), address.port), /*shares_port=*/false)
          .is_open());
}

TEST(BoundSocketTest, BindsAgainAtOnceWhenConnectionsHaveJustEnded) {
  std::unique_ptr<BoundSocket> socket = BindOne(LoopbackEndpoint());
  const Endpoint same = EndpointOf(socket->address());
  {
    LoopFixture fixture;
    std::unique_ptr<Transport> accepted;
    const auto acceptor =
        Acceptor::Create(*fixture.loop, fixture.pool, std::move(socket),
                         [&](std::unique_ptr<Transport> transport) {
                           accepted = std::move(transport);
                         })
            .value();
    const Descriptor client(ConnectTo({Family::kIpv4, same.port, same.host}));
    EXPECT_TRUE(fixture.RunUntil([&] { return accepted != nullptr; }));
    // The end that closes first is left in TIME_WAIT.
    accepted = nullptr;
  }

  EXPECT_TRUE(BoundSocket::Bind("address", same, 2).ok());
}

TEST(BoundSocketTest, TakesIpv4AndIpv6WhenNoHostIsGiven) {
  std::unique_ptr<BoundSocket> socket = BindOne({"", 0, ""});
  const uint16_t port = socket->address().port;
  if (socket->address().family != Family::kIpv6) {
    GTEST_SKIP() << "this host has no IPv6";
  }

  EXPECT_TRUE(
      Descriptor(ConnectTo({Family::kIpv4, port, "127.0.0.1"})).is_open());
  EXPECT_TRUE(Descriptor(ConnectTo({Family::kIpv6, port, "::1"})).is_open());
}

TEST(BoundSocketTest, TakesNoIpv4WhenItIsForIpv6Only) {
  for (const absl::string_view host : {"", "::"}) {
    BindOptions options;
    options.ipv6_only = true;
    const auto sockets =
        BoundSocket::Bind("address", {std::string(host), 0, ""}, 2, options);
    if (HasReason(sockets.status(), Reason::kAddressUnavailable)) {
      GTEST_SKIP() << "this host has no IPv6";
    }
    ASSERT_TRUE(sockets.ok()) << sockets.status();
    const uint16_t port = sockets->front()->address().port;

    EXPECT_TRUE(Descriptor(ConnectTo({Family::kIpv6, port, "::1"})).is_open());
    EXPECT_FALSE(
        Descriptor(ConnectTo({Family::kIpv4, port, "127.0.0.1"})).is_open());
  }
}

TEST(BoundSocketTest, LeavesThePortOfIpv4ToOthersWhenItIsForIpv6Only) {
  const std::unique_ptr<BoundSocket> ipv4 = BindOne({"0.0.0.0", 0, ""});
  const uint16_t port = ipv4->address().port;
  BindOptions options;
  options.ipv6_only = true;
  const auto sockets = BoundSocket::Bind("address", {"", port, ""}, 1, options);
  if (HasReason(sockets.status(), Reason::kAddressUnavailable)) {
    GTEST_SKIP() << "this host has no IPv6";
  }

  EXPECT_TRUE(sockets.ok()) << sockets.status();
  EXPECT_EQ(BindError({"", port, ""}), Reason::kAddressInUse);
}

// The length of the queue of the listening socket at `address`, which Linux
// keeps in the field for sacked segments.
uint32_t BacklogOf(const SocketAddress& address) {
  tcp_info info = {};
  socklen_t size = sizeof(info);
  getsockopt(DescriptorOf(address), IPPROTO_TCP, TCP_INFO, &info, &size);
  return info.tcpi_sacked;
}

TEST(BoundSocketTest, ListensWithTheBacklog) {
  BindOptions options;
  options.backlog = 7;
  const auto sockets =
      BoundSocket::Bind("address", LoopbackEndpoint(), 1, options);
  const std::unique_ptr<BoundSocket> other = BindOne(LoopbackEndpoint());
  ASSERT_TRUE(sockets.ok()) << sockets.status();

  EXPECT_EQ(BacklogOf(sockets->front()->address()), 7);
  EXPECT_GT(BacklogOf(other->address()), 7);
}

TEST(BoundSocketTest, ListensWithTheBacklogAtAUnixPath) {
  const TempFolder folder;
  BindOptions options;
  options.backlog = 1;
  const auto sockets =
      BoundSocket::Bind("address", {"", 0, folder.Path("socket")}, 1, options);
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  const RawAddress path = RawFromPath(folder.Path("socket"));

  // The kernel takes one more than the backlog.
  std::vector<Descriptor> clients;
  std::vector<int> results;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(
        socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    results.push_back(connect(clients.back().get(), path.get(), path.size));
  }

  EXPECT_EQ(results, std::vector<int>({0, 0, -1}));
  EXPECT_EQ(errno, EAGAIN);
}

// Stands for [::]: a family that no host here has.
RawAddress AbsentAddress() {
  RawAddress absent = *RawFromIp("::", 0);
  absent.storage.ss_family = AF_MAX - 1;
  return absent;
}

TEST(BoundSocketTest, SaysThatAHostHasNoIpv6) {
  BindOptions options;
  options.ipv6_only = true;

  const auto sockets = BindFirst("address", {AbsentAddress()}, 1, options);

  EXPECT_EQ(ReasonOf(sockets.status()), Reason::kAddressUnavailable);
}

TEST(BoundSocketTest, FallsBackToIpv4OnAHostWithoutIpv6) {
  const auto sockets =
      BindFirst("address", {AbsentAddress(), *RawFromIp("0.0.0.0", 0)}, 2);

  ASSERT_TRUE(sockets.ok()) << sockets.status();
  EXPECT_EQ(sockets->size(), 2);
  EXPECT_EQ(sockets->front()->address().ip(), "0.0.0.0");
}

TEST(BoundSocketTest, DoesNotFallBackWhenThePortIsTaken) {
  const std::unique_ptr<BoundSocket> socket = BindOne({"", 0, ""});
  const uint16_t port = socket->address().port;

  const auto sockets = BindFirst(
      "address", {*RawFromIp("::", port), *RawFromIp("127.0.0.1", 0)}, 1);

  EXPECT_EQ(ReasonOf(sockets.status()), Reason::kAddressInUse);
}

TEST(BoundSocketTest, ResolvesAName) {
  const std::unique_ptr<BoundSocket> socket = BindOne({"localhost", 0, ""});

  EXPECT_THAT(socket->address().ip(), testing::AnyOf("127.0.0.1", "::1"));
}

TEST(BoundSocketTest, RefusesANameWithoutAddress) {
  const absl::Status error =
      BoundSocket::Bind("address", {"tlsd.invalid", 0, ""}, 1).status();

  EXPECT_EQ(ReasonOf(error), Reason::kNameNotResolved);
  EXPECT_THAT(std::string(error.message()), HasSubstr("\"tlsd.invalid\""));
}

TEST(BoundSocketTest, RefusesAnAddressThatTheHostDoesNotHave) {
  // RFC 5737: no host has it.
  EXPECT_EQ(BindError({"192.0.2.1", 0, ""}), Reason::kAddressUnavailable);
}

TEST(BoundSocketTest, NamesFieldAndAddressOfAnError) {
  const absl::Status error =
      BoundSocket::Bind("listener.address", {"192.0.2.1", 7, ""}, 1).status();

  EXPECT_THAT(std::string(error.message()),
              HasSubstr("listener.address: cannot listen on \"192.0.2.1:7\": "
                        "Cannot assign requested address (EADDRNOTAVAIL)"));
}

// Ends the process, so that the limit does no harm.
[[noreturn]] void BindWithoutDescriptors() {
  const rlimit none = {0, 0};
  setrlimit(RLIMIT_NOFILE, &none);
  _exit(BindError(LoopbackEndpoint()) == Reason::kDescriptorsExhausted &&
                BindError({"", 0, "/tmp/tlsd-none"}) ==
                    Reason::kDescriptorsExhausted
            ? 0
            : 1);
}

TEST(BoundSocketDeathTest, SaysThatNoDescriptorIsLeft) {
  EXPECT_EXIT(BindWithoutDescriptors(), testing::ExitedWithCode(0), "");
}

TEST(BoundSocketTest, SharesOneUnixSocket) {
  const TempFolder folder;
  const std::string path = folder.Path("socket");
  auto sockets = BoundSocket::Bind("address", {"", 0, path}, 2);
  ASSERT_TRUE(sockets.ok()) << sockets.status();

  EXPECT_EQ(sockets->front()->address(),
            (SocketAddress{Family::kUnix, 0, path}));
  sockets->pop_back();
  EXPECT_EQ(access(path.c_str(), F_OK), 0);
  sockets->pop_back();
  EXPECT_NE(access(path.c_str(), F_OK), 0);
}

TEST(BoundSocketTest, RefusesAUnixPathThatAnotherBindHas) {
  const TempFolder folder;
  const Endpoint endpoint = {"", 0, folder.Path("socket")};
  const std::unique_ptr<BoundSocket> socket = BindOne(endpoint);

  EXPECT_EQ(BindError(endpoint), Reason::kAddressInUse);
  EXPECT_TRUE(Descriptor(ConnectTo(socket->address())).is_open());
}

TEST(BoundSocketTest, RefusesAUnixPathInAFolderThatDoesNotExist) {
  const TempFolder folder;

  EXPECT_EQ(BindError({"", 0, folder.Path("none/socket")}),
            Reason::kAddressUnavailable);
}

}  // namespace
}  // namespace tlsd::net
