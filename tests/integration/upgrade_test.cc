// Upgrade: TLS over the cleartext of a connection that is there, in either role
// and at any depth, and what becomes of the connection that carries it.
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

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

using ::testing::AnyOf;
using ::testing::Ge;
using ::testing::Gt;

INSTANTIATE_IN_BOTH_VERSIONS(UpgradeTest);

TEST_P(UpgradeTest, StartsTlsInBothRoles) {
  // Who dials need not be the client of TLS.
  for (const bool dialler_is_client : {true, false}) {
    SCOPED_TRACE(dialler_is_client ? "in the same role" : "the other way");
    Pair plain = OpenPlain();
    if (!dialler_is_client) std::swap(plain.client, plain.server);
    ASSERT_THAT(Write(plain.client, "STARTTLS\r\n"), IsOk());
    EXPECT_EQ(ReadBytes(plain.server, 10), "STARTTLS\r\n");
    ASSERT_THAT(Write(plain.server, "220 go\r\n"), IsOk());
    EXPECT_EQ(ReadBytes(plain.client, 8), "220 go\r\n");

    const Pair tls = UpgradeBoth(plain);

    EXPECT_EQ(tls.client.role(), v1::ROLE_CLIENT);
    EXPECT_EQ(tls.server.role(), v1::ROLE_SERVER);
    for (const v1::Connection& end : {tls.client, tls.server}) {
      EXPECT_TRUE(end.encrypted());
      EXPECT_EQ(end.state(), v1::Connection::STATE_OPEN);
      EXPECT_EQ(end.handshake().version(), GetParam());
    }
    EXPECT_TRUE(tls.client.authorized());
    ExpectCarriesBothWays(tls.client, tls.server);
  }
}

TEST_P(UpgradeTest, TakesAClientHelloThatIsThereAlready) {
  const Pair plain = OpenPlain();
  auto connecting = InBackground([&] { return AsClient(plain.client); });
  // It has come, and nobody has read it.
  int64_t received = 0;
  while (received == 0) {
    ASSERT_OK_AND_ASSIGN(const v1::Connection server, Get(plain.server));
    received = server.cleartext_bytes_received();
  }

  ASSERT_OK_AND_ASSIGN(const v1::Connection server, AsServer(plain.server));

  ASSERT_OK_AND_ASSIGN(const v1::Connection connected, connecting.get());
  ExpectCarriesBothWays(connected, server);
}

TEST_P(UpgradeTest, ShowsWhoCarriesWhom) {
  const Pair plain = OpenPlain();
  const Pair tls = UpgradeBoth(plain);

  const std::pair<v1::Connection, v1::Connection> ends[] = {
      {plain.client, tls.client}, {plain.server, tls.server}};
  for (const auto& [below, above] : ends) {
    EXPECT_EQ(above.carrier(), below.name());
    ASSERT_OK_AND_ASSIGN(const v1::Connection carrier, Get(below));
    EXPECT_EQ(carrier.piped_with(), above.name());
    EXPECT_FALSE(carrier.encrypted());
    EXPECT_EQ(carrier.state(), v1::Connection::STATE_OPEN);
    EXPECT_EQ(above.local_address().port(), carrier.local_address().port());
    EXPECT_EQ(above.remote_address().port(), carrier.remote_address().port());
    EXPECT_THAT(above.remote_address().port(), Gt(0));
    EXPECT_THAT(carrier.cleartext_bytes_received(),
                Ge(above.wire_bytes_received()));
  }
  Await(v1::EVENT_TYPE_SECURE_CONNECT, tls.client.name());
  Await(v1::EVENT_TYPE_SECURE_CONNECTION, tls.server.name());
}

TEST_P(UpgradeTest, KeepsTheCarrierToItself) {
  const Pair plain = OpenPlain();
  const Pair tls = UpgradeBoth(plain);

  for (const v1::Connection& carrier : {plain.client, plain.server}) {
    EXPECT_THAT(Read(carrier), FailsWith(Reason::kConnectionAttached));
    EXPECT_THAT(Write(carrier, "x"), FailsWith(Reason::kConnectionAttached));
    EXPECT_THAT(Shutdown(carrier), FailsWith(Reason::kConnectionAttached));
    EXPECT_THAT(StreamClient::Attach(client(), StreamOf(carrier)),
                FailsWith(Reason::kConnectionAttached));
    EXPECT_THAT(AsClient(carrier), FailsWith(Reason::kConnectionAttached));
    EXPECT_THAT(AsServer(carrier), FailsWith(Reason::kConnectionAttached));
    EXPECT_THAT(Pipe(carrier, carrier), FailsWith(Reason::kConnectionAttached));
  }
  ExpectCarriesBothWays(tls.client, tls.server);
}

TEST_P(UpgradeTest, CarriesMuchBothWays) {
  const Pair tls = UpgradeBoth(OpenPlain());
  constexpr size_t kSize = 8 << 20;
  auto there = InBackground([&] { return WriteMuch(tls.client, kSize); });
  auto back = InBackground([&] { return WriteMuch(tls.server, kSize, 7); });
  auto reading = InBackground([&] { return ReadMuch(tls.client, 7); });

  ASSERT_OK_AND_ASSIGN(const size_t size, ReadMuch(tls.server));

  EXPECT_EQ(size, kSize);
  EXPECT_THAT(there.get(), IsOk());
  EXPECT_THAT(back.get(), IsOk());
  ASSERT_OK_AND_ASSIGN(const size_t size_back, reading.get());
  EXPECT_EQ(size_back, kSize);
}

TEST_P(UpgradeTest, EndsWithItsCarrierCleanly) {
  const Pair plain = OpenPlain();
  const Pair tls = UpgradeBoth(plain);
  ASSERT_THAT(Shutdown(tls.client), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::string none, ReadAll(tls.server));
  // The carrier is as it was.
  ASSERT_OK_AND_ASSIGN(const v1::Connection half, Get(plain.client));
  EXPECT_EQ(half.state(), v1::Connection::STATE_OPEN);
  EXPECT_FALSE(half.shut_down());
  ASSERT_THAT(Write(tls.server, "still"), IsOk());
  EXPECT_EQ(ReadBytes(tls.client, 5), "still");

  ASSERT_THAT(Shutdown(tls.server), IsOk());

  for (const v1::Connection& connection :
       {tls.client, tls.server, plain.client, plain.server}) {
    EXPECT_EQ(AwaitFailure(connection), "") << connection.name();
  }
}

TEST_P(UpgradeTest, EndsWithItsCarrierByClose) {
  const Pair plain = OpenPlain();
  const Pair tls = UpgradeBoth(plain);
  ASSERT_THAT(Write(tls.client, "and out"), IsOk());

  ASSERT_THAT(Close(tls.client), IsOk());

  ASSERT_OK_AND_ASSIGN(const std::string bytes, ReadAll(tls.server));
  EXPECT_EQ(bytes, "and out");
  EXPECT_EQ(AwaitFailure(plain.client), "");
  ASSERT_THAT(Close(tls.server), IsOk());
  EXPECT_EQ(AwaitFailure(tls.server), "");
  EXPECT_EQ(AwaitFailure(plain.server), "");
}

TEST_P(UpgradeTest, EndsBothWhenTheCarrierIsCutOff) {
  const Pair plain = OpenPlain();
  const Pair tls = UpgradeBoth(plain);

  ASSERT_THAT(Reset(plain.client), IsOk());

  EXPECT_EQ(AwaitFailure(plain.client), "CONNECTION_RESET");
  EXPECT_NE(AwaitFailure(tls.client), "");
  EXPECT_EQ(AwaitFailure(plain.server), "TRANSPORT_RESET");
  EXPECT_NE(AwaitFailure(tls.server), "");
  EXPECT_THAT(Read(tls.server), AnyOf(FailsWith(Reason::kTransportReset),
                                      FailsWith(Reason::kConnectionReset)));
}

TEST_P(UpgradeTest, EndsTheCarrierThatCarriesNothingMore) {
  const Pair plain = OpenPlain();
  const Pair tls = UpgradeBoth(plain);

  ASSERT_THAT(Reset(tls.server), IsOk());

  EXPECT_EQ(AwaitFailure(tls.server), "CONNECTION_RESET");
  EXPECT_EQ(AwaitFailure(plain.server), "PIPE_BROKEN");
  // Nobody takes it for a clean end.
  EXPECT_NE(AwaitFailure(plain.client), "");
  EXPECT_NE(AwaitFailure(tls.client), "");
}

TEST_P(UpgradeTest, IsTruncatedWhenTheCarrierEndsFirst) {
  const v1::Listener listener = ListenPlain();
  RawListener between;
  const v1::Connection dialled = ConnectPlain(between.address());
  ASSERT_OK_AND_ASSIGN(RawSocket inner, between.Accept());
  ASSERT_OK_AND_ASSIGN(RawSocket outer,
                       RawSocket::Connect(AddressOf(listener)));
  auto relay = std::make_unique<TcpRelay>(std::move(inner), std::move(outer));
  ASSERT_OK_AND_ASSIGN(const v1::Connection accepted, Accept(listener.name()));
  const Pair tls = UpgradeBoth({dialled, accepted});
  ExpectCarriesBothWays(tls.client, tls.server);

  // The ends of the sockets, without close_notify above them.
  relay.reset();

  for (const v1::Connection& end : {tls.client, tls.server}) {
    EXPECT_EQ(AwaitFailure(end), "TLS_TRUNCATED");
    EXPECT_THAT(Read(end), FailsWith(Reason::kTlsTruncated));
  }
}

TEST_P(UpgradeTest, EndsTheCarrierOfAFailedHandshake) {
  v1::SecureContext stranger;
  *stranger.add_credentials() = PemOf(StrangerIdentity());
  const Pair plain = OpenPlain();
  auto server = InBackground([&, context = NewContext(stranger)] {
    return AsServer(plain.server, ServerOptions(context));
  });

  const auto connected = AsClient(plain.client);

  EXPECT_THAT(connected, FailsWith(Reason::kPeerCertificateUntrusted));
  const auto accepted = server.get();
  EXPECT_THAT(accepted, FailsWith(Reason::kPeerAlert));
  EXPECT_EQ(MetadataOf(accepted.status(), "alert"), "unknown_ca");
  AwaitClosed(plain.client);
  AwaitClosed(plain.server);
}

TEST_P(UpgradeTest, EndsTheCarrierOfALateHandshake) {
  const Pair plain = OpenPlain();
  v1::ServerOptions hasty = ServerOptions();
  *hasty.mutable_handshake_timeout() = ToProto(absl::Milliseconds(30));

  EXPECT_THAT(AsServer(plain.server, hasty),
              FailsWith(Reason::kHandshakeTimeout));

  AwaitClosed(plain.server);
  // Nobody waits for a server here.
  v1::ConnectRequest impatient = ClientOptions(GetParam());
  *impatient.mutable_timeout() = ToProto(absl::Milliseconds(30));
  const Pair silent = OpenPlain();
  EXPECT_THAT(AsClient(silent.client, impatient),
              FailsWith(Reason::kHandshakeTimeout));
  AwaitClosed(silent.client);
}

TEST_P(UpgradeTest, EndsTheCarrierWhenTheCallerLeaves) {
  const Pair plain = OpenPlain();
  CallContext impatient(absl::Milliseconds(50));

  EXPECT_EQ(AsClient(plain.client, ClientOptions(GetParam()), &impatient)
                .status()
                .code(),
            absl::StatusCode::kDeadlineExceeded);

  AwaitClosed(plain.client);
}

TEST_P(UpgradeTest, SeesAPeerThatSpeaksSomethingElse) {
  const Pair plain = OpenPlain();
  ASSERT_THAT(Write(plain.client, "GET / HTTP/1.1\r\n\r\n"), IsOk());

  EXPECT_THAT(AsServer(plain.server), FailsWith(Reason::kNotTls));

  AwaitClosed(plain.server);
}

TEST_P(UpgradeTest, LeavesTheCarrierAloneWhenItIsAskedWrongly) {
  const Pair plain = OpenPlain();
  v1::UpgradeRequest request;
  request.set_name(plain.client.name());

  EXPECT_THAT(client().Call(request), FailsWith(Reason::kFieldRequired));
  v1::ConnectRequest bad = ClientOptions(GetParam());
  bad.set_secure_context("secureContexts/nobody");
  EXPECT_THAT(AsClient(plain.client, bad), FailsWith(Reason::kContextNotFound));
  bad = ClientOptions(GetParam());
  bad.set_address("127.0.0.1:1");
  EXPECT_THAT(AsClient(plain.client, bad),
              FailsWith(Reason::kFieldsConflict, "client.address"));
  bad = ClientOptions(GetParam());
  bad.set_session("no session");
  EXPECT_THAT(AsClient(plain.client, bad), FailsWith(Reason::kSessionInvalid));
  bad = ClientOptions(GetParam());
  bad.set_server_name("not a name");
  EXPECT_THAT(AsClient(plain.client, bad),
              FailsWith(Reason::kServerNameInvalid));
  EXPECT_THAT(AsServer(plain.server, ServerOptions("secureContexts/client")),
              FailsWith(Reason::kCredentialsRequired));
  v1::ServerOptions nobody;
  nobody.set_listener("listeners/nobody");
  EXPECT_THAT(AsServer(plain.server, nobody),
              FailsWith(Reason::kListenerNotFound));

  ExpectCarriesBothWays(plain.client, plain.server);
  const Pair tls = UpgradeBoth(plain);
  ExpectCarriesBothWays(tls.client, tls.server);
}

TEST_P(UpgradeTest, WantsAConnectionThatNobodyElseHas) {
  v1::Connection nobody;
  nobody.set_name("connections/c-0123456789abcdef-1");
  EXPECT_THAT(AsClient(nobody), FailsWith(Reason::kConnectionNotFound));
  nobody.set_name("connections/../etc");
  EXPECT_THAT(AsClient(nobody), FailsWith(Reason::kNameInvalid, "name"));

  const Pair streamed = OpenPlain();
  const std::unique_ptr<StreamClient> stream = Attach(streamed.client);
  EXPECT_THAT(AsClient(streamed.client),
              FailsWith(Reason::kConnectionAttached));
  ASSERT_TRUE(stream->SendData("alive"));
  EXPECT_EQ(ReadBytes(streamed.server, 5), "alive");

  const Pair closed = OpenPlain();
  ASSERT_THAT(Close(closed.client), IsOk());
  EXPECT_THAT(AsClient(closed.client), FailsWith(Reason::kConnectionClosed));

  const Pair half = OpenPlain();
  ASSERT_THAT(Shutdown(half.client), IsOk());
  EXPECT_THAT(AsClient(half.client), FailsWith(Reason::kWriteAfterShutdown));
}

TEST_P(UpgradeTest, WantsAConnectionThatIsOpen) {
  v1::CreateSecurePairRequest request;
  *request.mutable_server() = ServerOptions();
  ASSERT_OK_AND_ASSIGN(const v1::SecurePair pair, client().Call(request));

  EXPECT_THAT(AsClient(pair.cleartext()),
              FailsWith(Reason::kHandshakeNotComplete));
}

TEST_P(UpgradeTest, LeavesAloneWhatAHandlerKeeps) {
  v1::Listener options;
  options.mutable_echo();
  const v1::Listener listener = ListenPlain(options);
  const v1::Connection connection = ConnectPlain(AddressOf(listener));
  const v1::Event event = Await(v1::EVENT_TYPE_CONNECTION, listener.name());

  EXPECT_THAT(AsServer(event.connection()),
              FailsWith(Reason::kHandlerMismatch));

  ASSERT_THAT(Write(connection, "echo"), IsOk());
  EXPECT_EQ(ReadBytes(connection, 4), "echo");
}

TEST_P(UpgradeTest, NestsToADepthOfEight) {
  std::vector<Pair> pairs = {Open(Listen(), GetParam())};
  for (int depth = 1; depth <= 8; ++depth) {
    SCOPED_TRACE(depth);
    pairs.push_back(UpgradeBoth(pairs.back()));
    ASSERT_FALSE(HasFailure());
    ExpectCarriesBothWays(pairs.back().client, pairs.back().server);
  }

  EXPECT_THAT(AsClient(pairs.back().client), FailsWith(Reason::kLimitReached));
  EXPECT_THAT(AsServer(pairs.back().server), FailsWith(Reason::kLimitReached));

  // That has changed nothing.
  ExpectCarriesBothWays(pairs.back().client, pairs.back().server);
  constexpr size_t kSize = 1 << 20;
  auto writing =
      InBackground([&] { return WriteMuch(pairs.back().client, kSize); });
  ASSERT_OK_AND_ASSIGN(const size_t size, ReadMuch(pairs.back().server));
  EXPECT_EQ(size, kSize);
  EXPECT_THAT(writing.get(), IsOk());
  // close_notify of the innermost is that of nobody else.
  ASSERT_OK_AND_ASSIGN(const v1::Connection outermost, Get(pairs[0].client));
  EXPECT_FALSE(outermost.shut_down());
  ASSERT_THAT(Shutdown(pairs.back().server), IsOk());
  for (const Pair& pair : pairs) {
    EXPECT_EQ(AwaitFailure(pair.client), "");
    EXPECT_EQ(AwaitFailure(pair.server), "");
  }
}

TEST_P(UpgradeTest, NestsOverASecurePair) {
  const Pair plain = OpenPlain();
  v1::CreateSecurePairRequest request;
  *request.mutable_client() = ClientOptions(GetParam());
  ASSERT_OK_AND_ASSIGN(const v1::SecurePair pair, client().Call(request));
  ASSERT_THAT(Pipe(pair.encrypted(), plain.client), IsOk());

  ASSERT_OK_AND_ASSIGN(const v1::Connection server, AsServer(plain.server));

  Await(v1::EVENT_TYPE_SECURE_CONNECT, pair.cleartext().name());
  ExpectCarriesBothWays(pair.cleartext(), server);
  const Pair inner = UpgradeBoth({pair.cleartext(), server});
  ExpectCarriesBothWays(inner.client, inner.server);
}

}  // namespace
}  // namespace tlsd::testing
