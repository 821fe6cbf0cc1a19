#include "server/base/byte_queue.h"

#include <algorithm>
#include <cstddef>
#include <random>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "server/base/chunk_pool.h"

namespace tlsd::base {
namespace {

constexpr size_t kChunk = Chunk::kBytes;

std::string Pattern(size_t size, char first = 'a') {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) {
    text[i] = static_cast<char>(first + i % 23);
  }
  return text;
}

std::string ContentOf(const ByteQueue& queue) {
  absl::Span<const uint8_t> pieces[64];
  const size_t count = queue.Pieces(absl::MakeSpan(pieces));
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    EXPECT_FALSE(pieces[i].empty());
    text.append(AsText(pieces[i]).data(), pieces[i].size());
  }
  return text;
}

class ByteQueueTest : public testing::Test {
 protected:
  ChunkPool pool_;
  ByteQueue queue_{pool_};
};

TEST_F(ByteQueueTest, HoldsNothingAtFirst) {
  EXPECT_TRUE(queue_.empty());
  EXPECT_TRUE(queue_.Front().empty());
  EXPECT_EQ(ContentOf(queue_), "");
  EXPECT_EQ(pool_.lent_count(), 0);
}

TEST_F(ByteQueueTest, GivesBytesBackInOrder) {
  for (const size_t size : {kChunk - 1, kChunk, kChunk + 1, 3 * kChunk}) {
    const std::string text = Pattern(size);
    queue_.Append(AsBytes(text));

    EXPECT_EQ(queue_.size(), size);
    EXPECT_EQ(ContentOf(queue_), text);
    EXPECT_EQ(queue_.TakeText(size), text);
    EXPECT_TRUE(queue_.empty());
  }
}

TEST_F(ByteQueueTest, ReturnsItsChunksWhenItIsEmpty) {
  queue_.Append(AsBytes(Pattern(3 * kChunk)));
  ASSERT_EQ(pool_.lent_count(), 3);

  queue_.Consume(kChunk - 1);
  EXPECT_EQ(pool_.lent_count(), 3);
  queue_.Consume(1);
  EXPECT_EQ(pool_.lent_count(), 2);
  queue_.Consume(2 * kChunk);
  EXPECT_EQ(pool_.lent_count(), 0);
}

TEST_F(ByteQueueTest, ReturnsItsChunksWhenItIsDestroyed) {
  {
    ByteQueue other(pool_);
    other.Append(AsBytes("x"));
  }
  EXPECT_EQ(pool_.lent_count(), 0);
}

TEST_F(ByteQueueTest, AppendsNothingWithoutTakingAChunk) {
  queue_.Append({});

  EXPECT_EQ(pool_.lent_count(), 0);
}

TEST_F(ByteQueueTest, TakesWhatIsWrittenToPreparedMemory) {
  const absl::Span<uint8_t> space = queue_.Prepare();
  ASSERT_EQ(space.size(), kChunk);
  std::fill_n(space.begin(), 3, 'z');

  queue_.Commit(3);

  EXPECT_EQ(ContentOf(queue_), "zzz");
}

TEST_F(ByteQueueTest, HoldsNoMemoryAfterAnEmptyCommit) {
  queue_.Prepare();
  queue_.Commit(0);

  EXPECT_EQ(pool_.lent_count(), 0);
}

TEST_F(ByteQueueTest, ShowsNoPieceForMemoryThatIsPreparedOnly) {
  const std::string text = Pattern(kChunk);
  queue_.Append(AsBytes(text));
  queue_.Prepare();
  queue_.Commit(0);

  EXPECT_EQ(ContentOf(queue_), text);
  queue_.Append(AsBytes("!"));
  EXPECT_EQ(ContentOf(queue_), text + "!");
}

TEST_F(ByteQueueTest, SetsNoMorePiecesThanThereIsRoomFor) {
  queue_.Append(AsBytes(Pattern(3 * kChunk)));
  absl::Span<const uint8_t> pieces[2];

  EXPECT_EQ(queue_.Pieces(absl::MakeSpan(pieces)), 2);
  EXPECT_EQ(queue_.Pieces({}), 0);
}

TEST_F(ByteQueueTest, MovesChunksToAnEmptyQueueWithoutCopying) {
  queue_.Append(AsBytes("abc"));
  const uint8_t* const memory = queue_.Front().data();
  ByteQueue other(pool_);
  other.Prepare();

  queue_.MoveTo(other);

  EXPECT_EQ(other.Front().data(), memory);
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(pool_.lent_count(), 1);
}

TEST_F(ByteQueueTest, MovesBytesBehindThoseOfTheOther) {
  for (const size_t size : {size_t{1}, kChunk - 1, kChunk, kChunk + 1}) {
    ByteQueue other(pool_);
    other.Append(AsBytes(Pattern(size, 'A')));
    queue_.Append(AsBytes(Pattern(size)));

    queue_.MoveTo(other);

    EXPECT_EQ(other.size(), 2 * size);
    EXPECT_EQ(ContentOf(other), Pattern(size, 'A') + Pattern(size));
    EXPECT_TRUE(queue_.empty());
  }
}

TEST_F(ByteQueueTest, KeepsEarlierPiecesInPlaceWhenBytesAreAppended) {
  queue_.Append(AsBytes("abc"));
  const absl::Span<const uint8_t> piece = queue_.Front();

  queue_.Append(AsBytes(Pattern(2 * kChunk)));

  EXPECT_EQ(queue_.Front().data(), piece.data());
  EXPECT_EQ(AsText(piece), "abc");
}

TEST_F(ByteQueueTest, GivesAChunkAwayWithItsBytes) {
  const std::string text = Pattern(2 * kChunk + 3);
  queue_.Append(AsBytes(text));
  queue_.Consume(5);
  const uint8_t* const first = queue_.Front().data();

  const ByteQueue::TakenChunk taken = queue_.TakeChunk();

  EXPECT_EQ(taken.bytes.data(), first);
  EXPECT_EQ(AsText(taken.bytes), text.substr(5, kChunk - 5));
  EXPECT_EQ(taken.chunk->next, nullptr);
  EXPECT_EQ(pool_.lent_count(), 2);
  EXPECT_EQ(ContentOf(queue_), text.substr(kChunk));
  EXPECT_EQ(queue_.TakeText(text.size()), text.substr(kChunk));
}

TEST_F(ByteQueueTest, GivesItsLastChunkAwayAndGoesOn) {
  queue_.Append(AsBytes("abc"));

  const ByteQueue::TakenChunk taken = queue_.TakeChunk();

  EXPECT_EQ(AsText(taken.bytes), "abc");
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(pool_.lent_count(), 0);
  queue_.Append(AsBytes("def"));
  EXPECT_EQ(ContentOf(queue_), "def");
  EXPECT_EQ(AsText(taken.bytes), "abc");
}

TEST_F(ByteQueueTest, GivesItsLastBytesAwayBeforeWhatWasOnlyPrepared) {
  queue_.Append(AsBytes(Pattern(kChunk)));
  queue_.Prepare();

  const ByteQueue::TakenChunk taken = queue_.TakeChunk();

  EXPECT_EQ(AsText(taken.bytes), Pattern(kChunk));
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(pool_.lent_count(), 0);
}

TEST_F(ByteQueueTest, TakesNoMoreTextThanThereIs) {
  queue_.Append(AsBytes("abc"));

  EXPECT_EQ(queue_.TakeText(2), "ab");
  EXPECT_EQ(queue_.TakeText(2), "c");
  EXPECT_EQ(queue_.TakeText(2), "");
}

TEST_F(ByteQueueTest, BehavesAsAStringUnderRandomUse) {
  const unsigned seed = testing::UnitTest::GetInstance()->random_seed();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  std::string expected;
  for (int step = 0; step < 3000; ++step) {
    const size_t size = random() % (2 * kChunk);
    switch (random() % 5) {
      case 0: {
        const std::string text = Pattern(size % 5000);
        queue_.Append(AsBytes(text));
        expected += text;
        break;
      }
      case 1: {
        const absl::Span<uint8_t> space = queue_.Prepare();
        const size_t count = std::min(space.size(), size);
        std::fill_n(space.begin(), count, 'p');
        queue_.Commit(count);
        expected.append(count, 'p');
        break;
      }
      case 2: {
        const size_t count = std::min(size, expected.size());
        queue_.Consume(count);
        expected.erase(0, count);
        break;
      }
      case 3: {
        if (queue_.empty()) break;
        const ByteQueue::TakenChunk taken = queue_.TakeChunk();
        ASSERT_EQ(AsText(taken.bytes), expected.substr(0, taken.bytes.size()));
        expected.erase(0, taken.bytes.size());
        break;
      }
      default: {
        const std::string text = queue_.TakeText(size);
        ASSERT_EQ(text, expected.substr(0, size));
        expected.erase(0, text.size());
      }
    }
    ASSERT_EQ(queue_.size(), expected.size());
    ASSERT_EQ(AsText(queue_.Front()),
              absl::string_view(expected).substr(0, queue_.Front().size()));
    ASSERT_EQ(pool_.lent_count() == 0, expected.empty());
  }
}

}  // namespace
}  // namespace tlsd::base
