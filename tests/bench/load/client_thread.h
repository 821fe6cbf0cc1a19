// ClientThread is what the TLS clients of one thread share: where they dial,
// what they offer, their sessions, and the buffers through which all bytes go.
//
// It must outlive them, and belongs to that thread.
#ifndef TLSD_TESTS_BENCH_LOAD_CLIENT_THREAD_H_
#define TLSD_TESTS_BENCH_LOAD_CLIENT_THREAD_H_

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/bench/load/options.h"
#include "tests/bench/load/poller.h"

namespace tlsd::bench::load {

class ClientThread {
 public:
  // `index` is the number of the thread.
  ClientThread(const Options& options, int index);
  ClientThread(const ClientThread&) = delete;
  ClientThread& operator=(const ClientThread&) = delete;

  Poller& poller() { return poller_; }
  SSL_CTX* context() const { return context_.get(); }
  int port() const { return port_; }
  // NextTurn counts the connections that are dialled, see Dial.
  uint32_t NextTurn() { return turn_++; }

  // What is in them is gone when the next client reads.
  std::vector<uint8_t>& wire() { return wire_; }
  std::vector<char>& cleartext() { return cleartext_; }

  // KeepSession keeps a session for a later client, if sessions are used;
  // TakeSession returns the newest, or null.
  void KeepSession(bssl::UniquePtr<SSL_SESSION> session);
  bssl::UniquePtr<SSL_SESSION> TakeSession();
  bool resumes() const { return resumes_; }

 private:
  const int port_;
  const bool resumes_;
  uint32_t turn_;
  Poller poller_;
  bssl::UniquePtr<SSL_CTX> context_;
  std::vector<uint8_t> wire_;
  std::vector<char> cleartext_;
  std::vector<bssl::UniquePtr<SSL_SESSION>> sessions_;
};

}  // namespace tlsd::bench::load

#endif  // TLSD_TESTS_BENCH_LOAD_CLIENT_THREAD_H_
