#include "client/cli/exit_code.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/unreachable.h"
#include "proto/status/error.h"

namespace tlsd::client::cli {
namespace {

using ::testing::HasSubstr;

ExitCode CodeOf(Reason reason) { return ExitCodeOf(MakeError(reason, "m")); }

TEST(ExitCodeTest, KeepsItsPromise) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), ExitCode::kOk);
  EXPECT_EQ(CodeOf(Reason::kPeerAlert), ExitCode::kTlsFailed);
  EXPECT_EQ(CodeOf(Reason::kPeerCertificateUntrusted), ExitCode::kTlsFailed);
  EXPECT_EQ(CodeOf(Reason::kPeerCertificateRevoked), ExitCode::kTlsFailed);
  EXPECT_EQ(CodeOf(Reason::kPeerCertificatePinMismatch), ExitCode::kTlsFailed);
  EXPECT_EQ(CodeOf(Reason::kTlsTruncated), ExitCode::kTlsFailed);
  EXPECT_EQ(CodeOf(Reason::kNotTls), ExitCode::kTlsFailed);
  EXPECT_EQ(CodeOf(Reason::kConnectRefused), ExitCode::kTlsFailed);
  EXPECT_EQ(CodeOf(Reason::kDecisionRefused), ExitCode::kTlsFailed);
  EXPECT_EQ(CodeOf(Reason::kFieldInvalid), ExitCode::kUsage);
  EXPECT_EQ(ExitCodeOf(DaemonUnreachable("unix:/x", "c")),
            ExitCode::kUnreachable);
  EXPECT_EQ(CodeOf(Reason::kContextNotFound), ExitCode::kNotFound);
  EXPECT_EQ(CodeOf(Reason::kWaitTimeout), ExitCode::kTimeout);
  EXPECT_EQ(CodeOf(Reason::kHandshakeTimeout), ExitCode::kTimeout);
  EXPECT_EQ(CodeOf(Reason::kDecisionTimeout), ExitCode::kTimeout);
  EXPECT_EQ(CodeOf(Reason::kIdleTimeout), ExitCode::kTimeout);
  EXPECT_EQ(CodeOf(Reason::kEchRejected), ExitCode::kTlsFailed);
  EXPECT_EQ(CodeOf(Reason::kPipeBroken), ExitCode::kTlsFailed);
  EXPECT_EQ(CodeOf(Reason::kProtectionMismatch), ExitCode::kOtherError);
  EXPECT_EQ(ExitCodeOf(absl::DeadlineExceededError("m")), ExitCode::kTimeout);
  EXPECT_EQ(CodeOf(Reason::kAddressDenied), ExitCode::kDenied);
  EXPECT_EQ(ExitCodeOf(absl::PermissionDeniedError("m")), ExitCode::kDenied);
  EXPECT_EQ(CodeOf(Reason::kContextInUse), ExitCode::kOtherError);
  EXPECT_EQ(CodeOf(Reason::kDecisionNotPending), ExitCode::kOtherError);
  EXPECT_EQ(ExitCodeOf(absl::UnknownError("m")), ExitCode::kOtherError);
}

TEST(ExitCodeTest, HasANumberForEveryReasonButOk) {
  for (const ReasonInfo& info : AllReasons()) {
    EXPECT_NE(CodeOf(info.reason), ExitCode::kOk) << info.name;
    EXPECT_NE(CodeOf(info.reason), ExitCode::kUnreachable) << info.name;
  }
}

TEST(ExitCodeTest, TellsTheNextStep) {
  EXPECT_THAT(NextStep(DaemonUnreachable("unix:/x", "c"), "unix:/x"),
              HasSubstr("tlsd --control=unix:/x"));
  EXPECT_THAT(NextStep(MakeError(Reason::kContextNotFound, "m"), ""),
              HasSubstr("tlsctl context list"));
  EXPECT_THAT(NextStep(MakeError(Reason::kGroupUnsupported, "m"), ""),
              HasSubstr("tlsctl context algorithms"));
  EXPECT_THAT(NextStep(MakeError(Reason::kDecisionTimeout, "m"), ""),
              HasSubstr("tlsctl decide wait"));
  EXPECT_THAT(NextStep(MakeError(Reason::kKeyLogDisabled, "m"), ""),
              HasSubstr("--key_log"));
  EXPECT_THAT(NextStep(MakeError(Reason::kPassphraseWrong, "m"), ""),
              HasSubstr("--passphrase-file"));
  EXPECT_THAT(
      NextStep(MakeError(Reason::kPeerCertificateNameMismatch, "m"), ""),
      HasSubstr("--expected-name"));
  EXPECT_THAT(NextStep(MakeError(Reason::kConnectionAttached, "m"), ""),
              HasSubstr("--detach"));
  EXPECT_THAT(NextStep(MakeError(Reason::kProtectionMismatch, "m"), ""),
              HasSubstr("tlsctl connection upgrade ID"));
  EXPECT_THAT(NextStep(MakeError(Reason::kVersionMismatch, "m"), ""),
              HasSubstr("tlsctl conns ID"));
  EXPECT_THAT(NextStep(MakeError(Reason::kRenegotiationUnsupported, "m"), ""),
              HasSubstr("tlsctl connection update-keys ID"));
  EXPECT_THAT(NextStep(MakeError(Reason::kEchKeyInvalid, "m"), ""),
              HasSubstr("tlsctl context rotate-ech-keys ID NAME"));
  EXPECT_EQ(NextStep(absl::UnknownError("m"), ""), "");
}

TEST(ExitCodeTest, OffersWhatAServerOffersToRetryWith) {
  EXPECT_THAT(NextStep(MakeError(Reason::kEchRejected, "m",
                                 {{"retry_configs", "QUJD"}}),
                       ""),
              HasSubstr("echo QUJD | base64 -d > FILE"));
  for (const ErrorMetadata& metadata :
       {ErrorMetadata{}, ErrorMetadata{{"retry_configs", ""}}}) {
    EXPECT_THAT(NextStep(MakeError(Reason::kEchRejected, "m", metadata), ""),
                HasSubstr("leave --ech-config-list out"));
  }
}

}  // namespace
}  // namespace tlsd::client::cli
