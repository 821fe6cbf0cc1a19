// TcpRelay carries the bytes of two sockets to each other, ends included, as
// the proxies do that a test plays. ReadUntil and ReadExactly are for what
// proxies are asked before.
//
// It has threads of its own; who makes it also ends it.
#ifndef TLSD_TESTS_INTEGRATION_TCP_RELAY_H_
#define TLSD_TESTS_INTEGRATION_TCP_RELAY_H_

#include <cstddef>
#include <future>
#include <string>

#include "absl/strings/string_view.h"
#include "tests/integration/raw_socket.h"

namespace tlsd::testing {

class TcpRelay {
 public:
  TcpRelay(RawSocket one, RawSocket other);
  // Cuts both.
  ~TcpRelay();

 private:
  static void Carry(RawSocket& from, RawSocket& to);

  RawSocket one_;
  RawSocket other_;
  std::future<void> there_;
  std::future<void> back_;
};

// ReadExactly reads `size` bytes; fewer if the end or a failure comes first.
std::string ReadExactly(RawSocket& socket, size_t size);

// ReadUntil reads to the end of `mark` and no further.
std::string ReadUntil(RawSocket& socket, absl::string_view mark);

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_INTEGRATION_TCP_RELAY_H_
