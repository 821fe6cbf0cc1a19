// Connection is an engine on a transport, with bounded queues and a life cycle.
//
//    transport --> [ciphertext] --> engine --> [cleartext] --> sink
//    transport <-- [  unsent  ] <-- engine <------------------ sink
//
// A plain connection has no engine: cleartext is what the transport carries,
// and the ends of its directions are those of the transport's.
//
// It is neither a thread nor an RPC: one worker owns it and only that worker's
// thread touches it, so no byte takes a lock. See
// docs/life_of_a_connection.md.
//
// Bounds: once the sink has left kQueueBytesMax of cleartext, the transport is
// not read, so that at most so much and one read (the loop's scratch) waits.
// Sinks write only while `writable`, so that what the kernel refused is at most
// kQueueBytesMax and one write.
#ifndef TLSD_SERVER_CONN_CONNECTION_H_
#define TLSD_SERVER_CONN_CONNECTION_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/base/byte_queue.h"
#include "server/base/chunk_pool.h"
#include "server/conn/cleartext_sink.h"
#include "server/conn/connection_facts.h"
#include "server/conn/connection_options.h"
#include "server/net/event_loop.h"
#include "server/net/proxy_header.h"
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
  // Cleartext can flow: the handshake is complete, or there is none.
  virtual void OnOpen(Connection& connection) = 0;
  // A client has got a session that it can resume, see Connection::session.
  virtual void OnSession(Connection& connection) = 0;
  // A client has answered a request for renegotiation.
  virtual void OnRenegotiated(Connection& connection) = 0;
  // `line` is a secret of the connection, as SSLKEYLOGFILE has it.
  virtual void OnSecret(Connection& connection, std::string line) = 0;
  // The connection has ended; its facts are final. Called once.
  virtual void OnClosed(Connection& connection) = 0;
};

// HandshakeTimeoutError is the failure of a handshake that was not complete in
// `timeout`.
absl::Status HandshakeTimeoutError(absl::Duration timeout);

// ConnectionClosedError is CONNECTION_CLOSED, for who still wants its
// cleartext.
absl::Status ConnectionClosedError();

class Connection final : private net::TransportObserver {
 public:
  static constexpr size_t kQueueBytesMax = 64 * 1024;
  // Reading goes on when the cleartext queue is down to this.
  static constexpr size_t kQueueBytesLow = 16 * 1024;

  // `owner`, `loop` and `pool` must outlive the connection. `sink` may be null:
  // then cleartext waits for SetSink.
  Connection(ConnectionOptions options, std::unique_ptr<CleartextSink> sink,
             ConnectionOwner& owner, net::EventLoop& loop,
             base::ChunkPool& pool);
  ~Connection() override;

  // Start takes the connected transport and begins. A server makes its engine
  // when the first byte arrives; a plain connection is open at once, unless a
  // PROXY header comes first. A failure to begin ends the connection, and is
  // reported by OnClosed from inside Start.
  void Start(std::unique_ptr<net::Transport> transport);

  std::string name() const { return facts_->name; }
  std::string listener() const { return facts_->listener; }
  tls::Role role() const { return facts_->role; }
  ConnectionState state() const { return state_; }
  // facts returns a copy; ShareFacts the connection's own, which it changes no
  // more.
  ConnectionFacts facts() const;
  std::shared_ptr<const ConnectionFacts> ShareFacts();
  // Why it ended; OK if cleanly, or not yet.
  const absl::Status& failure() const { return failure_; }
  bool is_plain() const { return protection_ == Protection::kNone; }
  std::string piped_with() const { return facts_->piped_with; }
  std::string carrier() const { return facts_->carrier; }
  // is_joined reports whether something else than a caller has its cleartext,
  // and passes its ends on.
  bool is_joined() const {
    return !facts_->piped_with.empty() || !facts_->upstream.empty();
  }
  int depth() const { return depth_; }
  base::ChunkPool& pool() const { return pool_; }

  // sink returns who has the cleartext, if anybody. SetSink gives it to `sink`,
  // and says with whom that joins the connection; what waits is the first it
  // gets. Not from inside a call of the old sink, which goes.
  CleartextSink* sink() { return sink_.get(); }
  void SetSink(std::unique_ptr<CleartextSink> sink, std::string piped_with);
  // For the facts.
  void set_upstream(std::string address) {
    ChangeFacts().upstream = std::move(address);
  }

  // SetSocketOptions changes how the transport is treated. The idle timeout
  // begins anew.
  void SetSocketOptions(const SocketOptions& options);

  // OpenEngine returns the engine of an open connection, for what concerns TLS
  // alone. It fails with PROTECTION_MISMATCH if it is plain, with
  // HANDSHAKE_NOT_COMPLETE, CONNECTION_CLOSED, or with what ended it.
  absl::StatusOr<tls::TlsEngine*> OpenEngine();
  // UpdateKeys is TlsEngine's, and sends what it says.
  absl::Status UpdateKeys(bool request_peer);

  // Answer gives the answer to the last OnQuestion. On a connection that waits
  // for none it does nothing.
  void Answer(tls::Answer answer);

  // session returns the newest session that a client can resume, if any; also
  // after the end.
  std::optional<tls::ClientSession> session() const;

  // Readable returns the first bytes of the cleartext that has arrived; empty
  // if there is none. Consume drops some of them; DrainTo writes all of it to
  // `transport`, which must use the same chunk pool, and is for sinks, from
  // OnProgress.
  absl::Span<const uint8_t> Readable() const { return cleartext_.Front(); }
  std::string TakeReadable(size_t size_max);
  // cleartext is all that has arrived, for sinks that take it out of there:
  // Pump must follow.
  base::ByteQueue& cleartext() { return cleartext_; }
  void Consume(size_t count);
  void DrainTo(net::Transport& transport) { transport.Write(cleartext_); }
  // at_end reports whether the peer has ended its direction and all cleartext
  // before that has been taken.
  bool at_end() const { return peer_closed_ && cleartext_.empty(); }

  // writable reports whether Write should be called now. OnProgress tells when
  // it may be again.
  bool writable() const;
  // Write seals `bytes` and sends them. It fails with HANDSHAKE_NOT_COMPLETE,
  // WRITE_AFTER_SHUTDOWN, CONNECTION_CLOSED, or with what ended the connection;
  // CheckWrite tells without writing.
  absl::Status Write(absl::Span<const uint8_t> bytes);
  absl::Status CheckWrite() const;
  // CheckNotClosed fails with CONNECTION_CLOSED, however it has ended.
  absl::Status CheckNotClosed() const;

  // Shutdown ends our direction after all that was written: with close_notify,
  // or, if it is plain, with the end of the transport's. Reading goes on. To
  // call it twice is no error. When the peer has closed too, the connection
  // ends. It fails as Write does, but for WRITE_AFTER_SHUTDOWN.
  absl::Status Shutdown();

  // Close sends close_notify and ends the connection. What is unsent still
  // goes out; cleartext that was not taken is dropped. During the handshake it
  // ends it. One that is joined is aborted, unless both directions have ended:
  // its peers must not take what they have for all there is. On a closed
  // connection it does nothing.
  void Close();
  // CloseCleanly does so also if it is joined, for sinks whose far end has
  // ended and gone.
  void CloseCleanly();

  // Abort ends the connection for `reason` with the alert that fits it; a plain
  // one that is open is reset, so that its peer sees no clean end.
  void Abort(const absl::Status& reason);

  // Reset ends the connection at once with CONNECTION_RESET: the peer gets no
  // close_notify.
  void Reset();

  // Pump moves what can be moved, and tells the sink. A sink calls it when its
  // own side has got room.
  void Pump();

 private:
  void OnBytes(absl::Span<const uint8_t> bytes) override;
  void OnEnd() override;
  void OnError(const absl::Status& error) override;
  void OnDrained() override;

  void StartHandshakeTimer();
  // Open makes the connection open, and tells its owner.
  void Open();
  absl::Status StartEngine();
  // Receive takes what it can from the front of `bytes`, and returns how much
  // that was.
  size_t Receive(absl::Span<const uint8_t> bytes);
  size_t ReceiveProxyHeader(absl::Span<const uint8_t> bytes);
  size_t ReceivePlain(absl::Span<const uint8_t> bytes);
  size_t ReceiveTls(absl::Span<const uint8_t> bytes);
  bool has_room() const { return cleartext_.size() < kQueueBytesMax; }
  bool ReceiveBacklog();
  void NoteServerName();
  void Handle(tls::EngineEvent event);
  void CompleteHandshake(tls::HandshakeFacts settled);
  void AnswerRenegotiation();
  // EndIdle ends the connection if nothing has moved for too long.
  void EndIdle();
  void NoteMove();
  base::ByteQueue& outgoing();
  // Flush sends what is sealed. It reports whether that has made room for a
  // sink that had to stop.
  bool Flush();
  // FlushLast does so for what is to be sent at all.
  void FlushLast();
  void SteerReading();
  enum class Farewell { kGentle, kReset, kNone };
  void End(const absl::Status& failure, Farewell farewell);

  // What has not moved for too long ends.
  struct IdleWatch {
    std::unique_ptr<net::Timer> timer;
    std::chrono::steady_clock::time_point move_time;
    size_t unsent_size = 0;
  };
  // When a client has answered requests for renegotiation, within the window.
  struct Renegotiations {
    RenegotiationLimit limit;
    std::vector<std::chrono::steady_clock::time_point> times;
  };

  // What was shared does not change: others take its place.
  ConnectionFacts& ChangeFacts();
  // FillFacts adds what changes with every byte.
  void FillFacts(ConnectionFacts& facts) const;

  std::unique_ptr<CleartextSink> sink_;
  ConnectionOwner& owner_;
  net::EventLoop& loop_;
  base::ChunkPool& pool_;
  // An idle connection shall be small: what few need, or only at the beginning,
  // stands apart.
  std::shared_ptr<ConnectionFacts> facts_;
  // Until there is an engine, or it is sure that there will be none.
  std::unique_ptr<ConnectionOptions> options_;
  std::unique_ptr<net::Transport> transport_;
  std::unique_ptr<tls::TlsEngine> engine_;
  std::unique_ptr<net::Timer> handshake_timer_;
  // Only with an idle timeout.
  std::unique_ptr<IdleWatch> idle_;
  // Until the header is complete.
  std::unique_ptr<net::ProxyHeaderReader> proxy_reader_;
  // Only of clients.
  std::unique_ptr<Renegotiations> renegotiations_;
  // Of a connection that has ended.
  std::unique_ptr<const tls::ClientSession> last_session_;

  // What came while `cleartext_` was full.
  base::ByteQueue backlog_;
  base::ByteQueue cleartext_;
  // What was written and is not the transport's yet, without an engine.
  base::ByteQueue plain_;

  int64_t cleartext_bytes_received_ = 0;
  int64_t cleartext_bytes_sent_ = 0;
  int64_t wire_bytes_received_ = 0;
  int64_t wire_bytes_sent_ = 0;
  const absl::Duration handshake_timeout_;
  // What a client sends early does not come through Write.
  uint32_t early_data_size_ = 0;
  const int depth_;
  Protection protection_;
  ConnectionState state_ = ConnectionState::kHandshaking;
  bool are_facts_shared_ = false;
  bool pumping_ = false;
  bool reading_paused_ = false;
  bool peer_closed_ = false;
  bool shut_down_ = false;
  // The peer's early data is not over; and the connection shall be closed when
  // it is: no close_notify can go before.
  bool is_early_ = false;
  bool closes_after_early_data_ = false;
  absl::Status failure_;
};

}  // namespace tlsd::conn

#endif  // TLSD_SERVER_CONN_CONNECTION_H_
