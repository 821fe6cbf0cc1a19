// How sockets are treated: idle timeouts, keep-alive, small writes; and how
// listeners listen.
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/integration/raw_socket.h"
#include "tests/integration/tls_peer.h"
#include "tests/integration/upgrade_fixture.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::testing {
namespace {

using ::testing::Gt;

constexpr absl::Duration kIdle = absl::Milliseconds(80);

class SocketOptionsTest : public UpgradeTest {
 protected:
  static v1::SocketOptions IdleAfter(absl::Duration timeout) {
    v1::SocketOptions options;
    *options.mutable_idle_timeout() = ToProto(timeout);
    return options;
  }

  static v1::Listener ListenIdle(absl::Duration timeout) {
    v1::Listener options;
    *options.mutable_socket_options() = IdleAfter(timeout);
    return Listen(options);
  }

  static absl::StatusOr<v1::Connection> Set(const v1::Connection& connection,
                                            const v1::SocketOptions& options) {
    v1::SetSocketOptionsRequest request;
    request.set_name(connection.name());
    *request.mutable_socket_options() = options;
    return client().Call(request);
  }
};

INSTANTIATE_IN_BOTH_VERSIONS(SocketOptionsTest);

TEST_P(SocketOptionsTest, EndsAnIdleConnectionWithCloseNotify) {
  const v1::Listener listener = ListenIdle(kIdle);
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<TlsPeer> peer,
                       TlsPeer::Connect(AddressOf(listener), GetParam()));
  ASSERT_OK_AND_ASSIGN(const v1::Connection server, Accept(listener.name()));

  EXPECT_EQ(peer->ReceiveAll(), "");

  EXPECT_EQ(peer->end(), TlsPeer::End::kCloseNotify);
  const v1::Connection closed = AwaitClosed(server);
  EXPECT_EQ(closed.failure().reason(), "IDLE_TIMEOUT");
  EXPECT_THAT(Read(server), FailsWith(Reason::kIdleTimeout));
}

TEST_P(SocketOptionsTest, EndsAnIdlePlainConnectionButNotCleanly) {
  v1::Listener options;
  *options.mutable_socket_options() = IdleAfter(kIdle);
  const v1::Listener listener = ListenPlain(options);
  ASSERT_OK_AND_ASSIGN(RawSocket socket,
                       RawSocket::Connect(AddressOf(listener)));

  std::string bytes;
  EXPECT_EQ(socket.Receive(bytes), RawSocket::End::kReset);

  EXPECT_EQ(Await(v1::EVENT_TYPE_CONNECTION_CLOSED, listener.name())
                .connection()
                .failure()
                .reason(),
            "IDLE_TIMEOUT");
}

TEST_P(SocketOptionsTest, LivesWhileBytesMoveInEitherDirection) {
  for (const bool server_sends : {true, false}) {
    const Pair pair = Open(ListenIdle(4 * kIdle), GetParam());
    const v1::Connection& from = server_sends ? pair.server : pair.client;
    const v1::Connection& to = server_sends ? pair.client : pair.server;
    const absl::Time until = absl::Now() + 8 * kIdle;
    while (absl::Now() < until) {
      ASSERT_THAT(Write(from, "."), IsOk());
      ASSERT_EQ(ReadBytes(to, 1), ".");
    }

    ASSERT_OK_AND_ASSIGN(const v1::Connection alive, Get(pair.server));
    EXPECT_EQ(alive.state(), v1::Connection::STATE_OPEN);
    // And then nothing moves.
    EXPECT_EQ(AwaitFailure(pair.server), "IDLE_TIMEOUT");
  }
}

TEST_P(SocketOptionsTest, ChangesTheIdleTimeoutOfAConnection) {
  const Pair pair = Open(ListenIdle(absl::Hours(1)), GetParam());

  ASSERT_OK_AND_ASSIGN(const v1::Connection set,
                       Set(pair.server, IdleAfter(kIdle)));

  EXPECT_EQ(FromProto(set.socket_options().idle_timeout()), kIdle);
  EXPECT_EQ(AwaitFailure(pair.server), "IDLE_TIMEOUT");
  EXPECT_THAT(Set(pair.server, IdleAfter(kIdle)),
              FailsWith(Reason::kConnectionClosed));
}

TEST_P(SocketOptionsTest, TakesTheIdleTimeoutAway) {
  const Pair pair = Open(ListenIdle(4 * kIdle), GetParam());

  ASSERT_OK_AND_ASSIGN(const v1::Connection set,
                       Set(pair.server, v1::SocketOptions()));

  EXPECT_FALSE(set.socket_options().has_idle_timeout());
  // A connection with the old timeout has ended; this one has not.
  const Pair other = Open(ListenIdle(5 * kIdle), GetParam());
  EXPECT_EQ(AwaitFailure(other.server), "IDLE_TIMEOUT");
  ExpectCarriesBothWays(pair.client, pair.server);
}

TEST_P(SocketOptionsTest, EndsIdleClientsAndPairsToo) {
  v1::ConnectRequest request = ToConnect(Listen(), GetParam());
  *request.mutable_socket_options() = IdleAfter(kIdle);
  ASSERT_OK_AND_ASSIGN(const v1::Connection dialled, client().Call(request));
  v1::CreateSecurePairRequest create;
  *create.mutable_client() = ClientOptions(GetParam());
  ASSERT_OK_AND_ASSIGN(const v1::SecurePair pair, client().Call(create));
  ASSERT_THAT(Set(pair.encrypted(), IdleAfter(kIdle)), IsOk());

  EXPECT_EQ(AwaitFailure(dialled), "IDLE_TIMEOUT");
  EXPECT_EQ(AwaitFailure(pair.encrypted()), "IDLE_TIMEOUT");
  EXPECT_NE(AwaitFailure(pair.cleartext()), "");
}

TEST_P(SocketOptionsTest, ShowsWhatIsSet) {
  v1::SocketOptions options;
  *options.mutable_keep_alive() = ToProto(absl::Seconds(60));
  options.set_delay_small_writes(true);
  v1::Listener listening;
  *listening.mutable_socket_options() = options;
  const v1::Listener listener = Listen(listening);
  const Pair pair = Open(listener, GetParam());

  EXPECT_EQ(listener.socket_options().DebugString(), options.DebugString());
  EXPECT_EQ(pair.server.socket_options().DebugString(), options.DebugString());
  EXPECT_FALSE(pair.client.socket_options().delay_small_writes());
  ASSERT_OK_AND_ASSIGN(v1::Connection set, Set(pair.client, options));
  EXPECT_EQ(set.socket_options().DebugString(), options.DebugString());
  ExpectCarriesBothWays(pair.client, pair.server);
  // What is unset gets its default.
  ASSERT_OK_AND_ASSIGN(set, Set(pair.client, v1::SocketOptions()));
  EXPECT_FALSE(set.socket_options().has_keep_alive());
  EXPECT_FALSE(set.socket_options().delay_small_writes());
  ExpectCarriesBothWays(pair.client, pair.server);
}

TEST_P(SocketOptionsTest, TakesOnlyWhatIsAllowed) {
  const Pair pair = Open(Listen(), GetParam());
  for (const absl::Duration timeout :
       {absl::ZeroDuration(), absl::Milliseconds(9), absl::Hours(24 * 7 + 1),
        -absl::Seconds(1)}) {
    EXPECT_THAT(
        Set(pair.client, IdleAfter(timeout)),
        FailsWith(Reason::kFieldInvalid, "socket_options.idle_timeout"));
  }
  EXPECT_THAT(Set(pair.client, IdleAfter(absl::Hours(24 * 7))), IsOk());
  for (const absl::Duration time :
       {absl::ZeroDuration(), absl::Milliseconds(1500), absl::Hours(10)}) {
    v1::SocketOptions options;
    *options.mutable_keep_alive() = ToProto(time);
    EXPECT_THAT(Set(pair.client, options),
                FailsWith(Reason::kFieldInvalid, "socket_options.keep_alive"));
  }
  v1::Connection nobody;
  nobody.set_name("connections/c-0123456789abcdef-1");
  EXPECT_THAT(Set(nobody, v1::SocketOptions()),
              FailsWith(Reason::kConnectionNotFound));
}

// How listeners listen.

TEST_F(SocketOptionsTest, ListensOnBothFamiliesAtOnce) {
  v1::Listener options;
  options.set_address(":0");
  const v1::Listener listener = ListenPlain(options);
  const int port = listener.bound_address().port();
  EXPECT_THAT(port, Gt(0));

  const v1::Connection ipv4 = ConnectPlain(absl::StrCat("127.0.0.1:", port));
  ASSERT_OK_AND_ASSIGN(const v1::Connection first, Accept(listener.name()));
  const v1::Connection ipv6 = ConnectPlain(absl::StrCat("[::1]:", port));
  ASSERT_OK_AND_ASSIGN(const v1::Connection second, Accept(listener.name()));

  EXPECT_EQ(first.remote_address().family(), "IPv4");
  EXPECT_EQ(first.remote_address().address(), "127.0.0.1");
  EXPECT_EQ(second.remote_address().family(), "IPv6");
  ExpectCarriesBothWays(ipv4, first);
  ExpectCarriesBothWays(ipv6, second);
}

TEST_F(SocketOptionsTest, ListensOnIpv6Only) {
  v1::Listener options;
  options.set_address(":0");
  options.set_ipv6_only(true);
  const v1::Listener listener = ListenPlain(options);
  const int port = listener.bound_address().port();

  EXPECT_TRUE(listener.ipv6_only());
  EXPECT_THAT(client().Call(ToConnectPlain(absl::StrCat("127.0.0.1:", port))),
              FailsWith(Reason::kConnectRefused));
  const v1::Connection ipv6 = ConnectPlain(absl::StrCat("[::1]:", port));
  ASSERT_OK_AND_ASSIGN(const v1::Connection server, Accept(listener.name()));
  ExpectCarriesBothWays(ipv6, server);
}

TEST_F(SocketOptionsTest, TakesABacklog) {
  v1::Listener options;
  options.set_backlog(3);
  const v1::Listener listener = ListenPlain(options);

  EXPECT_EQ(listener.backlog(), 3);
  const Pair pair = OpenPlain(listener);
  ExpectCarriesBothWays(pair.client, pair.server);
  v1::CreateListenerRequest request;
  request.mutable_listener()->set_address("127.0.0.1:0");
  request.mutable_listener()->set_protection(v1::PROTECTION_NONE);
  for (const int backlog : {-1, 65536}) {
    request.mutable_listener()->set_backlog(backlog);
    EXPECT_THAT(client().Call(request),
                FailsWith(Reason::kFieldInvalid, "listener.backlog"));
  }
}

}  // namespace
}  // namespace tlsd::testing
