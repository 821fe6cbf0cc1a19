#include "server/net/os_error.h"

#include <cerrno>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"

namespace tlsd::net {
namespace {

using ::testing::HasSubstr;

TEST(OsErrorTest, DescribesAnErrorInWordsAndByName) {
  EXPECT_EQ(DescribeErrno(ECONNREFUSED), "Connection refused (ECONNREFUSED)");
  EXPECT_EQ(DescribeErrno(123456), "Unknown error (unknown)");
}

TEST(OsErrorTest, KnowsWhatIsAShortage) {
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
    EXPECT_TRUE(IsShortage(error)) << error;
  }
  for (const int error : {0, EAGAIN, ECONNABORTED, EADDRINUSE}) {
    EXPECT_FALSE(IsShortage(error)) << error;
  }
}

TEST(OsErrorTest, GivesAReasonForEachFailureToListen) {
  const struct {
    int error;
    Reason reason;
  } kCases[] = {
      {EADDRINUSE, Reason::kAddressInUse},
      {EACCES, Reason::kAddressDenied},
      {EADDRNOTAVAIL, Reason::kAddressUnavailable},
      {ENOENT, Reason::kAddressUnavailable},
      {EMFILE, Reason::kDescriptorsExhausted},
      {EIO, Reason::kInternal},
  };
  for (const auto& [error, reason] : kCases) {
    EXPECT_TRUE(HasReason(ListenError("address", "a:1", error), reason))
        << DescribeErrno(error);
  }
}

TEST(OsErrorTest, SaysWhatCouldNotBeDoneAndWhatToDo) {
  const absl::Status error = ListenError("address", "a:1", EADDRINUSE);

  EXPECT_EQ(error.message(),
            "address: cannot listen on \"a:1\": Address already in use "
            "(EADDRINUSE); choose another, or stop the program that has it "
            "[ADDRESS_IN_USE]");
  EXPECT_EQ(GetErrorDetail(error)->metadata.at("field"), "address");
  EXPECT_EQ(GetErrorDetail(error)->metadata.at("address"), "a:1");
  EXPECT_EQ(GetErrorDetail(error)->metadata.at("errno"), "EADDRINUSE");
}

}  // namespace
}  // namespace tlsd::net
