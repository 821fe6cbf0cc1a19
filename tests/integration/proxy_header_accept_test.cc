// Listeners whose connections begin with a PROXY header.
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/integration/forward_fixture.h"
#include "tests/integration/raw_socket.h"
#include "tests/integration/tcp_relay.h"
#include "tests/integration/tls_peer.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::testing {
namespace {

using ::testing::SizeIs;

constexpr absl::string_view kText =
    "PROXY TCP4 192.0.2.7 203.0.113.9 40000 443\r\n";
// 192.0.2.7:40000 to 203.0.113.9:443, with an ALPN field of "h2".
constexpr absl::string_view kBinary(
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x11"
    "\xc0\0\x02\x07\xcb\0\x71\x09\x9c\x40\x01\xbb"
    "\x01\0\x02h2",
    33);
constexpr absl::string_view kLocal("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16);

class ProxyHeaderAcceptTest : public ForwardTest {
 protected:
  static v1::Listener ListenBehindProxy(
      v1::Protection protection,
      absl::Duration handshake_timeout = absl::Seconds(120)) {
    v1::Listener options;
    options.set_protection(protection);
    options.set_accept_proxy_header(true);
    *options.mutable_handshake_timeout() = ToProto(handshake_timeout);
    return Listen(options);
  }

  static RawSocket Dial(const v1::Listener& listener) {
    auto socket = RawSocket::Connect(AddressOf(listener));
    EXPECT_THAT(socket, IsOk());
    return socket.ok() ? *std::move(socket) : RawSocket(-1);
  }

  // AcceptAfter sends `header` and the first of a plain protocol.
  static v1::Connection AcceptAfter(const v1::Listener& listener,
                                    RawSocket& socket,
                                    absl::string_view header) {
    EXPECT_TRUE(socket.Send(absl::StrCat(header, "hello")));
    const auto accepted = Accept(listener.name());
    EXPECT_THAT(accepted, IsOk());
    return accepted.ok() ? *accepted : v1::Connection();
  }

  static void ExpectClaimed(const v1::Connection& connection) {
    EXPECT_EQ(connection.remote_address().address(), "192.0.2.7");
    EXPECT_EQ(connection.remote_address().port(), 40000);
    EXPECT_EQ(connection.proxy_header().source().address(), "192.0.2.7");
    EXPECT_EQ(connection.proxy_header().destination().address(), "203.0.113.9");
    EXPECT_EQ(connection.proxy_header().destination().port(), 443);
    EXPECT_FALSE(connection.proxy_header().is_local());
    // Who it really is.
    EXPECT_EQ(connection.proxy_address().address(), "127.0.0.1");
    EXPECT_EQ(connection.local_address().address(), "127.0.0.1");
  }

  static v1::Failure FailureOf(const v1::Listener& listener) {
    return Await(v1::EVENT_TYPE_CLIENT_ERROR, listener.name())
        .connection()
        .failure();
  }

  // ConnectWithHeader connects through a proxy of the test, which sends
  // `header` and the ClientHello at once.
  static absl::StatusOr<v1::Connection> ConnectWithHeader(
      const v1::Listener& listener, absl::string_view header,
      std::unique_ptr<TcpRelay>& relay) {
    RawListener proxy;
    v1::ConnectRequest request = ToConnect(listener, GetParam());
    request.set_address(proxy.address());
    auto connecting = InBackground([&] { return client().Call(request); });
    auto inner = proxy.Accept();
    if (!inner.ok()) return inner.status();
    RawSocket outer = Dial(listener);
    // A record header says how much is there.
    const std::string start = ReadExactly(*inner, 5);
    const auto size = static_cast<size_t>(static_cast<uint8_t>(start[3]) * 256 +
                                          static_cast<uint8_t>(start[4]));
    const std::string hello = ReadExactly(*inner, size);
    outer.Send(absl::StrCat(header, start, hello));
    relay = std::make_unique<TcpRelay>(*std::move(inner), std::move(outer));
    return connecting.get();
  }
};

INSTANTIATE_IN_BOTH_VERSIONS(ProxyHeaderAcceptTest);

TEST_P(ProxyHeaderAcceptTest, ReadsTextAndBinaryBeforeCleartext) {
  for (const v1::Protection protection :
       {v1::PROTECTION_NONE, v1::PROTECTION_DETECT}) {
    for (const absl::string_view header : {kText, kBinary}) {
      const v1::Listener listener = ListenBehindProxy(protection);
      RawSocket socket = Dial(listener);

      const v1::Connection accepted = AcceptAfter(listener, socket, header);

      ExpectClaimed(accepted);
      EXPECT_EQ(accepted.proxy_header().version(), header == kText ? 1 : 2);
      EXPECT_EQ(ReadBytes(accepted, 5), "hello");
      ASSERT_THAT(Write(accepted, "hello yourself"), IsOk());
      EXPECT_EQ(ReadExactly(socket, 14), "hello yourself");
      ASSERT_OK_AND_ASSIGN(const v1::Connection after, Get(accepted));
      EXPECT_EQ(after.cleartext_bytes_received(), 5);
      EXPECT_EQ(after.wire_bytes_received(),
                static_cast<int64_t>(header.size()) + 5);
    }
  }
}

TEST_P(ProxyHeaderAcceptTest, ShowsTheFieldsOfVersion2) {
  const v1::Listener listener = ListenBehindProxy(v1::PROTECTION_NONE);
  RawSocket socket = Dial(listener);

  const v1::Connection accepted = AcceptAfter(listener, socket, kBinary);

  ASSERT_THAT(accepted.proxy_header().fields(), SizeIs(1));
  EXPECT_EQ(accepted.proxy_header().fields(0).type(), 1);
  EXPECT_EQ(accepted.proxy_header().fields(0).value(), "h2");
}

TEST_P(ProxyHeaderAcceptTest, ReadsTheHeaderAndTheClientHelloOfOneSegment) {
  for (const v1::Protection protection :
       {v1::PROTECTION_TLS, v1::PROTECTION_DETECT}) {
    for (const absl::string_view header : {kText, kBinary}) {
      const v1::Listener listener = ListenBehindProxy(protection);
      std::unique_ptr<TcpRelay> relay;

      ASSERT_OK_AND_ASSIGN(const v1::Connection connected,
                           ConnectWithHeader(listener, header, relay));

      ASSERT_OK_AND_ASSIGN(const v1::Connection accepted,
                           Accept(listener.name()));
      ExpectClaimed(accepted);
      EXPECT_TRUE(accepted.encrypted());
      EXPECT_EQ(accepted.handshake().version(), GetParam());
      ExpectCarriesBothWays(connected, accepted);
    }
  }
}

TEST_P(ProxyHeaderAcceptTest, ReadsAHeaderInPieces) {
  for (const absl::string_view header : {kText, kBinary, kLocal}) {
    const v1::Listener listener = ListenBehindProxy(v1::PROTECTION_NONE);
    RawSocket socket = Dial(listener);
    int64_t sent = 0;
    for (const char byte : header) {
      ASSERT_TRUE(socket.Send({&byte, 1}));
      ++sent;
      if (sent > 3 && sent + 3 < static_cast<int64_t>(header.size())) continue;
      // At the edges, each byte is a read of its own.
      int64_t received = 0;
      while (received < sent) {
        v1::ListConnectionsRequest request;
        request.set_listener(listener.name());
        ASSERT_OK_AND_ASSIGN(const v1::ListConnectionsResponse open,
                             client().Call(request));
        received = open.connections_size() == 0
                       ? 0
                       : open.connections(0).wire_bytes_received();
      }
    }

    ASSERT_OK_AND_ASSIGN(const v1::Connection accepted,
                         Accept(listener.name()));

    EXPECT_EQ(accepted.proxy_header().is_local(), header == kLocal);
    ASSERT_TRUE(socket.Send("after"));
    EXPECT_EQ(ReadBytes(accepted, 5), "after");
  }
}

TEST_P(ProxyHeaderAcceptTest, TakesTheSocketsAddressesOfAProxyForItself) {
  for (const absl::string_view header :
       {kLocal, absl::string_view("PROXY UNKNOWN\r\n"),
        absl::string_view("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n")}) {
    const v1::Listener listener = ListenBehindProxy(v1::PROTECTION_NONE);
    RawSocket socket = Dial(listener);

    const v1::Connection accepted = AcceptAfter(listener, socket, header);

    EXPECT_TRUE(accepted.proxy_header().is_local());
    EXPECT_FALSE(accepted.proxy_header().has_source());
    EXPECT_EQ(accepted.remote_address().address(), "127.0.0.1");
    EXPECT_FALSE(accepted.has_proxy_address());
    EXPECT_EQ(ReadBytes(accepted, 5), "hello");
  }
}

TEST_P(ProxyHeaderAcceptTest, TurnsAwayWhatIsNoHeader) {
  for (const v1::Protection protection :
       {v1::PROTECTION_NONE, v1::PROTECTION_DETECT, v1::PROTECTION_TLS}) {
    for (const absl::string_view garbage :
         {absl::string_view("GET / HTTP/1.1\r\n\r\n"), kHalfClientHello,
          absl::string_view("PROXY TCP4 192.0.2.999 192.0.2.1 1 2\r\n"),
          absl::string_view("PROXY TCP5 192.0.2.1 192.0.2.1 1 2\r\n"),
          absl::string_view("\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c", 16)}) {
      const v1::Listener listener = ListenBehindProxy(protection);
      RawSocket socket = Dial(listener);
      ASSERT_TRUE(socket.Send(garbage));

      EXPECT_EQ(FailureOf(listener).reason(), "PROXY_HEADER_INVALID");

      std::string bytes;
      EXPECT_NE(socket.Receive(bytes), RawSocket::End::kTimeout);
      EXPECT_EQ(bytes, "");
      v1::AcceptRequest accept;
      accept.set_listener(listener.name());
      *accept.mutable_timeout() = ToProto(absl::ZeroDuration());
      EXPECT_THAT(client().Call(accept), FailsWith(Reason::kWaitTimeout));
    }
  }
}

TEST_P(ProxyHeaderAcceptTest, TurnsAwayAClientWithoutAHeader) {
  const v1::Listener listener = ListenBehindProxy(v1::PROTECTION_TLS);

  EXPECT_FALSE(client().Call(ToConnect(listener, GetParam())).ok());

  EXPECT_EQ(FailureOf(listener).reason(), "PROXY_HEADER_INVALID");
  // And a listener that wants none takes it for no TLS.
  const v1::Listener other = Listen();
  RawSocket socket = Dial(other);
  ASSERT_TRUE(socket.Send(kText));
  EXPECT_EQ(FailureOf(other).reason(), "NOT_TLS");
}

TEST_P(ProxyHeaderAcceptTest, WaitsNoLongerThanForAHandshake) {
  const v1::Listener listener =
      ListenBehindProxy(v1::PROTECTION_NONE, absl::Milliseconds(30));
  RawSocket socket = Dial(listener);
  ASSERT_TRUE(socket.Send(kText.substr(0, 10)));

  std::string bytes;
  EXPECT_EQ(socket.Receive(bytes), RawSocket::End::kEnd);

  EXPECT_EQ(FailureOf(listener).reason(), "HANDSHAKE_TIMEOUT");
}

TEST_P(ProxyHeaderAcceptTest, TellsTheRealClientAlongAChain) {
  for (const v1::ProxyHeaderVersion version :
       {v1::PROXY_HEADER_VERSION_1, v1::PROXY_HEADER_VERSION_2_TLS}) {
    // Two daemons in a row, and the second's upstream: each is told of the
    // first's client.
    v1::Listener last_options;
    last_options.set_accept_proxy_header(true);
    last_options.set_protection(v1::PROTECTION_NONE);
    const v1::Listener last = Listen(last_options);
    v1::Listener middle_options;
    middle_options.set_accept_proxy_header(true);
    const v1::Listener middle =
        ListenForward(ToConnectPlain(AddressOf(last)), middle_options, version);
    const v1::Listener front =
        ListenForward(ToConnect(middle, GetParam()), {}, version);

    const v1::Connection dialled = Connect(front, GetParam());
    ASSERT_OK_AND_ASSIGN(const v1::Connection end, Accept(last.name()));

    const v1::Connection passed = AcceptedBy(middle);
    for (const v1::Connection& told : {passed, end}) {
      EXPECT_EQ(told.remote_address().port(), dialled.local_address().port());
      EXPECT_EQ(told.proxy_header().destination().port(),
                front.bound_address().port());
      EXPECT_NE(told.proxy_address().port(), dialled.local_address().port());
    }
    ExpectCarriesBothWays(dialled, end);
  }
}

}  // namespace
}  // namespace tlsd::testing
