// BenchDaemon is a daemon as a process of its own, so that its time and memory
// are told apart from those of the load, with a client for it.
//
// Its secure contexts show ServerIdentity, in TLS 1.2 and 1.3:
//   secureContexts/plain    with its key
//   secureContexts/mutual   the same, and clients must show a certificate
//   secureContexts/remote   without its key
//
// The destructor ends the process. One thread owns it.
#ifndef TLSD_TESTS_BENCH_BENCH_DAEMON_H_
#define TLSD_TESTS_BENCH_BENCH_DAEMON_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/client.h"
#include "tests/testing/subprocess.h"

namespace tlsd::bench {

class BenchDaemon {
 public:
  static absl::StatusOr<std::unique_ptr<BenchDaemon>> Start(int worker_count);
  ~BenchDaemon();
  BenchDaemon(const BenchDaemon&) = delete;
  BenchDaemon& operator=(const BenchDaemon&) = delete;

  const std::string& control_address() const { return control_address_; }
  const client::Client& client() const { return *client_; }

  // Listen starts an echo listener at 127.0.0.1 whose handshakes ask `hooks`,
  // and returns its port.
  absl::StatusOr<int> Listen(
      const std::string& secure_context,
      const std::vector<client::DecisionType>& hooks = {}) const;
  // Forward starts a listener at 127.0.0.1 that passes its connections on to
  // `upstream_port`, in the clear, and returns its port.
  absl::StatusOr<int> Forward(const std::string& secure_context,
                              int upstream_port) const;

  pid_t pid() const { return process_->pid(); }

  // processor_time returns what the process has used of all processors;
  // resident_bytes what it has of memory.
  absl::Duration processor_time() const;
  int64_t resident_bytes() const;

 private:
  BenchDaemon() = default;
  absl::Status CreateContexts() const;

  std::string folder_;
  std::string control_address_;
  std::unique_ptr<testing::Subprocess> process_;
  std::unique_ptr<client::Client> client_;
};

}  // namespace tlsd::bench

#endif  // TLSD_TESTS_BENCH_BENCH_DAEMON_H_
