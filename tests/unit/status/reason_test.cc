#include "proto/status/reason.h"

#include <cstddef>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tlsd {
namespace {

using ::testing::EndsWith;
using ::testing::MatchesRegex;

TEST(ReasonTest, FindsEachReasonByItsName) {
  for (const ReasonInfo& info : AllReasons()) {
    EXPECT_EQ(FindReason(info.name), info.reason) << info.name;
    EXPECT_EQ(GetReasonInfo(info.reason).name, info.name);
  }
}

TEST(ReasonTest, FindsNoOtherName) {
  for (const char* name : {"", "INTERNAL ", "internal", "NO_SUCH_REASON"}) {
    EXPECT_EQ(FindReason(name), std::nullopt) << name;
  }
}

TEST(ReasonTest, GivesEachReasonANameOfItsOwn) {
  std::set<absl::string_view> names;
  for (const ReasonInfo& info : AllReasons()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_THAT(std::string(info.name),
                MatchesRegex("[A-Z][A-Z0-9_]*[A-Z0-9]"));
  }
}

TEST(ReasonTest, GivesEachReasonAMeaningAndAnErrorCode) {
  for (const ReasonInfo& info : AllReasons()) {
    EXPECT_THAT(std::string(info.meaning), EndsWith(".")) << info.name;
    EXPECT_NE(info.code, absl::StatusCode::kOk) << info.name;
    EXPECT_NE(info.code, absl::StatusCode::kUnknown) << info.name;
  }
}

}  // namespace
}  // namespace tlsd
