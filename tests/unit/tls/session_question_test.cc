// SESSION_STORE and SESSION_LOOKUP: sessions that are kept elsewhere.
#include <openssl/ssl.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/unit/tls/tls_versions.h"

namespace tlsd::tls {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::tlsd::testing::ClientIdentity;
using ::tlsd::testing::ClientOptions;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::LocalhostOptions;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::MetadataOf;
using ::tlsd::testing::ServerOptions;

constexpr size_t kNoLimit = 1 << 30;

class SessionQuestionTest : public EachTlsVersion {
 protected:
  SessionQuestionTest() { server_options.hooks = BothHooks(); }

  static Hooks BothHooks() {
    return {{HookType::kSessionLookup}, {HookType::kSessionStore}};
  }

  EnginePair NewPair() {
    if (server_context == nullptr) server_context = MakeContext(server);
    if (client_context == nullptr) client_context = MakeContext(client);
    return EnginePair(client_context, server_context, client_options,
                      server_options);
  }

  // Converse answers from `store`, as long as nothing else is said.
  EnginePair Converse() {
    EnginePair pair = NewPair();
    pair.server().answer = [this](const Question& question) {
      return AnswerFromStore(question);
    };
    pair.Pump();
    return pair;
  }

  Answer AnswerFromStore(const Question& question) {
    if (const auto* lookup = std::get_if<SessionLookupQuestion>(&question)) {
      if (lookup_answer.has_value()) return *lookup_answer;
      const auto found = store.find(lookup->session_id);
      return SessionLookupAnswer{found == store.end() ? "" : found->second};
    }
    for (const auto& kept : std::get<SessionStoreQuestion>(question).sessions) {
      store[kept.session_id] = kept.session;
    }
    return SessionStoreAnswer();
  }

  // Connect has a handshake that leaves a session, which is offered next.
  EnginePair Connect() {
    EnginePair pair = Converse();
    EXPECT_THAT(pair.server().status, IsOk());
    const auto session = pair.client().engine->session();
    EXPECT_TRUE(session.has_value());
    if (session.has_value()) client_options.session = session->data;
    return pair;
  }

  static bool IsFull(EnginePair& pair) {
    return pair.server().handshake.has_value() &&
           pair.client().handshake.has_value() &&
           !pair.server().handshake->resumed;
  }
  static bool IsResumed(EnginePair& pair) {
    return pair.server().handshake.has_value() &&
           pair.client().handshake.has_value() &&
           pair.server().handshake->resumed && pair.client().handshake->resumed;
  }

  SecureContextOptions server = ServerOptions(version());
  SecureContextOptions client = ClientOptions(version());
  EngineOptions client_options = LocalhostOptions();
  EngineOptions server_options;
  std::shared_ptr<const SecureContext> server_context;
  std::shared_ptr<const SecureContext> client_context;
  std::map<std::string, std::string> store;
  std::optional<Answer> lookup_answer;
};
INSTANTIATE_TLS_VERSIONS(SessionQuestionTest);

// Storing.

TEST_P(SessionQuestionTest, StoresNewSessions) {
  server.session_timeout = absl::Hours(2);
  EnginePair pair = NewPair();
  pair.Pump();

  const auto asked = pair.server().Asked<SessionStoreQuestion>();
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_THAT(pair.server().Asked<SessionLookupQuestion>(), IsEmpty());
  ASSERT_THAT(asked[0].sessions, SizeIs(is_tls13() ? 2 : 1));
  for (const StoredSession& stored : asked[0].sessions) {
    EXPECT_THAT(stored.session_id, SizeIs(16));
    EXPECT_FALSE(stored.session.empty());
    EXPECT_EQ(stored.lifetime, absl::Hours(2));
    EXPECT_EQ(stored.single_use, is_tls13());
  }
  if (is_tls13()) {
    EXPECT_NE(asked[0].sessions[0].session_id, asked[0].sessions[1].session_id);
  }
}

TEST_P(SessionQuestionTest, HoldsCleartextUntilSessionsAreStored) {
  EnginePair pair = NewPair();
  pair.Pump();
  ASSERT_TRUE(pair.client().handshake.has_value());
  ASSERT_THAT(pair.client().engine->Send(base::AsBytes("impatient")), IsOk());
  pair.Pump();

  TlsEngine& engine = *pair.server().engine;
  EXPECT_FALSE(pair.server().handshake.has_value());
  EXPECT_EQ(pair.server().TakeCleartext(), "");
  EXPECT_FALSE(pair.server().inbound.empty());
  EXPECT_FALSE(engine.has_more());
  EXPECT_THAT(engine.Send(base::AsBytes("x")),
              FailsWith(Reason::kHandshakeNotComplete));
  // What the store does not know yet is not given out.
  EXPECT_EQ(pair.client().engine->session().has_value(), !is_tls13());

  EXPECT_THAT(engine.Answer(SessionStoreAnswer()), IsOk());
  EXPECT_TRUE(engine.has_more());
  pair.Pump();

  EXPECT_TRUE(pair.server().handshake.has_value());
  EXPECT_EQ(pair.server().TakeCleartext(), "impatient");
  EXPECT_TRUE(pair.client().engine->session().has_value());
  EXPECT_THAT(pair.server().Asked<SessionStoreQuestion>(), SizeIs(1));
  ASSERT_THAT(pair.server().events, SizeIs(2));
  EXPECT_TRUE(
      std::holds_alternative<HandshakeCompleted>(pair.server().events[1]));
}

TEST_P(SessionQuestionTest, GoesOnIfNobodyStoresThem) {
  EnginePair pair = NewPair();
  pair.server().answer = [](const Question&) { return NoOpinion(); };
  pair.Pump();
  EXPECT_TRUE(pair.server().handshake.has_value());
  EXPECT_THAT(pair.server().status, IsOk());
}

TEST_P(SessionQuestionTest, StoresNothingUnlessBothAreAsked) {
  for (const HookType only :
       {HookType::kSessionLookup, HookType::kSessionStore}) {
    server_options.hooks = {{only}};
    client_options.session = "";
    EnginePair first = Connect();
    EnginePair second = Converse();
    EXPECT_THAT(first.server().Reported<QuestionAsked>(), IsEmpty());
    EXPECT_THAT(second.server().Reported<QuestionAsked>(), IsEmpty());
    EXPECT_TRUE(IsResumed(second));
  }
}

TEST_P(SessionQuestionTest, IsAskedForTheHooksOfTheContextToo) {
  server_options.hooks.clear();
  server.hooks = BothHooks();
  Connect();
  EnginePair second = Converse();
  EXPECT_THAT(second.server().Asked<SessionLookupQuestion>(), SizeIs(1));
  EXPECT_TRUE(IsResumed(second));
}

// Looking up.

TEST_P(SessionQuestionTest, ResumesWhatWasStored) {
  Connect();
  const std::map<std::string, std::string> stored = store;
  EnginePair second = Converse();

  const auto asked = second.server().Asked<SessionLookupQuestion>();
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_EQ(stored.count(asked[0].session_id), 1u);
  EXPECT_TRUE(IsResumed(second));
  // RFC 8446 appendix C.4: there are new ones for the next time.
  EXPECT_THAT(second.server().Asked<SessionStoreQuestion>(),
              SizeIs(is_tls13() ? 1 : 0));
}

// Another daemon, with the same answers: no key is needed.
TEST_P(SessionQuestionTest, ResumesWhatAnotherContextHasStored) {
  server.session_id_context = "shared";
  Connect();
  server_context = nullptr;
  EnginePair second = Converse();
  EXPECT_TRUE(IsResumed(second));

  server.session_id_context = "other";
  server_context = nullptr;
  EnginePair third = Converse();
  EXPECT_TRUE(IsFull(third));
}

TEST_P(SessionQuestionTest, TakesNothingWhileItLooksUp) {
  Connect();
  EnginePair pair = NewPair();
  pair.Pump();
  TlsEngine& engine = *pair.server().engine;
  ASSERT_THAT(pair.server().Asked<SessionLookupQuestion>(), SizeIs(1));
  for (int i = 0; i < 3; ++i) {
    EventList events;
    EXPECT_EQ(*engine.Receive(base::AsBytes("whatever"), kNoLimit,
                              *pair.server().cleartext, events),
              0u);
    EXPECT_THAT(events, IsEmpty());
  }
  EXPECT_EQ(pair.client().arrived_size, 0u);

  EXPECT_THAT(engine.Answer(AnswerFromStore(
                  pair.server().Asked<SessionLookupQuestion>()[0])),
              IsOk());
  pair.server().answer = [this](const Question& question) {
    return AnswerFromStore(question);
  };
  pair.Pump();
  EXPECT_TRUE(IsResumed(pair));
  EXPECT_THAT(pair.server().Asked<SessionLookupQuestion>(), SizeIs(1));
}

TEST_P(SessionQuestionTest, IsAFullHandshakeWithoutTheSession) {
  const Answer answers[] = {SessionLookupAnswer(), NoOpinion(),
                            SessionLookupAnswer{"no session"},
                            SessionLookupAnswer{std::string(70'000, 'x')}};
  for (const Answer& answer : answers) {
    lookup_answer.reset();
    client_options.session = "";
    Connect();
    lookup_answer = answer;
    EnginePair second = Converse();
    EXPECT_THAT(second.server().status, IsOk());
    EXPECT_THAT(second.server().Asked<SessionLookupQuestion>(), SizeIs(1));
    EXPECT_THAT(second.server().Asked<SessionStoreQuestion>(), SizeIs(1));
    EXPECT_TRUE(IsFull(second));
  }
}

TEST_P(SessionQuestionTest, IsAFullHandshakeIfTheSessionIsForgotten) {
  Connect();
  store.clear();
  EnginePair second = Converse();
  EXPECT_TRUE(IsFull(second));
}

TEST_P(SessionQuestionTest, LooksUpNothingForWhoOffersNothing) {
  EnginePair pair = Converse();
  EXPECT_THAT(pair.server().Asked<SessionLookupQuestion>(), IsEmpty());
  EXPECT_TRUE(IsFull(pair));
}

// RFC 5246 section 7.4.1.2: who has no tickets has ids.

TEST_P(SessionQuestionTest, ServesClientsWithoutTickets) {
  if (is_tls13()) return;
  client.disable_session_tickets = true;
  server.hooks = BothHooks();
  EnginePair first = Connect();
  ASSERT_THAT(store, SizeIs(1));
  EXPECT_THAT(store.begin()->first, SizeIs(32));
  EXPECT_FALSE(
      first.server().Asked<SessionStoreQuestion>()[0].sessions[0].single_use);

  EnginePair second = Converse();
  const auto asked = second.server().Asked<SessionLookupQuestion>();
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_EQ(asked[0].session_id, store.begin()->first);
  EXPECT_TRUE(IsResumed(second));
}

TEST_P(SessionQuestionTest, GivesClientsWithoutTicketsAFullHandshake) {
  if (is_tls13()) return;
  client.disable_session_tickets = true;
  server.hooks = BothHooks();
  const Answer answers[] = {SessionLookupAnswer(), NoOpinion(),
                            SessionLookupAnswer{"no session"}};
  for (const Answer& answer : answers) {
    lookup_answer.reset();
    client_options.session = "";
    Connect();
    lookup_answer = answer;
    EnginePair second = Converse();
    EXPECT_THAT(second.server().status, IsOk());
    EXPECT_TRUE(IsFull(second));
  }
}

TEST_P(SessionQuestionTest, StoresSessionsOfServersWithoutTickets) {
  server.disable_session_tickets = true;
  server.hooks = BothHooks();
  EnginePair first = Converse();
  EXPECT_TRUE(IsFull(first));
  ASSERT_THAT(store, SizeIs(is_tls13() ? 0 : 1));
  if (is_tls13()) return;
  client_options.session = first.client().engine->session().value().data;
  EnginePair second = Converse();
  EXPECT_TRUE(IsResumed(second));
}

// Whoever keeps a session, its policy holds.

TEST_P(SessionQuestionTest, ResumesNoSessionOfAnotherServerName) {
  client_options.expected_name = "localhost";
  Connect();
  client_options.server_name = "other.test";
  EnginePair second = Converse();
  EXPECT_THAT(second.server().Asked<SessionLookupQuestion>(), SizeIs(1));
  EXPECT_TRUE(IsFull(second));

  client_options.server_name = "localhost";
  EnginePair third = Converse();
  EXPECT_TRUE(IsResumed(third));
}

TEST_P(SessionQuestionTest, ResumesNoSessionOfAnotherPolicy) {
  server.session_id_context = "shared";
  server.trust_anchors.pems.push_back(
      ::tlsd::testing::IntermediateIdentity().CertificatePem());
  client.credentials = {ClientIdentity().Credentials()};
  Connect();
  server.client_certificate_mode = ClientCertificateMode::kRequire;
  server_context = nullptr;
  EnginePair second = Converse();
  EXPECT_THAT(second.server().Asked<SessionLookupQuestion>(), SizeIs(1));
  EXPECT_TRUE(IsFull(second));
  EXPECT_TRUE(second.server().handshake->authorized);
}

TEST_P(SessionQuestionTest, ResumesAnAuthorizedClient) {
  server.trust_anchors.pems.push_back(
      ::tlsd::testing::IntermediateIdentity().CertificatePem());
  server.client_certificate_mode = ClientCertificateMode::kRequire;
  client.credentials = {ClientIdentity().Credentials()};
  Connect();
  EnginePair second = Converse();
  EXPECT_TRUE(IsResumed(second));
  EXPECT_TRUE(second.server().handshake->authorized);
}

// The end.

TEST_P(SessionQuestionTest, CanBeRefused) {
  EnginePair storing = NewPair();
  storing.Pump();
  EXPECT_THAT(storing.server().engine->Answer(Refusal{SSL_AD_ACCESS_DENIED}),
              FailsWith(Reason::kDecisionRefused));
  storing.Pump();
  EXPECT_EQ(MetadataOf(storing.client().status, "alert"), "access_denied");

  Connect();
  EnginePair looking = NewPair();
  looking.Pump();
  EXPECT_THAT(looking.server().engine->Answer(Refusal{SSL_AD_ACCESS_DENIED}),
              FailsWith(Reason::kDecisionRefused));
  looking.Pump();
  EXPECT_FALSE(looking.client().handshake.has_value());
  EXPECT_EQ(MetadataOf(looking.client().status, "alert"), "access_denied");
}

TEST_P(SessionQuestionTest, CanBeAbortedWhileItWaits) {
  const absl::Status reason = MakeError(Reason::kCallCancelled, "gone");
  EnginePair storing = NewPair();
  Connect();
  EnginePair looking = NewPair();
  for (EnginePair* pair : {&storing, &looking}) {
    pair->Pump();
    ASSERT_THAT(pair->server().Reported<QuestionAsked>(), SizeIs(1));
    pair->server().engine->Abort(reason);
    EXPECT_EQ(pair->server().engine->Answer(NoOpinion()), reason);
    pair->Pump();
    EXPECT_EQ(MetadataOf(pair->client().status, "alert"), "user_canceled");
  }
}

}  // namespace
}  // namespace tlsd::tls
