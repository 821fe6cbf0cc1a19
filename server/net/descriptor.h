// Descriptor owns a file descriptor. It belongs to one thread at a time.
#ifndef TLSD_SERVER_NET_DESCRIPTOR_H_
#define TLSD_SERVER_NET_DESCRIPTOR_H_

#include <unistd.h>

#include <utility>

namespace tlsd::net {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() { Close(); }
  Descriptor(Descriptor&& other) noexcept : descriptor_(other.Release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      Close();
      descriptor_ = other.Release();
    }
    return *this;
  }

  bool is_open() const { return descriptor_ >= 0; }
  int get() const { return descriptor_; }

  // Release gives the descriptor to the caller.
  int Release() { return std::exchange(descriptor_, -1); }

 private:
  void Close() {
    if (is_open()) close(descriptor_);
  }

  int descriptor_ = -1;
};

}  // namespace tlsd::net

#endif  // TLSD_SERVER_NET_DESCRIPTOR_H_
