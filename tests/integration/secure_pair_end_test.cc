// How secure pairs end: cleanly, cut off, refused, late; and what each of the
// four sides hears of it.
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/integration/carrier_fixture.h"
#include "tests/integration/tls_peer.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::testing {
namespace {

using ::testing::AnyOf;
using ::testing::Not;

class SecurePairEndTest : public SecurePairTest {
 protected:
  // ReadToEnd reads until the end, also that of a failure; `status` says which.
  static std::string ReadToEnd(const v1::Connection& connection,
                               absl::Status& status) {
    std::string bytes;
    while (true) {
      const auto read = Read(connection);
      status = read.status();
      if (!read.ok() || read->end()) return bytes;
      bytes += read->data();
    }
  }

  // FirstFlight returns what the TLS of `pair` says first.
  static std::string FirstFlight(const v1::SecurePair& pair) {
    const auto read = Read(pair.encrypted());
    EXPECT_THAT(read, IsOk());
    return read.ok() ? read->data() : "";
  }
};

INSTANTIATE_IN_BOTH_VERSIONS(SecurePairEndTest);

TEST_P(SecurePairEndTest, EndsCleanlyWithCloseNotifyBothWays) {
  for (const bool client_first : {true, false}) {
    SCOPED_TRACE(client_first ? "client first" : "server first");
    const Ends ends = MakeEnds();
    const std::unique_ptr<Joint> joint = Join(ends);
    AwaitHandshake(ends);
    const v1::SecurePair& first = client_first ? ends.client : ends.server;
    const v1::SecurePair& last = client_first ? ends.server : ends.client;

    ASSERT_THAT(Write(first.cleartext(), "the last word"), IsOk());
    ASSERT_THAT(Shutdown(first.cleartext()), IsOk());

    ASSERT_OK_AND_ASSIGN(const std::string word, ReadAll(last.cleartext()));
    EXPECT_EQ(word, "the last word");
    // One direction has ended, the other goes on.
    ASSERT_OK_AND_ASSIGN(const v1::Connection half, Get(first.cleartext()));
    EXPECT_EQ(half.state(), v1::Connection::STATE_OPEN);
    ASSERT_THAT(Write(last.cleartext(), "not quite"), IsOk());
    EXPECT_EQ(ReadBytes(first.cleartext(), 9), "not quite");
    ASSERT_THAT(Shutdown(last.cleartext()), IsOk());
    for (const v1::SecurePair& pair : {ends.client, ends.server}) {
      EXPECT_EQ(AwaitFailure(pair.cleartext()), "");
      EXPECT_EQ(AwaitFailure(pair.encrypted()), "");
    }
  }
}

TEST_P(SecurePairEndTest, GivesTheEndOfItsBytesAfterTheLastRecord) {
  const Ends ends = MakeEnds();
  Complete(ends);
  ASSERT_THAT(Write(ends.client.cleartext(), "all"), IsOk());
  ASSERT_THAT(Close(ends.client.cleartext()), IsOk());

  absl::Status status;
  const std::string bytes = ReadToEnd(ends.client.encrypted(), status);

  EXPECT_THAT(status, IsOk());
  ASSERT_THAT(Write(ends.server.encrypted(), bytes), IsOk());
  ASSERT_THAT(Shutdown(ends.server.encrypted()), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::string all, ReadAll(ends.server.cleartext()));
  EXPECT_EQ(all, "all");
  EXPECT_EQ(AwaitFailure(ends.client.cleartext()), "");
}

TEST_P(SecurePairEndTest, IsTruncatedWhenTheCiphertextEndsEarly) {
  const Ends ends = MakeEnds();
  Complete(ends);
  ASSERT_THAT(Write(ends.client.cleartext(), "came"), IsOk());
  CarryAll(ends.client.encrypted(), ends.server.encrypted());

  ASSERT_THAT(Shutdown(ends.server.encrypted()), IsOk());

  // What came before is delivered first.
  EXPECT_EQ(ReadBytes(ends.server.cleartext(), 4), "came");
  EXPECT_THAT(Read(ends.server.cleartext()), FailsWith(Reason::kTlsTruncated));
  EXPECT_EQ(AwaitFailure(ends.server.cleartext()), "TLS_TRUNCATED");
}

TEST_P(SecurePairEndTest, IsTruncatedInTheMiddleOfARecord) {
  const Ends ends = MakeEnds();
  Complete(ends);
  ASSERT_THAT(Write(ends.client.cleartext(), "half a record"), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::ReadResponse record,
                       Read(ends.client.encrypted()));
  const std::string half = record.data().substr(0, record.data().size() / 2);
  ASSERT_THAT(Write(ends.server.encrypted(), half), IsOk());

  ASSERT_THAT(Shutdown(ends.server.encrypted()), IsOk());

  EXPECT_THAT(Read(ends.server.cleartext()), FailsWith(Reason::kTlsTruncated));
}

TEST_P(SecurePairEndTest, IsTruncatedWhenTheCarrierIsClosed) {
  const Ends ends = MakeEnds();
  Complete(ends);

  ASSERT_THAT(Close(ends.server.encrypted()), IsOk());

  EXPECT_EQ(AwaitFailure(ends.server.encrypted()), "");
  EXPECT_EQ(AwaitFailure(ends.server.cleartext()), "TLS_TRUNCATED");
  EXPECT_THAT(Write(ends.server.cleartext(), "x"),
              FailsWith(Reason::kTlsTruncated));
}

TEST_P(SecurePairEndTest, FailsWhenTheCarrierIsReset) {
  const Ends ends = MakeEnds();
  Complete(ends);

  ASSERT_THAT(Reset(ends.client.encrypted()), IsOk());

  EXPECT_EQ(AwaitFailure(ends.client.encrypted()), "CONNECTION_RESET");
  EXPECT_THAT(AwaitFailure(ends.client.cleartext()),
              AnyOf("CONNECTION_RESET", "TRANSPORT_RESET"));
  EXPECT_THAT(Read(ends.client.cleartext()), Not(IsOk()));
}

TEST_P(SecurePairEndTest, ResetsItsCarrier) {
  const Ends ends = MakeEnds();
  Complete(ends);

  ASSERT_THAT(Reset(ends.client.cleartext()), IsOk());

  EXPECT_EQ(AwaitFailure(ends.client.cleartext()), "CONNECTION_RESET");
  EXPECT_THAT(AwaitFailure(ends.client.encrypted()),
              AnyOf("CONNECTION_RESET", "TRANSPORT_RESET"));
  EXPECT_THAT(Read(ends.client.encrypted()), Not(IsOk()));
}

TEST_P(SecurePairEndTest, EndsDuringTheHandshakeToo) {
  const v1::SecurePair client = Make(ClientOptions(GetParam()));
  const v1::SecurePair server = Make(ServerOptions());
  ASSERT_THAT(Write(server.encrypted(), FirstFlight(client).substr(0, 20)),
              IsOk());

  ASSERT_THAT(Shutdown(client.encrypted()), IsOk());
  ASSERT_THAT(Shutdown(server.encrypted()), IsOk());

  for (const v1::SecurePair& pair : {client, server}) {
    EXPECT_EQ(AwaitFailure(pair.cleartext()), "TLS_TRUNCATED");
    EXPECT_THAT(Read(pair.cleartext()), FailsWith(Reason::kTlsTruncated));
  }
  EXPECT_THAT(Write(client.cleartext(), "x"), FailsWith(Reason::kTlsTruncated));
}

TEST_P(SecurePairEndTest, LetsTheAlertOfAFailedHandshakeBeRead) {
  v1::SecureContext other;
  *other.add_credentials() = PemOf(ServerIdentity());
  if (IsTls13()) {
    other.set_max_version(v1::TLS_VERSION_TLS_1_2);
  } else {
    other.set_min_version(v1::TLS_VERSION_TLS_1_3);
  }
  const v1::SecurePair client = Make(ClientOptions(GetParam()));
  const v1::SecurePair server = Make(ServerOptions(NewContext(other)));
  ASSERT_THAT(Write(server.encrypted(), FirstFlight(client)), IsOk());
  const v1::Failure failure = AwaitClosed(server.cleartext()).failure();

  absl::Status status;
  const std::string bytes = ReadToEnd(server.encrypted(), status);

  EXPECT_EQ(failure.reason(), "PEER_INCOMPATIBLE");
  EXPECT_EQ(AlertsIn(bytes), "fatal 70");  // protocol_version
  EXPECT_THAT(status, IsOk());
  // The peer learns why.
  ASSERT_THAT(Write(client.encrypted(), bytes), IsOk());
  const v1::Failure told = AwaitClosed(client.cleartext()).failure();
  EXPECT_EQ(told.reason(), "PEER_ALERT");
  EXPECT_EQ(told.metadata().at("alert"), "protocol_version");
}

TEST_P(SecurePairEndTest, TellsBothWhyACertificateIsRefused) {
  v1::SecureContext stranger;
  *stranger.add_credentials() = PemOf(StrangerIdentity());
  const Ends ends = MakeEnds(ServerOptions(NewContext(stranger)));
  const std::unique_ptr<Joint> joint = Join(ends);

  const v1::Failure refused = AwaitClosed(ends.client.cleartext()).failure();
  const v1::Failure told = AwaitClosed(ends.server.cleartext()).failure();

  EXPECT_EQ(refused.reason(), "PEER_CERTIFICATE_UNTRUSTED");
  EXPECT_EQ(told.reason(), "PEER_ALERT");
  EXPECT_EQ(told.metadata().at("alert"), "unknown_ca");
}

TEST_P(SecurePairEndTest, EndsAtAnAlteredRecord) {
  const Ends ends = MakeEnds();
  Complete(ends);
  ASSERT_THAT(Write(ends.client.cleartext(), "to be altered"), IsOk());
  ASSERT_OK_AND_ASSIGN(v1::ReadResponse record, Read(ends.client.encrypted()));
  record.mutable_data()->back() ^= 1;

  ASSERT_THAT(Write(ends.server.encrypted(), record.data()), IsOk());

  EXPECT_EQ(AwaitFailure(ends.server.cleartext()), "RECORD_CORRUPT");
  // The alert goes to the other.
  ASSERT_OK_AND_ASSIGN(const v1::ReadResponse alert,
                       Read(ends.server.encrypted()));
  ASSERT_THAT(Write(ends.client.encrypted(), alert.data()), IsOk());
  const v1::Failure told = AwaitClosed(ends.client.cleartext()).failure();
  EXPECT_EQ(told.reason(), "PEER_ALERT");
  EXPECT_EQ(told.metadata().at("alert"), "bad_record_mac");
}

TEST_P(SecurePairEndTest, EndsWhenTheBytesAreNotTls) {
  const v1::SecurePair server = Make(ServerOptions());

  ASSERT_THAT(Write(server.encrypted(), "GET / HTTP/1.1\r\n\r\n"), IsOk());

  EXPECT_EQ(AwaitFailure(server.cleartext()), "NOT_TLS");
}

TEST_P(SecurePairEndTest, WaitsNoLongerThanItIsTold) {
  v1::ServerOptions server = ServerOptions();
  *server.mutable_handshake_timeout() = ToProto(absl::Milliseconds(30));
  v1::ConnectRequest client = ClientOptions(GetParam());
  *client.mutable_timeout() = ToProto(absl::Milliseconds(30));

  for (const v1::SecurePair& late : {Make(server), Make(client)}) {
    EXPECT_EQ(AwaitFailure(late.cleartext()), "HANDSHAKE_TIMEOUT");
    AwaitClosed(late.encrypted());
  }
}

}  // namespace
}  // namespace tlsd::testing
