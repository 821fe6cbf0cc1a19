// A TLS server that greets, asks for a client certificate, and echoes:
//
//   mutual_tls_server --cert=server.pem --key=server-key.pem --ca=client-ca.pem
//
// It serves until its standard input ends (Ctrl-D).
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "client/client.h"

ABSL_FLAG(std::string, control, "unix:/run/tlsd/tlsd.sock", "where tlsd is");
ABSL_FLAG(std::string, listen, "127.0.0.1:8000", "where to listen");
ABSL_FLAG(std::string, cert, "server-cert.pem", "own certificate chain");
ABSL_FLAG(std::string, key, "server-key.pem", "own private key");
ABSL_FLAG(std::string, pfx, "", "PKCS#12 file, instead of --cert and --key");
ABSL_FLAG(std::string, passphrase_file, "", "with the passphrase of --pfx");
ABSL_FLAG(std::string, ca, "client-cert.pem", "whom to trust");

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

// Serve greets the client and sends back what it says, until it ends.
void Serve(tls::Connection connection) {
  std::cout << "server connected "
            << (connection.facts().authorized ? "authorized" : "unauthorized")
            << std::endl;
  absl::Status written = connection.Write("welcome!\n");
  while (written.ok()) {
    const absl::StatusOr<std::string> cleartext = connection.Read();
    if (!cleartext.ok() || cleartext->empty()) break;
    written = connection.Write(*cleartext);
  }
  connection.Close().IgnoreError();
}

absl::Status Run() {
  const auto client = tls::Client::Open(absl::GetFlag(FLAGS_control));
  if (!client.ok()) return client.status();

  const auto context = client->CreateSecureContext({
      .credentials = OwnCredentials(),
      .trust_anchors = {.pems = {ReadFile(absl::GetFlag(FLAGS_ca))}},
      .client_certificate_mode = tls::ClientCertificateMode::kRequest,
  });
  if (!context.ok()) return context.status();

  const auto listener = client->Listen({.address = absl::GetFlag(FLAGS_listen),
                                        .secure_context = context->name()});
  if (!listener.ok()) return listener.status();
  std::cout << "server bound " << listener->address() << std::endl;

  std::jthread stopper([&listener] {
    while (std::cin.get() != EOF) {
    }
    listener->Close(absl::ZeroDuration()).IgnoreError();
  });
  std::vector<std::jthread> servers;
  while (true) {
    absl::StatusOr<tls::Connection> connection = listener->Accept();
    if (!connection.ok()) break;
    servers.emplace_back(Serve, *std::move(connection));
  }
  return absl::OkStatus();
}

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  const absl::Status status = Run();
  if (!status.ok()) std::cerr << status.message() << std::endl;
  return status.ok() ? 0 : 1;
}
