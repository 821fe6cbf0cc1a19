#include "tests/cost/meter.h"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/cost/allocations.h"

namespace tlsd::cost {
namespace {

// Not optimized away.
void* volatile piece = nullptr;

void AllocateOnce() {
  piece = std::malloc(100);
  std::free(piece);
}

// CountOf returns what `meter` reports of `units`.
std::string CountOf(Meter& meter, int units) {
  ::testing::internal::CaptureStdout();
  meter.Finish("quantity", units);
  return ::testing::internal::GetCapturedStdout();
}

TEST(AllocationsTest, CountsPiecesAndTheirBytes) {
  const int64_t count_before = AllocationCount();
  const int64_t bytes_before = LiveBytes();

  piece = std::malloc(100);
  const int64_t bytes_between = LiveBytes();
  std::free(piece);

  EXPECT_EQ(AllocationCount() - count_before, 1);
  // glibc's pieces are multiples of 16 bytes, header included.
  EXPECT_EQ(bytes_between - bytes_before, 112);
  EXPECT_EQ(LiveBytes(), bytes_before);
}

TEST(AllocationsTest, EveryWayToAllocateIsBalanced) {
  const int64_t bytes_before = LiveBytes();

  std::vector<void*> pieces = {std::calloc(3, 50), std::aligned_alloc(64, 128),
                               std::realloc(std::malloc(10), 5000), nullptr};
  EXPECT_EQ(posix_memalign(&pieces.back(), 64, 200), 0);
  const int64_t bytes_between = LiveBytes();
  const auto object = std::make_unique<std::string>(1000, 'x');
  const int64_t bytes_with_object = LiveBytes();
  for (void* each : pieces) std::free(each);

  EXPECT_GE(bytes_between - bytes_before, 150 + 128 + 5000 + 200);
  EXPECT_GE(bytes_with_object - bytes_between, 1000);
  EXPECT_LT(LiveBytes() - bytes_before, 1500);
}

TEST(MeterTest, CountsWhatIsInASectionAndNothingElse) {
  Meter meter;
  AllocateOnce();
  for (int i = 0; i < 4; ++i) {
    const Meter::Section section(meter);
    AllocateOnce();
    const Meter::Section inner(meter);
    AllocateOnce();
  }
  AllocateOnce();

  EXPECT_EQ(CountOf(meter, 4), "quantity.allocations 2.00\n");
}

TEST(MeterTest, LeavesOutWhatIsInAPause) {
  Meter meter;
  {
    const Meter::Section section(meter);
    AllocateOnce();
    const Meter::Pause pause(meter);
    AllocateOnce();
    const Meter::Section inner(meter);
    AllocateOnce();
  }

  EXPECT_EQ(CountOf(meter, 4), "quantity.allocations 0.25\n");
}

TEST(MeterTest, BeginsAnew) {
  Meter meter;
  {
    const Meter::Section section(meter);
    AllocateOnce();
  }
  meter.Begin();
  {
    const Meter::Section section(meter);
    AllocateOnce();
    AllocateOnce();
  }

  EXPECT_EQ(CountOf(meter, 1), "quantity.allocations 2.00\n");
  EXPECT_EQ(CountOf(meter, 1), "quantity.allocations 0.00\n");
}

}  // namespace
}  // namespace tlsd::cost
