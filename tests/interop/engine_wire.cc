#include "tests/interop/engine_wire.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace tlsd::testing {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(20);
constexpr size_t kHeaderBytes = 5;
constexpr size_t kNoLimit = 1 << 30;

sockaddr_in Loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

const sockaddr* Generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

size_t CountRecords(absl::string_view bytes) {
  size_t count = 0;
  while (bytes.size() >= kHeaderBytes) {
    const size_t size =
        static_cast<uint8_t>(bytes[3]) << 8 | static_cast<uint8_t>(bytes[4]);
    if (bytes.size() < kHeaderBytes + size) break;
    bytes.remove_prefix(kHeaderBytes + size);
    ++count;
  }
  return count;
}

}  // namespace

EngineWire::EngineWire(std::shared_ptr<const tls::SecureContext> context,
                       tls::Role role, const tls::EngineOptions& options)
    : received_(pool_) {
  auto engine =
      tls::TlsEngine::Create(std::move(context), role, options, pool_);
  EXPECT_TRUE(engine.ok()) << engine.status();
  engine_ = *std::move(engine);
}

EngineWire::~EngineWire() {
  if (listener_ >= 0) close(listener_);
  if (socket_ >= 0) close(socket_);
}

absl::Status EngineWire::Dial(int port) {
  socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(port);
  if (connect(socket_, Generic(address), sizeof(address)) != 0) {
    return absl::ErrnoToStatus(errno, "connect");
  }
  return absl::OkStatus();
}

absl::StatusOr<int> EngineWire::Listen() {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  if (bind(listener_, Generic(address), size) != 0 ||
      listen(listener_, /*n=*/1) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) !=
          0) {
    return absl::ErrnoToStatus(errno, "listen");
  }
  return ntohs(address.sin_port);
}

absl::Status EngineWire::Send(absl::string_view text) {
  return engine_->Send(base::AsBytes(text));
}

bool EngineWire::RunUntil(const std::function<bool()>& done) {
  const absl::Time deadline = absl::Now() + kTimeout;
  while (!done()) {
    if (Step()) continue;
    if (!status_.ok() || has_ended_ || !WaitReadable(deadline)) return done();
    if (ReadSocket()) continue;
    has_ended_ = true;
    status_ = engine_->ReceiveEof();
  }
  Flush();
  return true;
}

void EngineWire::RunToTheEnd() {
  RunUntil([] { return false; });
}

bool EngineWire::WaitForRecords(size_t count) {
  const absl::Time deadline = absl::Now() + kTimeout;
  while (CountRecords(inbound_) < count) {
    if (!WaitReadable(deadline) || !ReadSocket()) return false;
  }
  return true;
}

bool EngineWire::Step() {
  Flush();
  if (!status_.ok() || (inbound_.empty() && !engine_->has_more())) return false;
  tls::EventList events;
  const absl::string_view delivery =
      absl::string_view(inbound_).substr(0, delivery_size);
  const absl::StatusOr<size_t> taken =
      engine_->Receive(base::AsBytes(delivery), kNoLimit, received_, events);
  cleartext_ += received_.TakeText(received_.size());
  for (tls::EngineEvent& event : events) {
    const auto* asked = std::get_if<tls::QuestionAsked>(&event);
    if (asked != nullptr && answer != nullptr) {
      status_ = engine_->Answer(answer(*asked->question));
    }
    events_.push_back(std::move(event));
  }
  if (!taken.ok()) status_ = taken.status();
  const size_t taken_size = taken.value_or(0);
  inbound_.erase(0, taken_size);
  const bool has_news = taken_size > 0 || !events.empty() || !status_.ok();
  Flush();
  return has_news;
}

void EngineWire::Flush() {
  base::ByteQueue& queue = engine_->ciphertext();
  std::string bytes = queue.TakeText(queue.size());
  while (!bytes.empty() && socket_ >= 0) {
    const ssize_t sent =
        send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    // Who has gone is seen when reading.
    if (sent < 0) return;
    bytes.erase(0, static_cast<size_t>(sent));
  }
}

bool EngineWire::WaitReadable(absl::Time deadline) {
  pollfd waiting = {socket_ >= 0 ? socket_ : listener_, POLLIN, 0};
  const absl::Duration left = deadline - absl::Now();
  return left > absl::ZeroDuration() &&
         poll(&waiting, 1, static_cast<int>(absl::ToInt64Milliseconds(left))) ==
             1;
}

bool EngineWire::ReadSocket() {
  if (socket_ < 0) {
    socket_ = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    return socket_ >= 0;
  }
  char bytes[16384];
  const ssize_t size = recv(socket_, bytes, sizeof(bytes), 0);
  if (size <= 0) return false;
  inbound_.append(bytes, static_cast<size_t>(size));
  return true;
}

}  // namespace tlsd::testing
