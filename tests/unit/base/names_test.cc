#include "server/base/names.h"

#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"

namespace tlsd::base {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

TEST(NamesTest, MakesANameOfCollectionAndId) {
  EXPECT_EQ(MakeName(kSecureContexts, "web"), "secureContexts/web");
}

TEST(NamesTest, AcceptsIds) {
  for (const absl::string_view id : {"a", "web", "web-2", "a--b"}) {
    EXPECT_TRUE(CheckId("id", id).ok()) << id;
  }
  EXPECT_TRUE(CheckId("id", std::string(63, 'a')).ok());
}

TEST(NamesTest, RefusesOtherIds) {
  for (const absl::string_view id :
       {"", "-", "1a", "-a", "a-", "A", "a_b", "a.b", "a/b", "a b", "ä"}) {
    EXPECT_TRUE(HasReason(CheckId("id", id), Reason::kIdInvalid)) << id;
  }
  EXPECT_TRUE(
      HasReason(CheckId("id", std::string(64, 'a')), Reason::kIdInvalid));
}

TEST(NamesTest, SaysWhichFieldHoldsWhatAndWhatIsAllowed) {
  const absl::Status error = CheckId("listener_id", "Web");

  EXPECT_THAT(std::string(error.message()), HasSubstr("listener_id"));
  EXPECT_THAT(std::string(error.message()), HasSubstr("\"Web\""));
  EXPECT_THAT(std::string(error.message()), HasSubstr("1 to 63 of a-z"));
}

TEST(NamesTest, AcceptsANameOfItsCollection) {
  EXPECT_TRUE(CheckName("name", kListeners, "listeners/l1").ok());
}

TEST(NamesTest, RefusesOtherNames) {
  for (const absl::string_view name :
       {"listeners", "listeners/", "listeners/L1", "listeners/l1/",
        "listeners/l1/x", "listenersl1", "connections/l1", "/l1", "l1"}) {
    EXPECT_TRUE(
        HasReason(CheckName("name", kListeners, name), Reason::kNameInvalid))
        << name;
  }
}

TEST(NamesTest, RequiresAName) {
  EXPECT_TRUE(
      HasReason(CheckName("name", kListeners, ""), Reason::kFieldRequired));
}

TEST(NamesTest, DrawsIdsThatAreValidAndDiffer) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(RandomId('c'));

  EXPECT_EQ(ids.size(), 1000);
  for (const std::string& id : ids) {
    EXPECT_THAT(id, MatchesRegex("c-[0-9a-hj-km-np-tv-z]+"));
    EXPECT_EQ(id.size(), 18);
    EXPECT_TRUE(CheckId("id", id).ok()) << id;
  }
}

}  // namespace
}  // namespace tlsd::base
