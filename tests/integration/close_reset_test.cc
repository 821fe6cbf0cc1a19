// Close and Reset, and what can be asked of a connection that has ended.
#include <memory>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/integration/tls_peer.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::testing {
namespace {

using ::testing::AnyOf;

class CloseResetTest : public VersionTest {
 protected:
  template <typename Request>
  static absl::StatusOr<v1::Connection> On(const v1::Connection& connection) {
    Request request;
    request.set_name(connection.name());
    return client().Call(request);
  }
};

INSTANTIATE_IN_BOTH_VERSIONS(CloseResetTest);

TEST_P(CloseResetTest, ClosesWithCloseNotifyAfterWhatIsQueued) {
  const v1::Listener listener = Listen();
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<TlsPeer> peer,
                       TlsPeer::Connect(AddressOf(listener), GetParam()));
  ASSERT_OK_AND_ASSIGN(const v1::Connection server, Accept(listener.name()));
  ASSERT_THAT(Write(server, "goodbye"), IsOk());

  ASSERT_OK_AND_ASSIGN(const v1::Connection closed,
                       On<v1::CloseRequest>(server));

  EXPECT_EQ(closed.state(), v1::Connection::STATE_CLOSED);
  EXPECT_FALSE(closed.has_failure());
  EXPECT_TRUE(closed.shut_down());
  EXPECT_TRUE(closed.has_close_time());
  EXPECT_EQ(peer->ReceiveAll(), "goodbye");
  EXPECT_EQ(peer->end(), TlsPeer::End::kCloseNotify);
}

TEST_P(CloseResetTest, ResetsWithoutCloseNotify) {
  const v1::Listener listener = Listen();
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<TlsPeer> peer,
                       TlsPeer::Connect(AddressOf(listener), GetParam()));
  ASSERT_OK_AND_ASSIGN(const v1::Connection server, Accept(listener.name()));

  ASSERT_OK_AND_ASSIGN(const v1::Connection reset,
                       On<v1::ResetRequest>(server));

  EXPECT_EQ(reset.state(), v1::Connection::STATE_CLOSED);
  EXPECT_EQ(reset.failure().reason(), "CONNECTION_RESET");
  peer->ReceiveAll();
  EXPECT_EQ(peer->end(), TlsPeer::End::kFailed);
}

TEST_P(CloseResetTest, ShowsAResetToTheOtherEnd) {
  const Pair tcp = Open(Listen(), GetParam());
  ASSERT_THAT(On<v1::ResetRequest>(tcp.client), IsOk());
  EXPECT_THAT(ReadAll(tcp.server), FailsWith(Reason::kTransportReset));
  EXPECT_EQ(AwaitClosed(tcp.server).failure().reason(), "TRANSPORT_RESET");

  // A unix socket knows no reset: its end comes without close_notify.
  const Pair local = Open(ListenUnix(), GetParam());
  ASSERT_THAT(On<v1::ResetRequest>(local.client), IsOk());
  EXPECT_THAT(ReadAll(local.server), AnyOf(FailsWith(Reason::kTlsTruncated),
                                           FailsWith(Reason::kTransportReset)));
}

TEST_P(CloseResetTest, MayBeDoneTwice) {
  const Pair pair = Open(Listen(), GetParam());

  ASSERT_THAT(On<v1::CloseRequest>(pair.client), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::Connection again,
                       On<v1::CloseRequest>(pair.client));
  ASSERT_OK_AND_ASSIGN(const v1::Connection reset,
                       On<v1::ResetRequest>(pair.client));

  // What has ended cleanly stays so.
  EXPECT_FALSE(again.has_failure());
  EXPECT_FALSE(reset.has_failure());
}

TEST_P(CloseResetTest, EndsTheCallsOfTheConnection) {
  const Pair pair = Open(Listen(), GetParam());
  const std::unique_ptr<StreamClient> stream = Attach(pair.client);
  auto reading = InBackground([&] { return Read(pair.server); });

  ASSERT_THAT(On<v1::CloseRequest>(pair.client), IsOk());

  EXPECT_THAT(stream->Finish(), FailsWith(Reason::kConnectionClosed));
  ASSERT_OK_AND_ASSIGN(const v1::ReadResponse read, reading.get());
  EXPECT_TRUE(read.end());
  EXPECT_THAT(Write(pair.client, "x"), FailsWith(Reason::kConnectionClosed));
  EXPECT_THAT(Read(pair.client), FailsWith(Reason::kConnectionClosed));
  // It has sent close_notify, so to do so again is no error.
  EXPECT_THAT(On<v1::ShutdownRequest>(pair.client), IsOk());
  EXPECT_THAT(On<v1::ResetRequest>(pair.server), IsOk());
}

TEST_P(CloseResetTest, DropsWhatNobodyHasRead) {
  const Pair pair = Open(Listen(), GetParam());
  ASSERT_THAT(Write(pair.client, "unread"), IsOk());

  ASSERT_THAT(On<v1::CloseRequest>(pair.server), IsOk());

  EXPECT_THAT(Read(pair.server), FailsWith(Reason::kConnectionClosed));
  EXPECT_THAT(ReadAll(pair.client), IsOk());
}

TEST_F(CloseResetTest, ListsEndedConnectionsOnlyIfAsked) {
  const v1::Listener listener = Listen();
  const Pair open = Open(listener);
  const Pair ended = Open(listener);
  ASSERT_THAT(On<v1::CloseRequest>(ended.server), IsOk());
  v1::ListConnectionsRequest request;
  request.set_listener(listener.name());

  ASSERT_OK_AND_ASSIGN(const v1::ListConnectionsResponse now,
                       client().Call(request));
  request.set_show_closed(true);
  request.set_page_size(1);
  std::set<std::string> all;
  do {
    ASSERT_OK_AND_ASSIGN(const v1::ListConnectionsResponse page,
                         client().Call(request));
    ASSERT_EQ(page.connections_size(), 1);
    all.insert(page.connections(0).name());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());

  ASSERT_EQ(now.connections_size(), 1);
  EXPECT_EQ(now.connections(0).name(), open.server.name());
  EXPECT_EQ(all,
            (std::set<std::string>{open.server.name(), ended.server.name()}));
}

TEST_F(CloseResetTest, KeepsFactsOfTheEnded) {
  const Pair pair = Open(Listen());
  ASSERT_THAT(On<v1::CloseRequest>(pair.client), IsOk());

  ASSERT_OK_AND_ASSIGN(const v1::Connection closed, Get(pair.client));

  EXPECT_EQ(closed.state(), v1::Connection::STATE_CLOSED);
  EXPECT_EQ(closed.handshake().cipher(), pair.client.handshake().cipher());
  EXPECT_EQ(closed.remote_address().port(),
            pair.client.remote_address().port());
}

TEST_F(CloseResetTest, WantsAConnectionThatIsThere) {
  v1::Connection nobody;
  nobody.set_name("connections/c-0123456789abcdef-7");
  EXPECT_THAT(On<v1::CloseRequest>(nobody),
              FailsWith(Reason::kConnectionNotFound));
  EXPECT_THAT(On<v1::ResetRequest>(nobody),
              FailsWith(Reason::kConnectionNotFound));
  EXPECT_THAT(On<v1::GetConnectionRequest>(nobody),
              FailsWith(Reason::kConnectionNotFound));
  EXPECT_THAT(On<v1::CloseRequest>(v1::Connection()),
              FailsWith(Reason::kFieldRequired, "name"));
}

}  // namespace
}  // namespace tlsd::testing
