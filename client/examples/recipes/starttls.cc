// Speaks TLS with a PostgreSQL server for clients that cannot.
#include <iostream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "client/client.h"

namespace tls = tlsd::client;

// Join gives the cleartext of TLS with `server` to `near`, which is closed if
// that fails.
absl::Status Join(const tls::Client& client, tls::DetachedConnection near,
                  const std::string& server) {
  auto far = client.ConnectDetached(
      {.address = server, .protection = tls::Protection::kNone});
  if (!far.ok()) return far.status();
  // SSLRequest, which is answered with one byte.
  absl::Status status =
      far->Write(std::string("\0\0\0\x08\x04\xd2\x16\x2f", 8));
  if (!status.ok()) return status;
  const auto answer = far->ReadExactly(1);
  if (!answer.ok()) return answer.status();
  if (*answer != "S") return absl::UnavailableError("the server has no TLS");

  auto secure = far->UpgradeDetached(
      {.client = tls::ConnectOptions{.secure_context = "secureContexts/db",
                                     .server_name = "localhost"}});
  if (!secure.ok()) return secure.status();
  return client.Pipe(near, *secure);
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const auto client = tls::Client::Open(argv[1]);
  if (!client.ok()) return 1;
  const auto listener = client->GetListener("listeners/db");
  if (!listener.ok()) return 1;
  std::cout << "answering" << std::endl;
  while (true) {
    auto near = listener->AcceptDetached();
    if (!near.ok()) return 1;
    const absl::Status status = Join(*client, *std::move(near), argv[2]);
    if (!status.ok()) std::cerr << status.message() << std::endl;
  }
}
