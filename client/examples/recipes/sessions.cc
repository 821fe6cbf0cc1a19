// Keeps the sessions of daemons in memory.
#include <iostream>
#include <string>
#include <utility>

#include "client/client.h"
#include "client/session_store.h"

namespace tls = tlsd::client;

int main(int argc, char** argv) {
  tls::SessionStore store;
  tls::Answerers answerers;
  store.AddTo(answerers);

  const auto client = tls::Client::Open(argc > 1 ? argv[1] : "");
  absl::Status status = client.status();
  if (client.ok()) {
    const auto handler = client->HandleDecisions({}, std::move(answerers));
    if (handler.ok()) std::cout << "answering" << std::endl;
    status = handler.ok() ? handler->Wait() : handler.status();
  }
  std::cerr << status.message() << std::endl;
  return 1;
}
