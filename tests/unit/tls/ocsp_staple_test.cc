#include "server/tls/ocsp_staple.h"

#include <optional>
#include <string>

#include "gtest/gtest.h"

namespace tlsd::tls {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'000'000);
constexpr absl::Duration kMoment = absl::Nanoseconds(1);

OcspResponseFacts Response(const std::string& der,
                           std::optional<absl::Time> next_update_time) {
  OcspResponseFacts facts;
  facts.der = der;
  facts.certificate_status = "good";
  facts.next_update_time = next_update_time;
  return facts;
}

TEST(OcspStapleTest, ShowsNothingAtFirst) {
  const OcspStaple staple;
  EXPECT_EQ(staple.Get(kNow), "");
  EXPECT_EQ(staple.Describe(kNow).der, "");
  EXPECT_EQ(staple.Get(absl::InfinitePast()), "");
}

TEST(OcspStapleTest, ShowsAResponseUntilItsNextUpdate) {
  OcspStaple staple;
  const absl::Time end = kNow + absl::Hours(1);
  staple.Set(Response("der", end));

  EXPECT_EQ(staple.Get(kNow), "der");
  EXPECT_EQ(staple.Get(end - kMoment), "der");
  EXPECT_EQ(staple.Get(end), "");
  EXPECT_EQ(staple.Get(end + absl::Hours(1)), "");
}

TEST(OcspStapleTest, ShowsAResponseForeverThatSaysNoEnd) {
  OcspStaple staple;
  staple.Set(Response("der", std::nullopt));
  EXPECT_EQ(staple.Get(kNow + absl::Hours(1'000'000)), "der");
}

TEST(OcspStapleTest, ShowsAResponseAtMostSoLong) {
  OcspStaple staple;
  const absl::Time end = kNow + absl::Hours(1);
  for (const auto next_update :
       {std::optional<absl::Time>(), std::optional(kNow + absl::Hours(2))}) {
    staple.Set(Response("der", next_update), end);
    EXPECT_EQ(staple.Get(end - kMoment), "der");
    EXPECT_EQ(staple.Get(end), "");
  }
}

TEST(OcspStapleTest, ShowsAResponseNoLongerThanItSaysIfThatIsSooner) {
  OcspStaple staple;
  const absl::Time end = kNow + absl::Hours(1);
  staple.Set(Response("der", end), kNow + absl::Hours(2));
  EXPECT_EQ(staple.Get(end - kMoment), "der");
  EXPECT_EQ(staple.Get(end), "");
}

TEST(OcspStapleTest, ShowsNoResponseThatHasEnded) {
  OcspStaple staple;
  staple.Set(Response("der", kNow - absl::Hours(1)));
  EXPECT_EQ(staple.Get(kNow), "");
  EXPECT_EQ(staple.Describe(kNow).der, "");
}

TEST(OcspStapleTest, ReplacesAResponse) {
  OcspStaple staple;
  staple.Set(Response("first", std::nullopt));
  staple.Set(Response("second", kNow + absl::Hours(1)));
  EXPECT_EQ(staple.Get(kNow), "second");
  // The first does not come back.
  EXPECT_EQ(staple.Get(kNow + absl::Hours(1)), "");

  staple.Set(Response("third", std::nullopt));
  EXPECT_EQ(staple.Get(kNow + absl::Hours(1)), "third");
}

TEST(OcspStapleTest, ForgetsAResponse) {
  OcspStaple staple;
  staple.Set(Response("der", std::nullopt));
  staple.Clear();
  EXPECT_EQ(staple.Get(kNow), "");
  EXPECT_EQ(staple.Describe(kNow).der, "");

  staple.Set(Response("der", std::nullopt));
  EXPECT_EQ(staple.Get(kNow), "der");
}

TEST(OcspStapleTest, DescribesWhatItShows) {
  OcspStaple staple;
  const absl::Time end = kNow + absl::Hours(1);
  staple.Set(Response("der", end));

  const OcspResponseFacts facts = staple.Describe(kNow);
  EXPECT_EQ(facts.der, "der");
  EXPECT_EQ(facts.certificate_status, "good");
  EXPECT_EQ(facts.next_update_time, end);
  EXPECT_EQ(staple.Describe(end).certificate_status, "");
}

}  // namespace
}  // namespace tlsd::tls
