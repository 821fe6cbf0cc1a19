#include "tests/interop/recording_relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "gtest/gtest.h"

namespace tlsd::testing {
namespace {

constexpr size_t kSegmentBytesMax = 16 * 1024;

sockaddr_in Loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

const sockaddr* AsGeneric(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

void SendAll(int descriptor, const std::string& bytes) {
  size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t count = send(descriptor, bytes.data() + sent,
                               bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return;
    sent += static_cast<size_t>(count);
  }
}

// Big-endian, as the headers of the Internet are.
void Append(std::string& bytes, uint64_t value, int size) {
  for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<char>(value >> shift));
  }
}

// RFC 791 and RFC 9293, without checksums, which nobody asks for.
std::string Packet(bool from_client, uint32_t sequence,
                   uint32_t acknowledgement, const std::string& payload) {
  constexpr uint16_t kClientPort = 50000;
  constexpr uint32_t kClient = 0x0a000001;
  constexpr uint32_t kServer = 0x0a000002;
  constexpr int kHeaderBytes = 20;
  constexpr int kProtocolTcp = 6;
  constexpr int kFlags = 0x18;  // PSH, ACK
  std::string packet;
  Append(packet, 0x45, 1);
  Append(packet, 0, 1);
  Append(packet, 2 * kHeaderBytes + payload.size(), 2);
  Append(packet, 0, 4);
  Append(packet, 64, 1);
  Append(packet, kProtocolTcp, 1);
  Append(packet, 0, 2);
  Append(packet, from_client ? kClient : kServer, 4);
  Append(packet, from_client ? kServer : kClient, 4);
  Append(packet, from_client ? kClientPort : RecordingRelay::kServerPort, 2);
  Append(packet, from_client ? RecordingRelay::kServerPort : kClientPort, 2);
  Append(packet, sequence, 4);
  Append(packet, acknowledgement, 4);
  Append(packet, kHeaderBytes / 4 << 4, 1);
  Append(packet, kFlags, 1);
  Append(packet, 65535, 2);
  Append(packet, 0, 4);
  return packet + payload;
}

}  // namespace

RecordingRelay::RecordingRelay(int server_port)
    : server_port_(server_port),
      listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      stop_(eventfd(0, EFD_CLOEXEC)) {
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  EXPECT_EQ(bind(listener_, AsGeneric(address), size), 0);
  EXPECT_EQ(listen(listener_, 1), 0);
  EXPECT_EQ(
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
  port_ = ntohs(address.sin_port);
  carrier_ = std::thread([this] { Carry(); });
}

RecordingRelay::~RecordingRelay() {
  eventfd_write(stop_, 1);
  if (carrier_.joinable()) carrier_.join();
  close(listener_);
  close(stop_);
}

void RecordingRelay::Carry() {
  std::array<pollfd, 2> accepting = {
      {{listener_, POLLIN, 0}, {stop_, POLLIN, 0}}};
  poll(accepting.data(), accepting.size(), -1);
  if (accepting[1].revents != 0) return;
  const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(server_port_);
  EXPECT_EQ(connect(server, AsGeneric(address), sizeof(address)), 0);

  std::array<pollfd, 3> ends = {
      {{client, POLLIN, 0}, {server, POLLIN, 0}, {stop_, POLLIN, 0}}};
  // poll(2) passes over what is negative.
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    poll(ends.data(), ends.size(), -1);
    if (ends[2].revents != 0) break;
    for (const size_t from : {0, 1}) {
      if (ends[from].fd < 0 || ends[from].revents == 0) continue;
      const int to = from == 0 ? server : client;
      std::string bytes(kSegmentBytesMax, '\0');
      const ssize_t count = recv(ends[from].fd, bytes.data(), bytes.size(), 0);
      if (count <= 0) {
        shutdown(to, SHUT_WR);
        ends[from].fd = -1;
        continue;
      }
      bytes.resize(static_cast<size_t>(count));
      SendAll(to, bytes);
      segments_.push_back({from == 0, std::move(bytes)});
    }
  }
  close(client);
  close(server);
}

std::string RecordingRelay::Capture() {
  carrier_.join();
  constexpr uint64_t kMagic = 0xa1b2c3d4;  // of big-endian files
  constexpr int kLinkTypeRaw = 101;        // packets begin with IP
  std::string file;
  Append(file, kMagic, 4);
  Append(file, 2, 2);
  Append(file, 4, 2);
  Append(file, 0, 8);
  Append(file, 65535, 4);
  Append(file, kLinkTypeRaw, 4);
  uint32_t from_client = 1;
  uint32_t from_server = 1;
  uint32_t second = 0;
  for (const Segment& segment : segments_) {
    uint32_t& sequence = segment.from_client ? from_client : from_server;
    const std::string packet =
        Packet(segment.from_client, sequence,
               segment.from_client ? from_server : from_client, segment.bytes);
    sequence += static_cast<uint32_t>(segment.bytes.size());
    Append(file, ++second, 4);
    Append(file, 0, 4);
    Append(file, packet.size(), 4);
    Append(file, packet.size(), 4);
    file += packet;
  }
  return file;
}

}  // namespace tlsd::testing
