// Backend is the server that proxies of a measurement pass their connections on
// to. It speaks TCP, and listens at several ports of 127.0.0.1:
//
//   echo     gives back what comes
//   source   sends the pattern for ever
//   request  reads 8 bytes, a big-endian number, and sends so many of the
//   pattern sink     compares what comes with the pattern. It resets a
//   connection at the
//            first wrong byte
//   report   says what sinks have got, and closes: see SinkReport
//
// It belongs to one thread.
#ifndef TLSD_TESTS_BENCH_LOAD_BACKEND_H_
#define TLSD_TESTS_BENCH_LOAD_BACKEND_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/bench/load/poller.h"

namespace tlsd::bench::load {

struct BackendOptions {
  // Sources and echoes change the byte at this position of each connection, so
  // that it can be seen that loads notice. Negative: none.
  int64_t wrong_byte_at = -1;
};

class Backend {
 public:
  static absl::StatusOr<std::unique_ptr<Backend>> Start(
      const BackendOptions& options);
  ~Backend();
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  // Ports returns `{"echo":PORT,...}`.
  std::string Ports() const;

  // RunUntilEnd serves until `input` ends.
  void RunUntilEnd(int input);

 private:
  class Acceptor;
  class Connection;
  class Echo;
  class Source;
  class Sink;
  class Input;

  explicit Backend(const BackendOptions& options);
  // Serve takes a connection of the port called `name`.
  void Serve(const std::string& name, int descriptor);
  void Report(int descriptor) const;

  const BackendOptions options_;
  Poller poller_;
  // What is read is gone, or copied, before the next is read.
  std::vector<char> buffer_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  // Of sinks, by their number.
  std::map<int64_t, const Sink*> sinks_;
  int64_t sink_count_ = 0;   // that there ever were
  int64_t error_count_ = 0;  // of sinks
  // By descriptor.
  std::map<int, std::unique_ptr<Connection>> connections_;
};

}  // namespace tlsd::bench::load

#endif  // TLSD_TESTS_BENCH_LOAD_BACKEND_H_
