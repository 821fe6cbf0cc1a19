// Says hello to a server that is behind a proxy.
#include <iostream>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/client.h"

namespace tls = tlsd::client;

// AskHttp asks a proxy of HTTP for a connection (RFC 9110 section 9.3.6).
absl::Status AskHttp(tls::DetachedConnection& proxy, const std::string& host,
                     int port) {
  const std::string target = absl::StrCat(host, ":", port);
  const absl::Status asked = proxy.Write(absl::StrCat(
      "CONNECT ", target, " HTTP/1.1\r\nHost: ", target, "\r\n\r\n"));
  if (!asked.ok()) return asked;
  const auto answer = proxy.ReadThrough("\r\n\r\n");
  if (!answer.ok()) return answer.status();
  if (absl::StrContains(answer->substr(0, 13), " 200")) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(
      "the proxy refuses: ", answer->substr(0, answer->find('\r'))));
}

// AskSocks asks a proxy of SOCKS (RFC 1928).
absl::Status AskSocks(tls::DetachedConnection& proxy, const std::string& host,
                      int port) {
  const absl::Status offered = proxy.Write(std::string("\5\1\0", 3));
  if (!offered.ok()) return offered;
  const auto method = proxy.ReadExactly(2);
  if (!method.ok()) return method.status();
  if ((*method)[1] != 0) {
    return absl::UnavailableError("the proxy refuses: who are you?");
  }
  std::string request("\5\1\0\3", 4);
  request += static_cast<char>(host.size());
  request += host;
  request += static_cast<char>(port >> 8);
  request += static_cast<char>(port & 0xff);
  const absl::Status asked = proxy.Write(request);
  if (!asked.ok()) return asked;
  const auto answer = proxy.ReadExactly(4);
  if (!answer.ok()) return answer.status();
  if ((*answer)[1] != 0) {
    return absl::UnavailableError(
        absl::StrCat("the proxy refuses: ", static_cast<int>((*answer)[1])));
  }
  // An address and a port, of IPv4 or of IPv6.
  return proxy.ReadExactly((*answer)[3] == 1 ? 6 : 18).status();
}

absl::Status SayHello(tls::Connection& connection) {
  absl::Status status = connection.Write("hello\n");
  if (status.ok()) status = connection.Shutdown();
  while (status.ok()) {
    const auto answer = connection.Read();
    if (!answer.ok()) return answer.status();
    if (answer->empty()) break;
    std::cout << *answer << std::flush;
  }
  return status;
}

absl::Status Run(const tls::Client& client, bool is_socks,
                 const std::string& address, const std::string& host,
                 int port) {
  auto proxy = client.ConnectDetached(
      {.address = address, .protection = tls::Protection::kNone});
  if (!proxy.ok()) return proxy.status();
  const absl::Status asked =
      is_socks ? AskSocks(*proxy, host, port) : AskHttp(*proxy, host, port);
  if (!asked.ok()) return asked;
  auto connection = proxy->Upgrade(
      {.client = tls::ConnectOptions{.secure_context = "secureContexts/friend",
                                     .server_name = host}});
  return connection.ok() ? SayHello(*connection) : connection.status();
}

int main(int argc, char** argv) {
  int port = 0;
  if (argc != 6 || !absl::SimpleAtoi(argv[5], &port)) return 2;
  const auto client = tls::Client::Open(argv[1]);
  const absl::Status status =
      client.ok() ? Run(*client, std::string(argv[2]) == "socks5", argv[3],
                        argv[4], port)
                  : client.status();
  if (!status.ok()) std::cerr << status.message() << std::endl;
  return status.ok() ? 0 : 1;
}
