// Connection is an engine on a transport, with bounded queues and a life cycle.
//
//    transport --> [ciphertext] --> engine --> [cleartext] --> sink
//    transport <-- [  unsent  ] <-- engine <------------------ sink
//
// It is neither a thread nor an RPC: one worker owns it and only that worker's
// thread touches it, so no byte takes a lock. See
// docs/life_of_a_connection.md.
//
// Bounds: cleartext that the sink has not taken is at most kQueueBytesMax; then
// the transport is not read, and the rest of one read (at most the loop's
// scratch) waits as ciphertext. Sinks write only while `writable`, so that what
// the kernel refused is at most kQueueBytesMax and one write.
#ifndef TLSD_SERVER_CONN_CONNECTION_H_
#define TLSD_SERVER_CONN_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/base/byte_queue.h"
#include "server/base/chunk_pool.h"
#include "server/conn/cleartext_sink.h"
#include "server/conn/connection_facts.h"
#include "server/net/event_loop.h"
#include "server/net/transport.h"
#include "server/tls/secure_context.h"
#include "server/tls/tls_engine.h"

namespace tlsd::conn {

// ConnectionOwner hears of the steps of a connection's life, on the worker's
// thread. It must not destroy the connection from inside these calls.
class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;

  // The handshake waits for Connection::Answer.
  virtual void OnQuestion(Connection& connection, tls::QuestionAsked asked) = 0;
  // The server has stapled an OCSP response that a client has asked for.
  virtual void OnOcspResponse(Connection& connection) = 0;
  // The handshake is complete.
  virtual void OnOpen(Connection& connection) = 0;
  // A client has got a session that it can resume, see Connection::session.
  virtual void OnSession(Connection& connection) = 0;
  // `line` is a secret of the connection, as SSLKEYLOGFILE has it.
  virtual void OnSecret(Connection& connection, std::string line) = 0;
  // The connection has ended; its facts are final. Called once.
  virtual void OnClosed(Connection& connection) = 0;
};

// ConnectionOptions says what a connection is for.
struct ConnectionOptions {
  std::string name;
  tls::Role role = tls::Role::kServer;
  std::shared_ptr<const tls::SecureContext> secure_context;
  tls::EngineOptions engine;
  // From Start until the handshake is complete.
  absl::Duration handshake_timeout = absl::Seconds(120);
  // For the facts.
  std::string listener;
  std::string secure_context_name;
};

class Connection final : private net::TransportObserver {
 public:
  static constexpr size_t kQueueBytesMax = 64 * 1024;
  // Reading goes on when the cleartext queue is down to this.
  static constexpr size_t kQueueBytesLow = 16 * 1024;

  // `owner`, `loop` and `pool` must outlive the connection.
  Connection(ConnectionOptions options, std::unique_ptr<CleartextSink> sink,
             ConnectionOwner& owner, net::EventLoop& loop,
             base::ChunkPool& pool);
  ~Connection() override;

  // Start takes the connected transport and begins. A server makes its engine
  // when the first byte arrives. A failure to begin ends the connection, and is
  // reported by OnClosed from inside Start.
  void Start(std::unique_ptr<net::Transport> transport);

  const std::string& name() const { return options_.name; }
  const std::string& listener() const { return options_.listener; }
  tls::Role role() const { return options_.role; }
  ConnectionState state() const { return state_; }
  ConnectionFacts facts() const;
  // Why it ended; OK if cleanly, or not yet.
  const absl::Status& failure() const { return failure_; }
  CleartextSink& sink() { return *sink_; }

  // Answer gives the answer to the last OnQuestion. On a connection that waits
  // for none it does nothing.
  void Answer(tls::Answer answer);

  // session returns the newest session that a client can resume, if any; also
  // after the end.
  std::optional<tls::ClientSession> session() const;

  // Readable returns the first bytes of the cleartext that has arrived; empty
  // if there is none. Consume drops some of them.
  absl::Span<const uint8_t> Readable() const { return cleartext_.Front(); }
  std::string TakeReadable(size_t size_max);
  void Consume(size_t count);
  // at_end reports whether the peer has sent close_notify and all cleartext
  // before it has been taken.
  bool at_end() const { return peer_closed_ && cleartext_.empty(); }

  // writable reports whether Write should be called now. OnProgress tells when
  // it may be again.
  bool writable() const;
  // Write seals `bytes` and sends them. It fails with HANDSHAKE_NOT_COMPLETE,
  // WRITE_AFTER_SHUTDOWN, CONNECTION_CLOSED, or with what ended the connection;
  // CheckWrite tells without writing.
  absl::Status Write(absl::Span<const uint8_t> bytes);
  absl::Status CheckWrite() const;

  // Shutdown sends close_notify after all that was written; reading goes on. To
  // call it twice is no error. When the peer has closed too, the connection
  // ends. It fails as Write does, but for
  // WRITE_AFTER_SHUTDOWN.
  absl::Status Shutdown();

  // Close sends close_notify and ends the connection. What is unsent still
  // goes out; cleartext that was not taken is dropped. During the handshake it
  // ends it. On a closed connection it does nothing.
  void Close();

  // Abort ends the connection for `reason` with the alert that fits it.
  void Abort(const absl::Status& reason);

  // Reset ends the connection at once with CONNECTION_RESET: the peer gets no
  // close_notify.
  void Reset();

 private:
  void OnBytes(absl::Span<const uint8_t> bytes) override;
  void OnEnd() override;
  void OnError(const absl::Status& error) override;
  void OnDrained() override;

  absl::Status StartEngine();
  // Receive feeds `bytes` to the engine and returns how many it took.
  size_t Receive(absl::Span<const uint8_t> bytes);
  bool ReceiveBacklog();
  void Handle(tls::EngineEvent event);
  void Pump();
  // Flush sends what is sealed. It reports whether that has made room for a
  // sink that had to stop.
  bool Flush();
  void SteerReading();
  enum class Farewell { kGentle, kReset, kNone };
  void End(const absl::Status& failure, Farewell farewell);

  // Without what the engine has taken.
  ConnectionOptions options_;
  std::unique_ptr<CleartextSink> sink_;
  ConnectionOwner& owner_;
  net::EventLoop& loop_;
  base::ChunkPool& pool_;

  std::unique_ptr<net::Transport> transport_;
  std::unique_ptr<tls::TlsEngine> engine_;
  std::unique_ptr<net::Timer> handshake_timer_;
  // Ciphertext that came while `cleartext_` was full.
  base::ByteQueue backlog_;
  base::ByteQueue cleartext_;

  ConnectionState state_ = ConnectionState::kHandshaking;
  bool pumping_ = false;
  bool reading_paused_ = false;
  bool peer_closed_ = false;
  bool shut_down_ = false;
  absl::Status failure_;

  net::SocketAddress local_address_;
  net::SocketAddress remote_address_;
  std::shared_ptr<const tls::HandshakeFacts> handshake_;
  std::string server_name_;
  std::shared_ptr<const tls::OcspResponseFacts> ocsp_response_;
  bool has_session_ = false;
  // Of a connection that has ended.
  std::unique_ptr<const tls::ClientSession> last_session_;
  int64_t cleartext_bytes_received_ = 0;
  int64_t cleartext_bytes_sent_ = 0;
  int64_t wire_bytes_received_ = 0;
  int64_t wire_bytes_sent_ = 0;
  absl::Time create_time_;
  absl::Time open_time_ = absl::InfiniteFuture();
  absl::Time close_time_ = absl::InfiniteFuture();
};

}  // namespace tlsd::conn

#endif  // TLSD_SERVER_CONN_CONNECTION_H_
