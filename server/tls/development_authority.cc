#include "server/tls/development_authority.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "proto/status/error.h"
#include "server/base/status_macros.h"
#include "server/tls/server_name.h"
#include "server/tls/ssl_error.h"

namespace tlsd::tls {
namespace {

constexpr size_t kServerNameCountMax = 100;
constexpr size_t kCommonNameBytesMax = 64;
constexpr absl::Duration kLeafBackdating = absl::Hours(24);
constexpr absl::Duration kLeafLifetime = absl::Hours(24 * 90);
constexpr absl::Duration kRootBackdating = absl::Hours(24 * 30);
constexpr absl::Duration kRootLifetime = absl::Hours(24 * 3650);
constexpr char kRootName[] = "tlsd development authority";

struct KeyPair {
  bssl::UniquePtr<EVP_PKEY> key;
  bssl::UniquePtr<X509> certificate;
};

struct CertificateRequest {
  std::string common_name;
  absl::Time not_before;
  absl::Time not_after;
  // NID and value in OpenSSL's configuration syntax.
  std::vector<std::pair<int, std::string>> extensions;
};

bssl::UniquePtr<EVP_PKEY> NewP256Key() {
  bssl::UniquePtr<EC_KEY> ec_key(
      EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  if (ec_key == nullptr || key == nullptr ||
      !EC_KEY_generate_key(ec_key.get()) ||
      !EVP_PKEY_set1_EC_KEY(key.get(), ec_key.get())) {
    return nullptr;
  }
  return key;
}

bool SetSerialNumber(X509* certificate) {
  uint8_t bytes[16];
  RAND_bytes(bytes, sizeof(bytes));
  // Positive and of constant length, RFC 5280 section 4.1.2.2.
  bytes[0] = (bytes[0] & 0x7f) | 0x40;
  const bssl::UniquePtr<BIGNUM> number(
      BN_bin2bn(bytes, sizeof(bytes), nullptr));
  return number != nullptr &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) !=
             nullptr;
}

bool SetSubject(X509* certificate, const std::string& common_name) {
  return X509_NAME_add_entry_by_txt(
      X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
      reinterpret_cast<const uint8_t*>(common_name.data()),
      static_cast<ossl_ssize_t>(common_name.size()), /*loc=*/-1,
      /*set=*/0);
}

bool AddExtensions(X509* certificate, X509* issuer,
                   const CertificateRequest& request) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, /*req=*/nullptr,
                 /*crl=*/nullptr, /*flags=*/0);
  for (const auto& [nid, value] : request.extensions) {
    const bssl::UniquePtr<X509_EXTENSION> extension(
        X509V3_EXT_nconf_nid(/*conf=*/nullptr, &context, nid, value.c_str()));
    if (extension == nullptr ||
        !X509_add_ext(certificate, extension.get(), /*loc=*/-1)) {
      return false;
    }
  }
  return true;
}

// Sign returns a certificate for a fresh key, signed by `issuer`, or by itself
// if that is null.
absl::StatusOr<KeyPair> Sign(const CertificateRequest& request,
                             const KeyPair* issuer) {
  KeyPair pair{NewP256Key(), bssl::UniquePtr<X509>(X509_new())};
  X509* certificate = pair.certificate.get();
  if (pair.key == nullptr || certificate == nullptr) {
    return InternalError("generating a key");
  }
  X509* issuer_certificate =
      issuer != nullptr ? issuer->certificate.get() : certificate;
  EVP_PKEY* issuer_key = issuer != nullptr ? issuer->key.get() : pair.key.get();
  if (!X509_set_version(certificate, X509_VERSION_3) ||
      !SetSerialNumber(certificate) ||
      !SetSubject(certificate, request.common_name) ||
      !X509_set_issuer_name(certificate,
                            X509_get_subject_name(issuer_certificate)) ||
      !ASN1_TIME_set_posix(X509_getm_notBefore(certificate),
                           absl::ToUnixSeconds(request.not_before)) ||
      !ASN1_TIME_set_posix(X509_getm_notAfter(certificate),
                           absl::ToUnixSeconds(request.not_after)) ||
      !X509_set_pubkey(certificate, pair.key.get()) ||
      !AddExtensions(certificate, issuer_certificate, request) ||
      !X509_sign(certificate, issuer_key, EVP_sha256())) {
    return InternalError("making a certificate");
  }
  return pair;
}

std::string Contents(BIO* bio) {
  const uint8_t* data = nullptr;
  size_t size = 0;
  if (!BIO_mem_contents(bio, &data, &size)) return "";
  return std::string(reinterpret_cast<const char*>(data), size);
}

absl::StatusOr<std::string> CertificatePem(X509* certificate) {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr || !PEM_write_bio_X509(bio.get(), certificate)) {
    return InternalError("PEM_write_bio_X509");
  }
  return Contents(bio.get());
}

// BoringSSL wipes the memory of the BIO when it is freed.
absl::StatusOr<std::string> PrivateKeyPem(EVP_PKEY* key) {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr ||
      !PEM_write_bio_PKCS8PrivateKey(bio.get(), key, /*enc=*/nullptr,
                                     /*kstr=*/nullptr, /*klen=*/0,
                                     /*cb=*/nullptr, /*u=*/nullptr)) {
    return InternalError("PEM_write_bio_PKCS8PrivateKey");
  }
  return Contents(bio.get());
}

// AlternativeName returns `name` as "DNS:..." or "IP:...". A name may begin
// with the wildcard "*.".
absl::StatusOr<std::string> AlternativeName(absl::string_view field,
                                            const std::string& name) {
  const absl::string_view base = absl::StripPrefix(name, "*.");
  absl::StatusOr<ServerName> parsed = ParseServerName(field, base);
  const bool is_wildcard = base.size() != name.size();
  if (!parsed.ok() ||
      (is_wildcard && parsed->kind == ServerName::Kind::kIpAddress)) {
    return FieldError(Reason::kServerNameInvalid, field, name,
                      "a DNS name, \"*.\" and a DNS name, or an IP address");
  }
  if (parsed->kind == ServerName::Kind::kIpAddress) {
    return absl::StrCat("IP:", parsed->text);
  }
  return absl::StrCat("DNS:", is_wildcard ? "*." : "", parsed->text);
}

absl::StatusOr<CertificateRequest> LeafRequest(
    const DevelopmentCredentials& options, absl::Time now) {
  std::vector<std::string> names = options.server_names;
  if (names.empty()) names = {"localhost", "127.0.0.1", "::1"};
  if (names.size() > kServerNameCountMax) {
    return FieldError(Reason::kFieldInvalid, "server_names",
                      absl::StrCat(names.size(), " names"), "at most 100");
  }
  std::vector<std::string> alternative_names;
  for (size_t i = 0; i < names.size(); ++i) {
    TLSD_ASSIGN_OR_RETURN(
        std::string alternative_name,
        AlternativeName(absl::StrCat("server_names[", i, "]"), names[i]));
    alternative_names.push_back(std::move(alternative_name));
  }
  CertificateRequest request;
  request.common_name = names[0].size() <= kCommonNameBytesMax
                            ? names[0]
                            : "tlsd development certificate";
  request.not_before = now - kLeafBackdating;
  request.not_after = now + kLeafLifetime;
  request.extensions = {
      {NID_basic_constraints, "critical,CA:FALSE"},
      {NID_key_usage, "critical,digitalSignature"},
      {NID_ext_key_usage, "serverAuth,clientAuth"},
      {NID_subject_key_identifier, "hash"},
      {NID_authority_key_identifier, "keyid"},
      {NID_subject_alt_name, absl::StrJoin(alternative_names, ",")},
  };
  return request;
}

}  // namespace

struct DevelopmentAuthority::State {
  absl::StatusOr<const KeyPair*> Root() ABSL_LOCKS_EXCLUDED(mutex);

  absl::Mutex mutex;
  KeyPair root ABSL_GUARDED_BY(mutex);
};

// The root does not change once it is made, so that it may be used without the
// lock.
absl::StatusOr<const KeyPair*> DevelopmentAuthority::State::Root() {
  const absl::MutexLock lock(&mutex);
  if (root.key == nullptr) {
    const absl::Time now = absl::Now();
    TLSD_ASSIGN_OR_RETURN(
        root, Sign({kRootName,
                    now - kRootBackdating,
                    now + kRootLifetime,
                    {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                     {NID_key_usage, "critical,keyCertSign,cRLSign"},
                     {NID_subject_key_identifier, "hash"}}},
                   /*issuer=*/nullptr));
  }
  return &root;
}

DevelopmentAuthority::DevelopmentAuthority()
    : state_(std::make_unique<State>()) {}

DevelopmentAuthority::~DevelopmentAuthority() = default;

absl::StatusOr<std::string> DevelopmentAuthority::RootPem() {
  const ErrorQueueGuard guard;
  TLSD_ASSIGN_OR_RETURN(const KeyPair* root, state_->Root());
  return CertificatePem(root->certificate.get());
}

absl::StatusOr<PemCredentials> DevelopmentAuthority::Issue(
    const DevelopmentCredentials& options, absl::Time now) {
  const ErrorQueueGuard guard;
  TLSD_ASSIGN_OR_RETURN(const CertificateRequest request,
                        LeafRequest(options, now));
  TLSD_ASSIGN_OR_RETURN(const KeyPair* root, state_->Root());
  TLSD_ASSIGN_OR_RETURN(const KeyPair leaf, Sign(request, root));
  PemCredentials credentials;
  TLSD_ASSIGN_OR_RETURN(credentials.certificate_chain,
                        CertificatePem(leaf.certificate.get()));
  TLSD_ASSIGN_OR_RETURN(credentials.private_key, PrivateKeyPem(leaf.key.get()));
  return credentials;
}

}  // namespace tlsd::tls
