#include "server/base/secret.h"

#include <algorithm>
#include <string>

#include "gtest/gtest.h"

namespace tlsd::base {
namespace {

// Within the string itself, and on the heap.
constexpr size_t kSizes[] = {1, 15, 1000};

// CountLeft returns how many bytes of the secret are still in `emptied`, which
// had `size` of them.
size_t CountLeft(const std::string& emptied, size_t size) {
  const char* data = emptied.data();
  return static_cast<size_t>(std::count(data, data + size, 'x'));
}

TEST(WipeTest, LeavesNothingBehind) {
  for (const size_t size : kSizes) {
    std::string secret(size, 'x');
    Wipe(secret);
    EXPECT_TRUE(secret.empty());
    EXPECT_EQ(CountLeft(secret, size), 0u) << size;
  }
}

// Without it the bytes stay, so that the test above can fail.
TEST(WipeTest, DoesWhatClearingDoesNot) {
  for (const size_t size : kSizes) {
    std::string secret(size, 'x');
    secret.clear();
    EXPECT_EQ(CountLeft(secret, size), size - 1) << size;
  }
}

TEST(WipeTest, TakesAnEmptyStringToo) {
  std::string secret;
  Wipe(secret);
  EXPECT_TRUE(secret.empty());
}

TEST(WipeTest, LeavesAStringThatCanBeUsed) {
  std::string secret = "secret";
  Wipe(secret);
  secret += "word";
  EXPECT_EQ(secret, "word");
}

}  // namespace
}  // namespace tlsd::base
