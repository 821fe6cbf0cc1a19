// SecretFile is a file that tlsctl writes secrets to: only its owner may read
// it.
//
// It reads nothing and knows no format. The object owns the descriptor; it
// belongs to one thread.
#ifndef TLSD_CLIENT_CLI_SECRET_FILE_H_
#define TLSD_CLIENT_CLI_SECRET_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tlsd::client::cli {

// FileStart says what becomes of what the file holds already.
enum class FileStart { kReplace, kAppend };

class SecretFile {
 public:
  // Open makes the file at `path` if there is none. A file that is there
  // already is from then on its owner's alone, too. It fails with FIELD_INVALID
  // if it cannot be written.
  static absl::StatusOr<SecretFile> Open(const std::string& path,
                                         FileStart start);

  // Moving leaves `other` good for destruction only.
  SecretFile(SecretFile&& other) noexcept;
  SecretFile& operator=(SecretFile&&) = delete;
  ~SecretFile();

  // Write adds `bytes` to the file: when it returns, other processes see them.
  absl::Status Write(absl::string_view bytes);

 private:
  SecretFile(std::string path, int descriptor);

  const std::string path_;
  int descriptor_;
};

// WriteSecretFile makes the file at `path` hold `bytes`.
absl::Status WriteSecretFile(const std::string& path, absl::string_view bytes);

}  // namespace tlsd::client::cli

#endif  // TLSD_CLIENT_CLI_SECRET_FILE_H_
