#include "proto/status/error.h"

#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tlsd {
namespace {

using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

TEST(ErrorTest, HasTheCodeOfItsReasonAndShowsItsName) {
  const absl::Status error =
      MakeError(Reason::kAddressInUse, "port 1 is taken", {{"port", "1"}});

  EXPECT_EQ(error.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(error.message(), "port 1 is taken [ADDRESS_IN_USE]");
  EXPECT_THAT(GetErrorDetail(error)->metadata,
              UnorderedElementsAre(Pair("port", "1")));
}

TEST(ErrorTest, KeepsMetadataOfAnyBytes) {
  const ErrorMetadata metadata = {
      {"", ""}, {"3:", "1:2,"}, {std::string("\0k", 2), "\xff\n"}};

  const absl::Status error = MakeError(Reason::kInternal, "x", metadata);

  EXPECT_EQ(GetErrorDetail(error)->metadata, metadata);
}

TEST(ErrorTest, KeepsEveryReason) {
  for (const ReasonInfo& info : AllReasons()) {
    const absl::Status error = MakeError(info.reason, "x");

    EXPECT_EQ(error.code(), info.code);
    EXPECT_EQ(GetErrorDetail(error)->reason, info.reason) << info.name;
    EXPECT_THAT(GetErrorDetail(error)->metadata, IsEmpty());
  }
}

TEST(ErrorTest, FindsNoDetailThatTlsdHasNotMade) {
  EXPECT_FALSE(GetErrorDetail(absl::OkStatus()).has_value());
  EXPECT_FALSE(GetErrorDetail(absl::InternalError("x")).has_value());
}

TEST(ErrorTest, TellsReasonsApart) {
  const absl::Status error = MakeError(Reason::kNotTls, "x");

  EXPECT_TRUE(HasReason(error, Reason::kNotTls));
  EXPECT_FALSE(HasReason(error, Reason::kInternal));
  EXPECT_FALSE(HasReason(absl::OkStatus(), Reason::kNotTls));
  EXPECT_FALSE(HasReason(absl::AbortedError("x"), Reason::kNotTls));
}

TEST(ErrorTest, NamesTheFieldWhatWasGotAndWhatIsAllowed) {
  const absl::Status error =
      FieldError(Reason::kFieldInvalid, "port", "x\n", "1 to 65535");

  EXPECT_EQ(error.message(),
            "port: got \"x\\n\"; allowed: 1 to 65535 [FIELD_INVALID]");
  EXPECT_THAT(GetErrorDetail(error)->metadata,
              UnorderedElementsAre(Pair("field", "port"), Pair("got", "x\\n"),
                                   Pair("allowed", "1 to 65535")));
}

TEST(ErrorTest, NamesTheFieldThatIsRequired) {
  const absl::Status error = FieldRequired("name");

  EXPECT_EQ(error.message(), "name is required [FIELD_REQUIRED]");
  EXPECT_THAT(GetErrorDetail(error)->metadata,
              UnorderedElementsAre(Pair("field", "name")));
}

TEST(ErrorTest, PutsAPrefixBeforeTheField) {
  const absl::Status error =
      PrefixField(FieldRequired("private_key"), "credentials[0].");

  EXPECT_EQ(error.message(),
            "credentials[0].private_key is required [FIELD_REQUIRED]");
  EXPECT_EQ(GetErrorDetail(error)->metadata.at("field"),
            "credentials[0].private_key");
  EXPECT_EQ(error.code(), absl::StatusCode::kInvalidArgument);
}

TEST(ErrorTest, PutsNoPrefixWhereThereIsNoField) {
  const absl::Status internal = MakeError(Reason::kInternal, "x");

  EXPECT_EQ(PrefixField(internal, "a."), internal);
  EXPECT_EQ(PrefixField(absl::OkStatus(), "a."), absl::OkStatus());
  EXPECT_EQ(PrefixField(absl::AbortedError("x"), "a."),
            absl::AbortedError("x"));
}

TEST(ErrorTest, QuotesAtMost100Bytes) {
  EXPECT_EQ(QuoteForMessage(""), "\"\"");
  EXPECT_EQ(QuoteForMessage("a\"\x01"), "\"a\\\"\\x01\"");
  for (const size_t size : {99, 100}) {
    EXPECT_EQ(QuoteForMessage(std::string(size, 'a')),
              "\"" + std::string(size, 'a') + "\"");
  }
  EXPECT_EQ(QuoteForMessage(std::string(101, 'a')),
            "\"" + std::string(100, 'a') + "...\"");
}

}  // namespace
}  // namespace tlsd
