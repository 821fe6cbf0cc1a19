// Stream: cleartext both ways, its ends, and what becomes of a connection.
#include <future>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/integration/tls_peer.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::testing {
namespace {

class StreamTest : public VersionTest {
 protected:
  static std::unique_ptr<StreamClient> AttachAs(
      const v1::Connection& connection, v1::DetachPolicy policy,
      bool as_text = false) {
    v1::StreamAttach attach;
    attach.set_connection(connection.name());
    attach.set_detach_policy(policy);
    attach.set_as_text(as_text);
    absl::StatusOr<std::unique_ptr<StreamClient>> stream =
        StreamClient::Attach(client(), attach);
    EXPECT_THAT(stream, IsOk());
    return stream.ok() ? *std::move(stream) : StreamClient::Open(client());
  }

  // FailsAfter returns how a call ends whose only messages are these.
  static absl::Status FailsAfter(const v1::StreamRequest& first,
                                 const v1::StreamRequest* second = nullptr) {
    const std::unique_ptr<StreamClient> stream = StreamClient::Open(client());
    stream->Send(first);
    if (second != nullptr) stream->Send(*second);
    return stream->Finish();
  }

  static v1::StreamRequest AttachTo(const std::string& name) {
    v1::StreamRequest request;
    request.mutable_attach()->set_connection(name);
    return request;
  }
};

INSTANTIATE_IN_BOTH_VERSIONS(StreamTest);

TEST_P(StreamTest, CarriesBytesBothWays) {
  const Pair pair = Open(Listen(), GetParam());
  const std::unique_ptr<StreamClient> left = Attach(pair.client);
  const std::unique_ptr<StreamClient> right = Attach(pair.server);
  EXPECT_EQ(left->attached().name(), pair.client.name());
  EXPECT_EQ(left->attached().state(), v1::Connection::STATE_OPEN);

  EXPECT_TRUE(left->SendData("ping"));
  EXPECT_EQ(right->ReceiveBytes(4), "ping");
  EXPECT_TRUE(right->SendText("pong"));
  EXPECT_EQ(left->ReceiveBytes(4), "pong");
  left->HalfClose();
  right->HalfClose();

  EXPECT_EQ(left->ReceiveAll(), "");
  EXPECT_EQ(right->ReceiveAll(), "");
  EXPECT_TRUE(left->has_end());
  EXPECT_TRUE(right->has_end());
  EXPECT_THAT(left->Finish(), IsOk());
  EXPECT_THAT(right->Finish(), IsOk());
  const v1::Connection closed = AwaitClosed(pair.client);
  EXPECT_FALSE(closed.has_failure());
  EXPECT_EQ(closed.cleartext_bytes_sent(), 4);
  EXPECT_EQ(closed.cleartext_bytes_received(), 4);
  EXPECT_TRUE(closed.shut_down());
  EXPECT_TRUE(closed.peer_closed());
}

TEST_P(StreamTest, KeepsTheOtherDirectionOpenAfterAHalfClose) {
  const Pair pair = Open(Listen(), GetParam());
  const std::unique_ptr<StreamClient> left = Attach(pair.client);
  const std::unique_ptr<StreamClient> right = Attach(pair.server);

  EXPECT_TRUE(left->SendData("question"));
  left->HalfClose();
  EXPECT_EQ(right->ReceiveAll(), "question");
  EXPECT_TRUE(right->has_end());
  EXPECT_TRUE(right->SendData("answer"));
  EXPECT_EQ(left->ReceiveBytes(6), "answer");
  right->HalfClose();

  EXPECT_EQ(left->ReceiveAll(), "");
  EXPECT_THAT(left->Finish(), IsOk());
  EXPECT_THAT(right->Finish(), IsOk());
}

TEST_P(StreamTest, DeliversEverythingBeforeTheEnd) {
  const Pair pair = Open(Listen(), GetParam());
  const std::string bytes(60000, 'e');
  ASSERT_THAT(Write(pair.client, bytes), IsOk());
  v1::CloseRequest close;
  close.set_name(pair.client.name());
  ASSERT_THAT(client().Call(close), IsOk());

  const std::unique_ptr<StreamClient> right = Attach(pair.server);

  EXPECT_EQ(right->ReceiveAll(), bytes);
  EXPECT_TRUE(right->has_end());
  right->HalfClose();
  EXPECT_THAT(right->Finish(), IsOk());
}

TEST_P(StreamTest, TellsTruncationFromACleanEnd) {
  const v1::Listener listener = Listen();
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<TlsPeer> peer,
                       TlsPeer::Connect(AddressOf(listener), GetParam()));
  ASSERT_OK_AND_ASSIGN(const v1::Connection server, Accept(listener.name()));
  ASSERT_TRUE(peer->Send("half a sent"));

  peer->socket().EndSending();

  const std::unique_ptr<StreamClient> stream = Attach(server);
  EXPECT_EQ(stream->ReceiveAll(), "half a sent");
  EXPECT_FALSE(stream->has_end());
  EXPECT_THAT(stream->Finish(), FailsWith(Reason::kTlsTruncated));
  EXPECT_EQ(AwaitClosed(server).failure().reason(), "TLS_TRUNCATED");
  ASSERT_OK_AND_ASSIGN(const v1::Connection closed, Get(server));
  EXPECT_FALSE(closed.peer_closed());
}

TEST_P(StreamTest, ShowsTheDaemonsCloseNotifyToAForeignPeer) {
  const v1::Listener listener = Listen();
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<TlsPeer> peer,
                       TlsPeer::Connect(AddressOf(listener), GetParam()));
  ASSERT_OK_AND_ASSIGN(const v1::Connection server, Accept(listener.name()));
  const std::unique_ptr<StreamClient> stream = Attach(server);

  EXPECT_TRUE(stream->SendData("bye"));
  stream->HalfClose();

  EXPECT_EQ(peer->ReceiveAll(), "bye");
  EXPECT_EQ(peer->end(), TlsPeer::End::kCloseNotify);
  // RFC 8446 6.1: the other direction lives on.
  ASSERT_TRUE(peer->Send("and after"));
  peer->Shutdown();
  EXPECT_EQ(stream->ReceiveAll(), "and after");
  EXPECT_THAT(stream->Finish(), IsOk());
}

TEST_P(StreamTest, ClosesAConnectionWhoseStreamIsGone) {
  const Pair pair = Open(Listen(), GetParam());
  std::unique_ptr<StreamClient> stream = Attach(pair.server);

  stream->Cancel();
  stream.reset();

  // With close_notify.
  EXPECT_THAT(ReadAll(pair.client), IsOk());
  EXPECT_FALSE(AwaitClosed(pair.server).has_failure());
}

TEST_P(StreamTest, KeepsAConnectionIfTold) {
  const Pair pair = Open(Listen(), GetParam());
  std::unique_ptr<StreamClient> lost =
      AttachAs(pair.server, v1::DETACH_POLICY_KEEP);
  lost->Cancel();
  lost.reset();

  // Until the daemon has heard of it the first is still attached.
  std::unique_ptr<StreamClient> next;
  while (next == nullptr) {
    absl::StatusOr<std::unique_ptr<StreamClient>> stream =
        StreamClient::Attach(client(), pair.server);
    if (stream.ok()) {
      next = *std::move(stream);
    } else {
      ASSERT_THAT(stream, FailsWith(Reason::kConnectionAttached));
    }
  }

  ASSERT_THAT(Write(pair.client, "still there?"), IsOk());
  EXPECT_EQ(next->ReceiveBytes(12), "still there?");
}

TEST_P(StreamTest, LetsOneCallAttachAtATime) {
  const Pair pair = Open(Listen(), GetParam());
  const std::unique_ptr<StreamClient> stream = Attach(pair.server);

  EXPECT_THAT(FailsAfter(AttachTo(pair.server.name())),
              FailsWith(Reason::kConnectionAttached));
  EXPECT_THAT(Write(pair.server, "x"), FailsWith(Reason::kConnectionAttached));
  EXPECT_THAT(Read(pair.server), FailsWith(Reason::kConnectionAttached));

  // The first has not noticed.
  EXPECT_TRUE(stream->SendData("mine"));
  ASSERT_OK_AND_ASSIGN(const v1::ReadResponse read, Read(pair.client));
  EXPECT_EQ(read.data(), "mine");
}

TEST_P(StreamTest, GivesTextWhereItIsText) {
  const Pair pair = Open(Listen(), GetParam());
  const std::unique_ptr<StreamClient> stream =
      AttachAs(pair.server, v1::DETACH_POLICY_CLOSE, /*as_text=*/true);

  ASSERT_THAT(Write(pair.client, "gr\xc3\xbc\xc3\x9f dich"), IsOk());
  std::optional<v1::StreamResponse> response = stream->Receive();
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->text(), "gr\xc3\xbc\xc3\x9f dich");
  ASSERT_THAT(Write(pair.client, "\xff\xfe no text"), IsOk());
  response = stream->Receive();
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->data(), "\xff\xfe no text");
}

TEST_F(StreamTest, WantsAttachFirstAndOnce) {
  const Pair pair = Open(Listen());
  v1::StreamRequest data;
  data.set_data("x");
  const v1::StreamRequest empty;
  const v1::StreamRequest attach = AttachTo(pair.server.name());

  EXPECT_THAT(FailsAfter(data), FailsWith(Reason::kStreamMessageInvalid));
  EXPECT_THAT(FailsAfter(empty), FailsWith(Reason::kStreamMessageInvalid));
  const std::unique_ptr<StreamClient> silent = StreamClient::Open(client());
  silent->HalfClose();
  EXPECT_THAT(silent->Finish(), FailsWith(Reason::kStreamMessageInvalid));
  EXPECT_THAT(FailsAfter(AttachTo("")),
              FailsWith(Reason::kFieldRequired, "attach.connection"));
  EXPECT_THAT(FailsAfter(AttachTo("listeners/x")),
              FailsWith(Reason::kNameInvalid, "attach.connection"));
  EXPECT_THAT(FailsAfter(AttachTo("connections/c-0123456789abcdef-0")),
              FailsWith(Reason::kConnectionNotFound));
  EXPECT_THAT(FailsAfter(attach, &attach),
              FailsWith(Reason::kStreamMessageInvalid));
  const Pair other = Open(Listen());
  EXPECT_THAT(FailsAfter(AttachTo(other.server.name()), &empty),
              FailsWith(Reason::kStreamMessageInvalid));
}

TEST_F(StreamTest, TakesMessagesUpToAMebibyte) {
  const Pair pair = Open(ListenUnix());
  const std::string bytes(1 << 20, 'm');
  const std::unique_ptr<StreamClient> left = Attach(pair.client);
  const std::unique_ptr<StreamClient> right = Attach(pair.server);

  EXPECT_TRUE(left->SendData(bytes));
  EXPECT_EQ(right->ReceiveBytes(bytes.size()), bytes);

  left->SendData(bytes + "m");
  EXPECT_THAT(left->Finish(), FailsWith(Reason::kStreamMessageInvalid));
}

TEST_F(StreamTest, AttachesToNoConnectionOfAnEchoListener) {
  const v1::Listener listener = ListenEcho();
  const std::unique_ptr<EventWatch> watch = Watch(listener.name());
  Connect(listener);
  ASSERT_OK_AND_ASSIGN(const v1::Event event,
                       watch->WaitFor(v1::EVENT_TYPE_SECURE_CONNECTION));

  EXPECT_THAT(FailsAfter(AttachTo(event.subject())),
              FailsWith(Reason::kHandlerMismatch));
}

TEST_P(StreamTest, CarriesManyBytesWithoutLossOrChange) {
  constexpr size_t kPieceSize = 1 << 20;
  constexpr size_t kPieceCount = 64;
  const v1::Connection connection = Connect(ListenEcho(), GetParam());
  const std::unique_ptr<StreamClient> stream = Attach(connection);
  // Each piece is the same noise from another place on.
  std::minstd_rand random(64);
  std::string noise(kPieceSize + kPieceCount, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  const auto piece_at = [&noise](size_t index) {
    return absl::string_view(noise).substr(index, kPieceSize);
  };

  auto sending = InBackground([&] {
    for (size_t i = 0; i < kPieceCount; ++i) {
      if (!stream->SendData(piece_at(i))) return false;
    }
    stream->HalfClose();
    return true;
  });

  std::string rest;
  for (size_t i = 0; i < kPieceCount; ++i) {
    std::string piece = rest + stream->ReceiveBytes(kPieceSize - rest.size());
    ASSERT_GE(piece.size(), kPieceSize);
    rest = piece.substr(kPieceSize);
    piece.resize(kPieceSize);
    ASSERT_TRUE(piece == piece_at(i)) << "piece " << i;
  }
  EXPECT_EQ(rest + stream->ReceiveAll(), "");
  EXPECT_TRUE(stream->has_end());
  EXPECT_TRUE(sending.get());
  EXPECT_THAT(stream->Finish(), IsOk());
  const v1::Connection closed = AwaitClosed(connection);
  EXPECT_EQ(closed.cleartext_bytes_received(),
            static_cast<int64_t>(kPieceCount * kPieceSize));
}

}  // namespace
}  // namespace tlsd::testing
