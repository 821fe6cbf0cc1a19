#include "server/tls/system_trust_store.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/base/thread_annotations.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "proto/status/error.h"
#include "server/tls/ssl_error.h"

namespace tlsd::tls {
namespace {

// More than any host has.
constexpr size_t kFolderFilesMax = 10000;

std::string PathFromEnvironment(const char* variable, const char* fallback) {
  const char* value = std::getenv(variable);
  return value != nullptr ? value : fallback;
}

std::string FilePath() {
  return PathFromEnvironment(X509_get_default_cert_file_env(),
                             X509_get_default_cert_file());
}

std::string FolderPath() {
  return PathFromEnvironment(X509_get_default_cert_dir_env(),
                             X509_get_default_cert_dir());
}

// What is not a certificate, or a damaged one, is passed over: one bad entry
// must not take the trust of the whole host away.
std::vector<bssl::UniquePtr<X509>> ReadFile(const std::string& path) {
  const ErrorQueueGuard guard;
  std::vector<bssl::UniquePtr<X509>> certificates;
  const bssl::UniquePtr<BIO> bio(BIO_new_file(path.c_str(), "r"));
  if (bio == nullptr) return certificates;
  while (true) {
    bssl::UniquePtr<X509> certificate(PEM_read_bio_X509_AUX(
        bio.get(), /*out=*/nullptr, /*callback=*/nullptr, /*arg=*/nullptr));
    if (certificate != nullptr) {
      certificates.push_back(std::move(certificate));
      continue;
    }
    // What cannot be read, e.g. a folder, never comes to its end.
    const LibraryError error = TakeLibraryError();
    if (BIO_eof(bio.get()) ||
        (error.library == ERR_LIB_PEM && error.reason == PEM_R_NO_START_LINE)) {
      return certificates;
    }
  }
}

// IsHashedName reports whether `name` is one that c_rehash gives to a
// certificate: eight hexadecimal digits, a dot, a number.
bool IsHashedName(absl::string_view name) {
  return name.size() > 9 && name[8] == '.' &&
         absl::c_all_of(name.substr(0, 8), absl::ascii_isxdigit) &&
         absl::c_all_of(name.substr(9), absl::ascii_isdigit);
}

// HashedFiles returns the paths of the certificates in `folders`, joined by
// ':'; at most `count_max`.
std::vector<std::string> HashedFiles(const std::string& folders,
                                     size_t count_max) {
  std::vector<std::string> paths;
  for (absl::string_view folder : absl::StrSplit(folders, ':')) {
    std::error_code error;
    for (std::filesystem::directory_iterator entry(std::string(folder), error),
         end;
         !error && entry != end; entry.increment(error)) {
      if (paths.size() == count_max) return paths;
      if (IsHashedName(entry->path().filename().string())) {
        paths.push_back(entry->path().string());
      }
    }
  }
  return paths;
}

bool HasHashedCertificates(const std::string& folders) {
  return !HashedFiles(folders, /*count_max=*/1).empty();
}

absl::Status EmptySystemStore(const std::string& file,
                              const std::string& folder) {
  return MakeError(
      Reason::kTrustStoreEmpty,
      absl::StrCat("system: the system's trust store has no certificate; "
                   "looked in ",
                   QuoteForMessage(file), " and ", QuoteForMessage(folder),
                   "; install ca-certificates, or give trust anchors"),
      {{"field", "system"}, {"file", file}, {"folder", folder}});
}

// What tells one state of the store from another.
std::string StateOf(const std::string& file, const std::string& folder) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  if (error) return absl::StrCat(file, "|", folder);
  const auto time = std::filesystem::last_write_time(file, error);
  return absl::StrCat(file, "|", folder, "|", size, "|",
                      time.time_since_epoch().count());
}

// The store that was read last, and its state.
struct Latest {
  absl::Mutex mutex;
  std::string state ABSL_GUARDED_BY(mutex);
  std::shared_ptr<const SystemTrustStore> store ABSL_GUARDED_BY(mutex);
};

Latest& GetLatest() {
  static Latest& latest = *new Latest;
  return latest;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const SystemTrustStore>>
SystemTrustStore::Load() {
  const std::string file = FilePath();
  const std::string folder = FolderPath();
  const std::string state = StateOf(file, folder);
  Latest& latest = GetLatest();
  absl::MutexLock lock(&latest.mutex);
  // A folder that was empty may not be so any more.
  if (latest.store != nullptr && latest.state == state &&
      !latest.store->folders_.empty() == HasHashedCertificates(folder)) {
    return latest.store;
  }
  std::shared_ptr<SystemTrustStore> store(new SystemTrustStore);
  store->certificates_ = ReadFile(file);
  if (!store->certificates_.empty()) store->path_ = file;
  if (HasHashedCertificates(folder)) {
    store->folders_ = folder;
    if (!store->path_.empty()) store->path_ += ':';
    store->path_ += folder;
  }
  if (store->path_.empty()) return EmptySystemStore(file, folder);
  latest.state = state;
  latest.store = store;
  return latest.store;
}

std::vector<bssl::UniquePtr<X509>> SystemTrustStore::ReadFolders() const {
  std::vector<bssl::UniquePtr<X509>> certificates;
  for (const std::string& path : HashedFiles(folders_, kFolderFilesMax)) {
    for (bssl::UniquePtr<X509>& certificate : ReadFile(path)) {
      certificates.push_back(std::move(certificate));
    }
  }
  return certificates;
}

absl::Status SystemTrustStore::AddTo(X509_STORE* store) const {
  const ErrorQueueGuard guard;
  for (const bssl::UniquePtr<X509>& certificate : certificates_) {
    if (!X509_STORE_add_cert(store, certificate.get())) {
      return InternalError("X509_STORE_add_cert");
    }
  }
  if (folders_.empty()) return absl::OkStatus();
  X509_LOOKUP* lookup = X509_STORE_add_lookup(store, X509_LOOKUP_hash_dir());
  if (lookup == nullptr ||
      X509_LOOKUP_add_dir(lookup, folders_.c_str(), X509_FILETYPE_PEM) != 1) {
    return InternalError("X509_LOOKUP_add_dir");
  }
  return absl::OkStatus();
}

}  // namespace tlsd::tls
