// PemReader takes the blocks out of PEM text (RFC 7468), one by one.
//
// It does not look into them. What it has decoded is wiped when the block goes.
#ifndef TLSD_SERVER_TLS_PEM_H_
#define TLSD_SERVER_TLS_PEM_H_

#include <openssl/bio.h>
#include <openssl/mem.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace tlsd::tls {

class PemBlock {
 public:
  // name returns what stands behind "BEGIN", e.g. "CERTIFICATE".
  absl::string_view name() const { return name_.get(); }
  const uint8_t* data() const { return data_.get(); }
  size_t size() const { return size_; }

 private:
  friend class PemReader;
  bssl::UniquePtr<char> name_;
  bssl::UniquePtr<uint8_t> data_;
  size_t size_ = 0;
};

class PemReader {
 public:
  // PemReader reads `pem`, which must outlive it.
  explicit PemReader(absl::string_view pem);

  // Next returns the next block; nothing at the end, and when `malformed`.
  std::optional<PemBlock> Next();

  // malformed reports whether a block was begun that cannot be read.
  bool malformed() const { return malformed_; }

 private:
  bssl::UniquePtr<BIO> bio_;
  bool malformed_ = false;
};

// OpenForRead returns a BIO over `text`, which must outlive it, or null.
bssl::UniquePtr<BIO> OpenForRead(absl::string_view text);

// PemError returns PEM_INVALID for `field`, whose content is never shown:
// `problem` says what is wrong with it.
absl::Status PemError(absl::string_view field, absl::string_view problem);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_PEM_H_
