// TLS through proxies that the program drives itself: a plain connection to the
// proxy, its protocol with Read and Write, then Upgrade. The proxies are the
// test's.
#include <future>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/integration/raw_socket.h"
#include "tests/integration/tcp_relay.h"
#include "tests/integration/upgrade_fixture.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::testing {
namespace {

using ::testing::HasSubstr;

using Relaying = std::unique_ptr<TcpRelay>;

// ServeHttpConnect is an HTTP proxy for one client: it dials what CONNECT names
// (RFC 9110 section 9.3.6).
Relaying ServeHttpConnect(RawListener& listener) {
  absl::StatusOr<RawSocket> client = listener.Accept();
  if (!client.ok()) return nullptr;
  const std::string head = ReadUntil(*client, "\r\n\r\n");
  const size_t from = head.find(' ') + 1;
  const std::string target = head.substr(from, head.find(' ', from) - from);
  absl::StatusOr<RawSocket> upstream = RawSocket::Connect(target);
  if (head.rfind("CONNECT ", 0) != 0 || !upstream.ok()) {
    client->Send("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n");
    client->EndSending();
    std::string rest;
    client->Receive(rest);
    return nullptr;
  }
  client->Send("HTTP/1.1 200 Connection established\r\n\r\n");
  return std::make_unique<TcpRelay>(*std::move(client), *std::move(upstream));
}

// ServeSocks5 is a SOCKS5 proxy for one client: no authentication, CONNECT to
// an IPv4 address (RFC 1928).
Relaying ServeSocks5(RawListener& listener) {
  absl::StatusOr<RawSocket> client = listener.Accept();
  if (!client.ok() || ReadExactly(*client, 3) != std::string("\x05\x01\0", 3)) {
    return nullptr;
  }
  client->Send({"\x05\0", 2});
  const std::string request = ReadExactly(*client, 10);
  if (request.substr(0, 4) != std::string("\x05\x01\0\x01", 4)) return nullptr;
  const auto byte = [&](size_t at) {
    return static_cast<int>(static_cast<uint8_t>(request[at]));
  };
  absl::StatusOr<RawSocket> upstream =
      RawSocket::Connect(absl::StrCat(byte(4), ".", byte(5), ".", byte(6), ".",
                                      byte(7), ":", byte(8) * 256 + byte(9)));
  if (!upstream.ok()) return nullptr;
  client->Send({"\x05\0\0\x01\0\0\0\0\0\0", 10});
  return std::make_unique<TcpRelay>(*std::move(client), *std::move(upstream));
}

class ProxiedConnectTest : public UpgradeTest {
 protected:
  // ReadHead reads to the end of the head of an answer, and no further.
  static std::string ReadHead(const v1::Connection& connection) {
    std::string head;
    while (head.size() < 4 || head.substr(head.size() - 4) != "\r\n\r\n") {
      const std::string next = ReadBytes(connection, 1);
      if (next.empty()) break;
      head += next;
    }
    return head;
  }
};

INSTANTIATE_IN_BOTH_VERSIONS(ProxiedConnectTest);

TEST_P(ProxiedConnectTest, GoesThroughAnHttpProxy) {
  const v1::Listener listener = Listen();
  RawListener proxy;
  auto serving = InBackground([&] { return ServeHttpConnect(proxy); });
  const v1::Connection to_proxy = ConnectPlain(proxy.address());
  ASSERT_THAT(Write(to_proxy, absl::StrCat("CONNECT ", AddressOf(listener),
                                           " HTTP/1.1\r\nhost: ",
                                           AddressOf(listener), "\r\n\r\n")),
              IsOk());
  ASSERT_THAT(ReadHead(to_proxy), HasSubstr(" 200 "));

  ASSERT_OK_AND_ASSIGN(const v1::Connection connected, AsClient(to_proxy));

  ASSERT_OK_AND_ASSIGN(const v1::Connection server, Accept(listener.name()));
  EXPECT_TRUE(connected.authorized());
  EXPECT_EQ(server.handshake().server_name(), "localhost");
  ExpectCarriesBothWays(connected, server);
  EXPECT_EQ(absl::StrCat("127.0.0.1:", connected.remote_address().port()),
            proxy.address());
  ASSERT_THAT(Shutdown(connected), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::string none, ReadAll(server));
  ASSERT_THAT(Shutdown(server), IsOk());
  EXPECT_EQ(AwaitFailure(connected), "");
  EXPECT_EQ(AwaitFailure(to_proxy), "");
  EXPECT_EQ(AwaitFailure(server), "");
  EXPECT_NE(serving.get(), nullptr);
}

TEST_P(ProxiedConnectTest, HearsThatAProxyRefuses) {
  RawListener nobody(RawListener::Answer::kRefuses);
  RawListener proxy;
  auto serving = InBackground([&] { return ServeHttpConnect(proxy); });
  const v1::Connection to_proxy = ConnectPlain(proxy.address());
  ASSERT_THAT(Write(to_proxy, absl::StrCat("CONNECT ", nobody.address(),
                                           " HTTP/1.1\r\n\r\n")),
              IsOk());

  EXPECT_THAT(ReadHead(to_proxy), HasSubstr(" 502 "));

  // A program that goes on nevertheless gets no TLS.
  EXPECT_THAT(AsClient(to_proxy), FailsWith(Reason::kTlsTruncated));
  EXPECT_EQ(serving.get(), nullptr);
}

TEST_P(ProxiedConnectTest, GoesThroughASocksProxy) {
  const v1::Listener listener = Listen();
  RawListener proxy;
  auto serving = InBackground([&] { return ServeSocks5(proxy); });
  const v1::Connection to_proxy = ConnectPlain(proxy.address());
  ASSERT_THAT(Write(to_proxy, {"\x05\x01\0", 3}), IsOk());
  ASSERT_EQ(ReadBytes(to_proxy, 2), std::string("\x05\0", 2));
  const int port = listener.bound_address().port();
  std::string request("\x05\x01\0\x01\x7f\0\0\x01", 8);
  request += static_cast<char>(port / 256);
  request += static_cast<char>(port % 256);
  ASSERT_THAT(Write(to_proxy, request), IsOk());
  ASSERT_EQ(ReadBytes(to_proxy, 10).substr(0, 2), std::string("\x05\0", 2));

  ASSERT_OK_AND_ASSIGN(const v1::Connection connected, AsClient(to_proxy));

  ASSERT_OK_AND_ASSIGN(const v1::Connection server, Accept(listener.name()));
  ExpectCarriesBothWays(connected, server);
  EXPECT_NE(serving.get(), nullptr);
}

TEST_P(ProxiedConnectTest, GoesThroughAProxyThatSpeaksTlsItself) {
  // The proxy's own TLS is a forwarding listener in front of it.
  const v1::Listener listener = Listen();
  RawListener proxy;
  auto serving = InBackground([&] { return ServeHttpConnect(proxy); });
  v1::Listener options;
  *options.mutable_forward()->mutable_upstream() =
      ToConnectPlain(proxy.address());
  const v1::Connection to_proxy = Connect(Listen(options), GetParam());
  ASSERT_THAT(Write(to_proxy, absl::StrCat("CONNECT ", AddressOf(listener),
                                           " HTTP/1.1\r\n\r\n")),
              IsOk());
  ASSERT_THAT(ReadHead(to_proxy), HasSubstr(" 200 "));

  ASSERT_OK_AND_ASSIGN(const v1::Connection connected, AsClient(to_proxy));

  ASSERT_OK_AND_ASSIGN(const v1::Connection server, Accept(listener.name()));
  EXPECT_EQ(connected.carrier(), to_proxy.name());
  ExpectCarriesBothWays(connected, server);
  EXPECT_NE(serving.get(), nullptr);
}

}  // namespace
}  // namespace tlsd::testing
