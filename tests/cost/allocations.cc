#include "tests/cost/allocations.h"

#include <malloc.h>

#include <atomic>
#include <cerrno>
#include <cstddef>

// glibc's own, which it exports for those who stand in for malloc.
extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* piece, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
void __libc_free(void* piece);
}

namespace tlsd::cost {
namespace {

// A piece's size stands before it (malloc's "chunk").
constexpr int64_t kHeaderBytes = sizeof(size_t);

std::atomic<int64_t> allocation_count = 0;
std::atomic<int64_t> live_bytes = 0;

int64_t BytesOf(void* piece) {
  return static_cast<int64_t>(malloc_usable_size(piece)) + kHeaderBytes;
}

void* NoteAllocated(void* piece) {
  if (piece == nullptr) return nullptr;
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  live_bytes.fetch_add(BytesOf(piece), std::memory_order_relaxed);
  return piece;
}

void NoteFreed(void* piece) {
  if (piece == nullptr) return;
  live_bytes.fetch_sub(BytesOf(piece), std::memory_order_relaxed);
}

void* Resize(void* piece, size_t size) {
  const int64_t bytes_before = piece == nullptr ? 0 : BytesOf(piece);
  void* const resized = __libc_realloc(piece, size);
  // A piece that could not be resized is still there.
  if (resized == nullptr && size != 0) return nullptr;
  live_bytes.fetch_sub(bytes_before, std::memory_order_relaxed);
  return NoteAllocated(resized);
}

}  // namespace

int64_t AllocationCount() {
  return allocation_count.load(std::memory_order_relaxed);
}

int64_t LiveBytes() { return live_bytes.load(std::memory_order_relaxed); }

}  // namespace tlsd::cost

extern "C" {

void* malloc(size_t size) {
  return tlsd::cost::NoteAllocated(__libc_malloc(size));
}

void* calloc(size_t count, size_t size) {
  return tlsd::cost::NoteAllocated(__libc_calloc(count, size));
}

void* realloc(void* piece, size_t size) {
  return tlsd::cost::Resize(piece, size);
}

void* memalign(size_t alignment, size_t size) {
  return tlsd::cost::NoteAllocated(__libc_memalign(alignment, size));
}

void* aligned_alloc(size_t alignment, size_t size) {
  return memalign(alignment, size);
}

int posix_memalign(void** out, size_t alignment, size_t size) {
  void* const piece = memalign(alignment, size);
  if (piece == nullptr) return ENOMEM;
  *out = piece;
  return 0;
}

void free(void* piece) {
  tlsd::cost::NoteFreed(piece);
  __libc_free(piece);
}

}  // extern "C"
