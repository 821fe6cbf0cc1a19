#include "client/cli/file_content.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
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

// SizeOfCharacter returns how many bytes a character has that begins with
// `first`, or 0 if none does.
size_t SizeOfCharacter(uint8_t first) {
  if (first < 0x80) return 1;
  if (first < 0xC0) return 0;
  if (first < 0xE0) return 2;
  if (first < 0xF0) return 3;
  return first < 0xF8 ? 4 : 0;
}

// IsUtf8 reports whether `bytes` are UTF-8 as RFC 3629 has it: no overlong
// forms, no surrogates, nothing above U+10FFFF, no character cut off.
bool IsUtf8(absl::string_view bytes) {
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  while (!bytes.empty()) {
    const auto first = static_cast<uint8_t>(bytes[0]);
    const size_t size = SizeOfCharacter(first);
    if (size == 0 || size > bytes.size()) return false;
    uint32_t code = size == 1 ? first : first & (0xFF >> (size + 1));
    for (size_t i = 1; i < size; ++i) {
      const auto next = static_cast<uint8_t>(bytes[i]);
      if ((next & 0xC0) != 0x80) return false;
      code = code << 6 | (next & 0x3F);
    }
    if (code < kSmallest[size] || code > 0x10FFFF) return false;
    if (code >= 0xD800 && code <= 0xDFFF) return false;
    bytes.remove_prefix(size);
  }
  return true;
}

// ReadUtf8 fails for what protobuf does not send in a field of text.
absl::StatusOr<std::string> ReadUtf8(const std::string& path,
                                     absl::string_view allowed) {
  absl::StatusOr<std::string> content = ReadFile(path);
  if (content.ok() && !IsUtf8(*content)) {
    return FieldError(Reason::kFieldInvalid, path, "bytes that are not UTF-8",
                      allowed);
  }
  return content;
}

}  // namespace

absl::StatusOr<std::string> FileContents::Text(const std::string& path) const {
  if (are_marks()) return FileContentMark(path);
  return ReadUtf8(path, "PEM; convert DER with openssl x509 -inform DER");
}

absl::StatusOr<std::string> FileContents::Passphrase(
    const std::string& path) const {
  if (are_marks()) return FileLineMark(path);
  const absl::StatusOr<std::string> line =
      ReadUtf8(path, "a passphrase in UTF-8");
  if (!line.ok()) return line.status();
  return std::string(absl::StripSuffix(absl::StripSuffix(*line, "\n"), "\r"));
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
