#include "server/tls/ssl_error.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <string>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::tls {
namespace {

using ::testing::HasSubstr;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::MetadataOf;

// Put puts an error into the queue as the library does.
void Put(int library, int reason) {
  ERR_put_error(library, /*unused=*/0, reason, __FILE__, __LINE__);
}

absl::Status ErrorOf(int library, int reason, FailedCall call = {}) {
  ERR_clear_error();
  Put(library, reason);
  call.ssl_error = SSL_ERROR_SSL;
  const absl::Status status = ErrorOfFailedCall(call);
  EXPECT_EQ(ERR_peek_error(), 0u);
  return status;
}

TEST(SslErrorTest, EmptiesTheQueueOnTheWayInAndOut) {
  Put(ERR_LIB_SSL, SSL_R_DECODE_ERROR);
  {
    const ErrorQueueGuard guard;
    EXPECT_EQ(ERR_peek_error(), 0u);
    Put(ERR_LIB_SSL, SSL_R_DECODE_ERROR);
  }
  EXPECT_EQ(ERR_peek_error(), 0u);
}

TEST(SslErrorTest, TakesTheLeastRecentError) {
  Put(ERR_LIB_SSL, SSL_R_NO_SHARED_CIPHER);
  Put(ERR_LIB_SSL, SSL_R_SSL_HANDSHAKE_FAILURE);
  const LibraryError error = TakeLibraryError();
  EXPECT_EQ(error.reason, SSL_R_NO_SHARED_CIPHER);
  EXPECT_EQ(error.reason_name, "NO_SHARED_CIPHER");
  EXPECT_EQ(TakeLibraryError().library, 0);
}

TEST(SslErrorTest, MapsReasonsOfTheLibrary) {
  struct Row {
    int ssl_reason;
    Reason reason;
  };
  const Row rows[] = {
      {SSL_R_HTTP_REQUEST, Reason::kNotTls},
      {SSL_R_UNSUPPORTED_PROTOCOL, Reason::kPeerIncompatible},
      {SSL_R_NO_SHARED_CIPHER, Reason::kPeerIncompatible},
      {SSL_R_NO_SHARED_GROUP, Reason::kPeerIncompatible},
      {SSL_R_WRONG_VERSION_ON_EARLY_DATA, Reason::kPeerIncompatible},
      {SSL_R_TOO_MUCH_READ_EARLY_DATA, Reason::kPeerMisbehaved},
      {SSL_R_TOO_MUCH_SKIPPED_EARLY_DATA, Reason::kPeerMisbehaved},
      {SSL_R_NO_COMMON_SIGNATURE_ALGORITHMS, Reason::kPeerIncompatible},
      {SSL_R_NO_APPLICATION_PROTOCOL, Reason::kNoApplicationProtocol},
      {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE,
       Reason::kPeerCertificateRequired},
      {SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, Reason::kRecordCorrupt},
      {SSL_R_NO_RENEGOTIATION, Reason::kRenegotiationRefused},
      {SSL_R_SERVER_CERT_CHANGED, Reason::kPeerMisbehaved},
      {SSL_R_WRONG_VERSION_NUMBER, Reason::kPeerMisbehaved},
      // Nobody has a reason of its own for it.
      {SSL_R_INVALID_OUTER_EXTENSION, Reason::kTlsProtocolError},
  };
  for (const Row& row : rows) {
    EXPECT_THAT(ErrorOf(ERR_LIB_SSL, row.ssl_reason), FailsWith(row.reason))
        << row.ssl_reason;
  }
}

TEST(SslErrorTest, AWrongVersionInTheFirstRecordIsNoTls) {
  FailedCall call;
  call.at_first_record = true;
  EXPECT_THAT(ErrorOf(ERR_LIB_SSL, SSL_R_WRONG_VERSION_NUMBER, call),
              FailsWith(Reason::kNotTls));
}

TEST(SslErrorTest, CleartextInARenegotiationIsNoFaultOfThePeer) {
  EXPECT_THAT(ErrorOf(ERR_LIB_SSL, SSL_R_UNEXPECTED_RECORD),
              FailsWith(Reason::kPeerMisbehaved));
  FailedCall call;
  call.renegotiating = true;
  EXPECT_THAT(ErrorOf(ERR_LIB_SSL, SSL_R_UNEXPECTED_RECORD, call),
              FailsWith(Reason::kTlsProtocolError));
  EXPECT_THAT(ErrorOf(ERR_LIB_SSL, SSL_R_SERVER_CERT_CHANGED, call),
              FailsWith(Reason::kPeerMisbehaved));
}

TEST(SslErrorTest, SaysWhichAlertThePeerSent) {
  const absl::Status status =
      ErrorOf(ERR_LIB_SSL, SSL_AD_REASON_OFFSET + SSL_AD_UNKNOWN_CA);
  EXPECT_THAT(status, FailsWith(Reason::kPeerAlert));
  EXPECT_EQ(MetadataOf(status, "alert"), "unknown_ca");
  EXPECT_EQ(MetadataOf(status, "alert_code"), "48");
  EXPECT_EQ(MetadataOf(status, "library_reason"), "TLSV1_ALERT_UNKNOWN_CA");
  EXPECT_THAT(std::string(status.message()), HasSubstr("unknown_ca (48)"));
}

TEST(SslErrorTest, TakesACloseNotifyInTheHandshakeForAnAlert) {
  ERR_clear_error();
  FailedCall call;
  call.ssl_error = SSL_ERROR_ZERO_RETURN;
  const absl::Status status = ErrorOfFailedCall(call);
  EXPECT_THAT(status, FailsWith(Reason::kPeerAlert));
  EXPECT_EQ(MetadataOf(status, "alert"), "close_notify");
}

TEST(SslErrorTest, LooksBehindTheErrorsOfCiphers) {
  ERR_clear_error();
  Put(ERR_LIB_CIPHER, 101);
  Put(ERR_LIB_SSL, SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC);
  EXPECT_THAT(ErrorOfFailedCall({}), FailsWith(Reason::kRecordCorrupt));
}

TEST(SslErrorTest, BlamesTheCertificateForItsOwnErrors) {
  ERR_clear_error();
  Put(ERR_LIB_ASN1, 100);
  Put(ERR_LIB_SSL, SSL_R_DECODE_ERROR);
  EXPECT_THAT(ErrorOfFailedCall({}),
              FailsWith(Reason::kPeerCertificateInvalid));
}

TEST(SslErrorTest, CallsAFailureWithoutAnyErrorItsOwn) {
  ERR_clear_error();
  FailedCall call;
  call.ssl_error = SSL_ERROR_SYSCALL;
  EXPECT_THAT(ErrorOfFailedCall(call), FailsWith(Reason::kInternal));
}

TEST(SslErrorTest, TellsTheHandshakeFromTheRest) {
  FailedCall call;
  EXPECT_THAT(
      std::string(ErrorOf(ERR_LIB_SSL, SSL_R_NO_SHARED_CIPHER, call).message()),
      HasSubstr("the TLS handshake failed"));
  call.handshake_complete = true;
  call.alert_sent = SSL_AD_BAD_RECORD_MAC;
  const absl::Status status =
      ErrorOf(ERR_LIB_SSL, SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, call);
  EXPECT_THAT(std::string(status.message()), HasSubstr("TLS failed"));
  EXPECT_EQ(MetadataOf(status, "alert_sent"), "bad_record_mac");
}

TEST(AlertNameTest, KnowsTheRegistry) {
  EXPECT_EQ(AlertName(0), "close_notify");
  EXPECT_EQ(AlertName(116), "certificate_required");
  EXPECT_EQ(AlertName(120), "no_application_protocol");
  EXPECT_EQ(AlertName(200), "alert_200");
}

TEST(AlertNumberTest, FindsEveryAlertByItsName) {
  int known_count = 0;
  for (int alert = 0; alert < 256; ++alert) {
    const std::string name = AlertName(static_cast<uint8_t>(alert));
    if (absl::StartsWith(name, "alert_")) {
      EXPECT_EQ(AlertNumber(name), std::nullopt) << name;
      continue;
    }
    EXPECT_EQ(AlertNumber(name), alert) << name;
    ++known_count;
  }
  EXPECT_EQ(known_count, 36);
}

TEST(AlertNumberTest, KnowsNoOtherNames) {
  for (const char* name :
       {"", "46", "UNKNOWN_CA", "unknown-ca", "unknown_ca ", "unknown"}) {
    EXPECT_EQ(AlertNumber(name), std::nullopt) << name;
  }
}

TEST(SslErrorTest, SaysThatAnAlertMayBeForWantOfACertificate) {
  FailedCall call;
  call.handshake_complete = true;
  const int reason = SSL_AD_REASON_OFFSET + SSL_AD_CERTIFICATE_REQUIRED;
  const absl::Status plain = ErrorOf(ERR_LIB_SSL, reason, call);
  EXPECT_EQ(MetadataOf(plain, "certificate_withheld"), "");
  call.certificate_withheld = true;

  const absl::Status status = ErrorOf(ERR_LIB_SSL, reason, call);

  EXPECT_THAT(status, FailsWith(Reason::kPeerAlert));
  EXPECT_EQ(MetadataOf(status, "certificate_withheld"), "true");
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("it had asked for a certificate"));
}

}  // namespace
}  // namespace tlsd::tls
