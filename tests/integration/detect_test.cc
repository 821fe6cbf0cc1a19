// Listeners that take TLS and plain connections on one port, by the first byte.
#include <memory>
#include <string>

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

class DetectTest : public UpgradeTest {
 protected:
  static v1::Listener ListenDetecting(
      absl::Duration timeout = absl::Seconds(120)) {
    v1::Listener options;
    options.set_protection(v1::PROTECTION_DETECT);
    *options.mutable_handshake_timeout() = ToProto(timeout);
    return Listen(options);
  }
};

INSTANTIATE_IN_BOTH_VERSIONS(DetectTest);

TEST_P(DetectTest, TakesTlsAndPlainOnOnePort) {
  const v1::Listener listener = ListenDetecting();

  const v1::Connection dialled = Connect(listener, GetParam());
  ASSERT_OK_AND_ASSIGN(const v1::Connection tls, Accept(listener.name()));
  const v1::Connection plain_dialled = ConnectPlain(AddressOf(listener));
  ASSERT_THAT(Write(plain_dialled, "hello"), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::Connection plain, Accept(listener.name()));

  EXPECT_TRUE(tls.encrypted());
  EXPECT_EQ(tls.handshake().version(), GetParam());
  EXPECT_EQ(tls.secure_context(), "secureContexts/server");
  ExpectCarriesBothWays(dialled, tls);
  EXPECT_FALSE(plain.encrypted());
  EXPECT_FALSE(plain.has_handshake());
  EXPECT_EQ(plain.state(), v1::Connection::STATE_OPEN);
  EXPECT_EQ(ReadBytes(plain, 5), "hello");
  ExpectCarriesBothWays(plain_dialled, plain);
  Await(v1::EVENT_TYPE_SECURE_CONNECTION, tls.name());
  Await(v1::EVENT_TYPE_CONNECTION, plain.name());
}

TEST_P(DetectTest, TakesForeignPeers) {
  const v1::Listener listener = ListenDetecting();
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<TlsPeer> peer,
                       TlsPeer::Connect(AddressOf(listener), GetParam()));
  ASSERT_OK_AND_ASSIGN(const v1::Connection tls, Accept(listener.name()));
  ASSERT_TRUE(peer->Send("protected"));
  ASSERT_OK_AND_ASSIGN(RawSocket socket,
                       RawSocket::Connect(AddressOf(listener)));
  ASSERT_TRUE(socket.Send("p"));
  ASSERT_OK_AND_ASSIGN(const v1::Connection plain, Accept(listener.name()));

  EXPECT_EQ(ReadBytes(tls, 9), "protected");
  EXPECT_EQ(ReadBytes(plain, 1), "p");
}

TEST_P(DetectTest, IsHandshakingUntilTheFirstByte) {
  const v1::Listener listener = ListenDetecting();
  const v1::Connection dialled = ConnectPlain(AddressOf(listener));
  v1::ListConnectionsRequest request;
  request.set_listener(listener.name());
  v1::ListConnectionsResponse open;
  while (open.connections_size() == 0) {
    ASSERT_OK_AND_ASSIGN(open, client().Call(request));
  }

  const v1::Connection waiting = open.connections(0);
  EXPECT_EQ(waiting.state(), v1::Connection::STATE_HANDSHAKING);
  EXPECT_THAT(Shutdown(waiting), FailsWith(Reason::kHandshakeNotComplete));
  ASSERT_THAT(Write(dialled, "now"), IsOk());
  EXPECT_EQ(ReadBytes(waiting, 3), "now");
  ASSERT_OK_AND_ASSIGN(const v1::Connection plain, Get(waiting));
  EXPECT_EQ(plain.state(), v1::Connection::STATE_OPEN);
  EXPECT_FALSE(plain.encrypted());
}

TEST_P(DetectTest, EndsAPeerThatSaysNothing) {
  const v1::Listener listener = ListenDetecting(absl::Milliseconds(30));
  ASSERT_OK_AND_ASSIGN(RawSocket silent,
                       RawSocket::Connect(AddressOf(listener)));

  std::string bytes;
  EXPECT_EQ(silent.Receive(bytes), RawSocket::End::kEnd);

  EXPECT_EQ(bytes, "");
  EXPECT_EQ(Await(v1::EVENT_TYPE_CLIENT_ERROR, listener.name())
                .connection()
                .failure()
                .reason(),
            "HANDSHAKE_TIMEOUT");
}

TEST_P(DetectTest, EndsATlsPeerThatStopsHalfWay) {
  const v1::Listener listener = ListenDetecting(absl::Milliseconds(30));
  ASSERT_OK_AND_ASSIGN(RawSocket half, RawSocket::Connect(AddressOf(listener)));
  ASSERT_TRUE(half.Send(kHalfClientHello));

  std::string bytes;
  EXPECT_EQ(half.Receive(bytes), RawSocket::End::kEnd);

  EXPECT_EQ(Await(v1::EVENT_TYPE_CLIENT_ERROR, listener.name())
                .connection()
                .failure()
                .reason(),
            "HANDSHAKE_TIMEOUT");
}

TEST_P(DetectTest, UpgradesWhatBeganPlain) {
  const v1::Listener listener = ListenDetecting();
  const v1::Connection dialled = ConnectPlain(AddressOf(listener));
  ASSERT_THAT(Write(dialled, "STARTTLS\n"), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::Connection plain, Accept(listener.name()));
  ASSERT_EQ(ReadBytes(plain, 9), "STARTTLS\n");

  const Pair tls = UpgradeBoth({dialled, plain});

  ExpectCarriesBothWays(tls.client, tls.server);
}

TEST_F(DetectTest, WantsAContextAndIsForListenersOnly) {
  v1::CreateListenerRequest request;
  request.mutable_listener()->set_address("127.0.0.1:0");
  request.mutable_listener()->set_protection(v1::PROTECTION_DETECT);
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kFieldRequired, "listener.secure_context"));
  request.mutable_listener()->set_protection(static_cast<v1::Protection>(77));
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kFieldInvalid, "listener.protection"));

  v1::ConnectRequest connect = ToConnect(Listen());
  connect.set_protection(v1::PROTECTION_DETECT);
  EXPECT_THAT(client().Call(connect),
              FailsWith(Reason::kFieldInvalid, "protection"));
}

}  // namespace
}  // namespace tlsd::testing
