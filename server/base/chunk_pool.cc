#include "server/base/chunk_pool.h"

#include <utility>

namespace tlsd::base {

ChunkPool::ChunkPool(size_t idle_count_max) : idle_count_max_(idle_count_max) {}

ChunkPool::~ChunkPool() {
  // One at a time: a chain that frees itself would recurse as deep as it is
  // long.
  while (idle_ != nullptr) idle_ = std::move(idle_->next);
}

std::unique_ptr<Chunk> ChunkPool::Take() {
  ++lent_count_;
  // Plain new: make_unique would fill the chunk with zeros.
  if (idle_ == nullptr) return std::unique_ptr<Chunk>(new Chunk);
  --idle_count_;
  std::unique_ptr<Chunk> chunk = std::move(idle_);
  idle_ = std::move(chunk->next);
  return chunk;
}

void ChunkPool::Return(std::unique_ptr<Chunk> chunk) {
  --lent_count_;
  if (idle_count_ == idle_count_max_) return;
  ++idle_count_;
  chunk->next = std::move(idle_);
  idle_ = std::move(chunk);
}

}  // namespace tlsd::base
