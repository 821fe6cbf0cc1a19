#include "tests/integration/raw_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace tlsd::testing {
namespace {

constexpr int kTimeoutSeconds = 20;

struct Address {
  sockaddr_storage storage = {};
  socklen_t size = 0;

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

template <typename T>
T& As(Address& address) {
  address.size = sizeof(T);
  return reinterpret_cast<T&>(address.storage);
}

bool Parse(absl::string_view text, Address& address) {
  if (absl::ConsumePrefix(&text, "unix:")) {
    auto& path = As<sockaddr_un>(address);
    path.sun_family = AF_UNIX;
    if (text.size() >= sizeof(path.sun_path)) return false;
    std::memcpy(path.sun_path, text.data(), text.size());
    return true;
  }
  const size_t colon = text.rfind(':');
  int port = 0;
  if (colon == absl::string_view::npos ||
      !absl::SimpleAtoi(text.substr(colon + 1), &port)) {
    return false;
  }
  absl::string_view host = text.substr(0, colon);
  if (absl::ConsumePrefix(&host, "[")) {
    auto& ipv6 = As<sockaddr_in6>(address);
    ipv6.sin6_family = AF_INET6;
    ipv6.sin6_port = htons(static_cast<uint16_t>(port));
    const std::string ip(absl::StripSuffix(host, "]"));
    return inet_pton(AF_INET6, ip.c_str(), &ipv6.sin6_addr) == 1;
  }
  auto& ipv4 = As<sockaddr_in>(address);
  ipv4.sin_family = AF_INET;
  ipv4.sin_port = htons(static_cast<uint16_t>(port));
  return inet_pton(AF_INET, std::string(host).c_str(), &ipv4.sin_addr) == 1;
}

}  // namespace

absl::StatusOr<RawSocket> RawSocket::Connect(const std::string& address) {
  Address parsed;
  if (!Parse(address, parsed)) return absl::InvalidArgumentError(address);
  RawSocket made(
      socket(parsed.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(made.descriptor_, parsed.get(), parsed.size) != 0) {
    return absl::UnavailableError(
        absl::StrCat("connect to ", address, ": ", strerror(errno)));
  }
  return made;
}

RawSocket::RawSocket(int descriptor) : descriptor_(descriptor) {
  const timeval timeout = {kTimeoutSeconds, 0};
  setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
}

RawSocket::RawSocket(RawSocket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

RawSocket& RawSocket::operator=(RawSocket&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

RawSocket::~RawSocket() { Close(); }

bool RawSocket::Send(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size =
        send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(size));
  }
  return true;
}

bool RawSocket::IsReadable(absl::Duration time) {
  pollfd readable = {descriptor_, POLLIN, 0};
  return poll(&readable, 1,
              static_cast<int>(absl::ToInt64Milliseconds(time))) == 1;
}

void RawSocket::EndSending() { shutdown(descriptor_, SHUT_WR); }

void RawSocket::Close() {
  if (descriptor_ >= 0) close(std::exchange(descriptor_, -1));
}

RawSocket::End RawSocket::Receive(std::string& bytes) {
  char buffer[16384];
  while (true) {
    const ssize_t size = recv(descriptor_, buffer, sizeof(buffer), 0);
    if (size == 0) return End::kEnd;
    if (size > 0) {
      bytes.append(buffer, static_cast<size_t>(size));
    } else if (errno != EINTR) {
      return errno == EAGAIN ? End::kTimeout : End::kReset;
    }
  }
}

RawListener::RawListener(Answer answer, int backlog)
    : descriptor_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  Address address;
  if (!Parse("127.0.0.1:0", address) ||
      bind(descriptor_, address.get(), address.size) != 0 ||
      getsockname(descriptor_, address.get(), &address.size) != 0 ||
      (answer == Answer::kAccepts && listen(descriptor_, backlog) != 0)) {
    abort();
  }
  const timeval timeout = {kTimeoutSeconds, 0};
  setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  address_ =
      absl::StrCat("127.0.0.1:", ntohs(As<sockaddr_in>(address).sin_port));
}

RawListener::~RawListener() { close(descriptor_); }

absl::StatusOr<RawSocket> RawListener::Accept() {
  const int accepted = accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC);
  if (accepted < 0) {
    return absl::UnavailableError(absl::StrCat("accept: ", strerror(errno)));
  }
  return RawSocket(accepted);
}

}  // namespace tlsd::testing
