#include "client/cli/file_content.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/cli/grpcurl.h"
#include "proto/status/error.h"

namespace tlsd::client::cli {
namespace {

constexpr size_t kBufferBytes = 64 * 1024;

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string content;
  std::string buffer(kBufferBytes, '\0');
  while (file.read(buffer.data(), kBufferBytes) || file.gcount() > 0) {
    content.append(buffer, 0, file.gcount());
  }
  if (!file.is_open() || file.bad()) {
    return FieldError(Reason::kFieldInvalid, "file", path,
                      "a file that can be read");
  }
  return content;
}

}  // namespace

absl::StatusOr<std::string> FileContents::Text(const std::string& path) const {
  if (are_marks()) return FileContentMark(path);
  return ReadFile(path);
}

absl::StatusOr<std::string> FileContents::Passphrase(
    const std::string& path) const {
  if (are_marks()) return FileLineMark(path);
  const absl::StatusOr<std::string> line = ReadFile(path);
  if (!line.ok()) return line.status();
  return std::string(absl::StripSuffix(*line, "\n"));
}

absl::StatusOr<std::string> FileContents::Bytes(const std::string& path) const {
  if (are_marks()) return FileBytesMark(path);
  return ReadFile(path);
}

absl::StatusOr<std::vector<std::string>> FileContents::Pieces(
    const std::string& path, size_t size) const {
  std::vector<std::string> pieces;
  if (are_marks()) {
    // Its size is no secret, and tells how many there will be.
    std::error_code error;
    const auto file_size = std::filesystem::file_size(path, error);
    const size_t count = error ? 1 : std::max<size_t>(file_size / size, 1);
    for (size_t i = 0; i < count; ++i) {
      pieces.push_back(FileBytesMark(path, FileRange{i * size, size}));
    }
    return pieces;
  }
  const absl::StatusOr<std::string> content = ReadFile(path);
  if (!content.ok()) return content.status();
  if (content->empty() || content->size() % size != 0) {
    return FieldError(Reason::kFieldInvalid, path,
                      absl::StrCat(content->size(), " bytes"),
                      absl::StrCat(size, " bytes, or a multiple of it"));
  }
  for (size_t i = 0; i < content->size(); i += size) {
    pieces.push_back(content->substr(i, size));
  }
  return pieces;
}

}  // namespace tlsd::client::cli
