// The main job, in C++: a context, an echo listener, a connection, some text.
//
//   main_job --control=unix:/tmp/tlsd.sock
#include <iostream>
#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "client/client.h"

ABSL_FLAG(std::string, control, "unix:/run/tlsd/tlsd.sock", "where tlsd is");

namespace tls = tlsd::client;

absl::Status MainJob(const std::string& control_address) {
  const auto client = tls::Client::Open(control_address);
  if (!client.ok()) return client.status();

  // A secure context with a certificate that the daemon makes, and one that
  // trusts it.
  const auto web = client->CreateSecureContext(
      {.credentials = {tls::DevelopmentCredentials{}}});
  if (!web.ok()) return web.status();
  const auto trusting =
      client->CreateSecureContext({.trust_anchors = {.development = true}});
  if (!trusting.ok()) return trusting.status();

  // An echo listener on a free port, and a connection to it.
  const auto listener = client->Listen({.address = "127.0.0.1:0",
                                        .secure_context = web->name(),
                                        .handler = tls::Handler::kEcho});
  if (!listener.ok()) return listener.status();
  auto connection = client->Connect(
      {.address = listener->address(), .secure_context = trusting->name()});
  if (!connection.ok()) return connection.status();

  // Text there and back, and a clean end.
  if (const auto sent = connection->Write("hello"); !sent.ok()) return sent;
  const auto echo = connection->Read();
  if (!echo.ok()) return echo.status();
  std::cout << connection->facts().handshake->protocol << ": " << *echo << "\n";
  return connection->Close();
}

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  const absl::Status status = MainJob(absl::GetFlag(FLAGS_control));
  if (!status.ok()) std::cerr << status.message() << std::endl;
  return status.ok() ? 0 : 1;
}
