// How a connection treats its transport: socket options and the idle timeout.
#include <memory>

#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "server/conn/echo_sink.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/conn/connection_harness.h"

namespace tlsd::conn {
namespace {

using testing::FailsWith;
using testing::IsOk;

constexpr absl::Duration kShort = absl::Milliseconds(20);
constexpr absl::Duration kForever = absl::Hours(1);

ConnectionOptions Idle(absl::Duration timeout) {
  ConnectionOptions options = ConnectionHarness::Options();
  options.socket_options.idle_timeout = timeout;
  return options;
}

TEST(SocketOptionsTest, AreTheTransports) {
  ConnectionOptions options = ConnectionHarness::Options();
  options.socket_options.socket.keep_alive = absl::Seconds(60);
  ConnectionHarness harness(std::make_unique<EchoSink>(), options);
  harness.Start();
  EXPECT_EQ(harness.wire().options().keep_alive, absl::Seconds(60));

  SocketOptions others;
  others.socket.delay_small_writes = true;
  harness.connection().SetSocketOptions(others);

  EXPECT_EQ(harness.wire().options(), others.socket);
  EXPECT_EQ(harness.connection().facts().socket_options, others);
}

TEST(SocketOptionsTest, EndAnIdleConnectionCleanlyForItsPeer) {
  ConnectionHarness harness(std::make_unique<EchoSink>(), Idle(kForever));
  harness.Open();
  SocketOptions options;
  options.idle_timeout = kShort;
  harness.connection().SetSocketOptions(options);

  EXPECT_TRUE(harness.RunUntil([&] { return harness.closed_count == 1; }));

  EXPECT_THAT(harness.connection().failure(), FailsWith(Reason::kIdleTimeout));
  harness.Pump();
  EXPECT_TRUE(harness.peer().has_seen_close_notify());
}

TEST(SocketOptionsTest, EndAHandshakeThatIsIdle) {
  ConnectionHarness harness(std::make_unique<EchoSink>(), Idle(kShort));
  harness.Start();
  EXPECT_TRUE(harness.RunUntil([&] { return harness.closed_count == 1; }));
  EXPECT_THAT(harness.connection().failure(), FailsWith(Reason::kIdleTimeout));
}

TEST(SocketOptionsTest, KeepAConnectionThatMoves) {
  ConnectionHarness harness(std::make_unique<EchoSink>(), Idle(kForever));
  harness.Open();
  SocketOptions options;
  options.idle_timeout = absl::Milliseconds(200);
  harness.connection().SetSocketOptions(options);
  const absl::Time end = absl::Now() + absl::Milliseconds(500);
  absl::Time moved = absl::Now();
  bool was_late = false;
  EXPECT_TRUE(harness.RunUntil([&] {
    const absl::Time now = absl::Now();
    // A machine that stops for so long proves nothing.
    was_late = was_late || now - moved > absl::Milliseconds(150);
    moved = now;
    harness.peer().Send("x");
    harness.Pump();
    return now > end || harness.closed_count > 0;
  }));
  if (was_late) return;
  EXPECT_EQ(harness.closed_count, 0);
}

TEST(SocketOptionsTest, NeverEndWithoutATimeout) {
  ConnectionHarness harness(std::make_unique<EchoSink>(), Idle(kShort));
  harness.Start();
  harness.connection().SetSocketOptions({});
  const absl::Time end = absl::Now() + 3 * kShort;
  EXPECT_TRUE(harness.RunUntil([&] { return absl::Now() > end; }));
  EXPECT_EQ(harness.closed_count, 0);
  EXPECT_THAT(harness.connection().failure(), IsOk());
}

}  // namespace
}  // namespace tlsd::conn
