// Much cleartext through two secure pairs, and that all of it arrives
// unaltered: 64 MiB, or as many MiB as TLSD_BULK_MIB says.
#include <cstdlib>
#include <future>
#include <memory>
#include <string>

#include "absl/strings/numbers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/carrier_fixture.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::testing {
namespace {

size_t BulkSize() {
  const char* text = std::getenv("TLSD_BULK_MIB");
  size_t mebibytes = 64;
  if (text != nullptr && !absl::SimpleAtoi(text, &mebibytes)) abort();
  return mebibytes << 20;
}

class SecurePairBulkTest : public SecurePairTest {
 protected:
  static void ExpectMoves(Joint::How how) {
    const Ends ends = MakeEnds();
    const std::unique_ptr<Joint> joint = Join(ends, how);
    AwaitHandshake(ends);
    auto writing = InBackground(
        [&] { return WriteMuch(ends.client.cleartext(), BulkSize()); });

    const absl::StatusOr<size_t> size = ReadMuch(ends.server.cleartext());

    ASSERT_THAT(size, IsOk());
    EXPECT_EQ(*size, BulkSize());
    EXPECT_THAT(writing.get(), IsOk());
    ASSERT_OK_AND_ASSIGN(const v1::Connection server,
                         Get(ends.server.cleartext()));
    EXPECT_EQ(static_cast<size_t>(server.cleartext_bytes_received()),
              BulkSize());
  }
};

INSTANTIATE_IN_BOTH_VERSIONS(SecurePairBulkTest);

TEST_P(SecurePairBulkTest, MovesMuchThroughStreams) {
  ExpectMoves(Joint::How::kStream);
}

TEST_P(SecurePairBulkTest, MovesMuchThroughReadAndWrite) {
  ExpectMoves(Joint::How::kReadWrite);
}

TEST_P(SecurePairBulkTest, MovesMuchThroughAPipe) {
  ExpectMoves(Joint::How::kPipe);
}

}  // namespace
}  // namespace tlsd::testing
