// Whoever does not read is not sent more than a bounded number of bytes, and
// stalls nobody else. Unix sockets, because the kernel's buffers are small
// there and do not grow.
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/integration/tls_peer.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::testing {
namespace {

using ::testing::Ge;
using ::testing::Gt;
using ::testing::Le;

// Queues on the way, in the daemon and in the kernel, hold less than this...
constexpr int64_t kHeldMax = 1 << 20;
// ... and the test sends more.
constexpr size_t kPieceSize = 1 << 20;
constexpr size_t kPieceCount = 4;
// A queue of the daemon, and one read that came when it was nearly full.
constexpr int64_t kQueueMax = (64 + 256) * 1024;
// How long something that is stalled is watched.
constexpr absl::Duration kWhile = absl::Milliseconds(300);

class BackPressureTest : public VersionTest {
 protected:
  // WriteMuch writes all pieces, then close_notify.
  static std::future<absl::Status> WriteMuch(const v1::Connection& connection) {
    return InBackground([connection]() -> absl::Status {
      v1::WriteRequest request;
      request.set_name(connection.name());
      request.set_data(std::string(kPieceSize, 'b'));
      for (size_t i = 0; i < kPieceCount; ++i) {
        request.set_shut_down(i + 1 == kPieceCount);
        const absl::Status status = client().Call(request).status();
        if (!status.ok()) return status;
      }
      return absl::OkStatus();
    });
  }

  // ExpectOthersGoOn uses enough connections that some share each worker.
  static void ExpectOthersGoOn() {
    const v1::Listener listener = ListenUnix();
    for (int i = 0; i < 4; ++i) {
      const Pair pair = Open(listener);
      ASSERT_THAT(Write(pair.client, "alive"), IsOk());
      ASSERT_OK_AND_ASSIGN(const v1::ReadResponse read, Read(pair.server));
      EXPECT_EQ(read.data(), "alive");
    }
  }
};

INSTANTIATE_IN_BOTH_VERSIONS(BackPressureTest);

TEST_P(BackPressureTest, HoldsTheWriterOfAPeerThatDoesNotRead) {
  const v1::Listener listener = ListenUnix();
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<TlsPeer> peer,
                       TlsPeer::Connect(AddressOf(listener), GetParam()));
  ASSERT_OK_AND_ASSIGN(const v1::Connection server, Accept(listener.name()));

  std::future<absl::Status> writing = WriteMuch(server);

  EXPECT_FALSE(HasResult(writing, kWhile));
  ASSERT_OK_AND_ASSIGN(const v1::Connection stalled, Get(server));
  EXPECT_THAT(stalled.cleartext_bytes_sent(), Gt(0));
  EXPECT_THAT(stalled.cleartext_bytes_sent(), Le(kHeldMax));
  ExpectOthersGoOn();
  EXPECT_EQ(peer->ReceiveAll().size(), kPieceSize * kPieceCount);
  EXPECT_EQ(peer->end(), TlsPeer::End::kCloseNotify);
  EXPECT_THAT(writing.get(), IsOk());
}

TEST_P(BackPressureTest, HoldsThePeerOfAClientThatDoesNotReadItsStream) {
  const Pair pair = Open(ListenUnix(), GetParam());
  ControlClient narrow(control_address(), ControlClient::Window::kSmall);
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<StreamClient> stream,
                       StreamClient::Attach(narrow, pair.server));

  std::future<absl::Status> writing = WriteMuch(pair.client);

  EXPECT_FALSE(HasResult(writing, kWhile));
  ASSERT_OK_AND_ASSIGN(const v1::Connection stalled, Get(pair.server));
  EXPECT_THAT(stalled.cleartext_bytes_received(), Gt(0));
  EXPECT_THAT(stalled.cleartext_bytes_received(), Le(kHeldMax));
  ExpectOthersGoOn();
  EXPECT_EQ(stream->ReceiveAll().size(), kPieceSize * kPieceCount);
  EXPECT_TRUE(stream->has_end());
  EXPECT_THAT(writing.get(), IsOk());
}

TEST_P(BackPressureTest, HoldsThePeerOfAConnectionThatNobodyTakes) {
  const v1::Listener listener = ListenUnix();
  const std::unique_ptr<EventWatch> watch = Watch(listener.name());
  const v1::Connection connection = Connect(listener, GetParam());
  ASSERT_OK_AND_ASSIGN(const v1::Event event,
                       watch->WaitFor(v1::EVENT_TYPE_SECURE_CONNECTION));

  std::future<absl::Status> writing = WriteMuch(connection);

  EXPECT_FALSE(HasResult(writing, kWhile));
  ASSERT_OK_AND_ASSIGN(const v1::Connection stalled, Get(event.connection()));
  EXPECT_THAT(stalled.cleartext_bytes_received(), Ge(64 * 1024));
  EXPECT_THAT(stalled.cleartext_bytes_received(), Le(kQueueMax));
  ASSERT_OK_AND_ASSIGN(const v1::Connection server, Accept(listener.name()));
  ASSERT_OK_AND_ASSIGN(const std::string bytes, ReadAll(server));
  EXPECT_EQ(bytes.size(), kPieceSize * kPieceCount);
  EXPECT_THAT(writing.get(), IsOk());
}

TEST_P(BackPressureTest, HoldsTheWriterWhoDoesNotReadItsEcho) {
  v1::Listener options;
  options.set_address("unix:" + UnusedPath());
  options.mutable_echo();
  const v1::Connection connection = Connect(Listen(options), GetParam());

  std::future<absl::Status> writing = WriteMuch(connection);

  EXPECT_FALSE(HasResult(writing, kWhile));
  ASSERT_OK_AND_ASSIGN(const v1::Connection stalled, Get(connection));
  EXPECT_THAT(stalled.cleartext_bytes_sent(), Le(2 * kHeldMax));
  EXPECT_THAT(stalled.cleartext_bytes_received(), Le(kQueueMax));
  ExpectOthersGoOn();
  ASSERT_OK_AND_ASSIGN(const std::string bytes, ReadAll(connection));
  EXPECT_EQ(bytes.size(), kPieceSize * kPieceCount);
  EXPECT_THAT(writing.get(), IsOk());
}

TEST_P(BackPressureTest, EndsAWriterThatGivesUp) {
  const Pair pair = Open(ListenUnix(), GetParam());
  v1::WriteRequest request;
  request.set_name(pair.client.name());
  request.set_data(std::string(kPieceSize, 'b'));
  CallContext impatient(kWhile);

  EXPECT_EQ(client().Call(request, &impatient).status().code(),
            absl::StatusCode::kDeadlineExceeded);

  // The daemon hears of it a moment later; then others may write.
  request.clear_data();
  request.set_shut_down(true);
  absl::Status next = client().Call(request).status();
  while (!next.ok()) {
    ASSERT_THAT(next, FailsWith(Reason::kConnectionAttached));
    next = client().Call(request).status();
  }
  ASSERT_OK_AND_ASSIGN(const std::string bytes, ReadAll(pair.server));
  EXPECT_LT(bytes.size(), kPieceSize);
}

TEST_P(BackPressureTest, ClosesAlthoughThePeerDoesNotRead) {
  const v1::Listener listener = ListenUnix();
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<TlsPeer> peer,
                       TlsPeer::Connect(AddressOf(listener), GetParam()));
  ASSERT_OK_AND_ASSIGN(const v1::Connection server, Accept(listener.name()));
  std::future<absl::Status> writing = WriteMuch(server);
  EXPECT_FALSE(HasResult(writing, kWhile));
  v1::CloseRequest close;
  close.set_name(server.name());

  ASSERT_OK_AND_ASSIGN(const v1::Connection closed, client().Call(close));

  EXPECT_EQ(closed.state(), v1::Connection::STATE_CLOSED);
  EXPECT_THAT(writing.get(), FailsWith(Reason::kConnectionClosed));
  // What was queued still comes, and close_notify after it.
  EXPECT_EQ(peer->ReceiveAll().size(),
            static_cast<size_t>(closed.cleartext_bytes_sent()));
  EXPECT_EQ(peer->end(), TlsPeer::End::kCloseNotify);
}

}  // namespace
}  // namespace tlsd::testing
