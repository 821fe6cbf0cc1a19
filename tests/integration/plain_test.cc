// Plain connections: all that a socket can do, without TLS.
#include <sys/socket.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/integration/carrier_fixture.h"
#include "tests/integration/raw_socket.h"
#include "tests/integration/tcp_relay.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::testing {
namespace {

using ::testing::AnyOf;
using ::testing::Gt;
using ::testing::Le;

class PlainTest : public CarrierTest {
 protected:
  // Each test runs over both kinds of socket.
  static std::vector<v1::Listener> Listeners() {
    return {ListenPlain(), ListenPlainUnix()};
  }

  static RawSocket Dial(const v1::Listener& listener) {
    auto socket = RawSocket::Connect(AddressOf(listener));
    EXPECT_THAT(socket, IsOk());
    return socket.ok() ? *std::move(socket) : RawSocket(-1);
  }
};

TEST_F(PlainTest, CarriesWhatTheSocketCarries) {
  for (const v1::Listener& listener : Listeners()) {
    RawSocket socket = Dial(listener);
    ASSERT_OK_AND_ASSIGN(const v1::Connection server, Accept(listener.name()));

    ASSERT_TRUE(socket.Send("ping"));
    EXPECT_EQ(ReadBytes(server, 4), "ping");
    ASSERT_THAT(Write(server, "pong!"), IsOk());
    EXPECT_EQ(ReadExactly(socket, 5), "pong!");

    ASSERT_OK_AND_ASSIGN(const v1::Connection after, Get(server));
    EXPECT_EQ(after.wire_bytes_received(), 4);
    EXPECT_EQ(after.wire_bytes_sent(), 5);
    EXPECT_EQ(after.cleartext_bytes_received(), 4);
    EXPECT_EQ(after.cleartext_bytes_sent(), 5);
  }
}

TEST_F(PlainTest, SaysWhatItIs) {
  const v1::Listener listener = ListenPlain();
  const Pair pair = OpenPlain(listener);

  for (const v1::Connection& end : {pair.client, pair.server}) {
    EXPECT_FALSE(end.encrypted());
    EXPECT_EQ(end.state(), v1::Connection::STATE_OPEN);
    EXPECT_FALSE(end.has_handshake());
    EXPECT_FALSE(end.authorized());
    EXPECT_EQ(end.authorization_error(), "");
    EXPECT_EQ(end.secure_context(), "");
    EXPECT_EQ(end.max_send_fragment(), 0);
    EXPECT_TRUE(end.has_open_time());
    EXPECT_EQ(end.local_address().family(), "IPv4");
  }
  EXPECT_EQ(pair.client.role(), v1::ROLE_CLIENT);
  EXPECT_EQ(pair.server.role(), v1::ROLE_SERVER);
  EXPECT_EQ(pair.server.listener(), listener.name());
  EXPECT_EQ(pair.client.local_address().port(),
            pair.server.remote_address().port());
  EXPECT_EQ(listener.protection(), v1::PROTECTION_NONE);
  Await(v1::EVENT_TYPE_CONNECTION, pair.client.name());
  Await(v1::EVENT_TYPE_CONNECTION, pair.server.name());
}

TEST_F(PlainTest, TakesThePeersFinForItsEnd) {
  for (const v1::Listener& listener : Listeners()) {
    RawSocket socket = Dial(listener);
    ASSERT_OK_AND_ASSIGN(const v1::Connection server, Accept(listener.name()));
    ASSERT_TRUE(socket.Send("last"));

    socket.EndSending();

    ASSERT_OK_AND_ASSIGN(const std::string bytes, ReadAll(server));
    EXPECT_EQ(bytes, "last");
    ASSERT_OK_AND_ASSIGN(const v1::Connection half, Get(server));
    EXPECT_TRUE(half.peer_closed());
    EXPECT_EQ(half.state(), v1::Connection::STATE_OPEN);
    ASSERT_THAT(Write(server, "answer"), IsOk());
    ASSERT_THAT(Shutdown(server), IsOk());
    std::string answer;
    EXPECT_EQ(socket.Receive(answer), RawSocket::End::kEnd);
    EXPECT_EQ(answer, "answer");
    EXPECT_EQ(AwaitFailure(server), "");
  }
}

TEST_F(PlainTest, SendsFinAndReadsOn) {
  for (const v1::Listener& listener : Listeners()) {
    RawSocket socket = Dial(listener);
    ASSERT_OK_AND_ASSIGN(const v1::Connection server, Accept(listener.name()));
    ASSERT_THAT(Write(server, "all"), IsOk());

    ASSERT_THAT(Shutdown(server), IsOk());

    std::string bytes;
    EXPECT_EQ(socket.Receive(bytes), RawSocket::End::kEnd);
    EXPECT_EQ(bytes, "all");
    EXPECT_THAT(Shutdown(server), IsOk());
    EXPECT_THAT(Write(server, "x"), FailsWith(Reason::kWriteAfterShutdown));
    ASSERT_TRUE(socket.Send("and on"));
    EXPECT_EQ(ReadBytes(server, 6), "and on");
    socket.EndSending();
    ASSERT_OK_AND_ASSIGN(const std::string none, ReadAll(server));
    EXPECT_EQ(none, "");
    EXPECT_EQ(AwaitFailure(server), "");
  }
}

TEST_F(PlainTest, ClosesAfterWhatIsQueued) {
  for (const v1::Listener& listener : Listeners()) {
    RawSocket socket = Dial(listener);
    ASSERT_OK_AND_ASSIGN(const v1::Connection server, Accept(listener.name()));
    ASSERT_THAT(Write(server, "goodbye"), IsOk());

    ASSERT_THAT(Close(server), IsOk());

    std::string bytes;
    EXPECT_EQ(socket.Receive(bytes), RawSocket::End::kEnd);
    EXPECT_EQ(bytes, "goodbye");
    EXPECT_EQ(AwaitFailure(server), "");
    EXPECT_THAT(Read(server), FailsWith(Reason::kConnectionClosed));
    EXPECT_THAT(Write(server, "x"), FailsWith(Reason::kConnectionClosed));
    EXPECT_THAT(Close(server), IsOk());
  }
}

TEST_F(PlainTest, ResetsTheSocket) {
  const v1::Listener listener = ListenPlain();
  RawSocket socket = Dial(listener);
  ASSERT_OK_AND_ASSIGN(const v1::Connection server, Accept(listener.name()));

  ASSERT_THAT(Reset(server), IsOk());

  std::string bytes;
  EXPECT_EQ(socket.Receive(bytes), RawSocket::End::kReset);
  EXPECT_EQ(AwaitFailure(server), "CONNECTION_RESET");
}

TEST_F(PlainTest, TellsAResetFromAnEnd) {
  const v1::Listener listener = ListenPlain();
  RawSocket socket = Dial(listener);
  ASSERT_OK_AND_ASSIGN(const v1::Connection server, Accept(listener.name()));
  ASSERT_TRUE(socket.Send("torn"));
  EXPECT_EQ(ReadBytes(server, 4), "torn");
  const linger at_once = {1, 0};
  setsockopt(socket.descriptor(), SOL_SOCKET, SO_LINGER, &at_once,
             sizeof(at_once));

  socket.Close();

  EXPECT_THAT(Read(server), FailsWith(Reason::kTransportReset));
  EXPECT_EQ(AwaitFailure(server), "TRANSPORT_RESET");
}

TEST_F(PlainTest, StreamsBothWays) {
  const Pair pair = OpenPlain();
  const std::unique_ptr<StreamClient> client_side = Attach(pair.client);
  const std::unique_ptr<StreamClient> server_side = Attach(pair.server);
  ASSERT_TRUE(client_side->SendData("ping"));
  EXPECT_EQ(server_side->ReceiveBytes(4), "ping");
  ASSERT_TRUE(server_side->SendText("pong"));
  EXPECT_EQ(client_side->ReceiveBytes(4), "pong");

  client_side->HalfClose();

  EXPECT_EQ(server_side->ReceiveAll(), "");
  EXPECT_TRUE(server_side->has_end());
  server_side->HalfClose();
  EXPECT_THAT(client_side->Finish(), IsOk());
  EXPECT_THAT(server_side->Finish(), IsOk());
}

TEST_F(PlainTest, EchoesAndEndsWithItsPeer) {
  v1::Listener options;
  options.mutable_echo();
  RawSocket socket = Dial(ListenPlain(options));
  ASSERT_TRUE(socket.Send("hall"));
  EXPECT_EQ(ReadExactly(socket, 4), "hall");

  socket.EndSending();

  std::string bytes;
  EXPECT_EQ(socket.Receive(bytes), RawSocket::End::kEnd);
  EXPECT_EQ(bytes, "");
}

TEST_F(PlainTest, HoldsThePeerThatNobodyReads) {
  const Pair pair = OpenPlain(ListenPlainUnix());
  constexpr size_t kSize = 4 << 20;
  auto writing = InBackground([&] { return WriteMuch(pair.client, kSize); });

  EXPECT_FALSE(HasResult(writing, kWhile));
  ASSERT_OK_AND_ASSIGN(const v1::Connection stalled, Get(pair.server));
  EXPECT_THAT(stalled.cleartext_bytes_received(), Gt(0));
  // A queue, and one read that came when it was nearly full.
  EXPECT_THAT(stalled.cleartext_bytes_received(), Le((64 + 256) * 1024));
  ASSERT_OK_AND_ASSIGN(const v1::Connection writer, Get(pair.client));
  EXPECT_THAT(writer.cleartext_bytes_sent(), Le(kHeldMax));

  ASSERT_OK_AND_ASSIGN(const size_t size, ReadMuch(pair.server));
  EXPECT_EQ(size, kSize);
  EXPECT_THAT(writing.get(), IsOk());
}

TEST_F(PlainTest, ConnectsFromTheAddressItIsGiven) {
  const v1::Listener listener = ListenPlain();
  v1::ConnectRequest request = ToConnectPlain(AddressOf(listener));
  request.set_local_address("127.0.0.2");
  ASSERT_OK_AND_ASSIGN(const v1::Connection connection, client().Call(request));

  EXPECT_EQ(connection.local_address().address(), "127.0.0.2");
  ASSERT_OK_AND_ASSIGN(const v1::Connection server, Accept(listener.name()));
  EXPECT_EQ(server.remote_address().address(), "127.0.0.2");
  request.set_local_address("127.0.0.1:0");
  ASSERT_OK_AND_ASSIGN(const v1::Connection other, client().Call(request));
  EXPECT_EQ(other.local_address().address(), "127.0.0.1");
  for (const char* bad : {"localhost", "unix:/tmp/x", "127.0.0.1:99999"}) {
    request.set_local_address(bad);
    EXPECT_THAT(client().Call(request),
                FailsWith(Reason::kAddressInvalid, "local_address"));
  }
  // RFC 5737: nobody has this address.
  request.set_local_address("192.0.2.1");
  EXPECT_THAT(client().Call(request),
              AnyOf(FailsWith(Reason::kAddressUnavailable),
                    FailsWith(Reason::kConnectFailed)));
}

TEST_F(PlainTest, TellsWhyItCannotConnect) {
  const RawListener nobody(RawListener::Answer::kRefuses);
  EXPECT_THAT(client().Call(ToConnectPlain(nobody.address())),
              FailsWith(Reason::kConnectRefused));
  EXPECT_THAT(
      client().Call(ToConnectPlain(absl::StrCat("unix:", UnusedPath()))),
      AnyOf(FailsWith(Reason::kConnectRefused),
            FailsWith(Reason::kConnectFailed)));
}

TEST_F(PlainTest, HasNothingThatConcernsTls) {
  const std::string address = AddressOf(ListenPlain());
  v1::ConnectRequest request = ToConnectPlain(address);
  EXPECT_THAT(client().Call(request), IsOk());

  request.set_secure_context("secureContexts/client");
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kFieldsConflict, "secure_context"));
  request = ToConnectPlain(address);
  request.set_server_name("localhost");
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kFieldsConflict, "server_name"));
  request = ToConnectPlain(address);
  request.set_verification(v1::PEER_VERIFICATION_REPORT);
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kFieldsConflict, "verification"));
  request = ToConnectPlain(address);
  request.set_use_session_cache(true);
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kFieldsConflict, "use_session_cache"));
  request = ToConnectPlain(address);
  request.mutable_renegotiation_limit();
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kFieldsConflict, "renegotiation_limit"));
  request = ToConnectPlain(address);
  request.set_early_data("early");
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kFieldsConflict, "early_data"));
}

TEST_F(PlainTest, CountsAndTurnsAwayAsOthersDo) {
  v1::Listener options;
  options.set_max_connections(1);
  const v1::Listener listener = ListenPlain(options);
  const Pair pair = OpenPlain(listener);

  RawSocket second = Dial(listener);
  std::string bytes;
  EXPECT_EQ(second.Receive(bytes), RawSocket::End::kReset);

  Await(v1::EVENT_TYPE_CONNECTION_REJECTED, listener.name());
  ASSERT_OK_AND_ASSIGN(const v1::Listener full, Get(listener));
  EXPECT_EQ(full.connection_count(), 1);
  EXPECT_EQ(full.rejected_count(), 1);
  ExpectCarriesBothWays(pair.client, pair.server);
}

}  // namespace
}  // namespace tlsd::testing
