// A program that does TLS with the library of its language, as server. Which
// one, the binary says: java_test.cc, go_test.cc.
#include "absl/strings/str_cat.h"
#include "tests/interop/driven_peer_fixture.h"

namespace tlsd::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class DrivenServerTest : public DrivenPeerTest {};

INSTANTIATE_IN_BOTH_VERSIONS(DrivenServerTest);

TEST_P(DrivenServerTest, AuthorizesAndIsAuthorizedWithEveryKindOfKey) {
  for (const KeyKind kind : PeerKeyKinds()) {
    SCOPED_TRACE(PublicKeyName(kind));
    PeerTask peer = Server(IdentityOf(kind), {{"mode", "require"}});

    ASSERT_OK_AND_ASSIGN(const v1::Connection connection,
                         ConnectTo(peer, ContextOf(IdentityOf(kind))));
    auto stream = Attach(connection);
    Echo(*stream);
    stream->HalfClose();

    EXPECT_TRUE(connection.authorized()) << connection.authorization_error();
    EXPECT_EQ(connection.peer_certificate().public_key(), PublicKeyName(kind));
    const std::string said = Said(peer);
    EXPECT_THAT(said, HasSubstr("peer=CN=localhost"));
    EXPECT_THAT(said, HasSubstr(Echoed()));
  }
}

TEST_P(DrivenServerTest, SpeaksOfWhatTheDaemonSpeaksOf) {
  PeerTask peer = Server(ServerIdentity());

  ASSERT_OK_AND_ASSIGN(const v1::Connection connection, ConnectTo(peer));
  Attach(connection)->HalfClose();

  const v1::Handshake& handshake = connection.handshake();
  EXPECT_EQ(handshake.protocol(), Protocol());
  EXPECT_EQ(handshake.alpn_protocol(), "http/1.1");
  EXPECT_THAT(
      Said(peer),
      HasSubstr(absl::StrCat(
          "protocol=", Protocol(), " cipher=", handshake.cipher_standard_name(),
          " alpn=http/1.1 name=localhost peer= resumed=false")));
}

TEST_P(DrivenServerTest, GivesTheTextBackAndIsClosedCleanly) {
  PeerTask peer = Server(ServerIdentity());
  ASSERT_OK_AND_ASSIGN(const v1::Connection connection, ConnectTo(peer));
  auto stream = Attach(connection);

  Echo(*stream);
  stream->HalfClose();

  EXPECT_EQ(stream->ReceiveAll(), "");
  EXPECT_TRUE(stream->has_end());
  EXPECT_THAT(stream->Finish(), IsOk());
  EXPECT_THAT(Said(peer), HasSubstr("ended clean"));
}

TEST_P(DrivenServerTest, ClosesCleanlyOfItsOwnAccord) {
  PeerTask peer = Server(ServerIdentity(), {{"bytes", "5"}, {"end", "close"}});
  ASSERT_OK_AND_ASSIGN(const v1::Connection connection, ConnectTo(peer));
  auto stream = Attach(connection);
  ASSERT_TRUE(stream->SendData("hello"));

  EXPECT_EQ(stream->ReceiveAll(), "hello");
  EXPECT_TRUE(stream->has_end());

  stream->HalfClose();
  EXPECT_THAT(stream->Finish(), IsOk());
  EXPECT_THAT(Said(peer), HasSubstr("ended clean"));
}

TEST_P(DrivenServerTest, IsFoundTruncatedWhenItLeavesWithoutCloseNotify) {
  PeerTask peer = Server(ServerIdentity(), {{"bytes", "5"}, {"end", "cut"}});
  ASSERT_OK_AND_ASSIGN(const v1::Connection connection, ConnectTo(peer));
  ASSERT_THAT(Write(connection, "hello"), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::ReadResponse read, Read(connection));
  ASSERT_EQ(read.data(), "hello");

  EXPECT_THAT(Read(connection), FailsWith(Reason::kTlsTruncated));
  EXPECT_THAT(AwaitClosed(connection), EndedFor(Reason::kTlsTruncated));
}

TEST_P(DrivenServerTest, SeesNoCleanEndOfAReset) {
  PeerTask peer = Server(ServerIdentity());
  ASSERT_OK_AND_ASSIGN(const v1::Connection connection, ConnectTo(peer));
  ASSERT_THAT(peer.WaitFor("handshake"), IsOk());

  v1::ResetRequest request;
  request.set_name(connection.name());
  ASSERT_THAT(client().Call(request), IsOk());

  const std::string said = Said(peer);
  EXPECT_THAT(said, HasSubstr("onnection reset"));
  EXPECT_THAT(said, Not(HasSubstr("ended clean")));
}

TEST_P(DrivenServerTest, RefusesADaemonWithoutACertificate) {
  PeerTask peer = Server(ServerIdentity(), {{"mode", "require"}});

  ExpectRefused(ConnectTo(peer));

  EXPECT_THAT(Said(peer), HasSubstr("failed"));
}

TEST_P(DrivenServerTest, TakesADaemonWithoutACertificateIfItOnlyAsks) {
  PeerTask peer = Server(ServerIdentity(), {{"mode", "request"}});

  ASSERT_OK_AND_ASSIGN(const v1::Connection connection, ConnectTo(peer));
  auto stream = Attach(connection);
  Echo(*stream);
  stream->HalfClose();

  EXPECT_THAT(Said(peer), HasSubstr("peer= "));
}

TEST_P(DrivenServerTest, RefusesADaemonWithAStrangersCertificate) {
  for (const KeyKind kind : PeerKeyKinds()) {
    SCOPED_TRACE(PublicKeyName(kind));
    PeerTask peer = Server(ServerIdentity(), {{"mode", "require"}});

    ExpectRefused(ConnectTo(peer, ContextOf(StrangerOf(kind))));

    EXPECT_THAT(Said(peer), HasSubstr("failed"));
  }
}

TEST_P(DrivenServerTest, IsRefusedIfItsRootIsUnknown) {
  for (const KeyKind kind : PeerKeyKinds()) {
    SCOPED_TRACE(PublicKeyName(kind));
    PeerTask peer = Server(StrangerOf(kind));

    EXPECT_THAT(ConnectTo(peer), FailsWith(Reason::kPeerCertificateUntrusted));

    EXPECT_THAT(Said(peer), Heard("unknown_ca"));
  }
}

TEST_P(DrivenServerTest, IsRefusedIfItHasAnotherName) {
  PeerTask peer = Server(WrongNameServerIdentity());

  EXPECT_THAT(ConnectTo(peer), FailsWith(Reason::kPeerCertificateNameMismatch));

  EXPECT_THAT(Said(peer), Heard("bad_certificate"));
}

TEST_P(DrivenServerTest, RefusesADaemonWithoutACommonAlpnProtocol) {
  PeerTask peer = Server(ServerIdentity(), {{"alpn", "spdy/1"}});

  const absl::StatusOr<v1::Connection> connection = ConnectTo(peer);

  EXPECT_THAT(connection, FailsWith(Reason::kPeerAlert));
  EXPECT_EQ(MetadataOf(connection.status(), "alert"),
            "no_application_protocol");
}

TEST_P(DrivenServerTest, RefusesADaemonWithoutACommonVersion) {
  PeerTask peer = Server(ServerIdentity(), {{"version", OtherProtocol()}});

  const absl::StatusOr<v1::Connection> connection = ConnectTo(peer);

  EXPECT_THAT(connection, FailsWith(Reason::kPeerAlert));
  EXPECT_EQ(MetadataOf(connection.status(), "alert"), "protocol_version");
}

}  // namespace
}  // namespace tlsd::testing
