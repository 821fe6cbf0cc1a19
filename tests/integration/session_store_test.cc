// Sessions that a program keeps: the SessionStore of the client library, and
// stores that give back what they should not.
#include "client/session_store.h"

#include <memory>
#include <string>
#include <utility>

#include "client/client.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/decision_fixture.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::testing {
namespace {

using ::testing::AnyOf;
using ::testing::IsEmpty;
using ::testing::Not;

class SessionStoreTest : public DecisionTest {
 protected:
  // Its contexts judge alike, unless a test changes that.
  static v1::SecureContext Sharing() {
    v1::SecureContext context = ServerOptions();
    context.set_session_id_context("shared");
    for (const v1::Hook& hook : SessionHooks()) *context.add_hooks() = hook;
    return context;
  }

  // Keep answers for `store` until it is called again.
  void Keep(client::SessionStore& store) {
    auto opened = client::Client::Open(control_address());
    ASSERT_THAT(opened, IsOk());
    client::Answerers answerers;
    store.AddTo(answerers);
    auto handler = opened->HandleDecisions({}, std::move(answerers));
    ASSERT_THAT(handler, IsOk());
    handler_ = std::make_unique<client::DecisionHandler>(*std::move(handler));
  }

  static std::string SessionFrom(const v1::ConnectRequest& request) {
    const auto connection = client().Call(request);
    EXPECT_THAT(connection, IsOk());
    return connection.ok() ? NewestSession(*connection) : "";
  }
  static std::string SessionFrom(const v1::Listener& listener) {
    return SessionFrom(ToConnect(listener, GetParam()));
  }

  // IsResumed connects with `session`, which is never an error.
  static bool IsResumed(const v1::ConnectRequest& request,
                        const std::string& session) {
    v1::ConnectRequest resuming = request;
    resuming.set_session(session);
    const auto connection = client().Call(resuming);
    EXPECT_THAT(connection, IsOk());
    return connection.ok() && connection->handshake().resumed();
  }
  static bool IsResumed(const v1::Listener& listener,
                        const std::string& session) {
    return IsResumed(ToConnect(listener, GetParam()), session);
  }

  // What comes if nobody keeps them.
  static absl::StatusOr<v1::Decision> NextLookup(const v1::Listener& listener) {
    return NextDecision(client(), listener.name(),
                        v1::DECISION_TYPE_SESSION_LOOKUP);
  }
  static absl::StatusOr<v1::Decision> NextStore(const v1::Listener& listener) {
    return NextDecision(client(), listener.name(),
                        v1::DECISION_TYPE_SESSION_STORE);
  }

 private:
  std::unique_ptr<client::DecisionHandler> handler_;
};
INSTANTIATE_IN_BOTH_VERSIONS(SessionStoreTest);

TEST_P(SessionStoreTest, ResumesWhatItKeeps) {
  client::SessionStore store;
  Keep(store);
  const v1::Listener listener = Serve({}, Sharing());
  const std::string session = SessionFrom(listener);
  EXPECT_THAT(session, Not(IsEmpty()));
  EXPECT_GT(store.size(), 0u);
  EXPECT_TRUE(IsResumed(listener, session));

  client::SessionStore empty;
  Keep(empty);
  const std::string other = SessionFrom(listener);
  Keep(store);
  EXPECT_FALSE(IsResumed(listener, other));
}

TEST_P(SessionStoreTest, GivesSessionsOfTls13OnlyOnce) {
  client::SessionStore store;
  Keep(store);
  const v1::Listener listener = Serve({}, Sharing());
  const std::string session = SessionFrom(listener);
  EXPECT_TRUE(IsResumed(listener, session));
  EXPECT_EQ(IsResumed(listener, session), !IsTls13());
}

TEST_P(SessionStoreTest, ServesEveryContextThatJudgesAlike) {
  client::SessionStore store;
  Keep(store);
  const v1::Listener first = Serve({}, Sharing());
  EXPECT_TRUE(IsResumed(Serve({}, Sharing()), SessionFrom(first)));
  v1::SecureContext other = Sharing();
  other.set_session_id_context("other");
  EXPECT_FALSE(IsResumed(Serve({}, other), SessionFrom(first)));
  // Who would have asked for a certificate takes no session without one.
  EXPECT_FALSE(IsResumed(
      Serve({}, Judging(Sharing(), v1::CLIENT_CERTIFICATE_MODE_REQUEST)),
      SessionFrom(first)));
}

TEST_P(SessionStoreTest, DoesNotResumeUnderAnotherServerName) {
  client::SessionStore store;
  Keep(store);
  v1::ConnectRequest request = ToConnect(Serve({}, Sharing()), GetParam());
  request.set_expected_name("localhost");
  request.set_server_name("a.example");
  const std::string session = SessionFrom(request);
  request.set_server_name("b.example");
  EXPECT_FALSE(IsResumed(request, session));
  request.set_server_name("a.example");
  EXPECT_TRUE(IsResumed(request, SessionFrom(request)));
}

TEST_P(SessionStoreTest, SealsNothingWithTicketKeys) {
  client::SessionStore store;
  Keep(store);
  v1::SecureContext keyed = Sharing();
  keyed.add_ticket_keys(std::string(48, 'k'));
  v1::SecureContext sealing = keyed;
  sealing.clear_hooks();
  EXPECT_FALSE(IsResumed(Serve({}, keyed), SessionFrom(Serve({}, sealing))));
  EXPECT_FALSE(IsResumed(Serve({}, sealing), SessionFrom(Serve({}, keyed))));
  EXPECT_TRUE(IsResumed(Serve({}, sealing), SessionFrom(Serve({}, sealing))));
}

TEST_P(SessionStoreTest, KnowsThePeerThatItWasMadeWith) {
  client::SessionStore store;
  Keep(store);
  const v1::Listener listener =
      Serve({}, Judging(Sharing(), v1::CLIENT_CERTIFICATE_MODE_REQUIRE));
  v1::SecureContext showing = ClientOptions();
  *showing.add_credentials() = PemOf(ClientIdentity());
  v1::ConnectRequest request = ToConnect(listener);
  request.set_secure_context(NewContext(showing));
  request.set_session(SessionFrom(request));
  EXPECT_THAT(Accept(listener.name()), IsOk());

  ASSERT_OK_AND_ASSIGN(const v1::Connection resumed, client().Call(request));
  EXPECT_TRUE(resumed.handshake().resumed());
  ASSERT_OK_AND_ASSIGN(const v1::Connection server, Accept(listener.name()));
  EXPECT_TRUE(server.authorized());
  EXPECT_EQ(server.peer_certificate().der(), DerOf(ClientIdentity()));
}

// What a store gives back is not believed.

TEST_P(SessionStoreTest, WhatIsNoSessionGivesAFullHandshake) {
  const v1::Listener listener = Serve({}, Sharing());
  Handshake handshake = Start(listener);
  ASSERT_OK_AND_ASSIGN(const v1::Decision store, NextStore(listener));
  ASSERT_THAT(Answer(NoOpinionOn(store)), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::Connection first, handshake.get());
  v1::ConnectRequest request = ToConnect(listener, GetParam());
  request.set_session(NewestSession(first));
  const std::string good = store.session_store().sessions(0).session();
  for (const std::string& session :
       {std::string("no session"), good.substr(0, good.size() - 1), good + "x",
        std::string(1 << 16, 'x'), std::string()}) {
    handshake = Start(request);
    ASSERT_OK_AND_ASSIGN(const v1::Decision lookup, NextLookup(listener));
    v1::DecisionAnswer answer = AnswerTo(lookup);
    answer.mutable_session_lookup()->set_session(session);
    ASSERT_THAT(Answer(answer), IsOk());
    ASSERT_OK_AND_ASSIGN(const v1::Decision again, NextStore(listener));
    ASSERT_THAT(Answer(NoOpinionOn(again)), IsOk());
    ASSERT_OK_AND_ASSIGN(const v1::Connection connection, handshake.get());
    EXPECT_FALSE(connection.handshake().resumed());
  }
}

TEST_P(SessionStoreTest, AnotherClientsSessionIsOfNoUse) {
  const v1::Listener listener = Serve({}, Sharing());
  std::string sessions[2];
  std::string stored[2];
  for (int i = 0; i < 2; ++i) {
    Handshake handshake = Start(listener);
    ASSERT_OK_AND_ASSIGN(const v1::Decision store, NextStore(listener));
    stored[i] = store.session_store().sessions(0).session();
    ASSERT_THAT(Answer(NoOpinionOn(store)), IsOk());
    ASSERT_OK_AND_ASSIGN(const v1::Connection connection, handshake.get());
    sessions[i] = NewestSession(connection);
  }
  v1::ConnectRequest request = ToConnect(listener, GetParam());
  request.set_session(sessions[0]);
  Handshake handshake = Start(request);
  ASSERT_OK_AND_ASSIGN(const v1::Decision lookup, NextLookup(listener));
  v1::DecisionAnswer answer = AnswerTo(lookup);
  answer.mutable_session_lookup()->set_session(stored[1]);

  ASSERT_THAT(Answer(answer), IsOk());

  // The client proves to have its own secret (RFC 8446 section 4.2.11.2), or
  // cannot read what follows.
  EXPECT_FALSE(handshake.get().ok());
  EXPECT_THAT(FailureOf(listener).reason(),
              AnyOf("PEER_MISBEHAVED", "PEER_ALERT"));
}

TEST_P(SessionStoreTest, CleartextWaitsUntilTheyAreKept) {
  v1::Listener options;
  options.set_secure_context(NewContext(Sharing()));
  options.mutable_echo();
  const v1::Listener listener = Listen(options);
  Handshake handshake = Start(listener);
  ASSERT_OK_AND_ASSIGN(const v1::Decision store, NextStore(listener));
  ASSERT_OK_AND_ASSIGN(const v1::Connection connection, handshake.get());
  ASSERT_THAT(Write(connection, "hello"), IsOk());
  v1::ReadRequest read;
  read.set_name(connection.name());
  *read.mutable_timeout() = ToProto(absl::ZeroDuration());
  EXPECT_THAT(client().Call(read), FailsWith(Reason::kWaitTimeout));

  ASSERT_THAT(Answer(NoOpinionOn(store)), IsOk());

  ASSERT_OK_AND_ASSIGN(const v1::ReadResponse echo, Read(connection));
  EXPECT_EQ(echo.data(), "hello");
}

TEST_P(SessionStoreTest, AClientNeedNotWaitForThat) {
  const v1::Listener listener = Serve({}, Sharing());
  Handshake handshake = Start(listener);
  ASSERT_OK_AND_ASSIGN(const v1::Decision store, NextStore(listener));
  ASSERT_OK_AND_ASSIGN(const v1::Connection connection, handshake.get());
  ASSERT_THAT(Write(connection, "all I have to say"), IsOk());
  v1::CloseRequest close;
  close.set_name(connection.name());
  ASSERT_THAT(client().Call(close), IsOk());

  ASSERT_THAT(Answer(NoOpinionOn(store)), IsOk());

  ASSERT_OK_AND_ASSIGN(const v1::Connection server, Accept(listener.name()));
  ASSERT_OK_AND_ASSIGN(const std::string text, ReadAll(server));
  EXPECT_EQ(text, "all I have to say");
}

}  // namespace
}  // namespace tlsd::testing
