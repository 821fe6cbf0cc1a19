#include "tests/unit/net/net_testing.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "server/base/byte_queue.h"
#include "server/net/dialer.h"
#include "server/net/raw_address.h"

namespace tlsd::net {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);
constexpr absl::Duration kLookAgain = absl::Milliseconds(20);

}  // namespace

TempFolder::TempFolder() {
  char path[] = "/tmp/tlsd-XXXXXX";
  if (mkdtemp(path) == nullptr) std::abort();
  path_ = path;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TempFolder::Path(absl::string_view name) const {
  return absl::StrCat(path_, "/", name);
}

LoopFixture::LoopFixture() : loop(EventLoop::Create().value()) {}

bool LoopFixture::RunUntil(const std::function<bool()>& condition) {
  bool is_late = false;
  const std::unique_ptr<Timer> limit =
      loop->After(kPatience, [&] { is_late = true; });
  // What a condition looks at may change without an event of this loop.
  std::unique_ptr<Timer> look_again;
  const std::function<void()> keep_looking = [&] {
    look_again = loop->After(kLookAgain, [&] { keep_looking(); });
  };
  keep_looking();
  while (!condition() && !is_late) loop->Turn(EventLoop::Wait::kForEvents);
  return condition();
}

void LoopFixture::RunOnce() { loop->Turn(EventLoop::Wait::kNever); }

void Recorder::OnBytes(absl::Span<const uint8_t> bytes) {
  received.append(base::AsText(bytes).data(), bytes.size());
  ++event_count;
  on_event();
}

void Recorder::OnEnd() {
  has_ended = true;
  ++event_count;
  on_event();
}

void Recorder::OnError(const absl::Status& error) {
  this->error = error;
  ++event_count;
  on_event();
}

void Recorder::OnDrained() {
  ++drained_count;
  ++event_count;
  on_event();
}

ConnectedSockets ConnectSockets(LoopFixture& fixture,
                                const Endpoint& endpoint) {
  ConnectedSockets pair;
  std::unique_ptr<BoundSocket> socket = BindOne(endpoint);
  const Endpoint target = EndpointOf(socket->address());
  const std::unique_ptr<Acceptor> acceptor =
      Acceptor::Create(*fixture.loop, fixture.pool, std::move(socket),
                       [&](std::unique_ptr<Transport> transport) {
                         pair.server = std::move(transport);
                       })
          .value();
  DialOptions options;
  options.timeout = kPatience;
  const std::unique_ptr<Dial> dial =
      Dial::Start(*fixture.loop, fixture.pool, target, options,
                  [&](absl::StatusOr<std::unique_ptr<Transport>> transport) {
                    EXPECT_TRUE(transport.ok()) << transport.status();
                    if (transport.ok()) pair.client = *std::move(transport);
                  });
  EXPECT_TRUE(fixture.RunUntil(
      [&] { return pair.client != nullptr && pair.server != nullptr; }));
  return pair;
}

int DescriptorOf(const SocketAddress& local, const SocketAddress& remote) {
  for (int descriptor = 3; descriptor < 1024; ++descriptor) {
    if (LocalAddressOf(descriptor) != local) continue;
    if (remote.family == SocketAddress::Family::kNone) return descriptor;
    RawAddress peer;
    if (getpeername(descriptor, peer.get(), &peer.size) != 0) continue;
    if (FromRaw(peer) == remote) return descriptor;
  }
  return -1;
}

int OptionOf(int descriptor, int level, int option) {
  int value = -1;
  socklen_t size = sizeof(value);
  getsockopt(descriptor, level, option, &value, &size);
  return value;
}

Endpoint LoopbackEndpoint() { return {"127.0.0.1", 0, ""}; }

std::unique_ptr<BoundSocket> BindOne(const Endpoint& endpoint) {
  auto sockets = BoundSocket::Bind("address", endpoint, 1);
  EXPECT_TRUE(sockets.ok()) << sockets.status();
  return std::move(sockets->front());
}

Endpoint EndpointOf(const SocketAddress& address) {
  if (address.family == SocketAddress::Family::kUnix) {
    return {"", 0, address.text};
  }
  const bool is_wildcard = address.text == "::" || address.text == "0.0.0.0";
  return {is_wildcard ? "127.0.0.1" : address.text, address.port, ""};
}

int ConnectTo(const SocketAddress& address) {
  const Endpoint endpoint = EndpointOf(address);
  const RawAddress raw = endpoint.is_unix()
                             ? RawFromPath(endpoint.path)
                             : *RawFromIp(endpoint.host, endpoint.port);
  const int client = socket(raw.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (client >= 0 && connect(client, raw.get(), raw.size) != 0) {
    const int error = errno;
    close(client);
    errno = error;
    return -1;
  }
  return client;
}

void WriteText(LoopFixture& fixture, Transport& transport,
               absl::string_view text) {
  base::ByteQueue bytes(fixture.pool);
  bytes.Append(base::AsBytes(text));
  transport.Write(bytes);
  EXPECT_TRUE(bytes.empty());
}

std::string Noise(size_t size) {
  std::mt19937 random(20260131);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

}  // namespace tlsd::net
