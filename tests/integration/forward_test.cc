// Listeners that forward: to tcp and unix, in the clear and in TLS again, and
// what each side hears when the other ends or fails.
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/integration/forward_fixture.h"
#include "tests/integration/raw_socket.h"
#include "tests/integration/tls_peer.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::testing {
namespace {

using ::testing::AnyOf;
using ::testing::Gt;
using ::testing::Le;

INSTANTIATE_IN_BOTH_VERSIONS(ForwardTest);

TEST_P(ForwardTest, ForwardsInTheClearOverTcpAndUnix) {
  for (const v1::Listener& back : {ListenPlain(), ListenPlainUnix()}) {
    const Route route = {ListenForward(ToConnectPlain(AddressOf(back))), back};

    const Through through = Pass(route);

    ExpectCarriesBothWays(through.dialled, through.upstream);
    ASSERT_OK_AND_ASSIGN(const v1::Connection accepted, Get(through.accepted));
    EXPECT_EQ(accepted.upstream(), AddressOf(back));
    EXPECT_EQ(accepted.listener(), route.front.name());
    EXPECT_EQ(accepted.piped_with(), "");
    EXPECT_EQ(accepted.cleartext_bytes_received(), 5);
    EXPECT_EQ(accepted.cleartext_bytes_sent(), 8);
    EXPECT_FALSE(through.upstream.encrypted());
    EXPECT_EQ(through.upstream.upstream(), "");
  }
}

TEST_P(ForwardTest, ForwardsInTlsAgain) {
  const Route route = TlsRoute();

  const Through through = Pass(route);

  ExpectCarriesBothWays(through.dialled, through.upstream);
  EXPECT_TRUE(through.upstream.encrypted());
  EXPECT_EQ(through.upstream.handshake().server_name(), "localhost");
  ASSERT_OK_AND_ASSIGN(const v1::Connection accepted, Get(through.accepted));
  EXPECT_EQ(accepted.upstream(), AddressOf(route.back));
  v1::Connection second;
  second.set_name(accepted.piped_with());
  ASSERT_OK_AND_ASSIGN(second, Get(second));
  EXPECT_EQ(second.role(), v1::ROLE_CLIENT);
  EXPECT_EQ(second.piped_with(), accepted.name());
  EXPECT_TRUE(second.authorized());
}

TEST_P(ForwardTest, ShowsTheUpstreamACertificate) {
  v1::Listener back;
  back.set_secure_context(JudgingContext(v1::CLIENT_CERTIFICATE_MODE_REQUIRE));
  Route route;
  route.back = Listen(back);
  v1::ConnectRequest upstream = ToConnect(route.back);
  upstream.set_secure_context(ClientContext());
  route.front = ListenForward(upstream);

  const Through through = Pass(route);

  EXPECT_TRUE(through.upstream.authorized());
  ExpectCarriesBothWays(through.dialled, through.upstream);
}

TEST_P(ForwardTest, ForwardsWhatIsPlainOrIsDetected) {
  for (const v1::Protection protection :
       {v1::PROTECTION_NONE, v1::PROTECTION_DETECT}) {
    v1::Listener options;
    options.set_protection(protection);
    Route route;
    route.back = Listen();
    route.front = ListenForward(ToConnect(route.back, GetParam()), options);
    const v1::Connection dialled = ConnectPlain(AddressOf(route.front));
    ASSERT_THAT(Write(dialled, "first"), IsOk());

    ASSERT_OK_AND_ASSIGN(const v1::Connection upstream,
                         Accept(route.back.name()));

    EXPECT_EQ(ReadBytes(upstream, 5), "first");
    ExpectCarriesBothWays(dialled, upstream);
  }
}

TEST_P(ForwardTest, PassesTheEndOfEachDirection) {
  for (const bool to_tls : {false, true}) {
    for (const bool dialled_first : {true, false}) {
      const Through through = Pass(to_tls ? TlsRoute() : PlainRoute());
      const v1::Connection& first =
          dialled_first ? through.dialled : through.upstream;
      const v1::Connection& last =
          dialled_first ? through.upstream : through.dialled;
      ASSERT_THAT(Write(first, "question"), IsOk());
      ASSERT_THAT(Shutdown(first), IsOk());

      ASSERT_OK_AND_ASSIGN(const std::string question, ReadAll(last));

      EXPECT_EQ(question, "question");
      ASSERT_THAT(Write(last, "answer"), IsOk());
      EXPECT_EQ(ReadBytes(first, 6), "answer");
      ASSERT_THAT(Shutdown(last), IsOk());
      for (const v1::Connection& connection :
           {through.dialled, through.accepted, through.upstream}) {
        EXPECT_EQ(AwaitFailure(connection), "");
      }
    }
  }
}

TEST_P(ForwardTest, CarriesMuchBothWaysAtOnce) {
  for (const bool to_tls : {false, true}) {
    const Through through = Pass(to_tls ? TlsRoute() : PlainRoute());
    constexpr size_t kSize = 8 << 20;
    auto there =
        InBackground([&] { return WriteMuch(through.dialled, kSize); });
    auto back =
        InBackground([&] { return WriteMuch(through.upstream, kSize, 5); });
    auto reading = InBackground([&] { return ReadMuch(through.dialled, 5); });

    ASSERT_OK_AND_ASSIGN(const size_t size, ReadMuch(through.upstream));

    EXPECT_EQ(size, kSize);
    ASSERT_OK_AND_ASSIGN(const size_t size_back, reading.get());
    EXPECT_EQ(size_back, kSize);
    EXPECT_THAT(there.get(), IsOk());
    EXPECT_THAT(back.get(), IsOk());
  }
}

TEST_P(ForwardTest, StopsReadingWhileTheUpstreamDoesNot) {
  for (const bool to_tls : {false, true}) {
    v1::Listener unix_front;
    unix_front.set_address("unix:" + UnusedPath());
    Route route;
    if (to_tls) {
      route.back = ListenUnix();
    } else {
      route.back = ListenPlainUnix();
    }
    route.front = ListenForward(to_tls ? ToConnect(route.back, GetParam())
                                       : ToConnectPlain(AddressOf(route.back)),
                                unix_front);
    const Through through = Pass(route);
    constexpr size_t kSize = 4 << 20;
    auto writing =
        InBackground([&] { return WriteMuch(through.dialled, kSize); });

    EXPECT_FALSE(HasResult(writing, kWhile));
    ASSERT_OK_AND_ASSIGN(const v1::Connection stalled, Get(through.accepted));
    EXPECT_THAT(stalled.cleartext_bytes_received(), Gt(0));
    EXPECT_THAT(stalled.cleartext_bytes_received(), Le(kHeldMax));

    ASSERT_OK_AND_ASSIGN(const size_t size, ReadMuch(through.upstream));
    EXPECT_EQ(size, kSize);
    EXPECT_THAT(writing.get(), IsOk());
  }
}

// How upstreams fail.

TEST_P(ForwardTest, TellsThatTheUpstreamRefuses) {
  const RawListener nobody(RawListener::Answer::kRefuses);
  for (const std::string& address :
       {nobody.address(), absl::StrCat("unix:", UnusedPath())}) {
    const v1::Listener plain = ListenForward(ToConnectPlain(address));
    const v1::Connection dialled = Connect(plain, GetParam());

    EXPECT_THAT(ReadAll(dialled), FailsWith(Reason::kPeerAlert));
    const v1::Failure failure = AwaitClosed(AcceptedBy(plain)).failure();
    EXPECT_EQ(failure.reason(), "UPSTREAM_FAILED");
    EXPECT_THAT(failure.metadata().at("cause"),
                AnyOf("CONNECT_REFUSED", "CONNECT_FAILED"));
    EXPECT_EQ(failure.metadata().at("far_end"), address);
  }
}

TEST_P(ForwardTest, TellsThatTheUpstreamIsNotTrusted) {
  v1::SecureContext stranger;
  *stranger.add_credentials() = PemOf(StrangerIdentity());
  v1::Listener back;
  back.set_secure_context(NewContext(stranger));
  const Route route = TlsRoute(back);
  const v1::Connection dialled = Connect(route.front, GetParam());

  ExpectUpstreamFailed(AcceptedBy(route.front), "PEER_CERTIFICATE_UNTRUSTED");

  EXPECT_THAT(ReadAll(dialled), FailsWith(Reason::kPeerAlert));
}

TEST_P(ForwardTest, TellsThatTheUpstreamIsLate) {
  RawListener silent;
  v1::ConnectRequest upstream = ToConnect(v1::Listener(), GetParam());
  upstream.set_address(silent.address());
  *upstream.mutable_timeout() = ToProto(absl::Milliseconds(50));
  const v1::Listener front = ListenForward(upstream);
  const v1::Connection dialled = Connect(front, GetParam());

  ExpectUpstreamFailed(AcceptedBy(front), "HANDSHAKE_TIMEOUT");

  EXPECT_THAT(ReadAll(dialled), FailsWith(Reason::kPeerAlert));
}

TEST_P(ForwardTest, TellsThatTheUpstreamDoesNotSpeakTls) {
  Route route;
  route.back = ListenPlain();
  route.front = ListenForward(ToConnect(route.back, GetParam()));
  const v1::Connection dialled = Connect(route.front, GetParam());
  ASSERT_OK_AND_ASSIGN(const v1::Connection plain, Accept(route.back.name()));

  ASSERT_THAT(Write(plain, "220 mail.example ESMTP\r\n"), IsOk());

  ExpectUpstreamFailed(AcceptedBy(route.front), "NOT_TLS");
  EXPECT_THAT(ReadAll(dialled), FailsWith(Reason::kPeerAlert));
}

TEST_P(ForwardTest, TellsThatTheUpstreamIsResetMidway) {
  for (const bool to_tls : {false, true}) {
    const Through through = Pass(to_tls ? TlsRoute() : PlainRoute());
    ExpectCarriesBothWays(through.dialled, through.upstream);

    ASSERT_THAT(Reset(through.upstream), IsOk());

    ExpectUpstreamFailed(through.accepted, "TRANSPORT_RESET");
    EXPECT_THAT(ReadAll(through.dialled), FailsWith(Reason::kPeerAlert));
  }
}

TEST_P(ForwardTest, TellsThatTheUpstreamIsTruncated) {
  RawListener listener;
  Route route;
  route.back = Listen();
  v1::ConnectRequest upstream = ToConnect(route.back, GetParam());
  upstream.set_address(listener.address());
  route.front = ListenForward(upstream);
  const v1::Connection dialled = Connect(route.front, GetParam());
  ASSERT_OK_AND_ASSIGN(RawSocket socket, listener.Accept());

  // The end of the socket before the handshake has begun.
  socket.EndSending();

  ExpectUpstreamFailed(AcceptedBy(route.front), "TLS_TRUNCATED");
  EXPECT_THAT(ReadAll(dialled), FailsWith(Reason::kPeerAlert));
}

// How peers fail.

TEST_P(ForwardTest, ResetsTheUpstreamOfAPeerThatIsReset) {
  for (const bool to_tls : {false, true}) {
    const Through through = Pass(to_tls ? TlsRoute() : PlainRoute());
    ExpectCarriesBothWays(through.dialled, through.upstream);

    ASSERT_THAT(Reset(through.dialled), IsOk());

    EXPECT_EQ(AwaitFailure(through.accepted), "TRANSPORT_RESET");
    EXPECT_THAT(
        ReadAll(through.upstream),
        FailsWith(to_tls ? Reason::kPeerAlert : Reason::kTransportReset));
  }
}

TEST_P(ForwardTest, ResetsTheUpstreamOfAPeerThatIsTruncated) {
  const Route route = PlainRoute();
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<TlsPeer> peer,
                       TlsPeer::Connect(AddressOf(route.front), GetParam()));
  ASSERT_OK_AND_ASSIGN(const v1::Connection upstream,
                       Accept(route.back.name()));
  ASSERT_TRUE(peer->Send("torn"));
  EXPECT_EQ(ReadBytes(upstream, 4), "torn");

  peer->socket().EndSending();

  EXPECT_EQ(AwaitFailure(AcceptedBy(route.front)), "TLS_TRUNCATED");
  EXPECT_THAT(ReadAll(upstream), FailsWith(Reason::kTransportReset));
}

TEST_P(ForwardTest, HangsUpOnAnUpstreamThatIsStillBeingAsked) {
  RawListener silent;
  v1::ConnectRequest upstream = ToConnect(v1::Listener(), GetParam());
  upstream.set_address(silent.address());
  const v1::Listener front = ListenForward(upstream);
  const v1::Connection dialled = Connect(front, GetParam());
  ASSERT_OK_AND_ASSIGN(RawSocket socket, silent.Accept());

  ASSERT_THAT(Reset(dialled), IsOk());

  std::string bytes;
  EXPECT_NE(socket.Receive(bytes), RawSocket::End::kTimeout);
  EXPECT_EQ(AwaitFailure(AcceptedBy(front)), "TRANSPORT_RESET");
}

// What callers may not.

TEST_P(ForwardTest, KeepsTheCleartextToItself) {
  for (const bool to_tls : {false, true}) {
    const Route route = to_tls ? TlsRoute() : PlainRoute();
    const Through through = Pass(route);

    EXPECT_THAT(Accept(route.front.name()),
                FailsWith(Reason::kHandlerMismatch));
    const Reason reason =
        to_tls ? Reason::kConnectionAttached : Reason::kHandlerMismatch;
    EXPECT_THAT(Read(through.accepted), FailsWith(reason));
    EXPECT_THAT(Write(through.accepted, "x"), FailsWith(reason));
    EXPECT_THAT(Shutdown(through.accepted),
                FailsWith(Reason::kConnectionAttached));
    EXPECT_THAT(Pipe(through.accepted, through.accepted), FailsWith(reason));

    ExpectCarriesBothWays(through.dialled, through.upstream);
  }
}

TEST_P(ForwardTest, IsNoCleanEndForAnyoneWhenACallerClosesIt) {
  const Through through = Pass(PlainRoute());
  ExpectCarriesBothWays(through.dialled, through.upstream);

  ASSERT_THAT(Close(through.accepted), IsOk());

  EXPECT_EQ(AwaitFailure(through.accepted), "CONNECTION_CLOSED");
  EXPECT_THAT(ReadAll(through.dialled), FailsWith(Reason::kPeerAlert));
  EXPECT_THAT(ReadAll(through.upstream), FailsWith(Reason::kTransportReset));
}

TEST_F(ForwardTest, RefusesWhatCannotBeForwardedTo) {
  v1::CreateListenerRequest request;
  v1::Listener& listener = *request.mutable_listener();
  listener.set_address("127.0.0.1:0");
  listener.set_secure_context("secureContexts/server");
  v1::ConnectRequest& upstream =
      *listener.mutable_forward()->mutable_upstream();

  EXPECT_THAT(
      client().Call(request),
      FailsWith(Reason::kFieldRequired, "listener.forward.upstream.address"));
  upstream.set_address("nowhere");
  EXPECT_THAT(
      client().Call(request),
      FailsWith(Reason::kAddressInvalid, "listener.forward.upstream.address"));
  upstream.set_address("127.0.0.1:1");
  EXPECT_THAT(client().Call(request), IsOk());
  upstream.set_session("session");
  EXPECT_THAT(
      client().Call(request),
      FailsWith(Reason::kFieldsConflict, "listener.forward.upstream.session"));
  upstream.clear_session();
  upstream.set_early_data("early");
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kFieldsConflict,
                        "listener.forward.upstream.early_data"));
  upstream.clear_early_data();
  upstream.add_hooks()->set_type(v1::DECISION_TYPE_SIGN);
  EXPECT_THAT(
      client().Call(request),
      FailsWith(Reason::kFieldsConflict, "listener.forward.upstream.hooks"));
  upstream.clear_hooks();
  upstream.set_secure_context("secureContexts/nobody");
  EXPECT_THAT(client().Call(request), FailsWith(Reason::kContextNotFound));
  upstream.set_protection(v1::PROTECTION_NONE);
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kFieldsConflict,
                        "listener.forward.upstream.secure_context"));
  upstream.clear_secure_context();
  listener.mutable_forward()->set_send_proxy_header(
      static_cast<v1::ProxyHeaderVersion>(77));
  EXPECT_THAT(
      client().Call(request),
      FailsWith(Reason::kFieldInvalid, "listener.forward.send_proxy_header"));
}

}  // namespace
}  // namespace tlsd::testing
