// Accepts peers whose fingerprint is in the file known_peers.
#include <fstream>
#include <iostream>
#include <set>
#include <string>

#include "absl/strings/str_replace.h"
#include "client/client.h"

namespace tls = tlsd::client;

std::set<std::string> KnownPeers() {
  std::ifstream file("known_peers");
  std::set<std::string> known;
  for (std::string line; file >> line;) known.insert(line);
  return known;
}

int main(int argc, char** argv) {
  const auto client = tls::Client::Open(argc > 1 ? argv[1] : "");
  const auto judge = [&](const tls::Decision& /*decision*/,
                         const tls::VerifyPeerQuestion& peer)
      -> tls::AnswerOr<tls::VerifyPeerAnswer> {
    // The daemon reads certificates, so that this program need not.
    const auto certificates =
        client->ParseCertificates(tls::Der{peer.certificates.front()});
    if (!certificates.ok()) return certificates.status();
    const std::string shown = absl::StrReplaceAll(
        certificates->front().sha256_fingerprint, {{":", ""}});
    const bool accept = KnownPeers().contains(shown);
    std::cout << (accept ? "known " : "unknown ") << shown << " "
              << peer.authorization_error << std::endl;
    return tls::VerifyPeerAnswer{.accept = accept};
  };

  absl::Status status = client.status();
  if (client.ok()) {
    const auto handler = client->HandleDecisions({}, {.verify_peer = judge});
    if (handler.ok()) std::cout << "answering" << std::endl;
    status = handler.ok() ? handler->Wait() : handler.status();
  }
  std::cerr << status.message() << std::endl;
  return 1;
}
