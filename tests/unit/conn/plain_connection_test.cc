// Connections without an engine, and those whose first bytes say what they are.
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "server/conn/echo_sink.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/conn/connection_harness.h"

namespace tlsd::conn {
namespace {

using net::Noise;
using testing::FailsWith;
using testing::FakeWire;
using testing::IsOk;

ConnectionOptions Plain() {
  ConnectionOptions options = ConnectionHarness::Options();
  options.protection = Protection::kNone;
  options.secure_context = nullptr;
  return options;
}

class PlainConnectionTest : public ::testing::Test {
 protected:
  void Begin(const ConnectionOptions& options) {
    scripted_ = std::make_unique<ScriptedHarness>(options);
    scripted_->harness.Start();
  }
  Connection& connection() { return scripted_->harness.connection(); }
  FakeWire& wire() { return scripted_->harness.wire(); }
  ConnectionHarness& harness() { return scripted_->harness; }
  void Arrive(absl::string_view bytes) {
    wire().Arrive(bytes);
    while (wire().Deliver()) {
    }
  }

  std::unique_ptr<ScriptedHarness> scripted_;
};

TEST_F(PlainConnectionTest, IsOpenAtOnce) {
  Begin(Plain());
  EXPECT_EQ(connection().state(), ConnectionState::kOpen);
  EXPECT_EQ(harness().open_count, 1);
  EXPECT_FALSE(connection().facts().encrypted);
  EXPECT_EQ(connection().facts().handshake, nullptr);
}

TEST_F(PlainConnectionTest, CarriesWhatTheTransportDoes) {
  Begin(Plain());
  Arrive("GET /");
  EXPECT_THAT(connection().Write(base::AsBytes("200")), IsOk());

  EXPECT_EQ(TakeAll(connection()), "GET /");
  EXPECT_EQ(wire().TakeSent(), "200");
  const ConnectionFacts facts = connection().facts();
  EXPECT_EQ(facts.cleartext_bytes_received, 5);
  EXPECT_EQ(facts.wire_bytes_received, 5);
  EXPECT_EQ(facts.cleartext_bytes_sent, 3);
  EXPECT_EQ(facts.wire_bytes_sent, 3);
}

TEST_F(PlainConnectionTest, EndsEachDirectionOnItsOwn) {
  Begin(Plain());
  EXPECT_THAT(connection().Write(base::AsBytes("last")), IsOk());
  EXPECT_THAT(connection().Shutdown(), IsOk());
  EXPECT_THAT(connection().Shutdown(), IsOk());
  EXPECT_TRUE(wire().has_ended_writing());
  EXPECT_THAT(connection().Write(base::AsBytes("more")),
              FailsWith(Reason::kWriteAfterShutdown));
  Arrive("still");
  EXPECT_EQ(TakeAll(connection()), "still");

  wire().ArriveEnd();
  Arrive("");

  EXPECT_TRUE(connection().at_end());
  EXPECT_EQ(connection().state(), ConnectionState::kClosed);
  EXPECT_THAT(connection().failure(), IsOk());
  EXPECT_EQ(wire().ending(), FakeWire::Ending::kGentle);
}

TEST_F(PlainConnectionTest, WritesAfterThePeersEnd) {
  Begin(Plain());
  wire().ArriveEnd();
  Arrive("");
  EXPECT_TRUE(connection().at_end());
  EXPECT_EQ(connection().state(), ConnectionState::kOpen);
  EXPECT_THAT(connection().Write(base::AsBytes("answer")), IsOk());
  EXPECT_EQ(wire().TakeSent(), "answer");
}

TEST_F(PlainConnectionTest, IsBounded) {
  Begin(Plain());
  const std::string sent = Noise(1'000'000);
  wire().delivery_size = 50'000;
  wire().Arrive(sent);
  while (wire().Deliver()) {
  }
  EXPECT_TRUE(wire().is_paused());
  EXPECT_LE(connection().facts().cleartext_bytes_received,
            static_cast<int64_t>(Connection::kQueueBytesMax + 50'000));

  std::string received;
  while (received.size() < sent.size()) {
    const std::string more = TakeAll(connection());
    ASSERT_FALSE(more.empty());
    received += more;
    while (wire().Deliver()) {
    }
  }
  EXPECT_EQ(received, sent);
}

TEST_F(PlainConnectionTest, IsNotWritableWhileThePeerDoesNotTake) {
  Begin(Plain());
  wire().room = 10;
  EXPECT_THAT(connection().Write(base::AsBytes(Noise(70'000))), IsOk());
  EXPECT_FALSE(connection().writable());
  wire().MakeRoom(70'000);
  EXPECT_TRUE(connection().writable());
}

TEST_F(PlainConnectionTest, ShowsAnAbortAsAReset) {
  Begin(Plain());
  connection().Abort(MakeError(Reason::kPipeBroken, "why"));
  EXPECT_EQ(wire().ending(), FakeWire::Ending::kReset);
  EXPECT_THAT(connection().failure(), FailsWith(Reason::kPipeBroken));
}

TEST_F(PlainConnectionTest, ClosesGently) {
  Begin(Plain());
  EXPECT_THAT(connection().Write(base::AsBytes("bye")), IsOk());
  connection().Close();
  EXPECT_EQ(wire().TakeSent(), "bye");
  EXPECT_EQ(wire().ending(), FakeWire::Ending::kGentle);
  EXPECT_THAT(connection().failure(), IsOk());
}

TEST_F(PlainConnectionTest, ShowsNoCleanEndWhileAnotherHasTheCleartext) {
  ConnectionHarness harness(nullptr, Plain());
  harness.Start();
  harness.connection().SetSink(std::make_unique<EchoSink>(),
                               "connections/other");
  harness.connection().Close();
  EXPECT_EQ(harness.wire().ending(), FakeWire::Ending::kReset);
  EXPECT_THAT(harness.connection().failure(),
              FailsWith(Reason::kConnectionClosed));
}

TEST_F(PlainConnectionTest, IsResetIfItIsLeftOpen) {
  FakeWire wire;
  {
    ScriptedHarness scripted(Plain());
    scripted.harness.connection().Start(wire.MakeTransport());
  }
  EXPECT_EQ(wire.ending(), FakeWire::Ending::kReset);
}

TEST_F(PlainConnectionTest, TellsWhatCutsIt) {
  Begin(Plain());
  wire().Fail(MakeError(Reason::kTransportReset, "cut"));
  EXPECT_THAT(connection().failure(), FailsWith(Reason::kTransportReset));
}

TEST_F(PlainConnectionTest, EndsCleanlyWithAPairThatHasEnded) {
  Begin(Plain());
  wire().ArriveEnd();
  Arrive("");
  wire().Fail(MakeError(Reason::kConnectionClosed, "gone"));
  EXPECT_EQ(connection().state(), ConnectionState::kClosed);
  EXPECT_THAT(connection().failure(), IsOk());
}

TEST_F(PlainConnectionTest, HasNoEngine) {
  Begin(Plain());
  EXPECT_THAT(connection().OpenEngine().status(),
              FailsWith(Reason::kProtectionMismatch));
  EXPECT_THAT(connection().UpdateKeys(false),
              FailsWith(Reason::kProtectionMismatch));
}

TEST_F(PlainConnectionTest, SendsAPreambleFirst) {
  ConnectionOptions options = Plain();
  options.preamble = "PROXY UNKNOWN\r\n";
  Begin(options);
  EXPECT_THAT(connection().Write(base::AsBytes("hello")), IsOk());
  EXPECT_EQ(wire().TakeSent(), "PROXY UNKNOWN\r\nhello");
}

TEST_F(PlainConnectionTest, WaitsForASink) {
  ConnectionHarness harness(nullptr, Plain());
  harness.Start();
  harness.wire().Arrive("early");
  harness.wire().Deliver();
  harness.connection().SetSink(std::make_unique<EchoSink>(),
                               "connections/other");
  EXPECT_EQ(harness.wire().TakeSent(), "early");
  EXPECT_EQ(harness.connection().facts().piped_with, "connections/other");
}

// The first byte.

ConnectionOptions Detecting() {
  ConnectionOptions options = ConnectionHarness::Options();
  options.protection = Protection::kDetect;
  return options;
}

TEST_F(PlainConnectionTest, DetectsTls) {
  ConnectionHarness harness(std::make_unique<EchoSink>(), Detecting());
  harness.wire().delivery_size = 1;
  harness.Open();
  EXPECT_TRUE(harness.connection().facts().encrypted);
  EXPECT_NE(harness.connection().facts().handshake, nullptr);
}

TEST_F(PlainConnectionTest, DetectsCleartext) {
  Begin(Detecting());
  EXPECT_EQ(connection().state(), ConnectionState::kHandshaking);
  EXPECT_EQ(harness().open_count, 0);
  Arrive("H");
  EXPECT_EQ(harness().open_count, 1);
  Arrive("ELO");
  EXPECT_EQ(TakeAll(connection()), "HELO");
  EXPECT_FALSE(connection().facts().encrypted);
  EXPECT_EQ(connection().facts().secure_context, "");
}

TEST_F(PlainConnectionTest, ClosesWhoSaysNothing) {
  ConnectionOptions options = Detecting();
  options.handshake_timeout = absl::Milliseconds(1);
  Begin(options);
  EXPECT_TRUE(harness().RunUntil([&] { return harness().closed_count == 1; }));
  EXPECT_THAT(connection().failure(), FailsWith(Reason::kHandshakeTimeout));
}

// PROXY headers.

constexpr absl::string_view kHeader =
    "PROXY TCP4 198.51.100.9 192.0.2.1 5555 443\r\n";

TEST_F(PlainConnectionTest, ReadsAProxyHeader) {
  for (const size_t delivery_size : {1u, 10u, 1000u}) {
    ConnectionOptions options = Plain();
    options.accept_proxy_header = true;
    Begin(options);
    EXPECT_EQ(connection().state(), ConnectionState::kHandshaking);
    wire().delivery_size = delivery_size;
    Arrive(std::string(kHeader) + "hello");

    EXPECT_EQ(connection().state(), ConnectionState::kOpen);
    EXPECT_EQ(TakeAll(connection()), "hello");
    const ConnectionFacts facts = connection().facts();
    EXPECT_EQ(facts.remote_address.ToString(), "198.51.100.9:5555");
    EXPECT_EQ(facts.proxy->address.ToString(), "192.0.2.2:50000");
    ASSERT_NE(facts.proxy, nullptr);
    EXPECT_EQ(facts.proxy->header.destination.ToString(), "192.0.2.1:443");
  }
}

TEST_F(PlainConnectionTest, ReadsAProxyHeaderBeforeTls) {
  ConnectionOptions options = ConnectionHarness::Options();
  options.accept_proxy_header = true;
  ConnectionHarness harness(std::make_unique<EchoSink>(), options);
  harness.wire().Arrive(kHeader);
  harness.Open();
  EXPECT_EQ(harness.connection().facts().remote_address.ToString(),
            "198.51.100.9:5555");
}

TEST_F(PlainConnectionTest, KeepsTheSocketsAddressForALocalHeader) {
  ConnectionOptions options = Plain();
  options.accept_proxy_header = true;
  Begin(options);
  Arrive("PROXY UNKNOWN\r\n");
  EXPECT_EQ(connection().facts().remote_address.ToString(), "192.0.2.2:50000");
  EXPECT_TRUE(connection().facts().proxy->header.is_local);
}

TEST_F(PlainConnectionTest, TurnsAwayWhoHasNoProxyHeader) {
  ConnectionOptions options = Plain();
  options.accept_proxy_header = true;
  Begin(options);
  Arrive("GET / HTTP/1.0\r\n");
  EXPECT_EQ(harness().open_count, 0);
  EXPECT_THAT(connection().failure(), FailsWith(Reason::kProxyHeaderInvalid));
}

TEST_F(PlainConnectionTest, EndsInTheMiddleOfAProxyHeader) {
  ConnectionOptions options = Plain();
  options.accept_proxy_header = true;
  Begin(options);
  wire().ArriveEnd();
  Arrive("PROXY TCP4 ");
  EXPECT_THAT(connection().failure(), FailsWith(Reason::kTlsTruncated));
}

}  // namespace
}  // namespace tlsd::conn
