// BenchPeer is one TLS client of a load: it dials, makes the handshake, sends a
// byte, and is done when the byte has come back. So what a handshake leaves to
// its end, e.g. storing sessions, counts too.
//
// It is not the daemon's engine but BoringSSL over a socket that never waits;
// PeerSet tells it when to go on. It trusts everything. It belongs to one
// thread.
#ifndef TLSD_TESTS_BENCH_BENCH_PEER_H_
#define TLSD_TESTS_BENCH_BENCH_PEER_H_

#include <openssl/ssl.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace tlsd::bench {

// PeerOptions says what such a client offers.
struct PeerOptions {
  // TLS1_2_VERSION or TLS1_3_VERSION, and no other.
  uint16_t version = TLS1_3_VERSION;
  bool asks_for_staple = false;
  bool has_certificate = false;
};

// NewPeerContext returns what the peers of one thread share.
bssl::UniquePtr<SSL_CTX> NewPeerContext(const PeerOptions& options);

class BenchPeer {
 public:
  enum class State { kWaiting, kDone, kFailed };

  // Dial connects to `port` of 127.0.0.1. `session` is offered, if it is not
  // null. Without `context` the peer never says a word.
  static absl::StatusOr<std::unique_ptr<BenchPeer>> Dial(
      int port, SSL_CTX* context,
      bssl::UniquePtr<SSL_SESSION> session = nullptr);
  // The connection is reset, so that its port is free at once.
  ~BenchPeer();
  BenchPeer(const BenchPeer&) = delete;
  BenchPeer& operator=(const BenchPeer&) = delete;

  // Advance goes on as far as it can without waiting.
  State Advance();

  int descriptor() const { return descriptor_; }
  State state() const { return state_; }
  // Why it has failed.
  const std::string& failure() const { return failure_; }
  // age returns how long ago it was dialled.
  absl::Duration age() const;

  bool offered() const { return has_offered_; }
  bool resumed() const { return SSL_session_reused(ssl_.get()) != 0; }
  // TakeSession returns what the next peer can offer: the newest session that
  // came, or else the one that was offered.
  bssl::UniquePtr<SSL_SESSION> TakeSession();

 private:
  friend bssl::UniquePtr<SSL_CTX> NewPeerContext(const PeerOptions& options);

  explicit BenchPeer(int descriptor) : descriptor_(descriptor) {}
  static int OnSession(SSL* ssl, SSL_SESSION* session);
  // Step does one operation, and returns what it returns.
  int Step();

  const int descriptor_;
  const std::chrono::steady_clock::time_point dial_time_ =
      std::chrono::steady_clock::now();
  bssl::UniquePtr<SSL_SESSION> offered_;
  bssl::UniquePtr<SSL_SESSION> session_;
  bssl::UniquePtr<SSL> ssl_;
  bool has_offered_ = false;
  bool has_sent_ = false;
  State state_ = State::kWaiting;
  std::string failure_;
};

}  // namespace tlsd::bench

#endif  // TLSD_TESTS_BENCH_BENCH_PEER_H_
