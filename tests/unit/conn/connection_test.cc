// The handshake, and what is told of a connection.
#include "server/conn/connection.h"

#include "gtest/gtest.h"
#include "server/base/byte_queue.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/conn/connection_harness.h"

namespace tlsd::conn {
namespace {

using testing::FailsWith;
using testing::FakeWire;
using testing::IsOk;
using tls::Role;
using tls::TlsVersion;

// What an alert record begins with, as long as it is not encrypted.
constexpr absl::string_view kAlertRecord("\x15\x03", 2);

struct Variant {
  Role role;
  TlsVersion version;
  const char* name;
};

class ConnectionHandshakeTest : public ::testing::TestWithParam<Variant> {
 protected:
  ScriptedHarness made_{
      ConnectionHarness::Options(GetParam().role, GetParam().version),
      GetParam().version};
  ConnectionHarness& harness_ = made_.harness;
  Connection& connection_ = harness_.connection();
};

INSTANTIATE_TEST_SUITE_P(
    , ConnectionHandshakeTest,
    ::testing::Values(Variant{Role::kServer, TlsVersion::kTls12, "ServerTls12"},
                      Variant{Role::kServer, TlsVersion::kTls13, "ServerTls13"},
                      Variant{Role::kClient, TlsVersion::kTls12, "ClientTls12"},
                      Variant{Role::kClient, TlsVersion::kTls13,
                              "ClientTls13"}),
    [](const auto& info) { return info.param.name; });

TEST_P(ConnectionHandshakeTest, CarriesCleartextBothWays) {
  harness_.Open();

  harness_.peer().Send("to the connection");
  ASSERT_THAT(connection_.Write(base::AsBytes("to the peer")), IsOk());
  harness_.Pump();

  EXPECT_EQ(TakeAll(connection_), "to the connection");
  EXPECT_EQ(harness_.peer().TakeCleartext(), "to the peer");
}

TEST_P(ConnectionHandshakeTest, OpensOnceAndTellsItsSink) {
  bool was_open_when_told = false;
  harness_.on_open = [&] {
    was_open_when_told = connection_.state() == ConnectionState::kOpen;
  };

  harness_.Open();

  EXPECT_EQ(harness_.open_count, 1);
  EXPECT_EQ(harness_.closed_count, 0);
  EXPECT_TRUE(was_open_when_told);
  EXPECT_GT(made_.sink->call_count, 0);
  EXPECT_TRUE(connection_.writable());
}

TEST_P(ConnectionHandshakeTest, IsNotWritableBeforeItIsComplete) {
  harness_.Start();

  EXPECT_EQ(connection_.state(), ConnectionState::kHandshaking);
  EXPECT_FALSE(connection_.writable());
  EXPECT_THAT(connection_.Write(base::AsBytes("early")),
              FailsWith(Reason::kHandshakeNotComplete));
  EXPECT_THAT(connection_.Shutdown(), FailsWith(Reason::kHandshakeNotComplete));
  EXPECT_EQ(harness_.open_count, 0);
}

TEST_P(ConnectionHandshakeTest, CompletesFromSingleBytes) {
  harness_.wire().delivery_size = 1;

  harness_.Open();
  harness_.peer().Send("slow");
  harness_.Pump();

  EXPECT_EQ(TakeAll(connection_), "slow");
}

TEST_P(ConnectionHandshakeTest, TellsTheFacts) {
  harness_.Open();

  const ConnectionFacts facts = connection_.facts();

  EXPECT_EQ(facts.name, "connections/c-test-0");
  EXPECT_EQ(facts.role, GetParam().role);
  EXPECT_EQ(facts.state, ConnectionState::kOpen);
  EXPECT_EQ(facts.secure_context, "secureContexts/test");
  EXPECT_EQ(facts.listener,
            GetParam().role == Role::kServer ? "listeners/l1" : "");
  EXPECT_EQ(facts.local_address.ToString(), "192.0.2.1:443");
  EXPECT_EQ(facts.remote_address.ToString(), "192.0.2.2:50000");
  ASSERT_NE(facts.handshake, nullptr);
  EXPECT_EQ(facts.handshake->version, GetParam().version);
  EXPECT_EQ(facts.server_name, "localhost");
  EXPECT_FALSE(facts.peer_closed);
  EXPECT_FALSE(facts.shut_down);
  EXPECT_LE(facts.create_time, facts.open_time);
  EXPECT_EQ(facts.close_time, absl::InfiniteFuture());
  EXPECT_THAT(facts.failure, IsOk());
}

TEST_P(ConnectionHandshakeTest, CountsBytes) {
  harness_.Open();
  const ConnectionFacts before = connection_.facts();
  EXPECT_EQ(before.cleartext_bytes_received, 0);
  EXPECT_EQ(before.cleartext_bytes_sent, 0);
  EXPECT_GT(before.wire_bytes_received, 100);
  EXPECT_GT(before.wire_bytes_sent, 100);

  harness_.peer().Send("12345");
  ASSERT_THAT(connection_.Write(base::AsBytes("1234567")), IsOk());
  harness_.Pump();

  const ConnectionFacts after = connection_.facts();
  EXPECT_EQ(after.cleartext_bytes_received, 5);
  EXPECT_EQ(after.cleartext_bytes_sent, 7);
  EXPECT_GT(after.wire_bytes_received, before.wire_bytes_received + 5);
  EXPECT_GT(after.wire_bytes_sent, before.wire_bytes_sent + 7);
}

TEST(ConnectionTest, TellsNoHandshakeBeforeThereIsOne) {
  ScriptedHarness made;
  made.harness.Start();

  const ConnectionFacts facts = made.harness.connection().facts();

  EXPECT_EQ(facts.state, ConnectionState::kHandshaking);
  EXPECT_EQ(facts.handshake, nullptr);
  EXPECT_EQ(facts.server_name, "");
  EXPECT_EQ(facts.open_time, absl::InfiniteFuture());
}

TEST(ConnectionTest, HoldsNoMemoryForASilentPeer) {
  ScriptedHarness made;

  made.harness.Start();

  EXPECT_EQ(made.harness.lent_count(), 0u);
  EXPECT_EQ(made.harness.connection().facts().wire_bytes_sent, 0);
}

TEST(ConnectionTest, HoldsNoMemoryWhenNothingIsOnItsWay) {
  ScriptedHarness made;
  made.harness.Open();
  made.harness.peer().Send("some bytes");
  made.harness.Pump();
  EXPECT_GT(made.harness.lent_count(), 0u);

  TakeAll(made.harness.connection());

  EXPECT_EQ(made.harness.lent_count(), 0u);
}

// A context without credentials cannot serve, which only an engine notices.
TEST(ConnectionTest, MakesAServersEngineWithTheFirstByte) {
  ConnectionOptions options = ConnectionHarness::Options();
  options.secure_context =
      ConnectionHarness::Options(Role::kClient).secure_context;
  ScriptedHarness made(options);

  made.harness.Start();
  EXPECT_EQ(made.harness.closed_count, 0);
  made.harness.wire().Arrive("\x16");
  made.harness.wire().Deliver();

  EXPECT_EQ(made.harness.closed_count, 1);
  EXPECT_THAT(made.harness.connection().failure(),
              FailsWith(Reason::kCredentialsRequired));
  EXPECT_TRUE(made.sink->has_seen_end);
}

TEST(ConnectionTest, FailsFromInsideStartWhenAClientCannotBegin) {
  ConnectionOptions options = ConnectionHarness::Options(Role::kClient);
  options.engine.server_name = "not a name";
  ScriptedHarness made(options);

  made.harness.Start();

  EXPECT_EQ(made.harness.closed_count, 1);
  EXPECT_THAT(made.harness.connection().failure(),
              FailsWith(Reason::kServerNameInvalid));
  EXPECT_EQ(made.harness.wire().ending(), FakeWire::Ending::kGentle);
}

TEST(ConnectionTest, SendsTheAlertOfAFailedHandshake) {
  ScriptedHarness made;
  made.harness.Start();

  made.harness.wire().Arrive("GET / HTTP/1.1\r\n\r\n");
  made.harness.wire().Deliver();

  EXPECT_THAT(made.harness.connection().failure(), FailsWith(Reason::kNotTls));
  EXPECT_EQ(made.harness.open_count, 0);
  EXPECT_EQ(made.harness.closed_count, 1);
  EXPECT_EQ(made.harness.wire().TakeSent().substr(0, 2), kAlertRecord);
  EXPECT_EQ(made.harness.wire().ending(), FakeWire::Ending::kGentle);
}

TEST(ConnectionTest, TellsThePeerWhenTheHandshakeTakesTooLong) {
  ConnectionOptions options = ConnectionHarness::Options(Role::kClient);
  options.handshake_timeout = absl::Milliseconds(1);
  ScriptedHarness made(options);
  made.harness.Start();
  made.harness.wire().TakeSent();

  ASSERT_TRUE(
      made.harness.RunUntil([&] { return made.harness.closed_count > 0; }));

  EXPECT_THAT(made.harness.connection().failure(),
              FailsWith(Reason::kHandshakeTimeout));
  EXPECT_EQ(made.harness.wire().TakeSent().substr(0, 2), kAlertRecord);
  EXPECT_EQ(made.harness.wire().ending(), FakeWire::Ending::kGentle);
  EXPECT_TRUE(made.sink->has_seen_end);
  EXPECT_EQ(made.harness.closed_count, 1);
}

TEST(ConnectionTest, EndsWithoutAWordWhenThePeerWasSilentTooLong) {
  ConnectionOptions options = ConnectionHarness::Options();
  options.handshake_timeout = absl::Milliseconds(1);
  ScriptedHarness made(options);
  made.harness.Start();

  ASSERT_TRUE(
      made.harness.RunUntil([&] { return made.harness.closed_count > 0; }));

  EXPECT_THAT(made.harness.connection().failure(),
              FailsWith(Reason::kHandshakeTimeout));
  EXPECT_EQ(made.harness.wire().TakeSent(), "");
}

TEST(ConnectionTest, HasNoTimeoutOnceItIsOpen) {
  ConnectionOptions options = ConnectionHarness::Options();
  options.handshake_timeout = absl::Milliseconds(200);
  ScriptedHarness made(options);
  made.harness.Open();
  ScriptedHarness slower(options);
  slower.harness.Start();

  // By then the older timer would have fired as well.
  ASSERT_TRUE(
      slower.harness.RunUntil([&] { return slower.harness.closed_count > 0; }));
  made.harness.RunUntil([] { return true; });

  EXPECT_EQ(made.harness.closed_count, 0);
}

}  // namespace
}  // namespace tlsd::conn
