#include "tests/integration/tcp_relay.h"

#include <sys/socket.h>

#include <utility>

#include "absl/strings/match.h"

namespace tlsd::testing {

TcpRelay::TcpRelay(RawSocket one, RawSocket other)
    : one_(std::move(one)),
      other_(std::move(other)),
      there_(std::async(std::launch::async, [this] { Carry(one_, other_); })),
      back_(std::async(std::launch::async, [this] { Carry(other_, one_); })) {}

TcpRelay::~TcpRelay() {
  shutdown(one_.descriptor(), SHUT_RDWR);
  shutdown(other_.descriptor(), SHUT_RDWR);
  there_.wait();
  back_.wait();
}

void TcpRelay::Carry(RawSocket& from, RawSocket& to) {
  char buffer[16384];
  while (true) {
    const ssize_t size = recv(from.descriptor(), buffer, sizeof(buffer), 0);
    if (size <= 0) break;
    if (!to.Send({buffer, static_cast<size_t>(size)})) break;
  }
  to.EndSending();
}

std::string ReadExactly(RawSocket& socket, size_t size) {
  std::string bytes(size, '\0');
  const ssize_t got =
      recv(socket.descriptor(), bytes.data(), size, MSG_WAITALL);
  bytes.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return bytes;
}

std::string ReadUntil(RawSocket& socket, absl::string_view mark) {
  std::string bytes;
  while (!absl::EndsWith(bytes, mark)) {
    const std::string next = ReadExactly(socket, 1);
    if (next.empty()) break;
    bytes += next;
  }
  return bytes;
}

}  // namespace tlsd::testing
