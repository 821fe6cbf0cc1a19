#include "server/net/bound_socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/base/status_macros.h"
#include "server/net/descriptor.h"
#include "server/net/os_error.h"
#include "server/net/unix_path.h"

namespace tlsd::net {
namespace {

using BoundSockets = std::vector<std::unique_ptr<BoundSocket>>;

class ListeningSocket : public BoundSocket {
 public:
  ListeningSocket(Descriptor descriptor, SocketAddress address,
                  std::shared_ptr<UnixPath> path)
      : path_(std::move(path)),
        address_(std::move(address)),
        descriptor_(std::move(descriptor)) {}

  const SocketAddress& address() const override { return address_; }

 private:
  int descriptor() const override { return descriptor_.get(); }

  // Null for TCP.
  const std::shared_ptr<UnixPath> path_;
  const SocketAddress address_;
  const Descriptor descriptor_;
};

int SetOption(int socket, int level, int option, int value) {
  return setsockopt(socket, level, option, &value, sizeof(value)) == 0 ? 0
                                                                       : errno;
}

// ListenTcp puts a listening socket into `socket`, or returns the errno.
int ListenTcp(const RawAddress& address, const BindOptions& options,
              bool shares_port, Descriptor& socket) {
  socket = Descriptor(::socket(address.family(),
                               SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.is_open()) return errno;
  const int descriptor = socket.get();
  // Connections of a daemon that has just ended do not keep the next one out.
  int error = SetOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
  // Accepted sockets inherit it, which saves a system call for each.
  if (error == 0) error = SetOption(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
  if (error == 0 && address.family() == AF_INET6) {
    error = SetOption(descriptor, IPPROTO_IPV6, IPV6_V6ONLY,
                      options.ipv6_only ? 1 : 0);
  }
  if (error == 0 && shares_port) {
    error = SetOption(descriptor, SOL_SOCKET, SO_REUSEPORT, 1);
  }
  if (error != 0) return error;
  if (bind(descriptor, address.get(), address.size) != 0) return errno;
  return listen(descriptor, options.backlog) == 0 ? 0 : errno;
}

// The first socket binds and listens without SO_REUSEPORT, so that it meets
// every conflict: with SO_REUSEPORT from the start, Linux would let it join the
// sockets of another daemon of the same user. The others join it afterwards.
// SO_REUSEPORT stays set: taken back, the kernel would give all connections to
// one of the sockets.
int ListenTcpTogether(const RawAddress& wanted, int count,
                      const BindOptions& options,
                      std::vector<Descriptor>& sockets) {
  sockets.resize(1);
  if (const int error =
          ListenTcp(wanted, options, /*shares_port=*/false, sockets[0]);
      error != 0 || count == 1) {
    return error;
  }
  const int first = sockets[0].get();
  RawAddress address;
  if (getsockname(first, address.get(), &address.size) != 0) return errno;
  if (const int error = SetOption(first, SOL_SOCKET, SO_REUSEPORT, 1);
      error != 0) {
    return error;
  }
  while (sockets.size() < static_cast<size_t>(count)) {
    Descriptor socket;
    if (const int error =
            ListenTcp(address, options, /*shares_port=*/true, socket);
        error != 0) {
      return error;
    }
    sockets.push_back(std::move(socket));
  }
  return 0;
}

// EADDRNOTAVAIL is an IPv6 that is compiled in and switched off.
bool MeansNoFamily(int error) {
  return error == EAFNOSUPPORT || error == EADDRNOTAVAIL ||
         error == EPFNOSUPPORT;
}

absl::StatusOr<BoundSockets> BindUnix(absl::string_view field,
                                      const Endpoint& endpoint, int count,
                                      const BindOptions& options) {
  const std::string text = endpoint.ToString();
  Descriptor socket(
      ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.is_open()) return ListenError(field, text, errno);
  TLSD_ASSIGN_OR_RETURN(std::shared_ptr<UnixPath> path,
                        UnixPath::Bind(field, endpoint.path, socket.get()));
  if (listen(socket.get(), options.backlog) != 0) {
    return ListenError(field, text, errno);
  }
  const SocketAddress address = LocalAddressOf(socket.get());
  BoundSockets sockets;
  for (int i = 1; i < count; ++i) {
    Descriptor duplicate(fcntl(socket.get(), F_DUPFD_CLOEXEC, 0));
    if (!duplicate.is_open()) return ListenError(field, text, errno);
    sockets.push_back(
        std::make_unique<ListeningSocket>(std::move(duplicate), address, path));
  }
  sockets.push_back(
      std::make_unique<ListeningSocket>(std::move(socket), address, path));
  return sockets;
}

absl::StatusOr<RawAddress> Resolve(absl::string_view field,
                                   const Endpoint& endpoint) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error =
      getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(),
                  &hints, &found);
  if (error != 0) {
    return MakeError(
        Reason::kNameNotResolved,
        absl::StrCat(field, ": ", QuoteForMessage(endpoint.host),
                     " has no address: ", gai_strerror(error),
                     "; give an IP address, or a name that the host resolves"),
        {{"field", std::string(field)}, {"host", endpoint.host}});
  }
  RawAddress first;
  first.size = found->ai_addrlen;
  std::memcpy(&first.storage, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  return first;
}

}  // namespace

absl::StatusOr<BoundSockets> BindFirst(absl::string_view field,
                                       absl::Span<const RawAddress> candidates,
                                       int count, const BindOptions& options) {
  int error = EAFNOSUPPORT;
  const RawAddress* tried = nullptr;
  std::vector<Descriptor> descriptors;
  for (const RawAddress& candidate : candidates) {
    tried = &candidate;
    error = ListenTcpTogether(candidate, count, options, descriptors);
    if (!MeansNoFamily(error)) break;
  }
  if (error != 0) return ListenError(field, FromRaw(*tried).ToString(), error);
  BoundSockets sockets;
  for (Descriptor& descriptor : descriptors) {
    SocketAddress address = LocalAddressOf(descriptor.get());
    sockets.push_back(std::make_unique<ListeningSocket>(
        std::move(descriptor), std::move(address), nullptr));
  }
  return sockets;
}

absl::StatusOr<BoundSockets> BoundSocket::Bind(absl::string_view field,
                                               const Endpoint& endpoint,
                                               int count,
                                               const BindOptions& options) {
  if (endpoint.is_unix()) return BindUnix(field, endpoint, count, options);
  if (endpoint.host.empty()) {
    std::vector<RawAddress> candidates = {*RawFromIp("::", endpoint.port)};
    if (!options.ipv6_only) {
      candidates.push_back(*RawFromIp("0.0.0.0", endpoint.port));
    }
    return BindFirst(field, candidates, count, options);
  }
  if (const std::optional<RawAddress> address =
          RawFromIp(endpoint.host, endpoint.port)) {
    return BindFirst(field, {*address}, count, options);
  }
  TLSD_ASSIGN_OR_RETURN(const RawAddress address, Resolve(field, endpoint));
  return BindFirst(field, {address}, count, options);
}

}  // namespace tlsd::net
