#include "server/worker/expiry_watch.h"

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"

namespace tlsd::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::IsOk;

constexpr absl::Duration kDay = absl::Hours(24);

// Certificates are valid from an hour ago, so they end an hour early.
class ExpiryWatchTest : public ::testing::Test {
 protected:
  std::shared_ptr<const ContextRecord> Add(const std::string& id,
                                           absl::Duration valid_for) {
    testing::IdentitySpec spec;
    spec.valid_for = valid_for;
    tls::SecureContextOptions options =
        testing::ServerOptions(tls::TlsVersion::kTls13);
    options.credentials = {
        testing::IntermediateIdentity().Issue(spec).Credentials()};
    return contexts_.Add(id, {options, testing::MakeContext(options)}).value();
  }

  // Days before the end of the certificates that were reported since, by name.
  std::vector<std::string> TakeReports() {
    EventFilter filter;
    filter.types = {EventType::kCertificateExpiring};
    const EventHub::Batch batch = events_->Read(cursor_, filter, 1000);
    cursor_ = batch.cursor;
    std::vector<std::string> reports;
    for (const auto& event : batch.events) {
      const auto& expiry = event->about<CertificateExpiry>();
      EXPECT_EQ(event->subject(), expiry.secure_context);
      EXPECT_FALSE(expiry.certificate.sha256_fingerprint.empty());
      reports.push_back(absl::StrCat(
          expiry.secure_context, " ",
          absl::ToInt64Hours(absl::Floor(expiry.time_left, kDay)) / 24));
    }
    return reports;
  }

  ContextTable contexts_;
  std::unique_ptr<EventHub> events_ = EventHub::Create().value();
  uint64_t cursor_ = 0;
  ExpiryWatch watch_{contexts_, *events_};
  const absl::Time now_ = absl::Now();
};

TEST_F(ExpiryWatchTest, ReportsEachMarkOnce) {
  Add("web", 100 * kDay);
  for (int hour = 0; hour < 24 * 102; ++hour) {
    watch_.LookAtAll(now_ + absl::Hours(hour));
  }
  EXPECT_THAT(TakeReports(),
              ElementsAre("secureContexts/web 29", "secureContexts/web 13",
                          "secureContexts/web 6", "secureContexts/web 2",
                          "secureContexts/web 0", "secureContexts/web -1"));
}

TEST_F(ExpiryWatchTest, ReportsOnceWhatComesLate) {
  const auto record = Add("web", 5 * kDay);
  watch_.Look(*record, now_);
  watch_.LookAtAll(now_);
  watch_.LookAtAll(now_ + absl::Hours(1));
  EXPECT_THAT(TakeReports(), ElementsAre("secureContexts/web 4"));
}

TEST_F(ExpiryWatchTest, IsSilentAboutWhatLastsLong) {
  Add("web", 100 * kDay);
  watch_.LookAtAll(now_);
  EXPECT_THAT(TakeReports(), IsEmpty());
}

TEST_F(ExpiryWatchTest, ReportsANewCertificateOfAnOldNameAnew) {
  Add("web", 5 * kDay);
  Add("api", 10 * kDay);
  watch_.LookAtAll(now_);
  EXPECT_THAT(TakeReports(),
              ElementsAre("secureContexts/api 9", "secureContexts/web 4"));

  ASSERT_THAT(contexts_.Remove("secureContexts/web", "", false), IsOk());
  watch_.LookAtAll(now_);
  EXPECT_THAT(TakeReports(), IsEmpty());
  Add("web", 5 * kDay);
  watch_.LookAtAll(now_);
  EXPECT_THAT(TakeReports(), ElementsAre("secureContexts/web 4"));
}

TEST_F(ExpiryWatchTest, LooksByItselfWhenStarted) {
  Add("web", 5 * kDay);
  absl::Notification reported;
  const int64_t subscription = events_->Subscribe([&] { reported.Notify(); });
  watch_.Start();
  EXPECT_TRUE(reported.WaitForNotificationWithTimeout(absl::Seconds(20)));
  absl::Notification gone;
  events_->loop().Post([&] {
    events_->Unsubscribe(subscription);
    gone.Notify();
  });
  gone.WaitForNotification();
  EXPECT_THAT(TakeReports(), ElementsAre("secureContexts/web 4"));
}

}  // namespace
}  // namespace tlsd::worker
