#include "tests/unit/tls/judged_peer.h"

#include <string>

namespace tlsd::tls {
namespace {

using ::tlsd::testing::ClientOptions;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::LocalhostOptions;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::RootIdentity;
using ::tlsd::testing::ServerIdentity;
using ::tlsd::testing::ServerOptions;
using ::tlsd::testing::TestIdentity;

// How many certificates credentials may have.
constexpr int kShownCountMax = 10;
constexpr char kPemBegin[] = "-----BEGIN";

}  // namespace

JudgedPeer::JudgedPeer(TlsVersion version)
    : version(version), engine(LocalhostOptions()) {
  trust_anchors.pems = {RootIdentity().CertificatePem()};
  Show(ServerIdentity());
}

void JudgedPeer::Show(const TestIdentity& identity) {
  shown = identity.Credentials();
  shown.allow_outside_validity = true;
}

void JudgedPeer::ShowInPart(const TestIdentity& identity) {
  Show(identity);
  std::string& chain = shown.certificate_chain;
  size_t end = 0;
  for (int i = 0; i < kShownCountMax; ++i) {
    end = chain.find(kPemBegin, end + 1);
  }
  if (end == std::string::npos) return;
  trust_anchors.pems.push_back(chain.substr(end));
  chain.resize(end);
}

void JudgedPeer::SetRules(SecureContextOptions& judge) const {
  judge.trust_anchors = trust_anchors;
  judge.revocation_lists = revocation_lists;
  judge.peer_rules = peer_rules;
}

EnginePair JudgedPeer::AsServer(PeerVerification verification) const {
  SecureContextOptions client = ClientOptions(version);
  SetRules(client);
  SecureContextOptions server = ServerOptions(version);
  server.credentials = {shown};
  EngineOptions options = engine;
  options.verification = verification;
  return EnginePair(MakeContext(client), MakeContext(server), options);
}

EnginePair JudgedPeer::AsClient(ClientCertificateMode mode) const {
  SecureContextOptions client = ClientOptions(version);
  client.credentials = {shown};
  SecureContextOptions server = ServerOptions(version);
  server.client_certificate_mode = mode;
  SetRules(server);
  return EnginePair(MakeContext(client), MakeContext(server));
}

}  // namespace tlsd::tls
