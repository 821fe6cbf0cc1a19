#include "tests/bench/load/sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

namespace tlsd::bench::load {
namespace {

constexpr int kBacklog = 4096;
// 127.0.0.2 is the first of so many addresses of the load.
constexpr uint32_t kSourceFirst = INADDR_LOOPBACK + 1;
constexpr uint32_t kSourceCount = 200;

sockaddr_in AddressOf(uint32_t address, int port) {
  sockaddr_in result = {};
  result.sin_family = AF_INET;
  result.sin_port = htons(static_cast<uint16_t>(port));
  result.sin_addr.s_addr = htonl(address);
  return result;
}

void Set(int descriptor, int level, int option) {
  const int on = 1;
  setsockopt(descriptor, level, option, &on, sizeof(on));
}

}  // namespace

absl::Status SystemError(absl::string_view call) {
  return absl::UnavailableError(absl::StrCat(call, ": ", strerror(errno)));
}

absl::StatusOr<int> Listen() {
  const int descriptor =
      socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return SystemError("socket");
  // Those that it accepts take it over.
  Set(descriptor, IPPROTO_TCP, TCP_NODELAY);
  const sockaddr_in address = AddressOf(INADDR_LOOPBACK, 0);
  if (bind(descriptor, reinterpret_cast<const sockaddr*>(&address),
           sizeof(address)) != 0 ||
      listen(descriptor, kBacklog) != 0) {
    const absl::Status status = SystemError("listen");
    close(descriptor);
    return status;
  }
  return descriptor;
}

int PortOf(int descriptor) {
  sockaddr_in address = {};
  socklen_t size = sizeof(address);
  getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

int Accept(int listening) {
  return accept4(listening, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

absl::StatusOr<int> Dial(int port, uint32_t turn) {
  const int descriptor =
      socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return SystemError("socket");
  Set(descriptor, IPPROTO_TCP, TCP_NODELAY);
  // The port is picked when both ends are known, so that it may serve several.
  Set(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
  const sockaddr_in source = AddressOf(kSourceFirst + turn % kSourceCount, 0);
  const sockaddr_in target = AddressOf(INADDR_LOOPBACK, port);
  if (bind(descriptor, reinterpret_cast<const sockaddr*>(&source),
           sizeof(source)) != 0 ||
      (connect(descriptor, reinterpret_cast<const sockaddr*>(&target),
               sizeof(target)) != 0 &&
       errno != EINPROGRESS)) {
    const absl::Status status = SystemError(absl::StrCat("connect to ", port));
    close(descriptor);
    return status;
  }
  return descriptor;
}

absl::StatusOr<std::string> ReadAll(int port) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return SystemError("socket");
  const absl::Cleanup closer = [descriptor] { close(descriptor); };
  const sockaddr_in target = AddressOf(INADDR_LOOPBACK, port);
  if (connect(descriptor, reinterpret_cast<const sockaddr*>(&target),
              sizeof(target)) != 0) {
    return SystemError(absl::StrCat("connect to ", port));
  }
  std::string text;
  char buffer[16 * 1024];
  while (true) {
    const ssize_t size = recv(descriptor, buffer, sizeof(buffer), 0);
    if (size < 0) return SystemError("recv");
    if (size == 0) return text;
    text.append(buffer, static_cast<size_t>(size));
  }
}

void ResetOnClose(int descriptor) {
  const linger reset = {1, 0};
  setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
}

absl::Status Pin(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  if (sched_setaffinity(0, sizeof(set), &set) == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--cpu: got ", processor, ": ", strerror(errno)));
}

}  // namespace tlsd::bench::load
