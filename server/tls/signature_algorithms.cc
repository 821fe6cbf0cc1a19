#include "server/tls/signature_algorithms.h"

#include <openssl/ssl.h>

#include <iterator>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "proto/status/error.h"

namespace tlsd::tls {
namespace {

struct Algorithm {
  uint16_t id;
  // OpenSSL's forms of the name, where it has some.
  absl::string_view openssl[2];
};

// SHA-1 is for those who name it: no default has it.
constexpr Algorithm kAlgorithms[] = {
    {SSL_SIGN_ED25519, {"ed25519", "ED25519"}},
    {SSL_SIGN_ECDSA_SECP256R1_SHA256, {"ECDSA+SHA256"}},
    {SSL_SIGN_ECDSA_SECP384R1_SHA384, {"ECDSA+SHA384"}},
    {SSL_SIGN_ECDSA_SECP521R1_SHA512, {"ECDSA+SHA512"}},
    {SSL_SIGN_RSA_PSS_RSAE_SHA256, {"RSA-PSS+SHA256", "PSS+SHA256"}},
    {SSL_SIGN_RSA_PSS_RSAE_SHA384, {"RSA-PSS+SHA384", "PSS+SHA384"}},
    {SSL_SIGN_RSA_PSS_RSAE_SHA512, {"RSA-PSS+SHA512", "PSS+SHA512"}},
    {SSL_SIGN_RSA_PKCS1_SHA256, {"RSA+SHA256"}},
    {SSL_SIGN_RSA_PKCS1_SHA384, {"RSA+SHA384"}},
    {SSL_SIGN_RSA_PKCS1_SHA512, {"RSA+SHA512"}},
    {SSL_SIGN_ECDSA_SHA1, {"ECDSA+SHA1"}},
    {SSL_SIGN_RSA_PKCS1_SHA1, {"RSA+SHA1"}},
};

const Algorithm* FindAlgorithm(absl::string_view name) {
  for (const Algorithm& algorithm : kAlgorithms) {
    if (SignatureAlgorithmName(algorithm.id) == name) return &algorithm;
    for (const absl::string_view openssl : algorithm.openssl) {
      if (!openssl.empty() && openssl == name) return &algorithm;
    }
  }
  return nullptr;
}

std::string Allowed(absl::string_view name) {
  std::string allowed = absl::StrJoin(
      kAlgorithms, ", ", [](std::string* out, const Algorithm& algorithm) {
        absl::StrAppend(out, SignatureAlgorithmName(algorithm.id));
      });
  if (absl::StartsWith(name, "rsa_pss_pss_")) {
    absl::StrAppend(&allowed, "; the library has no RSASSA-PSS keys");
  }
  return allowed;
}

}  // namespace

absl::StatusOr<std::vector<uint16_t>> ParseSignatureAlgorithms(
    absl::string_view field, const std::vector<std::string>& names) {
  std::vector<uint16_t> ids;
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string element = absl::StrCat(field, "[", i, "]");
    for (absl::string_view name : absl::StrSplit(names[i], ':')) {
      const Algorithm* algorithm = FindAlgorithm(name);
      if (algorithm == nullptr) {
        return FieldError(Reason::kSignatureAlgorithmUnsupported, element, name,
                          Allowed(name));
      }
      if (absl::c_linear_search(ids, algorithm->id)) {
        return FieldError(Reason::kSignatureAlgorithmUnsupported, element, name,
                          "each algorithm once");
      }
      ids.push_back(algorithm->id);
    }
  }
  return ids;
}

absl::string_view SignatureAlgorithmName(uint16_t algorithm) {
  if (algorithm == 0) return "";
  const char* name =
      SSL_get_signature_algorithm_name(algorithm, /*include_curve=*/1);
  return name != nullptr ? name : "unknown";
}

std::vector<uint16_t> SupportedSignatureAlgorithms() {
  std::vector<uint16_t> ids;
  for (const Algorithm& algorithm : kAlgorithms) ids.push_back(algorithm.id);
  return ids;
}

}  // namespace tlsd::tls
