// Says hello to a server, with TLS over a socket that the daemon never sees.
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <iostream>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/client.h"

namespace tls = tlsd::client;

// Dial returns a socket that is connected, or -1.
int Dial(const std::string& host, const std::string& port) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) return -1;
  const int carrier = socket(found->ai_family, found->ai_socktype, 0);
  const int connected = connect(carrier, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  return connected == 0 ? carrier : -1;
}

bool SendAll(int carrier, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size =
        send(carrier, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size < 0) return false;
    bytes.remove_prefix(size);
  }
  return true;
}

// Carries what TLS says to the socket.
void CarryOut(tls::Connection& encrypted, int carrier) {
  while (true) {
    const auto bytes = encrypted.Read();
    if (!bytes.ok() || bytes->empty() || !SendAll(carrier, *bytes)) break;
  }
  shutdown(carrier, SHUT_WR);
}

// Carries what the socket brings to TLS, and that it has ended.
void CarryIn(tls::Connection& encrypted, int carrier) {
  std::string buffer(64 * 1024, '\0');
  while (true) {
    const ssize_t size = recv(carrier, buffer.data(), buffer.size(), 0);
    if (size <= 0) break;
    if (!encrypted.Write({buffer.data(), static_cast<size_t>(size)}).ok())
      break;
  }
  encrypted.Shutdown().IgnoreError();
}

absl::Status SayHello(tls::Connection& cleartext) {
  absl::Status status = cleartext.Write("hello\n");
  if (status.ok()) status = cleartext.Shutdown();
  while (status.ok()) {
    const auto answer = cleartext.Read();
    if (!answer.ok()) return answer.status();
    if (answer->empty()) break;
    std::cout << *answer << std::flush;
  }
  return status;
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const auto client = tls::Client::Open(argv[1]);
  if (!client.ok()) return 1;
  auto pair = client->CreateSecurePair(
      {.client = tls::ConnectOptions{.secure_context = "secureContexts/friend",
                                     .server_name = "localhost"}});
  const int carrier = Dial(argv[2], argv[3]);
  if (!pair.ok() || carrier < 0) return 1;
  std::thread out([&] { CarryOut(pair->encrypted, carrier); });
  std::thread in([&] { CarryIn(pair->encrypted, carrier); });
  const absl::Status status = SayHello(pair->cleartext);
  if (!status.ok()) {
    std::cerr << status.message() << std::endl;
    // If it has not ended by that.
    pair->cleartext.Close(absl::ZeroDuration()).IgnoreError();
  }
  out.join();
  in.join();
  close(carrier);
  return status.ok() ? 0 : 1;
}
