// A program that does TLS with the library of its language, as client. Which
// one, the binary says: java_test.cc, go_test.cc.
#include "absl/strings/str_cat.h"
#include "tests/interop/driven_peer_fixture.h"

namespace tlsd::testing {
namespace {

using ::testing::HasSubstr;

class DrivenClientTest : public DrivenPeerTest {};

INSTANTIATE_IN_BOTH_VERSIONS(DrivenClientTest);

TEST_P(DrivenClientTest, AuthorizesAndIsAuthorizedWithEveryKindOfKey) {
  for (const KeyKind kind : PeerKeyKinds()) {
    SCOPED_TRACE(PublicKeyName(kind));
    const v1::Listener listener = ServeEcho(RequiringContext(IdentityOf(kind)));
    auto watch = Watch(listener.name());

    PeerTask peer = Client(listener, Showing(IdentityOf(kind)));

    const std::string said = Said(peer);
    EXPECT_THAT(said, HasSubstr("peer=CN=localhost"));
    EXPECT_THAT(said, HasSubstr(Echoed()));
    const v1::Connection connection =
        NextConnection(*watch, v1::EVENT_TYPE_SECURE_CONNECTION);
    EXPECT_TRUE(connection.authorized()) << connection.authorization_error();
    EXPECT_EQ(connection.peer_certificate().public_key(), PublicKeyName(kind));
  }
}

TEST_P(DrivenClientTest, SpeaksOfWhatTheDaemonSpeaksOf) {
  const v1::Listener listener = ServeEcho(ServerContext());
  auto watch = Watch(listener.name());

  PeerTask peer = Client(listener);

  const v1::Handshake handshake =
      NextConnection(*watch, v1::EVENT_TYPE_SECURE_CONNECTION).handshake();
  EXPECT_EQ(handshake.protocol(), Protocol());
  EXPECT_EQ(handshake.alpn_protocol(), "http/1.1");
  EXPECT_EQ(handshake.server_name(), "localhost");
  EXPECT_THAT(Said(peer), HasSubstr(absl::StrCat(
                              "protocol=", Protocol(),
                              " cipher=", handshake.cipher_standard_name(),
                              " alpn=http/1.1 ")));
}

TEST_P(DrivenClientTest, GetsTheTextBackAndClosesCleanly) {
  const v1::Listener listener = ServeEcho(ServerContext());
  auto watch = Watch(listener.name());

  PeerTask peer = Client(listener);

  const std::string said = Said(peer);
  EXPECT_THAT(said, HasSubstr(Echoed()));
  EXPECT_THAT(said, HasSubstr("ended clean"));
  const v1::Connection closed =
      NextConnection(*watch, v1::EVENT_TYPE_CONNECTION_CLOSED);
  EXPECT_FALSE(closed.has_failure()) << closed.failure().ShortDebugString();
  EXPECT_TRUE(closed.peer_closed());
  EXPECT_EQ(closed.cleartext_bytes_received(), kTextSize);
  EXPECT_EQ(closed.cleartext_bytes_sent(), kTextSize);
}

TEST_P(DrivenClientTest, IsFoundTruncatedWhenItLeavesWithoutCloseNotify) {
  const v1::Listener listener = ServeEcho(ServerContext());
  auto watch = Watch(listener.name());

  PeerTask peer = Client(listener, {{"end", "cut"}});

  EXPECT_THAT(NextConnection(*watch, v1::EVENT_TYPE_CONNECTION_CLOSED),
              EndedFor(Reason::kTlsTruncated));
  EXPECT_THAT(Said(peer), HasSubstr(Echoed()));
}

TEST_P(DrivenClientTest, SeesACleanEndAndNoneOfAReset) {
  const v1::Listener listener = ServeStream(ServerContext());
  const std::string hello = InputFile("hello");
  for (const bool is_clean : {true, false}) {
    PeerTask peer = Client(listener, {{"file", hello}, {"end", "wait"}});
    ASSERT_OK_AND_ASSIGN(const v1::Connection connection,
                         Accept(listener.name()));
    ASSERT_THAT(Write(connection, "hello"), IsOk());
    ASSERT_THAT(peer.WaitFor("echoed 5"), IsOk());

    if (is_clean) {
      v1::CloseRequest request;
      request.set_name(connection.name());
      ASSERT_THAT(client().Call(request), IsOk());
    } else {
      v1::ResetRequest request;
      request.set_name(connection.name());
      ASSERT_THAT(client().Call(request), IsOk());
    }

    EXPECT_THAT(Said(peer),
                HasSubstr(is_clean ? "ended clean" : "onnection reset"));
  }
}

TEST_P(DrivenClientTest, IsRefusedWithoutACommonAlpnProtocol) {
  const v1::Listener listener = ServeEcho(ServerContext());
  auto watch = Watch(listener.name());

  PeerTask peer = Client(listener, {{"alpn", "spdy/1"}});

  EXPECT_THAT(NextConnection(*watch, v1::EVENT_TYPE_CLIENT_ERROR),
              EndedFor(Reason::kNoApplicationProtocol));
  EXPECT_THAT(Said(peer), Heard("no_application_protocol"));
}

TEST_P(DrivenClientTest, IsRefusedWithoutACommonVersion) {
  const v1::Listener listener = ServeEcho(ServerContext());
  auto watch = Watch(listener.name());

  PeerTask peer = Client(listener, {{"version", OtherProtocol()}});

  EXPECT_THAT(NextConnection(*watch, v1::EVENT_TYPE_CLIENT_ERROR),
              EndedFor(Reason::kPeerIncompatible));
  EXPECT_THAT(Said(peer), Heard("protocol_version"));
}

TEST_P(DrivenClientTest, IsRefusedWithoutACertificate) {
  const v1::Listener listener = ServeEcho(RequiringContext());
  auto watch = Watch(listener.name());

  PeerTask peer = Client(listener);

  EXPECT_THAT(NextConnection(*watch, v1::EVENT_TYPE_CLIENT_ERROR),
              EndedFor(Reason::kPeerCertificateRequired));
  // RFC 8446 section 4.4.2.4; RFC 5246 section 7.4.6.
  EXPECT_THAT(Said(peer),
              Heard(IsTls13() ? "certificate_required" : "handshake_failure"));
}

TEST_P(DrivenClientTest, IsRefusedWithAStrangersCertificate) {
  for (const KeyKind kind : PeerKeyKinds()) {
    SCOPED_TRACE(PublicKeyName(kind));
    const v1::Listener listener = ServeEcho(RequiringContext());
    auto watch = Watch(listener.name());
    PeerOptions options = Showing(StrangerOf(kind));
    options.emplace_back("insist", "true");

    PeerTask peer = Client(listener, options);

    EXPECT_THAT(NextConnection(*watch, v1::EVENT_TYPE_CLIENT_ERROR),
                EndedFor(Reason::kPeerCertificateUntrusted));
    EXPECT_THAT(Said(peer), Heard("unknown_ca"));
  }
}

TEST_P(DrivenClientTest, ShowsNothingToADaemonThatNamesOtherAuthorities) {
  const v1::Listener listener = ServeEcho(RequiringContext());
  auto watch = Watch(listener.name());

  PeerTask peer = Client(listener, Showing(StrangerIdentity()));

  EXPECT_THAT(NextConnection(*watch, v1::EVENT_TYPE_CLIENT_ERROR),
              EndedFor(Reason::kPeerCertificateRequired));
}

TEST_P(DrivenClientTest, RefusesAServerItDoesNotTrust) {
  for (const KeyKind kind : PeerKeyKinds()) {
    SCOPED_TRACE(PublicKeyName(kind));
    const v1::Listener listener = ServeEcho(ServerContext(StrangerOf(kind)));
    auto watch = Watch(listener.name());

    PeerTask peer = Client(listener);

    EXPECT_THAT(Said(peer), HasSubstr(TheProgram().UnknownIssuerText()));
    ExpectRefusedByClient(NextEnd(*watch));
  }
}

TEST_P(DrivenClientTest, RefusesAServerOfAnotherName) {
  const v1::Listener listener =
      ServeEcho(ServerContext(WrongNameServerIdentity()));
  auto watch = Watch(listener.name());

  PeerTask peer = Client(listener);

  EXPECT_THAT(Said(peer), HasSubstr(TheProgram().WrongNameText()));
  ExpectRefusedByClient(NextEnd(*watch));
}

TEST_P(DrivenClientTest, ResumesItsSessionAndIsAuthorizedAnew) {
  const v1::Listener listener = ServeEcho(RequiringContext());
  auto watch = Watch(listener.name());
  PeerOptions options = Showing(ClientIdentity());
  options.emplace_back("connections", "2");

  PeerTask peer = Client(listener, options);

  const std::string said = Said(peer);
  EXPECT_LT(said.find("resumed=false"), said.find("resumed=true")) << said;
  for (const bool resumes : {false, true}) {
    const v1::Connection connection =
        NextConnection(*watch, v1::EVENT_TYPE_SECURE_CONNECTION);
    EXPECT_EQ(connection.handshake().resumed(), resumes);
    EXPECT_TRUE(connection.authorized()) << connection.authorization_error();
    EXPECT_THAT(connection.peer_certificate().subject(), HasSubstr("client"));
  }
}

}  // namespace
}  // namespace tlsd::testing
