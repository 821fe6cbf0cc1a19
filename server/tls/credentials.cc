#include "server/tls/credentials.h"

#include <openssl/mem.h>
#include <openssl/x509v3.h>

#include <cstddef>
#include <utility>
#include <variant>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/base/status_macros.h"
#include "server/tls/certificate.h"
#include "server/tls/pkcs12.h"
#include "server/tls/private_key.h"
#include "server/tls/ssl_error.h"

namespace tlsd::tls {
namespace {

constexpr absl::string_view kChainField = "certificate_chain";
constexpr size_t kChainBytesMax = 100 * 1024;
constexpr size_t kChainCountMax = 10;

absl::Status ChainError(Reason reason, absl::string_view problem,
                        ErrorMetadata metadata = {}) {
  return ProblemError(reason, kChainField, problem, std::move(metadata));
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

absl::StatusOr<bssl::UniquePtr<EVP_PKEY>> LeafKey(X509* leaf) {
  const ErrorQueueGuard guard;
  bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(leaf));
  if (key == nullptr) {
    return ChainError(Reason::kKeyUnsupported,
                      "the key of certificate 1 is of a kind that is not "
                      "supported");
  }
  TLSD_RETURN_IF_ERROR(CheckKeySupported(kChainField, key.get()));
  return key;
}

absl::Status CheckKeyIsOfLeaf(const std::vector<bssl::UniquePtr<X509>>& chain,
                              const EVP_PKEY* key) {
  const ErrorQueueGuard guard;
  TLSD_RETURN_IF_ERROR(LeafKey(chain[0].get()).status());
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

// BoringSSL shows no certificate of an EC key that may not sign.
absl::Status CheckKeyUsage(absl::string_view field, X509* leaf,
                           const EVP_PKEY* key) {
  if (EVP_PKEY_id(key) != EVP_PKEY_EC ||
      (X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE) != 0) {
    return absl::OkStatus();
  }
  return ProblemError(Reason::kKeyUnsupported, field,
                      "the key usage of the own certificate does not "
                      "allow its EC key to make digital signatures");
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

absl::Status CheckValidity(absl::string_view field, const X509* leaf,
                           absl::Time now) {
  const absl::Time not_before = NotBefore(leaf);
  const absl::Time not_after = NotAfter(leaf);
  if (now < not_before) {
    const std::string when = absl::FormatTime(not_before, absl::UTCTimeZone());
    return ProblemError(Reason::kCertificateNotYetValid, field,
                        absl::StrCat("the certificate is valid from ", when),
                        {{"not_before", when}});
  }
  if (now > not_after) {
    const std::string when = absl::FormatTime(not_after, absl::UTCTimeZone());
    return ProblemError(Reason::kCertificateExpired, field,
                        absl::StrCat("the certificate was valid until ", when),
                        {{"not_after", when}});
  }
  return absl::OkStatus();
}

// CheckChain checks what does not depend on the private key.
absl::Status CheckChain(const Credentials& credentials,
                        bool allow_outside_validity, absl::Time now) {
  X509* leaf = credentials.chain[0].get();
  TLSD_RETURN_IF_ERROR(CheckKeyUsage(kChainField, leaf, credentials.key.get()));
  TLSD_RETURN_IF_ERROR(CheckOrder(credentials.chain));
  if (allow_outside_validity) return absl::OkStatus();
  return CheckValidity(kChainField, leaf, now);
}

// TakeFirst removes the first certificate that `fits` from `certificates`.
template <typename Fits>
bssl::UniquePtr<X509> TakeFirst(
    std::vector<bssl::UniquePtr<X509>>& certificates, Fits fits) {
  const auto found = absl::c_find_if(
      certificates, [&](const bssl::UniquePtr<X509>& certificate) {
        return fits(certificate.get());
      });
  if (found == certificates.end()) return nullptr;
  bssl::UniquePtr<X509> taken = std::move(*found);
  certificates.erase(found);
  return taken;
}

bool IsSelfIssued(X509* certificate) {
  return X509_check_issued(certificate, certificate) == X509_V_OK;
}

// BuildChain puts `pool` in order behind the certificate of `key`, as far as
// each has its issuer there. Nothing is left of the chain if the key has no
// certificate.
std::vector<bssl::UniquePtr<X509>> BuildChain(
    const EVP_PKEY* key, std::vector<bssl::UniquePtr<X509>> pool) {
  std::vector<bssl::UniquePtr<X509>> chain;
  bssl::UniquePtr<X509> next =
      TakeFirst(pool, [&](X509* candidate) { return HasKey(candidate, key); });
  while (next != nullptr && chain.size() < kChainCountMax) {
    chain.push_back(std::move(next));
    X509* subject = chain.back().get();
    if (IsSelfIssued(subject)) break;
    next = TakeFirst(
        pool, [&](X509* candidate) { return IsIssuedBy(subject, candidate); });
  }
  return chain;
}

absl::StatusOr<Credentials> ParseDevelopmentCredentials(
    const DevelopmentCredentials& options, DevelopmentAuthority& authority,
    absl::Time now) {
  TLSD_ASSIGN_OR_RETURN(PemCredentials issued, authority.Issue(options, now));
  absl::StatusOr<Credentials> parsed = ParseCredentials(issued, now);
  OPENSSL_cleanse(issued.private_key.data(), issued.private_key.size());
  return parsed;
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
  TLSD_RETURN_IF_ERROR(
      CheckChain(credentials, options.allow_outside_validity, now));
  return credentials;
}

absl::StatusOr<Credentials> ParseCredentials(const RemoteCredentials& options,
                                             absl::Time now) {
  Credentials credentials;
  TLSD_ASSIGN_OR_RETURN(credentials.chain,
                        ReadChain(options.certificate_chain));
  TLSD_ASSIGN_OR_RETURN(credentials.key, LeafKey(credentials.chain[0].get()));
  credentials.is_remote = true;
  TLSD_RETURN_IF_ERROR(
      CheckChain(credentials, options.allow_outside_validity, now));
  return credentials;
}

absl::StatusOr<Credentials> ParseCredentials(const Pkcs12Credentials& options,
                                             absl::Time now) {
  constexpr absl::string_view kField = "pfx";
  const ErrorQueueGuard guard;
  TLSD_ASSIGN_OR_RETURN(Pkcs12Contents contents,
                        ReadPkcs12(options.pfx, options.passphrase));
  Credentials credentials;
  if (options.trust_certificates) {
    for (const bssl::UniquePtr<X509>& certificate : contents.certificates) {
      if (HasKey(certificate.get(), contents.key.get())) continue;
      credentials.trusted.push_back(bssl::UpRef(certificate));
    }
  }
  credentials.chain =
      BuildChain(contents.key.get(), std::move(contents.certificates));
  if (credentials.chain.empty()) {
    return ProblemError(Reason::kKeyMismatch, kField,
                        "the private key is that of none of the "
                        "certificates");
  }
  credentials.key = std::move(contents.key);
  TLSD_RETURN_IF_ERROR(
      CheckKeyUsage(kField, credentials.chain[0].get(), credentials.key.get()));
  if (!options.allow_outside_validity) {
    TLSD_RETURN_IF_ERROR(
        CheckValidity(kField, credentials.chain[0].get(), now));
  }
  return credentials;
}

absl::StatusOr<Credentials> MakeCredentials(const CredentialsOptions& options,
                                            DevelopmentAuthority& authority,
                                            absl::Time now) {
  absl::string_view prefix;
  absl::StatusOr<Credentials> made;
  if (const auto* pem = std::get_if<PemCredentials>(&options)) {
    prefix = "pem.";
    made = ParseCredentials(*pem, now);
  } else if (const auto* pkcs12 = std::get_if<Pkcs12Credentials>(&options)) {
    prefix = "pkcs12.";
    made = ParseCredentials(*pkcs12, now);
  } else if (const auto* remote = std::get_if<RemoteCredentials>(&options)) {
    prefix = "remote.";
    made = ParseCredentials(*remote, now);
  } else {
    prefix = "development.";
    made = ParseDevelopmentCredentials(
        std::get<DevelopmentCredentials>(options), authority, now);
  }
  if (!made.ok()) return PrefixField(made.status(), prefix);
  return made;
}

}  // namespace tlsd::tls
