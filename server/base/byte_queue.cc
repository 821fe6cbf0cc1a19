#include "server/base/byte_queue.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tlsd::base {

void ByteQueue::Append(absl::Span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const absl::Span<uint8_t> space = Prepare();
    const size_t count = std::min(space.size(), bytes.size());
    std::memcpy(space.data(), bytes.data(), count);
    Commit(count);
    bytes.remove_prefix(count);
  }
}

absl::Span<uint8_t> ByteQueue::Prepare() {
  if (tail_ == nullptr) {
    head_ = pool_->Take();
    tail_ = head_.get();
    begin_ = end_ = 0;
  } else if (end_ == Chunk::kBytes) {
    tail_->next = pool_->Take();
    tail_ = tail_->next.get();
    end_ = 0;
  }
  return absl::MakeSpan(tail_->bytes).subspan(end_);
}

void ByteQueue::Commit(size_t count) {
  end_ += static_cast<uint32_t>(count);
  size_ += count;
  if (size_ == 0) Clear();
}

absl::Span<const uint8_t> ByteQueue::Front() const {
  absl::Span<const uint8_t> piece;
  Pieces(absl::MakeSpan(&piece, 1));
  return piece;
}

size_t ByteQueue::Pieces(absl::Span<absl::Span<const uint8_t>> pieces) const {
  size_t count = 0;
  size_t begin = begin_;
  for (const Chunk* chunk = head_.get();
       chunk != nullptr && count < pieces.size(); chunk = chunk->next.get()) {
    const size_t end = chunk == tail_ ? end_ : Chunk::kBytes;
    // The tail may have been prepared and not written.
    if (end == begin) break;
    pieces[count++] =
        absl::MakeConstSpan(chunk->bytes).subspan(begin, end - begin);
    begin = 0;
  }
  return count;
}

void ByteQueue::Consume(size_t count) {
  size_ -= count;
  if (size_ == 0) {
    Clear();
    return;
  }
  while (count >= Chunk::kBytes - begin_) {
    count -= Chunk::kBytes - begin_;
    DropHead();
  }
  begin_ += static_cast<uint32_t>(count);
}

void ByteQueue::MoveTo(ByteQueue& other) {
  if (empty()) return;
  if (!other.empty()) {
    // Chunks in the middle of a queue are full, so these cannot be linked in.
    while (!empty()) {
      const absl::Span<const uint8_t> piece = Front();
      other.Append(piece);
      Consume(piece.size());
    }
    return;
  }
  other.Clear();
  other.head_ = std::move(head_);
  other.tail_ = std::exchange(tail_, nullptr);
  other.begin_ = std::exchange(begin_, 0);
  other.end_ = std::exchange(end_, 0);
  other.size_ = std::exchange(size_, 0);
}

ByteQueue::TakenChunk ByteQueue::TakeChunk() {
  TakenChunk taken;
  taken.bytes = Front();
  size_ -= taken.bytes.size();
  taken.chunk = std::move(head_);
  head_ = std::move(taken.chunk->next);
  begin_ = 0;
  pool_->Forgo();
  // A tail may be left that was prepared and not written.
  if (size_ == 0) Clear();
  return taken;
}

std::string ByteQueue::TakeText(size_t count) {
  std::string text;
  count = std::min(count, size_);
  text.reserve(count);
  while (text.size() < count) {
    const absl::string_view piece =
        AsText(Front().subspan(0, count - text.size()));
    text.append(piece.data(), piece.size());
    Consume(piece.size());
  }
  return text;
}

void ByteQueue::Clear() {
  while (head_ != nullptr) DropHead();
  tail_ = nullptr;
  begin_ = end_ = size_ = 0;
}

void ByteQueue::DropHead() {
  std::unique_ptr<Chunk> dropped = std::move(head_);
  head_ = std::move(dropped->next);
  begin_ = 0;
  pool_->Return(std::move(dropped));
}

}  // namespace tlsd::base
