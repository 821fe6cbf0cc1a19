// Early data that somebody has copied, cut or altered; and stores that give
// each session once, which is what keeps copies out.
#include <map>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/tls/early_data_fixture.h"

namespace tlsd::tls {
namespace {

using ::testing::AnyOf;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::MetadataOf;

class EarlyDataReplayTest : public EarlyDataFixture {
 protected:
  // TakeFlight returns what a client says first.
  std::string TakeFlight() {
    EnginePair pair = NewPair();
    base::ByteQueue& queue = pair.client().engine->ciphertext();
    return queue.TakeText(queue.size());
  }
};

// WARNING: this is so. A server that cannot bear it must not take early data,
// or keep its sessions in a store.
TEST_F(EarlyDataReplayTest, TakesACopyAsItTakesTheFirst) {
  GetSession();
  const std::string flight = TakeFlight();
  for (int i = 0; i < 2; ++i) {
    EnginePair pair = NewPair();
    Arrive(flight, pair.server());
    ASSERT_THAT(pair.server().status, IsOk());
    EXPECT_EQ(pair.server().handshake.value().early_data, EarlyData::kAccepted);
    EXPECT_EQ(pair.server().TakeCleartext(), "early");
  }
}

// Whoever has only copied cannot get on.
TEST_F(EarlyDataReplayTest, TellsThatACopyDoesNotGetToTheEnd) {
  GetSession();
  const std::string flight = TakeFlight();
  EnginePair pair = NewPair();
  Arrive(flight, pair.server());
  EXPECT_THAT(pair.server().Reported<EarlyDataEnded>(), IsEmpty());
  EXPECT_THAT(pair.server().engine->ReceiveEof(),
              FailsWith(Reason::kTlsTruncated));
}

TEST_F(EarlyDataReplayTest, DeliversNothingOfARecordThatIsCut) {
  GetSession();
  const std::string flight = TakeFlight();
  for (size_t cut = 1; cut <= 20; ++cut) {
    EnginePair pair = NewPair();
    Arrive(flight.substr(0, flight.size() - cut), pair.server());
    ASSERT_THAT(pair.server().status, IsOk());
    EXPECT_EQ(pair.server().TakeCleartext(), "");
    EXPECT_THAT(pair.server().engine->ReceiveEof(),
                FailsWith(Reason::kTlsTruncated));
  }
}

TEST_F(EarlyDataReplayTest, DeliversNothingOfARecordThatIsAltered) {
  GetSession();
  std::string flight = TakeFlight();
  flight.back() ^= 0x01;
  EnginePair pair = NewPair();
  Arrive(flight, pair.server());
  EXPECT_THAT(pair.server().status, FailsWith(Reason::kRecordCorrupt));
  EXPECT_EQ(pair.server().TakeCleartext(), "");
}

// Stores.

class EarlyDataStoreTest : public EarlyDataReplayTest {
 protected:
  EarlyDataStoreTest() {
    server.hooks = {{HookType::kSessionLookup}, {HookType::kSessionStore}};
  }

  // Each session is given once.
  Answer AnswerOnce(const Question& question) {
    if (const auto* lookup = std::get_if<SessionLookupQuestion>(&question)) {
      SessionLookupAnswer answer{std::exchange(store[lookup->session_id], "")};
      return answer;
    }
    for (const auto& kept : std::get<SessionStoreQuestion>(question).sessions) {
      store[kept.session_id] = kept.session;
    }
    return SessionStoreAnswer();
  }

  EnginePair NewStorePair() {
    EnginePair pair = NewPair();
    pair.server().answer = [this](const Question& question) {
      return AnswerOnce(question);
    };
    return pair;
  }

  void GetStoredSession() {
    EnginePair pair = NewStorePair();
    pair.Pump();
    ASSERT_THAT(pair.client().status, IsOk());
    client_options.session = pair.client().engine->session().value().data;
    client_options.early_data = "early";
  }

  std::map<std::string, std::string> store;
};

TEST_F(EarlyDataStoreTest, TakesWhatIsOfASessionInTheStore) {
  GetStoredSession();
  EnginePair pair = NewStorePair();
  pair.Pump();
  EXPECT_THAT(pair.server().Asked<SessionLookupQuestion>(), SizeIs(1));
  EXPECT_THAT(pair.server().Asked<SessionStoreQuestion>(), SizeIs(1));
  client_options.session = pair.client().engine->session().value().data;
  ExpectAccepted(std::move(pair));

  EnginePair next = NewStorePair();
  next.Pump();
  ExpectAccepted(std::move(next));
}

TEST_F(EarlyDataStoreTest, KeepsCopiesOut) {
  GetStoredSession();
  const std::string flight = TakeFlight();
  EnginePair first = NewStorePair();
  first.Deliver(Role::kServer, flight);
  // The client of the pair says the same, so it is drained.
  first.client().engine->ciphertext().Clear();
  first.Pump();
  EXPECT_EQ(first.server().TakeCleartext(), "early");

  EnginePair copy = NewStorePair();
  copy.client().engine->ciphertext().Clear();
  copy.Deliver(Role::kServer, flight);
  copy.Pump();
  EXPECT_EQ(copy.server().TakeCleartext(), "");
  EXPECT_FALSE(copy.server().handshake.has_value());
}

TEST_F(EarlyDataStoreTest, RejectsWhatIsOfASessionThatIsGone) {
  GetStoredSession();
  store.clear();
  EnginePair pair = NewStorePair();
  pair.Pump();
  EXPECT_FALSE(pair.server().handshake.value().resumed);
  ExpectRejected(std::move(pair));
}

TEST_F(EarlyDataStoreTest, DeliversNothingBeforeNewSessionsAreStored) {
  GetStoredSession();
  EnginePair pair = NewPair();
  pair.server().answer =
      [this](const Question& question) -> std::optional<Answer> {
    if (std::holds_alternative<SessionStoreQuestion>(question)) return {};
    return AnswerOnce(question);
  };
  pair.Pump();
  const auto asked = pair.server().Asked<SessionStoreQuestion>();
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_FALSE(pair.server().handshake.has_value());
  EXPECT_EQ(pair.server().TakeCleartext(), "");

  ASSERT_THAT(pair.server().engine->Answer(AnswerOnce(asked[0])), IsOk());
  pair.Pump();
  ExpectAccepted(std::move(pair));
}

}  // namespace
}  // namespace tlsd::tls
