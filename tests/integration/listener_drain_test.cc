// What deleting a listener does to its address and its connections.
#include <optional>
#include <string>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/integration/raw_socket.h"
#include "tests/integration/tls_peer.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::testing {
namespace {

using ::testing::AnyOf;
using ::testing::Ge;

class ListenerDrainTest : public DaemonTest {
 protected:
  static absl::StatusOr<v1::Listener> Delete(
      const v1::Listener& listener,
      std::optional<absl::Duration> drain = std::nullopt,
      const std::string& etag = "") {
    v1::DeleteListenerRequest request;
    request.set_name(listener.name());
    request.set_etag(etag);
    if (drain.has_value()) *request.mutable_drain_timeout() = ToProto(*drain);
    return client().Call(request);
  }

  static void Close(const v1::Connection& connection) {
    v1::CloseRequest request;
    request.set_name(connection.name());
    EXPECT_THAT(client().Call(request), IsOk());
  }
};

TEST_F(ListenerDrainTest, StopsAcceptingAndLetsConnectionsLive) {
  const v1::Listener listener = ListenEcho();
  const v1::Connection connection = Connect(listener);

  ASSERT_OK_AND_ASSIGN(const v1::Listener deleted, Delete(listener));

  EXPECT_EQ(deleted.state(), v1::Listener::STATE_DRAINING);
  EXPECT_EQ(deleted.connection_count(), 1);
  // The sockets close on their loops: those that came before that are reset.
  EXPECT_THAT(client().Call(ToConnect(listener)),
              AnyOf(FailsWith(Reason::kConnectRefused),
                    FailsWith(Reason::kTransportReset)));
  const std::unique_ptr<StreamClient> stream = Attach(connection);
  EXPECT_TRUE(stream->SendData("still here"));
  EXPECT_EQ(stream->ReceiveBytes(10), "still here");
  ASSERT_OK_AND_ASSIGN(const v1::Listener draining, Get(listener));
  EXPECT_EQ(draining.state(), v1::Listener::STATE_DRAINING);
}

TEST_F(ListenerDrainTest, IsGoneAfterItsLastConnection) {
  const v1::Listener listener = Listen();
  const Pair pair = Open(listener);
  const std::unique_ptr<EventWatch> watch = Watch(listener.name());
  ASSERT_THAT(Delete(listener), IsOk());

  Close(pair.server);

  ASSERT_OK_AND_ASSIGN(const v1::Event first, watch->Next());
  EXPECT_EQ(first.type(), v1::EVENT_TYPE_CONNECTION_CLOSED);
  EXPECT_EQ(first.subject(), pair.server.name());
  ASSERT_OK_AND_ASSIGN(const v1::Event second, watch->Next());
  EXPECT_EQ(second.type(), v1::EVENT_TYPE_LISTENER_CLOSED);
  EXPECT_EQ(second.listener().state(), v1::Listener::STATE_CLOSED);
  EXPECT_EQ(second.listener().connection_count(), 0);
  EXPECT_THAT(Get(listener), FailsWith(Reason::kListenerNotFound));
  EXPECT_THAT(Delete(listener), FailsWith(Reason::kListenerNotFound));
  // Its connections can still be read.
  ASSERT_OK_AND_ASSIGN(const v1::Connection closed, Get(pair.server));
  EXPECT_EQ(closed.listener(), listener.name());
}

TEST_F(ListenerDrainTest, IsGoneAtOnceWithoutConnections) {
  const v1::Listener listener = Listen();
  const std::unique_ptr<EventWatch> watch = Watch(listener.name());

  ASSERT_THAT(Delete(listener), IsOk());

  ASSERT_OK_AND_ASSIGN(const v1::Event event, watch->Next());
  EXPECT_EQ(event.type(), v1::EVENT_TYPE_LISTENER_CLOSED);
}

TEST_F(ListenerDrainTest, ClosesWhatIsOpenAtTheDeadline) {
  const v1::Listener listener = Listen();
  const Pair pair = Open(listener);
  const std::unique_ptr<EventWatch> watch = Watch(listener.name());
  const absl::Time start = absl::Now();

  ASSERT_THAT(Delete(listener, absl::Milliseconds(200)), IsOk());

  // With close_notify: the client's end is clean.
  EXPECT_THAT(ReadAll(pair.client), IsOk());
  EXPECT_THAT(absl::Now() - start, Ge(absl::Milliseconds(190)));
  ASSERT_THAT(watch->WaitFor(v1::EVENT_TYPE_LISTENER_CLOSED), IsOk());
  EXPECT_FALSE(AwaitClosed(pair.server).has_failure());
}

TEST_F(ListenerDrainTest, ClosesAtOnceWhenTold) {
  const v1::Listener listener = Listen();
  const Pair pair = Open(listener);
  const std::unique_ptr<EventWatch> watch = Watch(listener.name());

  ASSERT_THAT(Delete(listener, absl::ZeroDuration()), IsOk());

  EXPECT_THAT(ReadAll(pair.client), IsOk());
  ASSERT_THAT(watch->WaitFor(v1::EVENT_TYPE_LISTENER_CLOSED), IsOk());
}

TEST_F(ListenerDrainTest, EndsHandshakesToo) {
  const v1::Listener listener = Listen();
  const std::unique_ptr<EventWatch> watch = Watch(listener.name());
  ASSERT_OK_AND_ASSIGN(RawSocket peer, RawSocket::Connect(AddressOf(listener)));
  ASSERT_TRUE(peer.Send(kHalfClientHello));
  // The listener has the peer by the time it has one that came later.
  Open(listener);

  ASSERT_THAT(Delete(listener, absl::ZeroDuration()), IsOk());

  std::string ignored;
  EXPECT_NE(peer.Receive(ignored), RawSocket::End::kTimeout);
  ASSERT_THAT(watch->WaitFor(v1::EVENT_TYPE_LISTENER_CLOSED), IsOk());
}

TEST_F(ListenerDrainTest, TakesTheNewerDeadline) {
  const v1::Listener sooner = Listen();
  const Pair pair = Open(sooner);
  ASSERT_THAT(Delete(sooner, absl::Hours(1)), IsOk());
  ASSERT_THAT(Delete(sooner, absl::ZeroDuration()), IsOk());
  EXPECT_THAT(ReadAll(pair.client), IsOk());

  const v1::Listener later = Listen();
  const Pair kept = Open(later);
  const v1::Listener other = Listen();
  const Pair ended = Open(other);
  ASSERT_THAT(Delete(later, absl::Milliseconds(200)), IsOk());
  ASSERT_THAT(Delete(later), IsOk());
  // When this one's deadline has come, that of the first would have too.
  ASSERT_THAT(Delete(other, absl::Milliseconds(300)), IsOk());
  EXPECT_THAT(ReadAll(ended.client), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::Connection still, Get(kept.server));
  EXPECT_EQ(still.state(), v1::Connection::STATE_OPEN);
}

TEST_F(ListenerDrainTest, FreesNameAndAddress) {
  v1::CreateListenerRequest request;
  request.set_listener_id("again");
  request.mutable_listener()->set_address("127.0.0.1:0");
  request.mutable_listener()->set_secure_context("secureContexts/server");
  ASSERT_OK_AND_ASSIGN(const v1::Listener first, client().Call(request));
  const Pair pair = Open(first);
  const std::unique_ptr<EventWatch> watch = Watch(first.name());
  ASSERT_THAT(Delete(first, absl::ZeroDuration()), IsOk());
  ASSERT_THAT(watch->WaitFor(v1::EVENT_TYPE_LISTENER_CLOSED), IsOk());

  request.mutable_listener()->set_address(AddressOf(first));
  ASSERT_OK_AND_ASSIGN(const v1::Listener second, client().Call(request));

  EXPECT_EQ(second.name(), first.name());
  EXPECT_NE(second.etag(), first.etag());
  EXPECT_EQ(Open(second).server.listener(), second.name());
}

TEST_F(ListenerDrainTest, DoesNothingForAStaleEtagOrABadRequest) {
  const v1::Listener listener = ListenEcho();

  EXPECT_THAT(Delete(listener, std::nullopt, "stale"),
              FailsWith(Reason::kEtagMismatch));
  EXPECT_THAT(Delete(listener, -absl::Seconds(1)),
              FailsWith(Reason::kFieldInvalid, "drain_timeout"));
  v1::Listener unnamed;
  EXPECT_THAT(Delete(unnamed), FailsWith(Reason::kFieldRequired, "name"));

  ASSERT_OK_AND_ASSIGN(const v1::Listener still, Get(listener));
  EXPECT_EQ(still.state(), v1::Listener::STATE_ACTIVE);
  EXPECT_THAT(Delete(listener, std::nullopt, listener.etag()), IsOk());
}

}  // namespace
}  // namespace tlsd::testing
