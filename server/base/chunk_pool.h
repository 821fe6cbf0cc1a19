// ChunkPool lends the fixed pieces of memory that byte queues are made of, and
// keeps a bounded number of returned ones for the next borrower.
//
// It is not a general allocator. Each worker owns one; only that worker's
// thread may touch it, so it needs no lock. It must outlive its queues.
#ifndef TLSD_SERVER_BASE_CHUNK_POOL_H_
#define TLSD_SERVER_BASE_CHUNK_POOL_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace tlsd::base {

// A Chunk is a piece of memory and its place in a queue.
struct Chunk {
  static constexpr size_t kBytes = 16 * 1024;

  std::unique_ptr<Chunk> next;
  // Not initialised: a queue knows which bytes it has written.
  std::array<uint8_t, kBytes> bytes;
};

class ChunkPool {
 public:
  // ChunkPool keeps at most `idle_count_max` chunks that nobody uses.
  explicit ChunkPool(size_t idle_count_max = 64);
  ~ChunkPool();
  ChunkPool(const ChunkPool&) = delete;
  ChunkPool& operator=(const ChunkPool&) = delete;

  // Take returns a chunk with `next` unset and bytes of any value.
  std::unique_ptr<Chunk> Take();

  // Return gives `chunk`, without its successors, back.
  void Return(std::unique_ptr<Chunk> chunk);

  // Forgo counts one chunk less as lent: its borrower keeps it, and frees it.
  void Forgo() { --lent_count_; }

  // lent_count returns how many chunks are out.
  size_t lent_count() const { return lent_count_; }
  // idle_count returns how many are kept for the next borrower.
  size_t idle_count() const { return idle_count_; }

 private:
  const size_t idle_count_max_;
  size_t idle_count_ = 0;
  size_t lent_count_ = 0;
  std::unique_ptr<Chunk> idle_;
};

}  // namespace tlsd::base

#endif  // TLSD_SERVER_BASE_CHUNK_POOL_H_
