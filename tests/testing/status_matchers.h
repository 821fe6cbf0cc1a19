// GoogleMock matchers for absl::Status and absl::StatusOr, for all tests.
//
//   EXPECT_THAT(engine.Shutdown(), IsOk());
//   EXPECT_THAT(Create(options), FailsWith(Reason::kKeyMismatch,
//   "private_key")); ASSERT_OK_AND_ASSIGN(auto context, Create(options));
#ifndef TLSD_TESTS_TESTING_STATUS_MATCHERS_H_
#define TLSD_TESTS_TESTING_STATUS_MATCHERS_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"

namespace tlsd::testing {

inline const absl::Status& StatusOf(const absl::Status& status) {
  return status;
}
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

// MetadataOf returns the value of `key` in the detail of `status`; "" if it has
// none.
std::string MetadataOf(const absl::Status& status, absl::string_view key);

// ExplainFailsWith and IsFailure are what FailsWith is made of.
bool IsFailure(const absl::Status& status, Reason reason,
               absl::string_view field);
std::string ExplainFailsWith(Reason reason, absl::string_view field);

MATCHER(IsOk, negation ? "is an error" : "is OK") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).ok();
}

// FailsWith matches an error for `reason`, whose text names it too.
MATCHER_P(FailsWith, reason, ExplainFailsWith(reason, "")) {
  *result_listener << StatusOf(arg).ToString();
  return IsFailure(StatusOf(arg), reason, "");
}

// This one also matches the metadata "field" and a text that begins with it.
MATCHER_P2(FailsWith, reason, field, ExplainFailsWith(reason, field)) {
  *result_listener << StatusOf(arg).ToString();
  return IsFailure(StatusOf(arg), reason, field);
}

#define ASSERT_OK_AND_ASSIGN(target, expression)                            \
  TLSD_ASSERT_OK_AND_ASSIGN_NAMED(TLSD_TEST_CONCAT(tlsd_result_, __LINE__), \
                                  target, expression)
#define TLSD_ASSERT_OK_AND_ASSIGN_NAMED(result, target, expression) \
  auto result = (expression);                                       \
  ASSERT_THAT(result, ::tlsd::testing::IsOk());                     \
  target = *std::move(result)
#define TLSD_TEST_CONCAT(a, b) TLSD_TEST_CONCAT_INNER(a, b)
#define TLSD_TEST_CONCAT_INNER(a, b) a##b

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_TESTING_STATUS_MATCHERS_H_
