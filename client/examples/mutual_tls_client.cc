// A TLS client with a certificate: sends its standard input, prints what comes:
//
//   mutual_tls_client --connect=localhost:8000 --cert=client.pem
//       --key=client-key.pem --ca=server-ca.pem
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <thread>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "client/client.h"

ABSL_FLAG(std::string, control, "unix:/run/tlsd/tlsd.sock", "where tlsd is");
ABSL_FLAG(std::string, connect, "localhost:8000", "where the server is");
ABSL_FLAG(std::string, server_name, "", "its name, if not that of --connect");
ABSL_FLAG(std::string, cert, "client-cert.pem", "own certificate chain");
ABSL_FLAG(std::string, key, "client-key.pem", "own private key");
ABSL_FLAG(std::string, pfx, "", "PKCS#12 file, instead of --cert and --key");
ABSL_FLAG(std::string, passphrase_file, "", "with the passphrase of --pfx");
ABSL_FLAG(std::string, ca, "server-cert.pem", "whom to trust");

namespace tls = tlsd::client;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Passphrase leaves out the line end that an editor leaves.
std::string Passphrase() {
  std::string passphrase = ReadFile(absl::GetFlag(FLAGS_passphrase_file));
  if (passphrase.ends_with('\n')) passphrase.pop_back();
  if (passphrase.ends_with('\r')) passphrase.pop_back();
  return passphrase;
}

tls::CredentialsList OwnCredentials() {
  if (const std::string path = absl::GetFlag(FLAGS_pfx); !path.empty()) {
    return {tls::Pkcs12Credentials{.pfx = ReadFile(path),
                                   .passphrase = Passphrase()}};
  }
  return {tls::PemCredentials{
      .certificate_chain = ReadFile(absl::GetFlag(FLAGS_cert)),
      .private_key = ReadFile(absl::GetFlag(FLAGS_key))}};
}

// SendInput sends lines as they are typed, and close_notify after the last.
void SendInput(tls::Connection& connection) {
  std::string line;
  while (std::getline(std::cin, line)) {
    if (!connection.Write(line + "\n").ok()) return;
  }
  connection.Shutdown().IgnoreError();
}

absl::Status Run() {
  const auto client = tls::Client::Open(absl::GetFlag(FLAGS_control));
  if (!client.ok()) return client.status();

  const auto context = client->CreateSecureContext({
      .credentials = OwnCredentials(),
      .trust_anchors = {.pems = {ReadFile(absl::GetFlag(FLAGS_ca))}},
  });
  if (!context.ok()) return context.status();

  auto connection =
      client->Connect({.address = absl::GetFlag(FLAGS_connect),
                       .secure_context = context->name(),
                       .server_name = absl::GetFlag(FLAGS_server_name)});
  if (!connection.ok()) return connection.status();
  std::cout << "client connected "
            << (connection->facts().authorized ? "authorized" : "unauthorized")
            << std::endl;

  std::jthread sender([&connection] { SendInput(*connection); });
  while (true) {
    const absl::StatusOr<std::string> cleartext = connection->Read();
    if (!cleartext.ok()) return cleartext.status();
    if (cleartext->empty()) break;
    std::cout << *cleartext << std::flush;
  }
  return connection->Close();
}

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  const absl::Status status = Run();
  if (!status.ok()) std::cerr << status.message() << std::endl;
  return status.ok() ? 0 : 1;
}
