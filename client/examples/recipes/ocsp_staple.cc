// Staples the OCSP response in the file staple.der.
#include <fstream>
#include <iostream>
#include <sstream>

#include "client/client.h"

namespace tls = tlsd::client;

tls::AnswerOr<tls::OcspStapleAnswer> Staple(
    const tls::Decision& /*decision*/,
    const tls::OcspStapleQuestion& /*asked*/) {
  std::ostringstream response;
  std::ifstream file("staple.der", std::ios::binary);
  if (!file || !(response << file.rdbuf())) return tls::NoOpinion{};
  return tls::OcspStapleAnswer{.ocsp_response = response.str(),
                               .reuse_for = absl::Minutes(1)};
}

int main(int argc, char** argv) {
  const auto client = tls::Client::Open(argc > 1 ? argv[1] : "");
  absl::Status status = client.status();
  if (client.ok()) {
    const auto handler = client->HandleDecisions({}, {.ocsp_staple = Staple});
    if (handler.ok()) std::cout << "answering" << std::endl;
    status = handler.ok() ? handler->Wait() : handler.status();
  }
  std::cerr << status.message() << std::endl;
  return 1;
}
