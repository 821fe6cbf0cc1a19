#include "server/net/descriptor.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "gtest/gtest.h"

namespace tlsd::net {
namespace {

bool IsOpen(int descriptor) { return fcntl(descriptor, F_GETFD) >= 0; }

TEST(DescriptorTest, ClosesAtTheEnd) {
  const int number = dup(0);
  {
    const Descriptor descriptor(number);
    EXPECT_TRUE(descriptor.is_open());
    EXPECT_EQ(descriptor.get(), number);
  }
  EXPECT_FALSE(IsOpen(number));
}

TEST(DescriptorTest, DoesNotCloseWhatItHasReleased) {
  const int number = dup(0);
  {
    Descriptor descriptor(number);
    EXPECT_EQ(descriptor.Release(), number);
    EXPECT_FALSE(descriptor.is_open());
  }
  EXPECT_TRUE(IsOpen(number));
  close(number);
}

TEST(DescriptorTest, ClosesTheOldOneWhenANewOneIsAssigned) {
  const int first = dup(0);
  const int second = dup(0);
  Descriptor descriptor(first);

  descriptor = Descriptor(second);

  EXPECT_FALSE(IsOpen(first));
  EXPECT_TRUE(IsOpen(second));
  EXPECT_EQ(descriptor.get(), second);
}

TEST(DescriptorTest, MovesOn) {
  Descriptor first(dup(0));
  const int number = first.get();

  const Descriptor second = std::move(first);

  EXPECT_EQ(second.get(), number);
  EXPECT_TRUE(IsOpen(number));
}

}  // namespace
}  // namespace tlsd::net
