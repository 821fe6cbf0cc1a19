// Pipe: the cleartext of two connections is joined in the daemon.
//
//   left.client <-> left.server == right.client <-> right.server
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/integration/carrier_fixture.h"
#include "tests/integration/tls_peer.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::testing {
namespace {

using ::testing::Gt;
using ::testing::Le;

enum class Where { kSameWorker, kOtherWorker };
enum class Kind { kTls, kPlain };

constexpr Where kBothPlaces[] = {Where::kSameWorker, Where::kOtherWorker};

class PipeTest : public CarrierTest {
 protected:
  struct Chain {
    Pair left;
    Pair right;
  };

  static absl::string_view WorkerOf(const v1::Connection& connection) {
    const absl::string_view name = connection.name();
    return name.substr(name.rfind('-') + 1);
  }

  static Pair OpenOne(Kind kind) {
    return kind == Kind::kTls ? Open(Listen(), GetParam()) : OpenPlain();
  }

  // MakeChain opens two connections whose middle ends are where they shall be.
  static Chain MakeChain(Where where = Where::kOtherWorker,
                         Kind left = Kind::kTls, Kind right = Kind::kTls) {
    Chain chain;
    chain.left = OpenOne(left);
    const bool same = where == Where::kSameWorker;
    do {
      // Connections that are dialled go to one worker after the other.
      chain.right = OpenOne(right);
    } while ((WorkerOf(chain.right.client) == WorkerOf(chain.left.server)) !=
             same);
    return chain;
  }

  static Chain MakePiped(Where where = Where::kOtherWorker,
                         Kind left = Kind::kTls, Kind right = Kind::kTls) {
    Chain chain = MakeChain(where, left, right);
    EXPECT_THAT(Pipe(chain.left.server, chain.right.client), IsOk());
    return chain;
  }

  static void ExpectEndsCleanly(const Chain& chain) {
    for (const v1::Connection& connection :
         {chain.left.client, chain.left.server, chain.right.client,
          chain.right.server}) {
      EXPECT_EQ(AwaitFailure(connection), "");
    }
  }
};

INSTANTIATE_IN_BOTH_VERSIONS(PipeTest);

TEST_P(PipeTest, JoinsTwoConnections) {
  for (const Where where : kBothPlaces) {
    for (const auto& [left, right] : {std::pair(Kind::kTls, Kind::kTls),
                                      {Kind::kTls, Kind::kPlain},
                                      {Kind::kPlain, Kind::kTls},
                                      {Kind::kPlain, Kind::kPlain}}) {
      const Chain chain = MakeChain(where, left, right);

      ASSERT_OK_AND_ASSIGN(const v1::Connection piped,
                           Pipe(chain.left.server, chain.right.client));

      EXPECT_EQ(piped.name(), chain.left.server.name());
      EXPECT_EQ(piped.piped_with(), chain.right.client.name());
      ASSERT_OK_AND_ASSIGN(const v1::Connection other, Get(chain.right.client));
      EXPECT_EQ(other.piped_with(), chain.left.server.name());
      ASSERT_OK_AND_ASSIGN(const v1::Connection end, Get(chain.left.client));
      EXPECT_EQ(end.piped_with(), "");
      ExpectCarriesBothWays(chain.left.client, chain.right.server);
    }
  }
}

TEST_P(PipeTest, GivesAConnectionBackWhatItSends) {
  const Pair pair = Open(Listen(), GetParam());

  ASSERT_OK_AND_ASSIGN(const v1::Connection piped,
                       Pipe(pair.server, pair.server));

  EXPECT_EQ(piped.piped_with(), pair.server.name());
  ASSERT_THAT(Write(pair.client, "hall"), IsOk());
  EXPECT_EQ(ReadBytes(pair.client, 4), "hall");
  constexpr size_t kSize = 4 << 20;
  auto writing = InBackground([&] { return WriteMuch(pair.client, kSize); });
  ASSERT_OK_AND_ASSIGN(const size_t size, ReadMuch(pair.client));
  EXPECT_EQ(size, kSize);
  EXPECT_THAT(writing.get(), IsOk());
  EXPECT_EQ(AwaitFailure(pair.server), "");
  EXPECT_EQ(AwaitFailure(pair.client), "");
}

TEST_P(PipeTest, PassesTheEndOfEachDirection) {
  for (const Where where : kBothPlaces) {
    for (const bool left_first : {true, false}) {
      const Chain chain = MakePiped(where, Kind::kTls, Kind::kPlain);
      const v1::Connection& first =
          left_first ? chain.left.client : chain.right.server;
      const v1::Connection& last =
          left_first ? chain.right.server : chain.left.client;
      ASSERT_THAT(Write(first, "question"), IsOk());
      ASSERT_THAT(Shutdown(first), IsOk());

      ASSERT_OK_AND_ASSIGN(const std::string question, ReadAll(last));

      EXPECT_EQ(question, "question");
      // The other direction goes on.
      ASSERT_THAT(Write(last, "answer"), IsOk());
      EXPECT_EQ(ReadBytes(first, 6), "answer");
      ASSERT_OK_AND_ASSIGN(const v1::Connection half, Get(chain.left.server));
      EXPECT_EQ(half.state(), v1::Connection::STATE_OPEN);
      EXPECT_EQ(half.peer_closed(), left_first);
      EXPECT_EQ(half.shut_down(), !left_first);
      ASSERT_THAT(Shutdown(last), IsOk());
      ExpectEndsCleanly(chain);
    }
  }
}

TEST_P(PipeTest, PassesOnWhatWaits) {
  for (const Where where : kBothPlaces) {
    const Chain chain = MakeChain(where);
    ASSERT_THAT(Write(chain.left.client, MadeBytes(32 * 1024)), IsOk());
    ASSERT_THAT(Write(chain.right.server, "greeting"), IsOk());
    ASSERT_THAT(Shutdown(chain.left.client), IsOk());
    bool has_come = false;
    while (!has_come) {
      ASSERT_OK_AND_ASSIGN(const v1::Connection middle, Get(chain.left.server));
      has_come = middle.peer_closed();
    }

    ASSERT_THAT(Pipe(chain.left.server, chain.right.client), IsOk());

    ASSERT_OK_AND_ASSIGN(const size_t size, ReadMuch(chain.right.server));
    EXPECT_EQ(size, 32 * 1024);
    EXPECT_EQ(ReadBytes(chain.left.client, 8), "greeting");
    ASSERT_THAT(Shutdown(chain.right.server), IsOk());
    ExpectEndsCleanly(chain);
  }
}

TEST_P(PipeTest, BreaksWhenOneSideIsReset) {
  for (const Where where : kBothPlaces) {
    for (const Kind kind : {Kind::kTls, Kind::kPlain}) {
      const Chain chain = MakePiped(where, Kind::kTls, kind);

      ASSERT_THAT(Reset(chain.left.client), IsOk());

      EXPECT_EQ(AwaitFailure(chain.left.server), "TRANSPORT_RESET");
      const v1::Failure broken = AwaitClosed(chain.right.client).failure();
      EXPECT_EQ(broken.reason(), "PIPE_BROKEN");
      EXPECT_EQ(broken.metadata().at("cause"), "TRANSPORT_RESET");
      EXPECT_EQ(broken.metadata().at("far_end"), chain.left.server.name());
      // Its peer sees no clean end.
      EXPECT_THAT(ReadAll(chain.right.server),
                  FailsWith(kind == Kind::kTls ? Reason::kPeerAlert
                                               : Reason::kTransportReset));
    }
  }
}

TEST_P(PipeTest, BreaksTheOtherWayToo) {
  for (const Where where : kBothPlaces) {
    const Chain chain = MakePiped(where, Kind::kTls, Kind::kPlain);

    ASSERT_THAT(Reset(chain.right.server), IsOk());

    EXPECT_EQ(AwaitFailure(chain.right.client), "TRANSPORT_RESET");
    EXPECT_EQ(AwaitFailure(chain.left.server), "PIPE_BROKEN");
    EXPECT_THAT(ReadAll(chain.left.client), FailsWith(Reason::kPeerAlert));
  }
}

TEST_P(PipeTest, BreaksWhenOneSideIsTruncated) {
  for (const Where where : kBothPlaces) {
    const v1::Listener listener = Listen();
    ASSERT_OK_AND_ASSIGN(const std::unique_ptr<TlsPeer> peer,
                         TlsPeer::Connect(AddressOf(listener), GetParam()));
    ASSERT_OK_AND_ASSIGN(const v1::Connection left, Accept(listener.name()));
    Pair right = OpenPlain();
    while ((WorkerOf(right.client) == WorkerOf(left)) !=
           (where == Where::kSameWorker)) {
      right = OpenPlain();
    }
    ASSERT_THAT(Pipe(left, right.client), IsOk());
    ASSERT_TRUE(peer->Send("torn"));
    EXPECT_EQ(ReadBytes(right.server, 4), "torn");

    // FIN without close_notify: somebody may have cut the rest off.
    peer->socket().EndSending();

    EXPECT_EQ(AwaitFailure(left), "TLS_TRUNCATED");
    EXPECT_EQ(AwaitFailure(right.client), "PIPE_BROKEN");
    EXPECT_THAT(ReadAll(right.server), FailsWith(Reason::kTransportReset));
  }
}

TEST_P(PipeTest, BreaksWhenOneIsClosedInTheMiddle) {
  for (const Where where : kBothPlaces) {
    const Chain chain = MakePiped(where);
    ASSERT_THAT(Write(chain.left.client, "came"), IsOk());
    EXPECT_EQ(ReadBytes(chain.right.server, 4), "came");

    ASSERT_THAT(Close(chain.left.server), IsOk());

    EXPECT_EQ(AwaitFailure(chain.left.server), "CONNECTION_CLOSED");
    EXPECT_EQ(AwaitFailure(chain.right.client), "PIPE_BROKEN");
    // Neither peer takes what it has for all there is.
    EXPECT_THAT(ReadAll(chain.left.client), FailsWith(Reason::kPeerAlert));
    EXPECT_THAT(ReadAll(chain.right.server), FailsWith(Reason::kPeerAlert));
  }
}

TEST_P(PipeTest, CarriesMuchBothWaysAtOnce) {
  for (const Where where : kBothPlaces) {
    const Chain chain = MakePiped(where);
    constexpr size_t kSize = 16 << 20;
    auto there =
        InBackground([&] { return WriteMuch(chain.left.client, kSize); });
    auto back =
        InBackground([&] { return WriteMuch(chain.right.server, kSize, 3); });
    auto reading = InBackground([&] { return ReadMuch(chain.left.client, 3); });

    ASSERT_OK_AND_ASSIGN(const size_t size, ReadMuch(chain.right.server));

    EXPECT_EQ(size, kSize);
    ASSERT_OK_AND_ASSIGN(const size_t size_back, reading.get());
    EXPECT_EQ(size_back, kSize);
    EXPECT_THAT(there.get(), IsOk());
    EXPECT_THAT(back.get(), IsOk());
    ExpectEndsCleanly(chain);
  }
}

TEST_P(PipeTest, HoldsTheWriterWhileTheFarEndDoesNotRead) {
  const Pair left = Open(ListenUnix(), GetParam());
  const Pair right = OpenPlain(ListenPlainUnix());
  ASSERT_THAT(Pipe(left.server, right.client), IsOk());
  constexpr size_t kSize = 4 << 20;
  auto writing = InBackground([&] { return WriteMuch(left.client, kSize); });

  EXPECT_FALSE(HasResult(writing, kWhile));
  ASSERT_OK_AND_ASSIGN(const v1::Connection stalled, Get(left.server));
  EXPECT_THAT(stalled.cleartext_bytes_received(), Gt(0));
  EXPECT_THAT(stalled.cleartext_bytes_received(), Le(kHeldMax));
  ASSERT_OK_AND_ASSIGN(const v1::Connection writer, Get(left.client));
  EXPECT_THAT(writer.cleartext_bytes_sent(), Le(2 * kHeldMax));

  ASSERT_OK_AND_ASSIGN(const size_t size, ReadMuch(right.server));
  EXPECT_EQ(size, kSize);
  EXPECT_THAT(writing.get(), IsOk());
}

TEST_P(PipeTest, LeavesBothAloneWhenOneIsNotThere) {
  const Pair pair = Open(Listen(), GetParam());
  v1::Connection nobody;
  for (const char* name :
       {"connections/c-0123456789abcdef-0", "connections/c-0123456789abcdef-1",
        "connections/c-0123456789abcdef-99", "connections/nobody"}) {
    nobody.set_name(name);
    EXPECT_THAT(Pipe(pair.server, nobody),
                FailsWith(Reason::kConnectionNotFound));
    EXPECT_THAT(Pipe(nobody, pair.server),
                FailsWith(Reason::kConnectionNotFound));
    EXPECT_THAT(Pipe(nobody, nobody), FailsWith(Reason::kConnectionNotFound));
  }

  ASSERT_OK_AND_ASSIGN(const v1::Connection after, Get(pair.server));
  EXPECT_EQ(after.piped_with(), "");
  ExpectCarriesBothWays(pair.client, pair.server);
}

TEST_P(PipeTest, WantsTwoNames) {
  const Pair pair = Open(Listen(), GetParam());
  const v1::Connection unset;
  v1::Connection bad;
  bad.set_name("connections/../etc");

  EXPECT_THAT(Pipe(unset, pair.server),
              FailsWith(Reason::kFieldRequired, "name"));
  EXPECT_THAT(Pipe(pair.server, unset),
              FailsWith(Reason::kFieldRequired, "peer"));
  EXPECT_THAT(Pipe(bad, pair.server), FailsWith(Reason::kNameInvalid, "name"));
  EXPECT_THAT(Pipe(pair.server, bad), FailsWith(Reason::kNameInvalid, "peer"));
  ExpectCarriesBothWays(pair.client, pair.server);
}

TEST_P(PipeTest, KeepsTheCleartextToItself) {
  const Chain chain = MakePiped();
  const Pair other = OpenPlain();

  for (const v1::Connection& piped : {chain.left.server, chain.right.client}) {
    EXPECT_THAT(Read(piped), FailsWith(Reason::kConnectionAttached));
    EXPECT_THAT(Write(piped, "x"), FailsWith(Reason::kConnectionAttached));
    EXPECT_THAT(Shutdown(piped), FailsWith(Reason::kConnectionAttached));
    v1::StreamAttach attach;
    attach.set_connection(piped.name());
    EXPECT_THAT(StreamClient::Attach(client(), attach),
                FailsWith(Reason::kConnectionAttached));
    EXPECT_THAT(Pipe(piped, other.client),
                FailsWith(Reason::kConnectionAttached));
    EXPECT_THAT(Pipe(other.client, piped),
                FailsWith(Reason::kConnectionAttached));
  }
  EXPECT_THAT(Pipe(chain.left.server, chain.right.client),
              FailsWith(Reason::kConnectionAttached));
  EXPECT_THAT(Pipe(chain.right.client, chain.left.server),
              FailsWith(Reason::kConnectionAttached));

  ExpectCarriesBothWays(chain.left.client, chain.right.server);
  ExpectCarriesBothWays(other.client, other.server);
}

TEST_P(PipeTest, TakesNoneThatAnotherCallHas) {
  for (const Where where : kBothPlaces) {
    const Chain chain = MakeChain(where);
    const std::unique_ptr<StreamClient> stream = Attach(chain.right.client);

    EXPECT_THAT(Pipe(chain.left.server, chain.right.client),
                FailsWith(Reason::kConnectionAttached));
    EXPECT_THAT(Pipe(chain.right.client, chain.left.server),
                FailsWith(Reason::kConnectionAttached));

    ASSERT_TRUE(stream->SendData("streamed"));
    EXPECT_EQ(ReadBytes(chain.right.server, 8), "streamed");
    ExpectCarriesBothWays(chain.left.client, chain.left.server);
  }
}

TEST_P(PipeTest, TakesNoneThatHasEndedOrIsKept) {
  const Pair closed = OpenPlain();
  ASSERT_THAT(Close(closed.client), IsOk());
  v1::Listener options;
  options.mutable_echo();
  const v1::Listener echo = ListenPlain(options);
  const v1::Connection echoed = ConnectPlain(AddressOf(echo));
  const v1::Connection kept =
      Await(v1::EVENT_TYPE_CONNECTION, echo.name()).connection();
  const Pair pair = Open(Listen(), GetParam());

  EXPECT_THAT(Pipe(pair.server, closed.client),
              FailsWith(Reason::kConnectionClosed));
  EXPECT_THAT(Pipe(closed.client, pair.server),
              FailsWith(Reason::kConnectionClosed));
  EXPECT_THAT(Pipe(pair.server, kept), FailsWith(Reason::kHandlerMismatch));
  EXPECT_THAT(Pipe(kept, pair.server), FailsWith(Reason::kHandlerMismatch));

  ExpectCarriesBothWays(pair.client, pair.server);
  ASSERT_THAT(Write(echoed, "echo"), IsOk());
  EXPECT_EQ(ReadBytes(echoed, 4), "echo");
}

TEST_P(PipeTest, RefusesToFeedAConnectionWithWhatItCarries) {
  v1::CreateSecurePairRequest request;
  *request.mutable_server() = ServerOptions();
  ASSERT_OK_AND_ASSIGN(const v1::SecurePair pair, client().Call(request));

  EXPECT_THAT(Pipe(pair.cleartext(), pair.encrypted()),
              FailsWith(Reason::kFieldsConflict));
  EXPECT_THAT(Pipe(pair.encrypted(), pair.cleartext()),
              FailsWith(Reason::kFieldsConflict));

  // Both are as they were.
  *request.mutable_client() = ClientOptions(GetParam());
  ASSERT_OK_AND_ASSIGN(const v1::SecurePair dialling, client().Call(request));
  ASSERT_THAT(Pipe(pair.encrypted(), dialling.encrypted()), IsOk());
  Await(v1::EVENT_TYPE_SECURE_CONNECT, dialling.cleartext().name());
  Await(v1::EVENT_TYPE_SECURE_CONNECTION, pair.cleartext().name());
  ExpectCarriesBothWays(dialling.cleartext(), pair.cleartext());
}

TEST_P(PipeTest, WaitsForTheHandshakeOfOne) {
  v1::CreateSecurePairRequest request;
  *request.mutable_server() = ServerOptions();
  ASSERT_OK_AND_ASSIGN(const v1::SecurePair server, client().Call(request));
  *request.mutable_client() = ClientOptions(GetParam());
  ASSERT_OK_AND_ASSIGN(const v1::SecurePair dialling, client().Call(request));
  const Pair plain = OpenPlain();
  ASSERT_THAT(Write(plain.client, "early"), IsOk());

  ASSERT_THAT(Pipe(server.cleartext(), plain.server), IsOk());
  ASSERT_THAT(Pipe(server.encrypted(), dialling.encrypted()), IsOk());

  EXPECT_EQ(ReadBytes(dialling.cleartext(), 5), "early");
  ExpectCarriesBothWays(dialling.cleartext(), plain.client);
}

}  // namespace
}  // namespace tlsd::testing
