// Lets openssl sign with a key that is in the file server-key.pem.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/client.h"

namespace tls = tlsd::client;

// SignWithOpenssl returns nothing if openssl fails.
std::string SignWithOpenssl(const std::string& input,
                            const std::string& options) {
  std::ofstream("to_sign", std::ios::binary) << input;
  std::FILE* const pipe = popen(
      absl::StrCat("openssl dgst -sign server-key.pem ", options, " to_sign")
          .c_str(),
      "r");
  if (pipe == nullptr) return "";
  std::string signature(1024, '\0');
  signature.resize(std::fread(signature.data(), 1, signature.size(), pipe));
  return pclose(pipe) == 0 ? signature : "";
}

tls::AnswerOr<tls::SignAnswer> Sign(const tls::Decision& /*decision*/,
                                    const tls::SignQuestion& question) {
  static constexpr char kPss[] =
      " -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest";
  static const auto& options = *new std::map<std::string, std::string>{
      {"ecdsa_secp256r1_sha256", "-sha256"},
      {"ecdsa_secp384r1_sha384", "-sha384"},
      {"rsa_pkcs1_sha256", "-sha256"},
      {"rsa_pss_rsae_sha256", absl::StrCat("-sha256", kPss)},
      {"rsa_pss_rsae_sha384", absl::StrCat("-sha384", kPss)},
      {"rsa_pss_rsae_sha512", absl::StrCat("-sha512", kPss)}};
  const auto found = options.find(question.algorithm);
  if (found == options.end()) return tls::Refusal{};
  return tls::SignAnswer{.signature =
                             SignWithOpenssl(question.input, found->second)};
}

void PrintFailure(const std::string& decision, const absl::Status& error) {
  std::cerr << decision << ": " << error.message() << std::endl;
}

int main(int argc, char** argv) {
  const auto client = tls::Client::Open(argc > 1 ? argv[1] : "");
  absl::Status status = client.status();
  if (client.ok()) {
    const auto handler = client->HandleDecisions(
        {}, {.sign = Sign, .answer_failed = PrintFailure});
    if (handler.ok()) std::cout << "answering" << std::endl;
    status = handler.ok() ? handler->Wait() : handler.status();
  }
  std::cerr << status.message() << std::endl;
  return 1;
}
