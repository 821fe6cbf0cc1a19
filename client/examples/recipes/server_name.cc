// Chooses a secure context by the name that a client asks for.
#include <iostream>
#include <map>
#include <string>

#include "client/client.h"

namespace tls = tlsd::client;

int main(int argc, char** argv) {
  const std::map<std::string, std::string> customers = {
      {"anna.example", "secureContexts/anna"},
      {"bert.example", "secureContexts/bert"}};
  const auto choose = [&](const tls::Decision& decision,
                          const tls::ClientHelloQuestion& /*hello*/)
      -> tls::AnswerOr<tls::ClientHelloAnswer> {
    const auto found = customers.find(decision.server_name);
    if (found == customers.end()) {
      return tls::Refusal{.alert = "unrecognized_name"};
    }
    return tls::ClientHelloAnswer{.secure_context = found->second};
  };

  const auto client = tls::Client::Open(argc > 1 ? argv[1] : "");
  absl::Status status = client.status();
  if (client.ok()) {
    const auto handler = client->HandleDecisions({}, {.client_hello = choose});
    if (handler.ok()) std::cout << "answering" << std::endl;
    status = handler.ok() ? handler->Wait() : handler.status();
  }
  std::cerr << status.message() << std::endl;
  return 1;
}
