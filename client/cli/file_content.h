// FileContents is the content of the files that a command line names.
//
// For a request that is only to be printed it reads nothing: marks stand for
// the contents, see grpcurl.h. It knows no field and keeps nothing that it has
// read. It belongs to one thread.
#ifndef TLSD_CLIENT_CLI_FILE_CONTENT_H_
#define TLSD_CLIENT_CLI_FILE_CONTENT_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace tlsd::client::cli {

// FileUse says whether files are read, or only marked.
enum class FileUse { kRead, kMark };

class FileContents {
 public:
  explicit FileContents(FileUse use) : use_(use) {}

  bool are_marks() const { return use_ == FileUse::kMark; }

  // Text returns the content of the file at `path`, for a field of text. It
  // fails with FIELD_INVALID if it is not UTF-8, or cannot be read; the others
  // fail so too if it cannot.
  absl::StatusOr<std::string> Text(const std::string& path) const;

  // Passphrase is Text without the line end that an editor leaves, "\n" or
  // "\r\n".
  absl::StatusOr<std::string> Passphrase(const std::string& path) const;

  // Bytes returns the content for a field of bytes.
  absl::StatusOr<std::string> Bytes(const std::string& path) const;

  // Pieces returns the content cut into pieces of `size` bytes. It fails with
  // FIELD_INVALID if the file is empty or the last piece is short.
  absl::StatusOr<std::vector<std::string>> Pieces(const std::string& path,
                                                  size_t size) const;

 private:
  const FileUse use_;
};

}  // namespace tlsd::client::cli

#endif  // TLSD_CLIENT_CLI_FILE_CONTENT_H_
