// ConnectionHarness is a Connection on a fake wire, with a real engine as its
// peer. Nothing moves unless a test says so.
//
//   ConnectionHarness harness(std::make_unique<EchoSink>());
//   harness.Open();
//   harness.peer().Send("hello");
//   harness.Pump();
#ifndef TLSD_TESTS_UNIT_CONN_CONNECTION_HARNESS_H_
#define TLSD_TESTS_UNIT_CONN_CONNECTION_HARNESS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/chunk_pool.h"
#include "server/conn/cleartext_sink.h"
#include "server/conn/connection.h"
#include "server/tls/tls_engine.h"
#include "tests/testing/fake_transport.h"
#include "tests/unit/net/net_testing.h"

namespace tlsd::conn {

// ScriptedSink does what a test tells it, and counts.
class ScriptedSink final : public CleartextSink {
 public:
  void OnProgress(Connection& connection) override;

  std::function<void(Connection&)> on_progress = [](Connection&) {};
  int call_count = 0;
  // How deep OnProgress was called from inside itself.
  int depth_max = 0;
  // Whether the last call saw a connection that had ended.
  bool has_seen_end = false;

 private:
  int depth_ = 0;
};

// TestPeer is the other end of the wire.
class TestPeer {
 public:
  TestPeer(tls::Role role, tls::TlsVersion version, base::ChunkPool& pool);

  // Send seals `text`, Shutdown close_notify; Pump carries them.
  void Send(absl::string_view text);
  void Shutdown();

  // Exchange takes `inbound`, what has come over the wire, and returns what
  // goes back.
  std::string Exchange(absl::string_view inbound);

  std::string TakeCleartext() { return std::exchange(cleartext_, {}); }
  size_t cleartext_size() const { return cleartext_.size(); }
  bool is_open() const { return is_open_; }
  bool has_seen_close_notify() const { return has_seen_close_notify_; }
  // Its first error.
  const absl::Status& status() const { return status_; }

 private:
  base::ChunkPool& pool_;
  std::unique_ptr<tls::TlsEngine> engine_;
  std::string cleartext_;
  bool is_open_ = false;
  bool has_seen_close_notify_ = false;
  absl::Status status_;
};

class ConnectionHarness : private ConnectionOwner {
 public:
  // The options of a connection of `role` whose peer fits.
  static ConnectionOptions Options(
      tls::Role role = tls::Role::kServer,
      tls::TlsVersion version = tls::TlsVersion::kTls13);

  explicit ConnectionHarness(std::unique_ptr<CleartextSink> sink,
                             const ConnectionOptions& options = Options(),
                             tls::TlsVersion version = tls::TlsVersion::kTls13);

  // Start hands the connection its transport. Open also makes the handshake,
  // and fails the test if that fails.
  void Start();
  void Open();

  // Pump carries bytes both ways until nothing moves. Bytes that the kernel
  // does not take stay where they are.
  void Pump();

  Connection& connection() { return *connection_; }
  testing::FakeWire& wire() { return wire_; }
  TestPeer& peer() { return peer_; }
  // The chunks that the connection and its engine hold.
  size_t lent_count() const { return loop_.pool.lent_count(); }
  bool RunUntil(const std::function<bool()>& condition) {
    return loop_.RunUntil(condition);
  }

  int open_count = 0;
  int closed_count = 0;
  std::vector<tls::QuestionAsked> questions;
  int ocsp_response_count = 0;
  int session_count = 0;
  int renegotiated_count = 0;
  std::vector<std::string> secrets;
  // Called after the counting.
  std::function<void()> on_open = [] {};
  std::function<void()> on_closed = [] {};

 private:
  void OnQuestion(Connection& connection, tls::QuestionAsked asked) override;
  void OnOcspResponse(Connection& connection) override;
  void OnOpen(Connection& connection) override;
  void OnSession(Connection& connection) override;
  void OnRenegotiated(Connection& connection) override;
  void OnSecret(Connection& connection, std::string line) override;
  void OnClosed(Connection& connection) override;

  net::LoopFixture loop_;
  base::ChunkPool peer_pool_;
  testing::FakeWire wire_;
  TestPeer peer_;
  std::unique_ptr<Connection> connection_;
};

// ScriptedHarness is a harness whose sink is scripted.
struct ScriptedHarness {
  explicit ScriptedHarness(
      const ConnectionOptions& options = ConnectionHarness::Options(),
      tls::TlsVersion version = tls::TlsVersion::kTls13)
      : sink(new ScriptedSink),
        harness(std::unique_ptr<CleartextSink>(sink), options, version) {}

  // The connection's.
  ScriptedSink* const sink;
  ConnectionHarness harness;
};

// TakeAll takes all cleartext that `connection` has.
std::string TakeAll(Connection& connection);

}  // namespace tlsd::conn

#endif  // TLSD_TESTS_UNIT_CONN_CONNECTION_HARNESS_H_
