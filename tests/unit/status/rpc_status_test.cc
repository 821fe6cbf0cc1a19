#include "proto/status/rpc_status.h"

#include <grpcpp/support/status.h>

#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"

namespace tlsd {
namespace {

using ::testing::Pair;
using ::testing::UnorderedElementsAre;

// A gRPC error with an ErrorInfo of `domain` and `reason`.
grpc::Status WithErrorInfo(const std::string& domain,
                           const std::string& reason) {
  google::rpc::ErrorInfo info;
  info.set_domain(domain);
  info.set_reason(reason);
  google::rpc::Status wire;
  wire.set_code(grpc::StatusCode::ABORTED);
  wire.add_details()->PackFrom(info);
  return grpc::Status(grpc::StatusCode::ABORTED, "x", wire.SerializeAsString());
}

TEST(RpcStatusTest, KeepsEveryReason) {
  for (const ReasonInfo& info : AllReasons()) {
    const absl::Status error = MakeError(info.reason, "x", {{"key", "value"}});

    EXPECT_EQ(FromRpcStatus(ToRpcStatus(error)), error) << info.name;
  }
}

TEST(RpcStatusTest, KeepsOk) {
  EXPECT_TRUE(ToRpcStatus(absl::OkStatus()).ok());
  EXPECT_TRUE(FromRpcStatus(grpc::Status::OK).ok());
}

TEST(RpcStatusTest, KeepsAnErrorWithoutDetail) {
  const absl::Status error = absl::NotFoundError("x");

  EXPECT_EQ(ToRpcStatus(error).error_details(), "");
  EXPECT_EQ(FromRpcStatus(ToRpcStatus(error)), error);
}

TEST(RpcStatusTest, CarriesOneErrorInfoOfTlsd) {
  const grpc::Status status =
      ToRpcStatus(MakeError(Reason::kNotTls, "x", {{"key", "value"}}));

  google::rpc::Status wire;
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(wire.ParseFromString(status.error_details()));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(wire.code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(wire.message(), status.error_message());
  ASSERT_EQ(wire.details_size(), 1);
  ASSERT_TRUE(wire.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "NOT_TLS");
  EXPECT_EQ(info.domain(), "tlsd");
  EXPECT_THAT(info.metadata(), UnorderedElementsAre(Pair("key", "value")));
}

TEST(RpcStatusTest, ReadsTheReasonOfAnErrorInfo) {
  EXPECT_TRUE(HasReason(FromRpcStatus(WithErrorInfo("tlsd", "NOT_TLS")),
                        Reason::kNotTls));
}

TEST(RpcStatusTest, ReadsNoReasonOfAnotherDomain) {
  const absl::Status error = FromRpcStatus(WithErrorInfo("other", "NOT_TLS"));

  EXPECT_EQ(error, absl::AbortedError("x"));
}

TEST(RpcStatusTest, ReadsNoReasonThatItDoesNotKnow) {
  EXPECT_EQ(FromRpcStatus(WithErrorInfo("tlsd", "FROM_THE_FUTURE")),
            absl::AbortedError("x"));
}

TEST(RpcStatusTest, ReadsNoReasonFromDetailsThatAreNoStatus) {
  EXPECT_EQ(FromRpcStatus(grpc::Status(grpc::StatusCode::ABORTED, "x", "\xff")),
            absl::AbortedError("x"));
}

}  // namespace
}  // namespace tlsd
