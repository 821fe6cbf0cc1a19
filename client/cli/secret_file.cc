#include "client/cli/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"

namespace tlsd::client::cli {
namespace {

constexpr mode_t kOwnerOnly = S_IRUSR | S_IWUSR;

}  // namespace

absl::StatusOr<SecretFile> SecretFile::Open(const std::string& path,
                                            FileStart start) {
  const int flags = O_WRONLY | O_CREAT | O_CLOEXEC |
                    (start == FileStart::kAppend ? O_APPEND : 0);
  const int descriptor = open(path.c_str(), flags, kOwnerOnly);
  struct stat status = {};
  if (descriptor < 0 || fstat(descriptor, &status) < 0) {
    return FieldError(Reason::kFieldInvalid, "file", path,
                      "a file that can be written");
  }
  SecretFile file(path, descriptor);
  // A terminal or a pipe is as it is.
  if (!S_ISREG(status.st_mode)) return file;
  if (fchmod(descriptor, kOwnerOnly) < 0) {
    return FieldError(Reason::kFieldInvalid, "file", path,
                      "a file of your own, or one that is not there yet");
  }
  // Not before it is closed to others.
  if (start == FileStart::kReplace && ftruncate(descriptor, 0) < 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat(path, " cannot be emptied"));
  }
  return file;
}

SecretFile::SecretFile(std::string path, int descriptor)
    : path_(std::move(path)), descriptor_(descriptor) {}

SecretFile::SecretFile(SecretFile&& other) noexcept
    : path_(other.path_), descriptor_(std::exchange(other.descriptor_, -1)) {}

SecretFile::~SecretFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::Status SecretFile::Write(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = write(descriptor_, bytes.data(), bytes.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) {
      return absl::ErrnoToStatus(errno,
                                 absl::StrCat(path_, " cannot be written"));
    }
    bytes.remove_prefix(static_cast<size_t>(size));
  }
  return absl::OkStatus();
}

absl::Status WriteSecretFile(const std::string& path, absl::string_view bytes) {
  absl::StatusOr<SecretFile> file = SecretFile::Open(path, FileStart::kReplace);
  if (!file.ok()) return file.status();
  return file->Write(bytes);
}

}  // namespace tlsd::client::cli
