#include "server/net/resolver.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "server/net/raw_address.h"
#include "tests/unit/net/net_testing.h"

namespace tlsd::net {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Texts(absl::Span<const RawAddress> addresses) {
  std::vector<std::string> texts;
  for (const RawAddress& address : addresses) {
    texts.push_back(FromRaw(address).ToString());
  }
  return texts;
}

class ResolverTest : public testing::Test {
 protected:
  void Start(const std::string& host) {
    resolution_ = Resolution::Start(
        *fixture_.loop, host, 443,
        [this](absl::StatusOr<std::vector<RawAddress>> addresses) {
          is_done_ = true;
          result_ = std::move(addresses);
          resolution_ = nullptr;
        });
  }

  absl::StatusOr<std::vector<RawAddress>> Resolve(const std::string& host) {
    Start(host);
    EXPECT_FALSE(is_done_);
    EXPECT_TRUE(fixture_.RunUntil([this] { return is_done_; }));
    return result_;
  }

  LoopFixture fixture_;
  bool is_done_ = false;
  absl::StatusOr<std::vector<RawAddress>> result_;
  std::unique_ptr<Resolution> resolution_;
};

TEST_F(ResolverTest, FindsTheAddressesOfAName) {
  const auto addresses = Resolve("localhost");

  ASSERT_TRUE(addresses.ok()) << addresses.status();
  for (const std::string& text : Texts(*addresses)) {
    EXPECT_THAT(text, AnyOf("127.0.0.1:443", "[::1]:443"));
  }
}

TEST_F(ResolverTest, TakesAnAddressForItself) {
  const auto addresses = Resolve("192.0.2.1");

  ASSERT_TRUE(addresses.ok()) << addresses.status();
  EXPECT_THAT(Texts(*addresses), ElementsAre("192.0.2.1:443"));
}

TEST_F(ResolverTest, SaysThatANameHasNoAddress) {
  const absl::Status error = Resolve("tlsd.invalid").status();

  EXPECT_TRUE(HasReason(error, Reason::kNameNotResolved)) << error;
  EXPECT_THAT(std::string(error.message()),
              HasSubstr("\"tlsd.invalid\" has no address: "));
}

TEST_F(ResolverTest, RefusesWhatCanBeNoName) {
  const absl::Status error = Resolve(std::string(2000, 'a')).status();

  EXPECT_TRUE(HasReason(error, Reason::kNameNotResolved)) << error;
}

TEST_F(ResolverTest, DropsTheAnswerWhenItIsDestroyed) {
  // More than there are threads: some are asked already, some wait.
  for (int i = 0; i < 16; ++i) {
    Start("localhost");
    resolution_ = nullptr;
  }

  bool is_over = false;
  const auto timer =
      fixture_.loop->After(absl::Milliseconds(50), [&] { is_over = true; });
  fixture_.RunUntil([&] { return is_over; });
  EXPECT_FALSE(is_done_);
}

TEST_F(ResolverTest, LetsTheLoopEndDuringALookUp) {
  Start("localhost");

  resolution_ = nullptr;
}

TEST(InterleaveTest, TakesTheFamiliesInTurn) {
  const auto ip = [](const char* text) { return *RawFromIp(text, 1); };

  EXPECT_THAT(
      Texts(Interleave(
          {ip("::1"), ip("::2"), ip("::3"), ip("1.0.0.1"), ip("1.0.0.2")})),
      ElementsAre("[::1]:1", "1.0.0.1:1", "[::2]:1", "1.0.0.2:1", "[::3]:1"));
  EXPECT_THAT(Texts(Interleave({ip("1.0.0.1"), ip("1.0.0.2"), ip("::1")})),
              ElementsAre("1.0.0.1:1", "[::1]:1", "1.0.0.2:1"));
}

TEST(InterleaveTest, KeepsTheOrderOfOneFamily) {
  EXPECT_THAT(
      Texts(Interleave({*RawFromIp("1.0.0.2", 1), *RawFromIp("1.0.0.1", 1)})),
      ElementsAre("1.0.0.2:1", "1.0.0.1:1"));
  EXPECT_THAT(Interleave({}), IsEmpty());
}

}  // namespace
}  // namespace tlsd::net
