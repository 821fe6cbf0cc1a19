#include "server/tls/trust_anchors.h"

#include <openssl/mem.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "proto/status/error.h"
#include "server/base/status_macros.h"
#include "server/tls/certificate.h"
#include "server/tls/ssl_error.h"

namespace tlsd::tls {
namespace {

constexpr size_t kPemBytesMax = 1024 * 1024;
// A CertificateRequest carries at most 65535 bytes of names, and clients take
// no message much longer than this.
constexpr size_t kNamesBytesMax = 16 * 1024;

// AnchorCollector fills a TrustAnchors.
class AnchorCollector {
 public:
  absl::Status Start();
  absl::Status AddPem(absl::string_view field, absl::string_view pem);
  bool AddSystemStore();
  TrustAnchors Finish();

 private:
  bool AddSystemFile();
  bool AddSystemFolder();
  absl::Status Add(X509* certificate);

  TrustAnchors anchors_;
  SHA256_CTX digest_;
  size_t names_bytes_ = 0;
};

absl::Status AnchorCollector::Start() {
  SHA256_Init(&digest_);
  anchors_.store.reset(X509_STORE_new());
  anchors_.names.reset(sk_X509_NAME_new_null());
  if (anchors_.store == nullptr || anchors_.names == nullptr) {
    return InternalError("X509_STORE_new");
  }
  // Whatever was given is an anchor, also an intermediate or a leaf.
  X509_STORE_set_flags(anchors_.store.get(), X509_V_FLAG_PARTIAL_CHAIN);
  return absl::OkStatus();
}

absl::Status AnchorCollector::Add(X509* certificate) {
  if (!X509_STORE_add_cert(anchors_.store.get(), certificate)) {
    return InternalError("X509_STORE_add_cert");
  }
  X509_NAME* subject = X509_get_subject_name(certificate);
  bssl::UniquePtr<X509_NAME> name(X509_NAME_dup(subject));
  const int size = i2d_X509_NAME(subject, nullptr);
  if (name == nullptr || size < 0) return InternalError("X509_NAME_dup");
  names_bytes_ += static_cast<size_t>(size) + 2;
  if (!bssl::PushToStack(anchors_.names.get(), std::move(name))) {
    return InternalError("sk_X509_NAME_push");
  }
  const std::string der = DescribeCertificate(certificate).der;
  SHA256_Update(&digest_, der.data(), der.size());
  return absl::OkStatus();
}

absl::Status AnchorCollector::AddPem(absl::string_view field,
                                     absl::string_view pem) {
  TLSD_ASSIGN_OR_RETURN(const std::vector<bssl::UniquePtr<X509>> certificates,
                        ReadCertificates(field, pem));
  for (const bssl::UniquePtr<X509>& certificate : certificates) {
    TLSD_RETURN_IF_ERROR(Add(certificate.get()));
  }
  return absl::OkStatus();
}

std::string PathFromEnvironment(const char* variable, const char* fallback) {
  const char* value = std::getenv(variable);
  return value != nullptr ? value : fallback;
}

bool AnchorCollector::AddSystemFile() {
  const ErrorQueueGuard guard;
  const std::string path = PathFromEnvironment(X509_get_default_cert_file_env(),
                                               X509_get_default_cert_file());
  X509_LOOKUP* lookup =
      X509_STORE_add_lookup(anchors_.store.get(), X509_LOOKUP_file());
  if (lookup == nullptr ||
      X509_LOOKUP_load_file(lookup, path.c_str(), X509_FILETYPE_PEM) != 1) {
    return false;
  }
  anchors_.system_path = path;
  SHA256_Update(&digest_, path.data(), path.size());
  return true;
}

// IsHashedName reports whether `name` is one that c_rehash gives to a
// certificate: eight hexadecimal digits, a dot, a number.
bool IsHashedName(absl::string_view name) {
  return name.size() > 9 && name[8] == '.' &&
         absl::c_all_of(name.substr(0, 8), absl::ascii_isxdigit) &&
         absl::c_all_of(name.substr(9), absl::ascii_isdigit);
}

bool HasHashedCertificate(const std::string& folder) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end;
       !error && entry != end; entry.increment(error)) {
    if (IsHashedName(entry->path().filename().string())) return true;
  }
  return false;
}

bool AnchorCollector::AddSystemFolder() {
  const ErrorQueueGuard guard;
  const std::string path = PathFromEnvironment(X509_get_default_cert_dir_env(),
                                               X509_get_default_cert_dir());
  const std::vector<std::string> folders =
      absl::StrSplit(path, ':', absl::SkipEmpty());
  if (!absl::c_any_of(folders, HasHashedCertificate)) return false;
  X509_LOOKUP* lookup =
      X509_STORE_add_lookup(anchors_.store.get(), X509_LOOKUP_hash_dir());
  if (lookup == nullptr ||
      X509_LOOKUP_add_dir(lookup, path.c_str(), X509_FILETYPE_PEM) != 1) {
    return false;
  }
  if (!anchors_.system_path.empty()) anchors_.system_path += ':';
  anchors_.system_path += path;
  SHA256_Update(&digest_, path.data(), path.size());
  return true;
}

bool AnchorCollector::AddSystemStore() {
  const bool has_file = AddSystemFile();
  const bool has_folder = AddSystemFolder();
  return has_file || has_folder;
}

TrustAnchors AnchorCollector::Finish() {
  uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256_Final(digest, &digest_);
  anchors_.digest.assign(reinterpret_cast<const char*>(digest), sizeof(digest));
  // RFC 8446 section 4.2.4: no list means that any certificate may do.
  if (names_bytes_ > kNamesBytesMax) {
    anchors_.names.reset(sk_X509_NAME_new_null());
  }
  anchors_.certificate_count = static_cast<int>(
      sk_X509_OBJECT_num(X509_STORE_get0_objects(anchors_.store.get())));
  return std::move(anchors_);
}

absl::Status CheckSize(const std::vector<std::string>& pems) {
  size_t size = 0;
  for (const std::string& pem : pems) size += pem.size();
  if (size <= kPemBytesMax) return absl::OkStatus();
  return FieldError(Reason::kFieldInvalid, "pems", absl::StrCat(size, " bytes"),
                    "1 MiB together");
}

absl::Status EmptySystemStore() {
  const std::string file = PathFromEnvironment(X509_get_default_cert_file_env(),
                                               X509_get_default_cert_file());
  const std::string folder = PathFromEnvironment(
      X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
  return MakeError(
      Reason::kTrustStoreEmpty,
      absl::StrCat("system: the system's trust store has no certificate; "
                   "looked in ",
                   QuoteForMessage(file), " and ", QuoteForMessage(folder),
                   "; install ca-certificates, or give trust anchors"),
      {{"field", "system"}, {"file", file}, {"folder", folder}});
}

}  // namespace

absl::StatusOr<TrustAnchors> LoadTrustAnchors(
    const TrustAnchorsOptions& options, DevelopmentAuthority& authority,
    SystemStoreUse system_store_use) {
  TLSD_RETURN_IF_ERROR(CheckSize(options.pems));
  AnchorCollector collector;
  TLSD_RETURN_IF_ERROR(collector.Start());
  for (size_t i = 0; i < options.pems.size(); ++i) {
    TLSD_RETURN_IF_ERROR(
        collector.AddPem(absl::StrCat("pems[", i, "]"), options.pems[i]));
  }
  if (options.development) {
    TLSD_ASSIGN_OR_RETURN(const std::string root, authority.RootPem());
    TLSD_RETURN_IF_ERROR(collector.AddPem("development", root));
  }
  const bool is_default = options.pems.empty() && !options.development;
  if ((options.system || is_default) && !collector.AddSystemStore() &&
      (options.system || system_store_use == SystemStoreUse::kRequired)) {
    return EmptySystemStore();
  }
  return collector.Finish();
}

}  // namespace tlsd::tls
