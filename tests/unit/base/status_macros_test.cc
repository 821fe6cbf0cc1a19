#include "server/base/status_macros.h"

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"

namespace tlsd::base {
namespace {

absl::StatusOr<std::unique_ptr<int>> Box(int value) {
  if (value < 0) return absl::InvalidArgumentError("negative");
  return std::make_unique<int>(value);
}

absl::Status Check(absl::Status status, bool& went_on) {
  TLSD_RETURN_IF_ERROR(status);
  went_on = true;
  return absl::OkStatus();
}

absl::StatusOr<int> Sum(int first, int second) {
  TLSD_ASSIGN_OR_RETURN(const std::unique_ptr<int> left, Box(first));
  std::unique_ptr<int> right;
  TLSD_ASSIGN_OR_RETURN(right, Box(second));
  return *left + *right;
}

TEST(StatusMacrosTest, GoesOnWhenTheStatusIsOk) {
  bool went_on = false;

  EXPECT_TRUE(Check(absl::OkStatus(), went_on).ok());
  EXPECT_TRUE(went_on);
}

TEST(StatusMacrosTest, ReturnsTheErrorOfAStatus) {
  bool went_on = false;

  EXPECT_EQ(Check(absl::AbortedError("x"), went_on), absl::AbortedError("x"));
  EXPECT_FALSE(went_on);
}

TEST(StatusMacrosTest, AssignsAValueThatCanOnlyBeMoved) {
  EXPECT_EQ(Sum(1, 2).value(), 3);
}

TEST(StatusMacrosTest, ReturnsTheErrorOfAValue) {
  EXPECT_EQ(Sum(-1, 2).status(), absl::InvalidArgumentError("negative"));
  EXPECT_EQ(Sum(1, -2).status(), absl::InvalidArgumentError("negative"));
}

}  // namespace
}  // namespace tlsd::base
