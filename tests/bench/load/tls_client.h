// TlsClient is one TLS connection of a load: BoringSSL over buffers, of which
// the socket is read and written in large pieces, so that it costs less than
// what it measures. It trusts everyone, and insists on X25519 and AES-128-GCM,
// so that servers do the same work. A thread without a context has clients
// without TLS: they are open when they are connected.
//
// What is said over it is up to the subclass. It belongs to the thread of its
// ClientThread.
#ifndef TLSD_TESTS_BENCH_LOAD_TLS_CLIENT_H_
#define TLSD_TESTS_BENCH_LOAD_TLS_CLIENT_H_

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/bench/load/client_thread.h"
#include "tests/bench/load/poller.h"

namespace tlsd::bench::load {

class TlsClient : public Poller::Watcher {
 public:
  explicit TlsClient(ClientThread& thread) : thread_(thread) {}
  // The connection is closed as it is.
  virtual ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  // Dial begins to connect; it comes once, before all else. With sessions it
  // offers one, if there is one. After an error nothing follows.
  absl::Status Dial();

  void OnReady(uint32_t events) override;

  // Close sends close_notify and the end of the stream after all that was
  // written; OnEnd follows when the server has ended its own.
  void Close();

  // Whether it has a session to offer.
  bool offers() const { return offers_; }
  bool resumed() const {
    return ssl_ != nullptr && SSL_session_reused(ssl_.get()) != 0;
  }
  // When something last happened, in Uptime.
  absl::Duration last_progress() const { return last_progress_; }

 protected:
  // OnOpen is called when the handshake is complete; OnCleartext for what
  // comes; OnTurn after all that came at once, and when what was written is on
  // its way: then is the time to write. OnEnd comes last, after `Close` or a
  // failure; only there the client may be deleted.
  virtual void OnOpen() = 0;
  virtual void OnCleartext(absl::string_view bytes) = 0;
  virtual void OnTurn() {}
  virtual void OnEnd(const absl::Status& status) = 0;

  // Write seals `bytes`; they are sent when the call of On... returns.
  void Write(absl::string_view bytes);
  // unsent returns how many bytes of ciphertext the system has not taken.
  size_t unsent() const { return output_.size() - sent_; }
  // OnTurn is called whenever the system takes more, until it is set to false.
  void set_writes_on(bool writes_on) { writes_on_ = writes_on; }

  // Fail ends the connection. The first failure counts.
  void Fail(const absl::Status& status);

 private:
  friend class ClientThread;
  static int OnSession(SSL* ssl, SSL_SESSION* session);
  static const BIO_METHOD* BufferMethod();
  static int ReadInput(BIO* bio, char* bytes, int size);
  static int WriteOutput(BIO* bio, const char* bytes, int size);

  void StartTls();
  // Turn does all that can be done without waiting.
  void Turn();
  void Receive();
  void Open();
  void Read();
  void Send();
  void WatchForMore();
  // FailSsl fails with what the library says; not if it only wants more.
  void FailSsl(absl::string_view operation, int result);

  ClientThread& thread_;
  int descriptor_ = -1;
  // Null without TLS.
  bssl::UniquePtr<SSL> ssl_;
  bssl::UniquePtr<SSL_SESSION> offered_;
  // What was read and not yet taken by the library: a part of thread_.wire().
  absl::string_view input_;
  std::string output_;
  size_t sent_ = 0;
  uint32_t events_ = 0;
  bool offers_ = false;
  bool is_in_turn_ = false;
  bool is_open_ = false;
  bool writes_on_ = false;
  bool is_closing_ = false;
  bool has_ended_output_ = false;
  bool input_ended_ = false;
  absl::Duration last_progress_;
  absl::Status status_;
};

}  // namespace tlsd::bench::load

#endif  // TLSD_TESTS_BENCH_LOAD_TLS_CLIENT_H_
