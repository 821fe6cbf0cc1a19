#include "server/tls/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/tls/ssl_error.h"

namespace tlsd::tls {

PemReader::PemReader(absl::string_view pem) : bio_(OpenForRead(pem)) {}

std::optional<PemBlock> PemReader::Next() {
  if (malformed_) return std::nullopt;
  const ErrorQueueGuard guard;
  char* name = nullptr;
  char* header = nullptr;
  uint8_t* data = nullptr;
  long size = 0;
  if (bio_ == nullptr ||
      !PEM_read_bio(bio_.get(), &name, &header, &data, &size)) {
    // PEM_read_bio says NO_START_LINE when it has looked through the rest in
    // vain; it says nothing at all of a block without content.
    const LibraryError error = TakeLibraryError();
    malformed_ =
        error.library != ERR_LIB_PEM || error.reason != PEM_R_NO_START_LINE;
    return std::nullopt;
  }
  OPENSSL_free(header);
  PemBlock block;
  block.name_.reset(name);
  block.data_.reset(data);
  block.size_ = static_cast<size_t>(size);
  return block;
}

bssl::UniquePtr<BIO> OpenForRead(absl::string_view text) {
  // An empty view may hold a null pointer, which BIO_new_mem_buf refuses.
  if (text.empty()) text = absl::string_view("", 0);
  if (text.size() > static_cast<size_t>(std::numeric_limits<int>::max())) {
    return nullptr;
  }
  return bssl::UniquePtr<BIO>(
      BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

absl::Status PemError(absl::string_view field, absl::string_view problem) {
  return ProblemError(Reason::kPemInvalid, field, problem);
}

}  // namespace tlsd::tls
