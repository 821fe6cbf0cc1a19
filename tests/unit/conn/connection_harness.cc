#include "tests/unit/conn/connection_harness.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>

#include "gtest/gtest.h"
#include "server/base/byte_queue.h"
#include "tests/testing/engine_pair.h"

namespace tlsd::conn {
namespace {

// More steps than any test needs: what does not come to rest is a failure, not
// a hang.
constexpr int kStepCountMax = 1'000'000;

}  // namespace

void ScriptedSink::OnProgress(Connection& connection) {
  ++call_count;
  depth_max = std::max(depth_max, ++depth_);
  has_seen_end = connection.state() == ConnectionState::kClosed;
  on_progress(connection);
  --depth_;
}

TestPeer::TestPeer(tls::Role role, tls::TlsVersion version,
                   base::ChunkPool& pool)
    : pool_(pool) {
  const bool is_client = role == tls::Role::kClient;
  auto engine = tls::TlsEngine::Create(
      testing::MakeContext(is_client ? testing::ClientOptions(version)
                                     : testing::ServerOptions(version)),
      role, is_client ? testing::LocalhostOptions() : tls::EngineOptions(),
      pool);
  EXPECT_TRUE(engine.ok()) << engine.status();
  engine_ = *std::move(engine);
}

void TestPeer::Send(absl::string_view text) {
  const absl::Status sent = engine_->Send(base::AsBytes(text));
  EXPECT_TRUE(sent.ok()) << sent;
}

void TestPeer::Shutdown() {
  const absl::Status sent = engine_->Shutdown();
  EXPECT_TRUE(sent.ok()) << sent;
}

std::string TestPeer::Exchange(absl::string_view inbound) {
  if (!inbound.empty() && !has_seen_close_notify_ && status_.ok()) {
    base::ByteQueue cleartext(pool_);
    tls::EventList events;
    const absl::StatusOr<size_t> taken =
        engine_->Receive(base::AsBytes(inbound),
                         std::numeric_limits<size_t>::max(), cleartext, events);
    cleartext_ += cleartext.TakeText(cleartext.size());
    for (const tls::EngineEvent& event : events) {
      if (std::holds_alternative<tls::HandshakeCompleted>(event)) {
        is_open_ = true;
      } else if (std::holds_alternative<tls::PeerClosed>(event)) {
        has_seen_close_notify_ = true;
      }
    }
    status_ = taken.status();
  }
  return engine_->ciphertext().TakeText(engine_->ciphertext().size());
}

ConnectionOptions ConnectionHarness::Options(tls::Role role,
                                             tls::TlsVersion version) {
  ConnectionOptions options;
  options.name = "connections/c-test-0";
  options.role = role;
  if (role == tls::Role::kClient) {
    options.secure_context =
        testing::MakeContext(testing::ClientOptions(version));
    options.engine = testing::LocalhostOptions();
  } else {
    options.secure_context =
        testing::MakeContext(testing::ServerOptions(version));
    options.listener = "listeners/l1";
  }
  options.secure_context_name = "secureContexts/test";
  return options;
}

ConnectionHarness::ConnectionHarness(std::unique_ptr<CleartextSink> sink,
                                     const ConnectionOptions& options,
                                     tls::TlsVersion version)
    : peer_(options.role == tls::Role::kServer ? tls::Role::kClient
                                               : tls::Role::kServer,
            version, peer_pool_) {
  ConnectionOwner& owner = *this;
  connection_ = std::make_unique<Connection>(options, std::move(sink), owner,
                                             *loop_.loop, loop_.pool);
}

void ConnectionHarness::Start() { connection_->Start(wire_.MakeTransport()); }

void ConnectionHarness::Open() {
  Start();
  Pump();
  EXPECT_EQ(connection_->state(), ConnectionState::kOpen)
      << connection_->failure();
  EXPECT_TRUE(peer_.is_open()) << peer_.status();
}

void ConnectionHarness::Pump() {
  for (int step = 0; step < kStepCountMax; ++step) {
    const std::string sent = wire_.TakeSent();
    const std::string answer = peer_.Exchange(sent);
    wire_.Arrive(answer);
    const bool delivered = wire_.Deliver();
    if (sent.empty() && answer.empty() && !delivered) return;
  }
  ADD_FAILURE() << "the connection does not come to rest";
}

void ConnectionHarness::OnOpen(Connection& /*connection*/) {
  ++open_count;
  on_open();
}

void ConnectionHarness::OnQuestion(Connection& /*connection*/,
                                   tls::QuestionAsked asked) {
  questions.push_back(std::move(asked));
}

void ConnectionHarness::OnOcspResponse(Connection& /*connection*/) {
  ++ocsp_response_count;
}

void ConnectionHarness::OnSession(Connection& /*connection*/) {
  ++session_count;
}

void ConnectionHarness::OnRenegotiated(Connection& /*connection*/) {
  ++renegotiated_count;
}

void ConnectionHarness::OnSecret(Connection& /*connection*/, std::string line) {
  secrets.push_back(std::move(line));
}

void ConnectionHarness::OnClosed(Connection& /*connection*/) {
  ++closed_count;
  on_closed();
}

std::string TakeAll(Connection& connection) {
  std::string all;
  while (!connection.Readable().empty()) {
    all += connection.TakeReadable(Connection::kQueueBytesMax);
  }
  return all;
}

}  // namespace tlsd::conn
