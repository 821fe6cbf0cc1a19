#include "server/tls/credentials.h"

#include <openssl/mem.h>
#include <openssl/x509v3.h>

#include <cstddef>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/base/status_macros.h"
#include "server/tls/certificate.h"
#include "server/tls/private_key.h"
#include "server/tls/ssl_error.h"

namespace tlsd::tls {
namespace {

constexpr absl::string_view kChainField = "certificate_chain";
constexpr size_t kChainBytesMax = 100 * 1024;
constexpr size_t kChainCountMax = 10;

absl::Status ChainError(Reason reason, absl::string_view problem,
                        ErrorMetadata metadata = {}) {
  metadata["field"] = std::string(kChainField);
  metadata["problem"] = std::string(problem);
  return MakeError(reason, absl::StrCat(kChainField, ": ", problem),
                   std::move(metadata));
}

absl::StatusOr<std::vector<bssl::UniquePtr<X509>>> ReadChain(
    absl::string_view pem) {
  if (pem.empty()) return FieldRequired(kChainField);
  if (pem.size() > kChainBytesMax) {
    return ChainError(
        Reason::kFieldInvalid,
        absl::StrCat("got ", pem.size(), " bytes; allowed: ", kChainBytesMax));
  }
  TLSD_ASSIGN_OR_RETURN(std::vector<bssl::UniquePtr<X509>> chain,
                        ReadCertificates(kChainField, pem));
  if (chain.size() > kChainCountMax) {
    return ChainError(Reason::kFieldInvalid,
                      absl::StrCat("got ", chain.size(),
                                   " certificates; allowed: ", kChainCountMax));
  }
  return chain;
}

bool HasKey(X509* certificate, const EVP_PKEY* key) {
  bssl::UniquePtr<EVP_PKEY> public_key(X509_get_pubkey(certificate));
  return public_key != nullptr && EVP_PKEY_cmp(public_key.get(), key) == 1;
}

absl::Status CheckKeyIsOfLeaf(const std::vector<bssl::UniquePtr<X509>>& chain,
                              const EVP_PKEY* key) {
  const ErrorQueueGuard guard;
  bssl::UniquePtr<EVP_PKEY> leaf_key(X509_get_pubkey(chain[0].get()));
  if (leaf_key == nullptr) {
    return ChainError(Reason::kKeyUnsupported,
                      "the key of certificate 1 is of a kind that is not "
                      "supported");
  }
  TLSD_RETURN_IF_ERROR(CheckKeySupported(kChainField, leaf_key.get()));
  if (HasKey(chain[0].get(), key)) return absl::OkStatus();
  for (size_t i = 1; i < chain.size(); ++i) {
    if (!HasKey(chain[i].get(), key)) continue;
    return ChainError(Reason::kChainOrderInvalid,
                      absl::StrCat("the private key is that of certificate ",
                                   i + 1, ", which must come first"),
                      {{"certificate", absl::StrCat(i + 1)}});
  }
  return MakeError(Reason::kKeyMismatch,
                   "private_key: is not the key of certificate 1 of "
                   "certificate_chain",
                   {{"field", "private_key"}});
}

bool IsIssuedBy(X509* subject, X509* issuer) {
  if (X509_check_issued(issuer, subject) != X509_V_OK) return false;
  bssl::UniquePtr<EVP_PKEY> issuer_key(X509_get_pubkey(issuer));
  // A key that BoringSSL cannot use may be fine for the peers.
  return issuer_key == nullptr || X509_verify(subject, issuer_key.get()) == 1;
}

absl::Status CheckOrder(const std::vector<bssl::UniquePtr<X509>>& chain) {
  const ErrorQueueGuard guard;
  for (size_t i = 0; i + 1 < chain.size(); ++i) {
    if (IsIssuedBy(chain[i].get(), chain[i + 1].get())) continue;
    const std::string issuer = DescribeCertificate(chain[i].get()).issuer;
    const std::string next = DescribeCertificate(chain[i + 1].get()).subject;
    return ChainError(
        Reason::kChainOrderInvalid,
        absl::StrCat("certificate ", i + 1, " is issued by ",
                     QuoteForMessage(issuer), ", but certificate ", i + 2,
                     " is ", QuoteForMessage(next)),
        {{"certificate", absl::StrCat(i + 1)}});
  }
  return absl::OkStatus();
}

absl::Status CheckValidity(const X509* leaf, absl::Time now) {
  const absl::Time not_before = NotBefore(leaf);
  const absl::Time not_after = NotAfter(leaf);
  if (now < not_before) {
    const std::string when = absl::FormatTime(not_before, absl::UTCTimeZone());
    return ChainError(Reason::kCertificateNotYetValid,
                      absl::StrCat("the certificate is valid from ", when),
                      {{"not_before", when}});
  }
  if (now > not_after) {
    const std::string when = absl::FormatTime(not_after, absl::UTCTimeZone());
    return ChainError(Reason::kCertificateExpired,
                      absl::StrCat("the certificate was valid until ", when),
                      {{"not_after", when}});
  }
  return absl::OkStatus();
}

void Wipe(std::string& secret) {
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

}  // namespace

absl::StatusOr<Credentials> ParseCredentials(const PemCredentials& options,
                                             absl::Time now) {
  Credentials credentials;
  TLSD_ASSIGN_OR_RETURN(credentials.chain,
                        ReadChain(options.certificate_chain));
  TLSD_ASSIGN_OR_RETURN(credentials.key, ParsePrivateKey(options.private_key,
                                                         options.passphrase));
  TLSD_RETURN_IF_ERROR(
      CheckKeyIsOfLeaf(credentials.chain, credentials.key.get()));
  TLSD_RETURN_IF_ERROR(CheckOrder(credentials.chain));
  if (!options.allow_outside_validity) {
    TLSD_RETURN_IF_ERROR(CheckValidity(credentials.chain[0].get(), now));
  }
  return credentials;
}

absl::StatusOr<Credentials> MakeCredentials(const CredentialsOptions& options,
                                            DevelopmentAuthority& authority,
                                            absl::Time now) {
  if (const auto* pem = std::get_if<PemCredentials>(&options)) {
    absl::StatusOr<Credentials> parsed = ParseCredentials(*pem, now);
    if (!parsed.ok()) return PrefixField(parsed.status(), "pem.");
    return parsed;
  }
  absl::StatusOr<PemCredentials> issued =
      authority.Issue(std::get<DevelopmentCredentials>(options), now);
  if (!issued.ok()) return PrefixField(issued.status(), "development.");
  absl::StatusOr<Credentials> parsed = ParseCredentials(*issued, now);
  WipeKeyMaterial(*issued);
  return parsed;
}

void WipeKeyMaterial(PemCredentials& credentials) {
  Wipe(credentials.private_key);
  Wipe(credentials.passphrase);
}

}  // namespace tlsd::tls
