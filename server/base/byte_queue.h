// ByteQueue is a FIFO of bytes in chunks of a pool. An empty queue holds no
// memory.
//
// It sets itself no limit: who fills it looks at `size` first. It belongs to
// one thread, that of its pool.
#ifndef TLSD_SERVER_BASE_BYTE_QUEUE_H_
#define TLSD_SERVER_BASE_BYTE_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/base/chunk_pool.h"

namespace tlsd::base {

// AsBytes and AsText look at the same memory in the other type.
inline absl::Span<const uint8_t> AsBytes(absl::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
inline absl::string_view AsText(absl::Span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class ByteQueue {
 public:
  // ByteQueue takes its chunks from `pool`, which must outlive it.
  explicit ByteQueue(ChunkPool& pool) : pool_(&pool) {}
  ChunkPool& pool() const { return *pool_; }
  ~ByteQueue() { Clear(); }
  ByteQueue(const ByteQueue&) = delete;
  ByteQueue& operator=(const ByteQueue&) = delete;

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // Append copies `bytes` to the end.
  void Append(absl::Span<const uint8_t> bytes);

  // Prepare returns free memory behind the last byte, never empty, for the
  // caller to write to; Commit says how many bytes of it were written, from the
  // start. Nothing else may be called in between.
  absl::Span<uint8_t> Prepare();
  void Commit(size_t count);

  // Front returns the first bytes, as many as lie together; empty if none.
  absl::Span<const uint8_t> Front() const;

  // Pieces fills `pieces` from the front with the bytes in order, and returns
  // how many it has set. They stay valid until the queue changes.
  size_t Pieces(absl::Span<absl::Span<const uint8_t>> pieces) const;

  // Consume drops the first `count` bytes, at most `size`.
  void Consume(size_t count);

  // MoveTo takes all bytes, in order, to the end of `other`, which must use the
  // same pool.
  void MoveTo(ByteQueue& other);

  // TakeChunk removes the first bytes of a queue that is not empty, as many as
  // Front has, with the chunk that they are in. It leaves the pool for good:
  // any thread may free it.
  struct TakenChunk {
    std::unique_ptr<Chunk> chunk;
    absl::Span<const uint8_t> bytes;
  };
  TakenChunk TakeChunk();

  // TakeText removes at most `count` bytes and returns them.
  std::string TakeText(size_t count);

  void Clear();

 private:
  void DropHead();

  ChunkPool* pool_;
  std::unique_ptr<Chunk> head_;
  Chunk* tail_ = nullptr;
  // First byte in `head_` and first free byte in `tail_`.
  uint32_t begin_ = 0;
  uint32_t end_ = 0;
  size_t size_ = 0;
};

}  // namespace tlsd::base

#endif  // TLSD_SERVER_BASE_BYTE_QUEUE_H_
