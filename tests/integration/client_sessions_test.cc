// Sessions of clients: out of one connection, into another.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/decision_fixture.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;

class ClientSessionsTest : public DecisionTest {
 protected:
  ClientSessionsTest() : listener_(Serve({})) {
    request_ = ToConnect(listener_, GetParam());
    request_.set_secure_context(NewContext(ClientOptions()));
  }

  static v1::GetSessionRequest SessionOf(const std::string& connection) {
    v1::GetSessionRequest request;
    request.set_name(connection);
    return request;
  }

  static void Close(const v1::Connection& connection) {
    v1::CloseRequest request;
    request.set_name(connection.name());
    EXPECT_THAT(client().Call(request), IsOk());
  }

  // IsResumed connects with `session`.
  bool IsResumed(const std::string& session) {
    v1::ConnectRequest request = request_;
    request.set_session(session);
    const auto connection = client().Call(request);
    EXPECT_THAT(connection, IsOk());
    return connection.ok() && connection->handshake().resumed();
  }

  v1::Listener listener_;
  v1::ConnectRequest request_;
};
INSTANTIATE_IN_BOTH_VERSIONS(ClientSessionsTest);

TEST_P(ClientSessionsTest, AreResumedByTheServerThatGaveThem) {
  ASSERT_OK_AND_ASSIGN(const v1::Connection first, client().Call(request_));
  EXPECT_FALSE(first.handshake().resumed());
  const std::string session = NewestSession(first);
  EXPECT_THAT(session, Not(IsEmpty()));
  EXPECT_TRUE(IsResumed(session));
  request_ = ToConnect(Serve({}), GetParam());
  request_.set_secure_context(NewContext(ClientOptions()));
  EXPECT_FALSE(IsResumed(session));
}

TEST_P(ClientSessionsTest, OutliveTheirConnection) {
  ASSERT_OK_AND_ASSIGN(const v1::Connection first, client().Call(request_));
  const std::string session = NewestSession(first);
  Close(first);
  ASSERT_OK_AND_ASSIGN(const v1::GetSessionResponse late,
                       client().Call(SessionOf(first.name())));
  EXPECT_EQ(late.session(), session);
  EXPECT_EQ(late.single_use(), IsTls13());
  EXPECT_GT(late.expire_time().seconds(), late.create_time().seconds());
  EXPECT_TRUE(IsResumed(session));
}

TEST_P(ClientSessionsTest, HaveATicket) {
  ASSERT_OK_AND_ASSIGN(const v1::Connection first, client().Call(request_));
  EXPECT_THAT(NewestSession(first), Not(IsEmpty()));
  v1::GetTlsTicketRequest request;
  request.set_name(first.name());
  ASSERT_OK_AND_ASSIGN(const v1::GetTlsTicketResponse response,
                       client().Call(request));
  EXPECT_THAT(response.ticket(), Not(IsEmpty()));
}

TEST_P(ClientSessionsTest, AreNotOfServers) {
  ASSERT_THAT(client().Call(request_), IsOk());
  const std::string server =
      Await(v1::EVENT_TYPE_SECURE_CONNECTION, listener_.name()).subject();
  v1::GetTlsTicketRequest ticket;
  ticket.set_name(server);
  EXPECT_THAT(client().Call(SessionOf(server)),
              FailsWith(Reason::kRoleMismatch));
  EXPECT_THAT(client().Call(ticket), FailsWith(Reason::kRoleMismatch));
  EXPECT_THAT(client().Call(SessionOf("connections/c-none-0")),
              FailsWith(Reason::kConnectionNotFound));
}

TEST_P(ClientSessionsTest, AreRefusedIfTheyAreNone) {
  request_.set_session("no session");
  EXPECT_THAT(client().Call(request_),
              FailsWith(Reason::kSessionInvalid, "session"));
  request_.set_use_session_cache(true);
  EXPECT_THAT(client().Call(request_),
              FailsWith(Reason::kFieldsConflict, "use_session_cache"));
}

TEST_P(ClientSessionsTest, AreKeptByTheDaemonOnRequest) {
  v1::ConnectRequest keeping = request_;
  keeping.set_use_session_cache(true);
  ASSERT_OK_AND_ASSIGN(const v1::Connection first, client().Call(keeping));
  EXPECT_FALSE(first.handshake().resumed());
  Await(v1::EVENT_TYPE_SESSION, first.name());
  ASSERT_OK_AND_ASSIGN(const v1::Connection second, client().Call(keeping));
  EXPECT_TRUE(second.handshake().resumed());
  // Who does not ask for it neither gives nor takes.
  ASSERT_OK_AND_ASSIGN(const v1::Connection other, client().Call(request_));
  EXPECT_FALSE(other.handshake().resumed());
}

TEST_P(ClientSessionsTest, SurviveARotationOfTicketKeys) {
  ASSERT_OK_AND_ASSIGN(const v1::Connection first, client().Call(request_));
  const std::string session = NewestSession(first);
  v1::RotateTicketKeysRequest rotate;
  rotate.set_name(listener_.secure_context());
  ASSERT_OK_AND_ASSIGN(const v1::RotateTicketKeysResponse rotated,
                       client().Call(rotate));
  EXPECT_EQ(rotated.key_count(), 2);
  EXPECT_TRUE(IsResumed(session));
  rotate.set_key("short");
  EXPECT_THAT(client().Call(rotate),
              FailsWith(Reason::kTicketKeysInvalid, "key"));
}

}  // namespace
}  // namespace tlsd::testing
