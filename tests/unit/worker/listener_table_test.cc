#include "server/worker/listener_table.h"

#include <string>
#include <variant>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/net/net_testing.h"
#include "tests/unit/worker/data_plane.h"

namespace tlsd::worker {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::IsEmpty;
using testing::IsOk;

constexpr absl::Duration kAtOnce = absl::ZeroDuration();
constexpr absl::Duration kShort = absl::Milliseconds(20);

class ListenerTableTest : public ::testing::Test {
 protected:
  std::vector<std::string> List(const std::string& after, size_t count_max) {
    std::vector<std::string> names;
    for (const ListenerFacts& facts : table_.List(after, count_max)) {
      names.push_back(facts.name);
    }
    return names;
  }

  DataPlane plane_;
  ListenerTable& table_ = plane_.listeners();
};

TEST_F(ListenerTableTest, BindsBeforeItAnswers) {
  const ListenerFacts facts = plane_.Listen("l1", Handler::kEcho);

  EXPECT_EQ(facts.name, "listeners/l1");
  EXPECT_EQ(facts.state, ListenerState::kActive);
  EXPECT_EQ(facts.bound_address.ip(), "127.0.0.1");
  EXPECT_NE(facts.bound_address.port, 0);
  EXPECT_THAT(plane_.Connect(facts), IsOk());
}

TEST_F(ListenerTableTest, TellsThatItListensBeforeItsConnections) {
  const ListenerFacts facts = plane_.Listen("l1", Handler::kEcho);
  ASSERT_THAT(plane_.Connect(facts), IsOk());

  const auto listening = plane_.Await(EventType::kListening, facts.name);
  const auto opened = plane_.Await(EventType::kSecureConnection, facts.name);

  EXPECT_LT(listening->sequence, opened->sequence);
  EXPECT_EQ(listening->about<ListenerFacts>().bound_address,
            facts.bound_address);
}

TEST_F(ListenerTableTest, FindsAListenerByItsName) {
  plane_.Listen("l1", Handler::kEcho);

  EXPECT_THAT(table_.Get("listeners/l1"), IsOk());
  EXPECT_THAT(table_.Get("listeners/l2"), FailsWith(Reason::kListenerNotFound));
  EXPECT_THAT(table_.Get("l1"), FailsWith(Reason::kListenerNotFound));
}

TEST_F(ListenerTableTest, PicksAnIdIfThereIsNone) {
  EXPECT_NE(plane_.Listen("", Handler::kEcho).name,
            plane_.Listen("", Handler::kEcho).name);
  EXPECT_EQ(table_.size(), 2u);
}

TEST_F(ListenerTableTest, RefusesAnIdThatIsTaken) {
  plane_.Listen("l1", Handler::kEcho);

  EXPECT_THAT(table_.Create("l1", DataPlane::OptionsFor(Handler::kEcho)),
              FailsWith(Reason::kListenerExists));
  EXPECT_EQ(table_.size(), 1u);
}

TEST_F(ListenerTableTest, RefusesAContextWithoutCredentials) {
  ListenerOptions options = DataPlane::OptionsFor(Handler::kEcho);
  options.secure_context = Live(
      "secureContexts/client", testing::ClientOptions(tls::TlsVersion::kTls13));

  EXPECT_THAT(
      table_.Create("l1", options),
      FailsWith(Reason::kCredentialsRequired, "listener.secure_context"));
  EXPECT_EQ(table_.size(), 0u);
}

TEST_F(ListenerTableTest, RefusesAnAddressInUseAndKeepsNothing) {
  const ListenerFacts facts = plane_.Listen("l1", Handler::kEcho);
  ListenerOptions options = DataPlane::OptionsFor(Handler::kEcho);
  options.endpoint.port = facts.bound_address.port;

  EXPECT_THAT(table_.Create("l2", options),
              FailsWith(Reason::kAddressInUse, "listener.address"));

  EXPECT_THAT(table_.Get("listeners/l2"), FailsWith(Reason::kListenerNotFound));
  EXPECT_EQ(table_.size(), 1u);
  options.endpoint.port = 0;
  EXPECT_THAT(table_.Create("l2", options), IsOk());
}

TEST_F(ListenerTableTest, ListsPagesInTheOrderOfNames) {
  plane_.Listen("c", Handler::kEcho);
  plane_.Listen("a", Handler::kEcho);
  plane_.Listen("b", Handler::kEcho);

  EXPECT_THAT(List("", 2), ElementsAre("listeners/a", "listeners/b"));
  EXPECT_THAT(List("listeners/b", 2), ElementsAre("listeners/c"));
  EXPECT_THAT(List("listeners/c", 2), IsEmpty());
}

TEST_F(ListenerTableTest, NotesWhoUsesASecureContext) {
  const ListenerOptions options = DataPlane::OptionsFor(Handler::kEcho);
  const std::shared_ptr<LiveContext> context = options.secure_context;
  EXPECT_EQ(context->first_listener(), std::nullopt);

  const ListenerFacts facts = table_.Create("l1", options).value();
  EXPECT_EQ(context->first_listener(), "listeners/l1");
  // One that cannot start uses nothing.
  ListenerOptions same_port = options;
  same_port.endpoint.port = facts.bound_address.port;
  EXPECT_THAT(table_.Create("l0", same_port), FailsWith(Reason::kAddressInUse));
  EXPECT_EQ(context->first_listener(), "listeners/l1");
}

TEST_F(ListenerTableTest, StartsWithContextsByName) {
  const auto a =
      Live("secureContexts/a", testing::ServerOptions(tls::TlsVersion::kTls13));
  const auto b =
      Live("secureContexts/b", testing::ServerOptions(tls::TlsVersion::kTls13));
  ListenerOptions options = DataPlane::OptionsFor(Handler::kEcho);
  options.strict_server_names = true;

  // As added one after the other.
  const auto facts = table_.Create(
      "l1", options, {{"a.example", a}, {"b.example", a}, {"A.example", b}});

  ASSERT_THAT(facts, IsOk());
  EXPECT_EQ(facts->context_count, 2);
  EXPECT_TRUE(facts->strict_server_names);
  const auto contexts = (*table_.Get(facts->name))->contexts();
  EXPECT_EQ(contexts->Choose("a.example")->name, "secureContexts/b");
  EXPECT_EQ(contexts->Choose("b.example")->name, "secureContexts/a");
  EXPECT_THAT(contexts->Choose("c.example"),
              FailsWith(Reason::kServerNameUnrecognized));
  EXPECT_EQ(a->first_listener(), "listeners/l1");

  ASSERT_THAT(plane_.Delete(facts->name, kAtOnce), IsOk());
  plane_.Await(EventType::kListenerClosed, facts->name);
  EXPECT_EQ(a->first_listener(), std::nullopt);
  EXPECT_EQ(b->first_listener(), std::nullopt);
}

TEST_F(ListenerTableTest, StartsNothingIfAContextIsBad) {
  const auto good = Live("secureContexts/good",
                         testing::ServerOptions(tls::TlsVersion::kTls13));
  const auto client = Live("secureContexts/client",
                           testing::ClientOptions(tls::TlsVersion::kTls13));
  const ListenerOptions options = DataPlane::OptionsFor(Handler::kEcho);

  EXPECT_THAT(table_.Create("l1", options, {{"a.example", good}, {"*", good}}),
              FailsWith(Reason::kServerNameInvalid, "contexts[1].server_name"));
  EXPECT_THAT(
      table_.Create("l1", options, {{"a.example", good}, {"b", client}}),
      FailsWith(Reason::kCredentialsRequired, "contexts[1].secure_context"));

  EXPECT_EQ(table_.size(), 0u);
  EXPECT_EQ(good->first_listener(), std::nullopt);
  EXPECT_EQ(options.secure_context->first_listener(), std::nullopt);
  EXPECT_THAT(table_.Create("l1", options, {{"a.example", good}}), IsOk());
}

TEST_F(ListenerTableTest, LetsGoOfContextsByNameIfItCannotBind) {
  const ListenerFacts first = plane_.Listen("l1", Handler::kEcho);
  const auto good = Live("secureContexts/good",
                         testing::ServerOptions(tls::TlsVersion::kTls13));
  ListenerOptions options = DataPlane::OptionsFor(Handler::kEcho);
  options.endpoint.port = first.bound_address.port;

  EXPECT_THAT(table_.Create("l2", options, {{"a.example", good}}),
              FailsWith(Reason::kAddressInUse, "listener.address"));

  EXPECT_EQ(good->first_listener(), std::nullopt);
}

TEST_F(ListenerTableTest, DeletesAListenerWithoutConnectionsAtOnce) {
  const ListenerFacts facts = plane_.Listen("l1", Handler::kEcho);

  const auto deleted = plane_.Delete(facts.name, std::nullopt);

  ASSERT_THAT(deleted, IsOk());
  EXPECT_EQ(deleted->state, ListenerState::kClosed);
  plane_.Await(EventType::kListenerClosed, facts.name);
  EXPECT_THAT(table_.Get(facts.name), FailsWith(Reason::kListenerNotFound));
  EXPECT_THAT(plane_.Connect(facts), FailsWith(Reason::kConnectRefused));
}

TEST_F(ListenerTableTest, DeletesOnlyWhatItHas) {
  EXPECT_THAT(plane_.Delete("listeners/none", kAtOnce),
              FailsWith(Reason::kListenerNotFound));
}

TEST_F(ListenerTableTest, DeletesOnlyWhatTheEtagNames) {
  const ListenerFacts facts = plane_.Listen("l1", Handler::kEcho);
  Answer<absl::StatusOr<ListenerFacts>> refused;
  table_.Delete(facts.name, "other", kAtOnce,
                [&](auto result) { refused.Set(std::move(result)); });
  EXPECT_THAT(refused.Get(), FailsWith(Reason::kEtagMismatch, "etag"));
  EXPECT_THAT(plane_.Connect(facts), IsOk());

  Answer<absl::StatusOr<ListenerFacts>> deleted;
  table_.Delete(facts.name, facts.etag, kAtOnce,
                [&](auto result) { deleted.Set(std::move(result)); });
  EXPECT_THAT(deleted.Get(), IsOk());
}

TEST_F(ListenerTableTest, ClosesItsConnectionsAtOnceIfToldSo) {
  const ListenerFacts facts = plane_.Listen("l1", Handler::kEcho);
  const auto client = plane_.Connect(facts);
  ASSERT_THAT(client, IsOk());
  plane_.Await(EventType::kSecureConnection, facts.name);

  ASSERT_THAT(plane_.Delete(facts.name, kAtOnce), IsOk());

  const auto closed = plane_.Await(EventType::kListenerClosed, facts.name);
  EXPECT_EQ(closed->about<ListenerFacts>().connection_count, 0);
  EXPECT_EQ(plane_.CountOf(EventType::kConnectionClosed, facts.name), 1u);
  EXPECT_EQ(plane_.CountOf(EventType::kListenerClosed, facts.name), 1u);
}

TEST_F(ListenerTableTest, LetsItsConnectionsFinishIfThereIsNoTimeout) {
  const ListenerFacts facts = plane_.Listen("l1", Handler::kEcho);
  const auto client = plane_.Connect(facts);
  ASSERT_THAT(client, IsOk());
  plane_.Await(EventType::kSecureConnection, facts.name);

  const auto deleted = plane_.Delete(facts.name, std::nullopt);

  ASSERT_THAT(deleted, IsOk());
  EXPECT_EQ(deleted->state, ListenerState::kDraining);
  EXPECT_EQ(deleted->connection_count, 1);
  EXPECT_THAT(plane_.Connect(facts), FailsWith(Reason::kConnectRefused));
  EXPECT_EQ(plane_.CountOf(EventType::kListenerClosed, facts.name), 0u);
  EXPECT_THAT(
      plane_.Visit(client->name, [](conn::Connection& c) { c.Close(); }),
      IsOk());
  plane_.Await(EventType::kListenerClosed, facts.name);
}

TEST_F(ListenerTableTest, ClosesItsConnectionsAfterTheTimeout) {
  const ListenerFacts facts = plane_.Listen("l1", Handler::kEcho);
  ASSERT_THAT(plane_.Connect(facts), IsOk());
  plane_.Await(EventType::kSecureConnection, facts.name);

  ASSERT_THAT(plane_.Delete(facts.name, kShort), IsOk());

  const auto closed = plane_.Await(EventType::kConnectionClosed, facts.name);
  EXPECT_THAT(closed->about<conn::ConnectionFacts>().failure, IsOk());
  plane_.Await(EventType::kListenerClosed, facts.name);
}

TEST_F(ListenerTableTest, ReplacesTheTimeoutOfAnEarlierDelete) {
  const ListenerFacts facts = plane_.Listen("l1", Handler::kEcho);
  ASSERT_THAT(plane_.Connect(facts), IsOk());
  plane_.Await(EventType::kSecureConnection, facts.name);
  ASSERT_THAT(plane_.Delete(facts.name, absl::Hours(1)), IsOk());
  EXPECT_EQ(plane_.CountOf(EventType::kListenerClosed, facts.name), 0u);

  ASSERT_THAT(plane_.Delete(facts.name, kAtOnce), IsOk());

  plane_.Await(EventType::kListenerClosed, facts.name);
}

TEST_F(ListenerTableTest, GivesANameOutAgainOnceItIsClosed) {
  for (int i = 0; i < 20; ++i) {
    const ListenerFacts facts = plane_.Listen("l1", Handler::kEcho);
    ASSERT_THAT(plane_.Connect(facts), IsOk());
    ASSERT_THAT(plane_.Delete(facts.name, kAtOnce), IsOk());
    while (table_.Get(facts.name).ok()) {
      plane_.OnWorker(0, [](Worker&) {});
      plane_.OnWorker(1, [](Worker&) {});
    }
  }
  EXPECT_EQ(plane_.CountOf(EventType::kListenerClosed, "listeners/l1"), 20u);
}

TEST_F(ListenerTableTest, TurnsAwayWhoIsTooMany) {
  ListenerOptions options = DataPlane::OptionsFor(Handler::kEcho);
  options.connection_count_max = 1;
  const auto facts = table_.Create("l1", options);
  ASSERT_THAT(facts, IsOk());
  ASSERT_THAT(plane_.Connect(*facts), IsOk());

  EXPECT_FALSE(plane_.Connect(*facts).ok());

  const auto rejected =
      plane_.Await(EventType::kConnectionRejected, facts->name);
  EXPECT_EQ(rejected->about<ListenerFacts>().rejected_count, 1);
  EXPECT_EQ((*table_.Get(facts->name))->facts().accepted_count, 1);
}

TEST_F(ListenerTableTest, ListensOnAUnixPath) {
  net::TempFolder folder;
  ListenerOptions options = DataPlane::OptionsFor(Handler::kEcho);
  options.endpoint = {"", 0, folder.Path("s")};
  const auto facts = table_.Create("l1", options);
  ASSERT_THAT(facts, IsOk());

  EXPECT_THAT(plane_.Connect(*facts), IsOk());
  EXPECT_THAT(table_.Create("l2", options),
              FailsWith(Reason::kAddressInUse, "listener.address"));
}

}  // namespace
}  // namespace tlsd::worker
