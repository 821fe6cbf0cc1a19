#include "tests/cost/loopback_client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>

#include "tests/cost/require.h"

namespace tlsd::cost {

LoopbackClient::LoopbackClient(int port, SSL_CTX* context)
    : descriptor_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // The kernel accepts before anybody calls accept.
  Require(connect(descriptor_, reinterpret_cast<const sockaddr*>(&address),
                  sizeof(address)) == 0,
          "the client connects");
  fcntl(descriptor_, F_SETFL, O_NONBLOCK);
  if (context == nullptr) {
    Send("x");
    return;
  }
  peer_ = std::make_unique<ClientPeer>(context);
  Send(peer_->Receive(""));
}

LoopbackClient::~LoopbackClient() {
  if (descriptor_ >= 0) close(descriptor_);
}

bool LoopbackClient::Advance() {
  const std::string received = Receive();
  if (peer_ == nullptr) return !received.empty();
  Send(peer_->Receive(received));
  if (peer_->is_open() && !has_sent_byte_) {
    has_sent_byte_ = true;
    Send(peer_->Send("x"));
  }
  return peer_->received_size() > 0;
}

void LoopbackClient::EndWriting() {
  if (peer_ != nullptr) Send(peer_->CloseNotify());
  shutdown(descriptor_, SHUT_WR);
}

bool LoopbackClient::has_ended() {
  Receive();
  return has_ended_;
}

void LoopbackClient::Send(absl::string_view bytes) {
  if (bytes.empty()) return;
  Require(send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
              static_cast<ssize_t>(bytes.size()),
          "the kernel takes what the client sends");
}

std::string LoopbackClient::Receive() {
  char bytes[16 * 1024];
  const ssize_t size = recv(descriptor_, bytes, sizeof(bytes), 0);
  if (size == 0) has_ended_ = true;
  return size > 0 ? std::string(bytes, static_cast<size_t>(size)) : "";
}

}  // namespace tlsd::cost
