#include "server/base/utf8.h"

#include <cstddef>
#include <cstdint>

namespace tlsd::base {
namespace {

// How many bytes a character has by its first byte, and which second bytes it
// allows; the rest is 0x80 to 0xBF (RFC 3629 section 4).
struct Form {
  size_t size;
  uint8_t second_min;
  uint8_t second_max;
};

Form FormOf(uint8_t first) {
  if (first < 0x80) return {1, 0, 0};
  if (first < 0xC2) return {0, 0, 0};
  if (first < 0xE0) return {2, 0x80, 0xBF};
  if (first == 0xE0) return {3, 0xA0, 0xBF};
  if (first == 0xED) return {3, 0x80, 0x9F};
  if (first < 0xF0) return {3, 0x80, 0xBF};
  if (first == 0xF0) return {4, 0x90, 0xBF};
  if (first < 0xF4) return {4, 0x80, 0xBF};
  if (first == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace

bool IsValidUtf8(absl::string_view bytes) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  size_t i = 0;
  while (i < bytes.size()) {
    const Form form = FormOf(at(i));
    if (form.size == 0 || bytes.size() - i < form.size) return false;
    if (form.size > 1 &&
        (at(i + 1) < form.second_min || at(i + 1) > form.second_max)) {
      return false;
    }
    for (size_t k = 2; k < form.size; ++k) {
      if ((at(i + k) & 0xC0) != 0x80) return false;
    }
    i += form.size;
  }
  return true;
}

}  // namespace tlsd::base
