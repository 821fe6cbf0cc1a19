#include "server/base/chunk_pool.h"

#include <memory>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace tlsd::base {
namespace {

TEST(ChunkPoolTest, CountsTheChunksThatAreOut) {
  ChunkPool pool;
  std::unique_ptr<Chunk> first = pool.Take();
  std::unique_ptr<Chunk> second = pool.Take();

  EXPECT_EQ(pool.lent_count(), 2);

  pool.Return(std::move(first));
  EXPECT_EQ(pool.lent_count(), 1);
  pool.Return(std::move(second));
  EXPECT_EQ(pool.lent_count(), 0);
}

TEST(ChunkPoolTest, LendsAReturnedChunkAgain) {
  ChunkPool pool(/*idle_count_max=*/1);
  std::unique_ptr<Chunk> chunk = pool.Take();
  const Chunk* const lent = chunk.get();
  pool.Return(std::move(chunk));

  EXPECT_EQ(pool.Take().get(), lent);
}

TEST(ChunkPoolTest, KeepsNoChunkBeyondItsLimit) {
  for (const size_t limit : {0, 1, 2}) {
    ChunkPool pool(limit);
    std::vector<std::unique_ptr<Chunk>> chunks(3);
    for (auto& chunk : chunks) chunk = pool.Take();
    for (auto& chunk : chunks) pool.Return(std::move(chunk));

    EXPECT_EQ(pool.idle_count(), limit);
  }
}

TEST(ChunkPoolTest, CountsAChunkThatIsKeptAsLentNoMore) {
  ChunkPool pool;
  const std::unique_ptr<Chunk> kept = pool.Take();
  const std::unique_ptr<Chunk> lent = pool.Take();

  pool.Forgo();

  EXPECT_EQ(pool.lent_count(), 1);
  EXPECT_EQ(pool.idle_count(), 0);
}

TEST(ChunkPoolTest, LendsChunksWithoutSuccessor) {
  ChunkPool pool;
  std::unique_ptr<Chunk> first = pool.Take();
  std::unique_ptr<Chunk> second = pool.Take();
  pool.Return(std::move(first));
  pool.Return(std::move(second));

  EXPECT_EQ(pool.Take()->next, nullptr);
}

TEST(ChunkPoolTest, FreesALongListWithoutRecursion) {
  constexpr size_t kCount = 20'000;
  ChunkPool pool(kCount);
  std::vector<std::unique_ptr<Chunk>> chunks(kCount);
  for (auto& chunk : chunks) chunk = pool.Take();

  for (auto& chunk : chunks) pool.Return(std::move(chunk));
}

}  // namespace
}  // namespace tlsd::base
