#include "server/control/fields.h"

#include <cstdint>
#include <limits>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::control {
namespace {

using testing::FailsWith;
using testing::IsOk;

constexpr int64_t kSecondsMax = 315'576'000'000;

google::protobuf::Duration Proto(int64_t seconds, int32_t nanos) {
  google::protobuf::Duration proto;
  proto.set_seconds(seconds);
  proto.set_nanos(nanos);
  return proto;
}

absl::StatusOr<absl::Duration> Read(int64_t seconds, int32_t nanos,
                                    absl::Duration min, absl::Duration max) {
  return ToDuration("timeout", Proto(seconds, nanos), min, max);
}

absl::StatusOr<absl::Duration> ReadAny(int64_t seconds, int32_t nanos) {
  return Read(seconds, nanos, -absl::InfiniteDuration(),
              absl::InfiniteDuration());
}

TEST(ToDurationTest, ReadsSecondsAndNanos) {
  ASSERT_THAT(ReadAny(3, 500'000'000), IsOk());
  EXPECT_EQ(*ReadAny(3, 500'000'000), absl::Milliseconds(3500));
  EXPECT_EQ(*ReadAny(0, 1), absl::Nanoseconds(1));
  EXPECT_EQ(*ReadAny(0, 0), absl::ZeroDuration());
  EXPECT_EQ(*ReadAny(-1, -500'000'000), -absl::Milliseconds(1500));
  EXPECT_EQ(*ReadAny(0, -1), -absl::Nanoseconds(1));
}

TEST(ToDurationTest, AcceptsTheEndsOfItsRange) {
  const absl::Duration min = absl::Milliseconds(1);
  const absl::Duration max = absl::Hours(1);

  EXPECT_THAT(Read(0, 1'000'000, min, max), IsOk());
  EXPECT_THAT(Read(3600, 0, min, max), IsOk());
  EXPECT_THAT(Read(0, 999'999, min, max),
              FailsWith(Reason::kFieldInvalid, "timeout"));
  EXPECT_THAT(Read(3600, 1, min, max),
              FailsWith(Reason::kFieldInvalid, "timeout"));
  EXPECT_THAT(Read(-1, 0, absl::ZeroDuration(), max),
              FailsWith(Reason::kFieldInvalid, "timeout"));
}

TEST(ToDurationTest, AcceptsTheEndsOfWhatADurationMayBe) {
  EXPECT_THAT(ReadAny(kSecondsMax, 999'999'999), IsOk());
  EXPECT_THAT(ReadAny(-kSecondsMax, -999'999'999), IsOk());
  EXPECT_THAT(ReadAny(kSecondsMax + 1, 0), FailsWith(Reason::kFieldInvalid));
  EXPECT_THAT(ReadAny(-kSecondsMax - 1, 0), FailsWith(Reason::kFieldInvalid));
}

TEST(ToDurationTest, RefusesNanosThatAreNone) {
  for (const int32_t nanos :
       {1'000'000'000, -1'000'000'000, std::numeric_limits<int32_t>::max(),
        std::numeric_limits<int32_t>::min()}) {
    EXPECT_THAT(ReadAny(0, nanos), FailsWith(Reason::kFieldInvalid, "timeout"))
        << nanos;
  }
}

TEST(ToDurationTest, RefusesSecondsAndNanosOfDifferentSigns) {
  EXPECT_THAT(ReadAny(1, -1), FailsWith(Reason::kFieldInvalid, "timeout"));
  EXPECT_THAT(ReadAny(-1, 1), FailsWith(Reason::kFieldInvalid, "timeout"));
}

TEST(ToDurationTest, SurvivesTheLargestNumbers) {
  for (const int64_t seconds : {std::numeric_limits<int64_t>::max(),
                                std::numeric_limits<int64_t>::min()}) {
    for (const int32_t nanos : {0, std::numeric_limits<int32_t>::max(),
                                std::numeric_limits<int32_t>::min()}) {
      EXPECT_THAT(ReadAny(seconds, nanos),
                  FailsWith(Reason::kFieldInvalid, "timeout"));
    }
  }
}

TEST(ToDurationTest, TellsWhatWasGotAndWhatIsAllowed) {
  const absl::Status status =
      Read(90, 0, absl::Seconds(1), absl::Seconds(60)).status();

  EXPECT_NE(status.message().find("1m30s"), absl::string_view::npos) << status;
  EXPECT_NE(status.message().find("1s to 1m"), absl::string_view::npos)
      << status;
}

TEST(ToProtoTest, WritesDurations) {
  google::protobuf::Duration proto;
  ToProto(absl::Milliseconds(3500), proto);
  EXPECT_EQ(proto.seconds(), 3);
  EXPECT_EQ(proto.nanos(), 500'000'000);

  ToProto(absl::ZeroDuration(), proto);
  EXPECT_EQ(proto.seconds(), 0);
  EXPECT_EQ(proto.nanos(), 0);
}

TEST(ToProtoTest, WritesTimes) {
  google::protobuf::Timestamp proto;
  ToProto(absl::FromUnixSeconds(12) + absl::Nanoseconds(34), proto);
  EXPECT_EQ(proto.seconds(), 12);
  EXPECT_EQ(proto.nanos(), 34);

  ToProto(absl::FromUnixSeconds(-12) + absl::Nanoseconds(34), proto);
  EXPECT_EQ(proto.seconds(), -12);
  EXPECT_EQ(proto.nanos(), 34);
}

// A certificate can hold times that a Timestamp cannot.
TEST(ToProtoTest, WritesTheNearestTimeThatATimestampCanHold) {
  constexpr int64_t kYear1 = -62'135'596'800;
  constexpr int64_t kEndOfYear9999 = 253'402'300'799;
  google::protobuf::Timestamp proto;

  ToProto(absl::InfiniteFuture(), proto);
  EXPECT_EQ(proto.seconds(), kEndOfYear9999);
  EXPECT_EQ(proto.nanos(), 999'999'999);
  ToProto(absl::InfinitePast(), proto);
  EXPECT_EQ(proto.seconds(), kYear1);
  EXPECT_EQ(proto.nanos(), 0);
  ToProto(absl::FromUnixSeconds(kYear1 - 1), proto);
  EXPECT_EQ(proto.seconds(), kYear1);
  ToProto(absl::FromUnixSeconds(kEndOfYear9999), proto);
  EXPECT_EQ(proto.seconds(), kEndOfYear9999);
  EXPECT_EQ(proto.nanos(), 0);
  ToProto(absl::FromUnixSeconds(kYear1), proto);
  EXPECT_EQ(proto.seconds(), kYear1);
}

TEST(ToPageSizeTest, ReadsPageSizes) {
  EXPECT_EQ(*ToPageSize(0), 50u);
  EXPECT_EQ(*ToPageSize(1), 1u);
  EXPECT_EQ(*ToPageSize(999), 999u);
  EXPECT_EQ(*ToPageSize(1000), 1000u);
  EXPECT_EQ(*ToPageSize(1001), 1000u);
  EXPECT_EQ(*ToPageSize(std::numeric_limits<int32_t>::max()), 1000u);
}

TEST(ToPageSizeTest, RefusesNegativeSizes) {
  EXPECT_THAT(ToPageSize(-1), FailsWith(Reason::kFieldInvalid, "page_size"));
  EXPECT_THAT(ToPageSize(std::numeric_limits<int32_t>::min()),
              FailsWith(Reason::kFieldInvalid, "page_size"));
}

TEST(PageTokenTest, HidesANameAndGivesItBack) {
  for (const std::string& name :
       {std::string("connections/c-1-0"), std::string(), std::string(500, 'x'),
        std::string("\0\xff", 2)}) {
    const std::string token = ToPageToken(name);
    EXPECT_NE(token, "");
    ASSERT_THAT(FromPageToken(token), IsOk());
    EXPECT_EQ(*FromPageToken(token), name);
  }
}

TEST(PageTokenTest, TakesNoTokenForTheFirstPage) {
  ASSERT_THAT(FromPageToken(""), IsOk());
  EXPECT_EQ(*FromPageToken(""), "");
}

TEST(PageTokenTest, RefusesWhatIsNoToken) {
  for (const std::string& token :
       {std::string("x"), std::string("connections/c-1-0"), std::string("===="),
        absl::WebSafeBase64Escape("before:x"), absl::WebSafeBase64Escape("x"),
        absl::WebSafeBase64Escape("after"), std::string("\xff\xfe"),
        std::string(100'000, 'A')}) {
    EXPECT_THAT(FromPageToken(token),
                FailsWith(Reason::kPageTokenInvalid, "page_token"))
        << token.substr(0, 50);
  }
}

}  // namespace
}  // namespace tlsd::control
