#include "server/tls/queue_bio.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/string_view.h"

namespace tlsd::tls {

bssl::UniquePtr<BIO> QueueBio::NewBio() {
  bssl::UniquePtr<BIO> bio(BIO_new(Method()));
  if (bio != nullptr) BIO_set_data(bio.get(), this);
  return bio;
}

void QueueBio::Lend(absl::Span<const uint8_t> input) {
  input_ = input;
  lent_size_ = input.size();
}

size_t QueueBio::TakeBack() {
  const size_t taken = lent_size_ - input_.size();
  Lend({});
  return taken;
}

const BIO_METHOD* QueueBio::Method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index(), "tlsd queue");
    BIO_meth_set_create(made, [](BIO* bio) {
      BIO_set_init(bio, 1);
      return 1;
    });
    BIO_meth_set_read(made, Read);
    BIO_meth_set_write(made, Write);
    // A flush that does not succeed fails the handshake.
    BIO_meth_set_ctrl(made, [](BIO*, int command, long, void*) -> long {
      return command == BIO_CTRL_FLUSH ? 1 : 0;
    });
    return made;
  }();
  return method;
}

size_t QueueBio::TakeInput(char* out, size_t size) {
  if (has_prepended()) {
    const size_t count = prepended_.copy(out, size, prepended_read_);
    prepended_read_ += count;
    if (!has_prepended()) {
      prepended_ = {};
      prepended_read_ = 0;
    }
    return count;
  }
  const size_t count = std::min(size, input_.size());
  if (count > 0) std::memcpy(out, input_.data(), count);
  input_.remove_prefix(count);
  return count;
}

int QueueBio::Read(BIO* bio, char* out, int size) {
  BIO_clear_retry_flags(bio);
  auto* self = static_cast<QueueBio*>(BIO_get_data(bio));
  if (size <= 0) return 0;
  const size_t count = self->TakeInput(out, static_cast<size_t>(size));
  if (count == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const size_t kept = std::min(count, kLastBytes);
  std::shift_left(self->last_bytes_.begin(), self->last_bytes_.end(), kept);
  std::memcpy(self->last_bytes_.end() - kept, out + count - kept, kept);
  self->bytes_read_ += count;
  return static_cast<int>(count);
}

int QueueBio::Write(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  auto* self = static_cast<QueueBio*>(BIO_get_data(bio));
  if (size <= 0) return 0;
  self->output_->Append(
      base::AsBytes(absl::string_view(data, static_cast<size_t>(size))));
  return size;
}

}  // namespace tlsd::tls
