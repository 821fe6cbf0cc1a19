// QueueBio is BoringSSL's view of a transport that does no I/O: it reads from a
// span that the caller lends and writes to a queue.
//
// It never refuses a write, because BoringSSL would lose alerts, and would have
// to be called again with the same bytes; limits are the caller's. It belongs
// to one thread, and must outlive the SSL that uses it.
#ifndef TLSD_SERVER_TLS_QUEUE_BIO_H_
#define TLSD_SERVER_TLS_QUEUE_BIO_H_

#include <openssl/bio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/base/byte_queue.h"

namespace tlsd::tls {

class QueueBio {
 public:
  // QueueBio appends to `output`, which must outlive it.
  explicit QueueBio(base::ByteQueue& output) : output_(&output) {}
  QueueBio(const QueueBio&) = delete;
  QueueBio& operator=(const QueueBio&) = delete;

  // NewBio returns a BIO over this; null if there is no memory.
  bssl::UniquePtr<BIO> NewBio();

  // Lend offers `input` to be read until TakeBack, which returns how many bytes
  // were. Without input a read asks to be tried again.
  void Lend(absl::Span<const uint8_t> input);
  size_t TakeBack();

  // Prepend makes `bytes` be read before what is lent.
  void Prepend(absl::string_view bytes) {
    prepended_.append(bytes.data(), bytes.size());
  }
  bool has_prepended() const { return prepended_read_ < prepended_.size(); }

  // bytes_read returns how many bytes were read in all.
  uint64_t bytes_read() const { return bytes_read_; }

  // last_bytes returns the last bytes that were read, as many as a record with
  // an alert in cleartext has; zeros stand for what has not come.
  static constexpr size_t kLastBytes = 7;
  const std::array<uint8_t, kLastBytes>& last_bytes() const {
    return last_bytes_;
  }

 private:
  static const BIO_METHOD* Method();
  static int Read(BIO* bio, char* out, int size);
  static int Write(BIO* bio, const char* data, int size);

  // TakeInput reads at most `size` bytes to `out`.
  size_t TakeInput(char* out, size_t size);

  base::ByteQueue* output_;
  std::string prepended_;
  size_t prepended_read_ = 0;
  absl::Span<const uint8_t> input_;
  size_t lent_size_ = 0;
  uint64_t bytes_read_ = 0;
  std::array<uint8_t, kLastBytes> last_bytes_ = {};
};

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_QUEUE_BIO_H_
