// Connections that workers make beside dialling: over others, in pairs, joined,
// and to upstreams.
#include <memory>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/byte_queue.h"
#include "server/conn/stream_sink.h"
#include "server/worker/pipe.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/worker/data_plane.h"

namespace tlsd::worker {
namespace {

using testing::FailsWith;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::Not;
using Connected = absl::StatusOr<conn::ConnectionFacts>;
using Read = absl::StatusOr<conn::StreamSink::Cleartext>;

class WorkerConnectTest : public ::testing::Test {
 protected:
  static conn::StreamSink& SinkOf(conn::Connection& connection) {
    return *static_cast<conn::StreamSink*>(connection.sink());
  }

  void Write(const std::string& name, const std::string& text,
             bool shut_down = false) {
    Answer<absl::Status> answer;
    ASSERT_THAT(plane_.Visit(name,
                             [&](conn::Connection& connection) {
                               SinkOf(connection)
                                   .Write(connection, text, shut_down,
                                          [&](absl::Status written) {
                                            answer.Set(std::move(written));
                                          });
                             }),
                IsOk());
    EXPECT_THAT(answer.Get(), IsOk());
  }

  // What comes next; empty at the end.
  absl::StatusOr<std::string> ReadText(const std::string& name,
                                       size_t size_max = 100) {
    Answer<Read> answer;
    const absl::Status visited =
        plane_.Visit(name, [&](conn::Connection& connection) {
          SinkOf(connection).Read(connection, size_max, [&](Read read) {
            answer.Set(std::move(read));
          });
        });
    if (!visited.ok()) return visited;
    Read read = answer.Get();
    if (!read.ok()) return read.status();
    return read->bytes;
  }

  static conn::ConnectionOptions ServerSide() {
    conn::ConnectionOptions options;
    options.role = tls::Role::kServer;
    options.secure_context =
        testing::MakeContext(testing::ServerOptions(tls::TlsVersion::kTls13));
    return options;
  }
  static conn::ConnectionOptions ClientSide() {
    conn::ConnectionOptions options;
    options.role = tls::Role::kClient;
    options.secure_context =
        testing::MakeContext(testing::ClientOptions(tls::TlsVersion::kTls13));
    options.engine = testing::LocalhostOptions();
    return options;
  }

  PairFacts NewPair(conn::ConnectionOptions options) {
    Answer<bool> answer;
    absl::StatusOr<PairFacts> pair;
    pool_.CreatePair(std::move(options), [&](absl::StatusOr<PairFacts> made) {
      pair = std::move(made);
      answer.Set(true);
    });
    answer.Get();
    EXPECT_THAT(pair, IsOk());
    return pair.ok() ? *std::move(pair) : PairFacts();
  }

  Connected Pipe(const std::string& name, const std::string& peer) {
    Answer<Connected> answer;
    worker::Pipe(pool_, name, peer,
                 [&](Connected facts) { answer.Set(std::move(facts)); });
    return answer.Get();
  }

  // A plain connection to a plain listener: its two ends.
  std::pair<std::string, std::string> PlainEnds() {
    ListenerOptions options = DataPlane::OptionsFor(Handler::kStream);
    options.protection = conn::Protection::kNone;
    options.secure_context = nullptr;
    const auto listener = plane_.listeners().Create("", options);
    EXPECT_THAT(listener, IsOk());
    DialOptions dial = DataPlane::DialTo(listener->bound_address);
    dial.connection.protection = conn::Protection::kNone;
    const Connected client = plane_.Connect(std::move(dial));
    EXPECT_THAT(client, IsOk());
    Answer<absl::StatusOr<std::string>> answer;
    (*plane_.listeners().Get(listener->name))
        ->accept_queue()
        .Wait([&](absl::StatusOr<std::string> name) {
          answer.Set(std::move(name));
        });
    return {client->name, *answer.Get()};
  }

  void StartUpgrade(const std::string& carrier, conn::ConnectionOptions options,
                    Answer<Connected>& answer) {
    pool_.Upgrade(carrier, std::move(options),
                  [&](Connected facts) { answer.Set(std::move(facts)); });
  }

  DataPlane plane_;
  WorkerPool& pool_ = plane_.pool();
};

TEST_F(WorkerConnectTest, UpgradesBothEndsOfAPlainConnection) {
  const auto [near, far] = PlainEnds();
  Answer<Connected> client_answer;
  Answer<Connected> server_answer;
  StartUpgrade(far, ServerSide(), server_answer);
  StartUpgrade(near, ClientSide(), client_answer);

  const Connected client = client_answer.Get();
  const Connected server = server_answer.Get();

  ASSERT_THAT(client, IsOk());
  ASSERT_THAT(server, IsOk());
  EXPECT_EQ(client->carrier, near);
  EXPECT_EQ(WorkerIndex(client->name), WorkerIndex(near));
  EXPECT_TRUE(client->handshake->authorized);
  Write(client->name, "in TLS", /*shut_down=*/true);
  EXPECT_EQ(*ReadText(server->name), "in TLS");
  EXPECT_EQ(*ReadText(server->name), "");
  Write(server->name, "", /*shut_down=*/true);
  for (const std::string& name : {near, far, client->name, server->name}) {
    const auto closed = plane_.Await(EventType::kConnectionClosed, name);
    EXPECT_THAT(closed->about<conn::ConnectionFacts>().failure, IsOk());
  }
}

TEST_F(WorkerConnectTest, LeavesTheCarrierOfABadUpgradeAlone) {
  const auto [near, far] = PlainEnds();
  conn::ConnectionOptions options = ClientSide();
  options.engine.server_name = "no name";
  Answer<Connected> answer;
  StartUpgrade(near, std::move(options), answer);
  EXPECT_THAT(answer.Get(), FailsWith(Reason::kServerNameInvalid));

  Write(near, "still plain");
  EXPECT_EQ(*ReadText(far), "still plain");
}

TEST_F(WorkerConnectTest, RefusesToUpgradeWhatCannotCarry) {
  const auto [near, far] = PlainEnds();
  Answer<Connected> unknown;
  StartUpgrade("connections/c-nobody-0", ClientSide(), unknown);
  EXPECT_THAT(unknown.Get(), FailsWith(Reason::kConnectionNotFound));

  ASSERT_THAT(
      plane_.Visit(near,
                   [](conn::Connection& connection) {
                     EXPECT_THAT(
                         SinkOf(connection).Claim(conn::Direction::kRead),
                         IsOk());
                   }),
      IsOk());
  Answer<Connected> attached;
  StartUpgrade(near, ClientSide(), attached);
  EXPECT_THAT(attached.Get(), FailsWith(Reason::kConnectionAttached));

  ASSERT_THAT(
      plane_.Visit(far,
                   [](conn::Connection& connection) { connection.Close(); }),
      IsOk());
  Answer<Connected> closed;
  StartUpgrade(far, ServerSide(), closed);
  EXPECT_THAT(closed.Get(), FailsWith(Reason::kConnectionClosed));
}

TEST_F(WorkerConnectTest, EndsTheCarrierWithAFailedHandshake) {
  const auto [near, far] = PlainEnds();
  conn::ConnectionOptions options = ClientSide();
  options.engine.server_name = "other.test";
  Answer<Connected> client_answer;
  Answer<Connected> server_answer;
  StartUpgrade(far, ServerSide(), server_answer);
  StartUpgrade(near, std::move(options), client_answer);

  EXPECT_THAT(client_answer.Get(),
              FailsWith(Reason::kPeerCertificateNameMismatch));
  EXPECT_THAT(server_answer.Get(), Not(IsOk()));
  plane_.Await(EventType::kConnectionClosed, near);
  plane_.Await(EventType::kConnectionClosed, far);
}

TEST_F(WorkerConnectTest, GivesUpAnUpgrade) {
  const auto [near, far] = PlainEnds();
  Answer<Connected> answer;
  const std::string name =
      pool_.Upgrade(near, ClientSide(),
                    [&](Connected facts) { answer.Set(std::move(facts)); });
  pool_.CancelConnect(name);
  EXPECT_THAT(answer.Get(), FailsWith(Reason::kCallCancelled));
  plane_.Await(EventType::kConnectionClosed, near);
}

TEST_F(WorkerConnectTest, MakesPairsThatMeetOverAPipe) {
  const PairFacts client = NewPair(ClientSide());
  const PairFacts server = NewPair(ServerSide());
  EXPECT_EQ(client.cleartext.carrier, client.encrypted.name);
  EXPECT_FALSE(client.encrypted.encrypted);
  EXPECT_EQ(client.cleartext.state, conn::ConnectionState::kHandshaking);
  // They are on different workers.
  EXPECT_NE(WorkerIndex(client.encrypted.name),
            WorkerIndex(server.encrypted.name));

  EXPECT_THAT(Pipe(client.encrypted.name, server.encrypted.name), IsOk());

  plane_.Await(EventType::kSecureConnect, client.cleartext.name);
  plane_.Await(EventType::kSecureConnection, server.cleartext.name);
  Write(client.cleartext.name, "through a pair", /*shut_down=*/true);
  EXPECT_EQ(*ReadText(server.cleartext.name), "through a pair");
  Write(server.cleartext.name, "and back", /*shut_down=*/true);
  EXPECT_EQ(*ReadText(client.cleartext.name), "and back");
  for (const conn::ConnectionFacts& side :
       {client.cleartext, client.encrypted, server.cleartext,
        server.encrypted}) {
    const auto closed = plane_.Await(EventType::kConnectionClosed, side.name);
    EXPECT_THAT(closed->about<conn::ConnectionFacts>().failure, IsOk());
  }
}

TEST_F(WorkerConnectTest, EndsAPairWhoseCiphertextIsCutOff) {
  const PairFacts pair = NewPair(ClientSide());
  EXPECT_THAT(*ReadText(pair.encrypted.name, 10'000), Not(IsEmpty()));
  Write(pair.encrypted.name, "", /*shut_down=*/true);
  const auto closed =
      plane_.Await(EventType::kConnectionClosed, pair.cleartext.name);
  EXPECT_THAT(closed->about<conn::ConnectionFacts>().failure,
              FailsWith(Reason::kTlsTruncated));
  plane_.Await(EventType::kConnectionClosed, pair.encrypted.name);
}

TEST_F(WorkerConnectTest, DoesNotPipeAPairIntoItself) {
  const PairFacts pair = NewPair(ClientSide());
  EXPECT_THAT(Pipe(pair.cleartext.name, pair.encrypted.name),
              FailsWith(Reason::kFieldsConflict));
  EXPECT_THAT(Pipe(pair.encrypted.name, pair.cleartext.name),
              FailsWith(Reason::kFieldsConflict));
  EXPECT_THAT(Pipe(pair.encrypted.name, pair.encrypted.name), IsOk());
}

TEST_F(WorkerConnectTest, PipesAConnectionIntoItself) {
  const auto [near, far] = PlainEnds();
  EXPECT_THAT(Pipe(far, far), IsOk());
  Write(near, "echo", /*shut_down=*/true);
  EXPECT_EQ(*ReadText(near), "echo");
  EXPECT_EQ(*ReadText(near), "");
}

TEST_F(WorkerConnectTest, LeavesBothAloneIfOneCannotBePiped) {
  const auto [near, far] = PlainEnds();
  EXPECT_THAT(Pipe(near, "connections/c-nobody-1"),
              FailsWith(Reason::kConnectionNotFound));
  EXPECT_THAT(Pipe("connections/c-nobody-1", near),
              FailsWith(Reason::kConnectionNotFound));
  Write(near, "unchanged");
  EXPECT_EQ(*ReadText(far), "unchanged");
  EXPECT_THAT(Pipe(near, near), IsOk());
  EXPECT_THAT(Pipe(near, far), FailsWith(Reason::kConnectionAttached));
}

TEST_F(WorkerConnectTest, BreaksAPipeWithoutACleanEnd) {
  const auto [a, a_far] = PlainEnds();
  const auto [b, b_far] = PlainEnds();
  ASSERT_THAT(Pipe(a, b), IsOk());
  ASSERT_THAT(
      plane_.Visit(a_far,
                   [](conn::Connection& connection) { connection.Reset(); }),
      IsOk());
  const auto closed = plane_.Await(EventType::kConnectionClosed, b);
  EXPECT_THAT(closed->about<conn::ConnectionFacts>().failure,
              FailsWith(Reason::kPipeBroken));
  EXPECT_THAT(ReadText(b_far), FailsWith(Reason::kTransportReset));
}

// To upstreams.

class ForwardTest : public WorkerConnectTest,
                    public ::testing::WithParamInterface<conn::Protection> {
 protected:
  // A listener that forwards to `upstream`.
  ListenerFacts ForwardTo(const net::SocketAddress& upstream) {
    ListenerOptions options = DataPlane::OptionsFor(Handler::kForward);
    auto forward = std::make_shared<ForwardOptions>();
    forward->upstream = DataPlane::DialTo(upstream);
    forward->upstream.connection.protection = GetParam();
    options.forward = forward;
    const auto listener = plane_.listeners().Create("", options);
    EXPECT_THAT(listener, IsOk());
    return *listener;
  }
  ListenerFacts Upstream(Handler handler) {
    ListenerOptions options = DataPlane::OptionsFor(handler);
    options.protection = GetParam();
    return *plane_.listeners().Create("", options);
  }
};

TEST_P(ForwardTest, CarriesBothWaysAndEnds) {
  const Connected client =
      plane_.Connect(ForwardTo(Upstream(Handler::kEcho).bound_address));
  ASSERT_THAT(client, IsOk());
  Write(client->name, "there and back", /*shut_down=*/true);
  EXPECT_EQ(*ReadText(client->name), "there and back");
  EXPECT_EQ(*ReadText(client->name), "");
}

TEST_P(ForwardTest, TellsThatTheUpstreamCannotBeReached) {
  const ListenerFacts gone = Upstream(Handler::kEcho);
  ASSERT_THAT(plane_.Delete(gone.name, absl::ZeroDuration()), IsOk());
  const ListenerFacts listener = ForwardTo(gone.bound_address);
  const Connected client = plane_.Connect(listener);
  ASSERT_THAT(client, IsOk());
  const auto accepted =
      plane_.Await(EventType::kSecureConnection, listener.name);
  const auto closed =
      plane_.Await(EventType::kConnectionClosed,
                   accepted->about<conn::ConnectionFacts>().name);
  const auto& facts = closed->about<conn::ConnectionFacts>();
  EXPECT_THAT(facts.failure, FailsWith(Reason::kUpstreamFailed));
  EXPECT_EQ(facts.upstream, gone.bound_address.ToString());
  EXPECT_THAT(ReadText(client->name), FailsWith(Reason::kPeerAlert));
}

TEST_P(ForwardTest, KeepsTheUpstreamsCleartextToItself) {
  const Connected client =
      plane_.Connect(ForwardTo(Upstream(Handler::kStream).bound_address));
  ASSERT_THAT(client, IsOk());
  Write(client->name, "x");
  if (GetParam() == conn::Protection::kNone) return;
  Worker::ListOptions options;
  options.count_max = 100;
  int upstream_count = 0;
  for (const conn::ConnectionFacts& facts : plane_.List(options)) {
    if (facts.role != tls::Role::kClient || facts.name == client->name)
      continue;
    ++upstream_count;
    ASSERT_THAT(plane_.Visit(facts.name,
                             [](conn::Connection& connection) {
                               EXPECT_THAT(
                                   conn::StreamSink::Of(connection).status(),
                                   FailsWith(Reason::kConnectionAttached));
                             }),
                IsOk());
  }
  EXPECT_LE(upstream_count, 1);
}

TEST_P(ForwardTest, EndsWithTheWorkers) {
  const Connected client =
      plane_.Connect(ForwardTo(Upstream(Handler::kStream).bound_address));
  ASSERT_THAT(client, IsOk());
  Write(client->name, "on its way");
}

INSTANTIATE_TEST_SUITE_P(Upstreams, ForwardTest,
                         ::testing::Values(conn::Protection::kNone,
                                           conn::Protection::kTls),
                         [](const auto& info) {
                           return info.param == conn::Protection::kNone
                                      ? "Plain"
                                      : "Tls";
                         });

}  // namespace
}  // namespace tlsd::worker
