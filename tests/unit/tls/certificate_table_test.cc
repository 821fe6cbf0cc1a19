#include "server/tls/certificate_table.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/certificate.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"

namespace tlsd::tls {
namespace {

using ::tlsd::testing::IdentitySpec;
using ::tlsd::testing::IntermediateIdentity;
using ::tlsd::testing::RootIdentity;
using ::tlsd::testing::ServerIdentity;

using Facts = std::shared_ptr<const CertificateFacts>;

// Another object for the same certificate, as every connection has its own.
bssl::UniquePtr<X509> Copy(X509* certificate) {
  return ReadCertificate("f", EncodeDer(certificate)).value();
}

bssl::UniquePtr<X509> FreshCertificate() {
  return bssl::UpRef(RootIdentity().Issue(IdentitySpec()).certificate());
}

TEST(CertificateTableTest, HoldsTheFactsOfACertificateOnce) {
  CertificateTable table;
  const bssl::UniquePtr<X509> copy = Copy(ServerIdentity().certificate());
  ASSERT_NE(copy.get(), ServerIdentity().certificate());

  const Facts first = table.Share(ServerIdentity().certificate());
  const Facts second = table.Share(copy.get());
  const Facts other = table.Share(IntermediateIdentity().certificate());

  EXPECT_EQ(first.get(), second.get());
  EXPECT_NE(first.get(), other.get());
  EXPECT_EQ(first->subject, "CN=localhost");
  EXPECT_EQ(other->subject, "CN=tlsd test intermediate");
  EXPECT_EQ(table.size(), 2u);
}

// Two that differ in nothing but their serial number.
TEST(CertificateTableTest, TellsCertificatesOfOneSubjectApart) {
  CertificateTable table;
  const Facts first = table.Share(FreshCertificate().get());
  const Facts second = table.Share(FreshCertificate().get());
  EXPECT_EQ(first->subject, second->subject);
  EXPECT_NE(first->serial_number, second->serial_number);
}

TEST(CertificateTableTest, KeepsNoFactsAlive) {
  CertificateTable table;
  Facts facts = table.Share(ServerIdentity().certificate());
  const std::weak_ptr<const CertificateFacts> watch = facts;

  facts.reset();

  EXPECT_TRUE(watch.expired());
  EXPECT_EQ(table.Share(ServerIdentity().certificate())->subject,
            "CN=localhost");
  EXPECT_EQ(table.size(), 1u);
}

TEST(CertificateTableTest, ForgetsWhatNobodyHolds) {
  CertificateTable table;
  for (size_t i = 0; i < 4 * CertificateTable::kSweepSizeMin; ++i) {
    table.Share(FreshCertificate().get());
    ASSERT_LE(table.size(), CertificateTable::kSweepSizeMin);
  }
}

TEST(CertificateTableTest, KeepsTheEntriesOfWhatIsHeld) {
  CertificateTable table;
  std::vector<bssl::UniquePtr<X509>> certificates;
  std::vector<Facts> held;
  for (size_t i = 0; i < 3 * CertificateTable::kSweepSizeMin; ++i) {
    certificates.push_back(FreshCertificate());
    held.push_back(table.Share(certificates.back().get()));
    table.Share(FreshCertificate().get());
    ASSERT_LE(table.size(), CertificateTable::kSweepSizeMin + 2 * held.size());
  }
  for (size_t i = 0; i < held.size(); ++i) {
    EXPECT_EQ(table.Share(certificates[i].get()), held[i]);
  }
}

TEST(CertificateTableTest, ServesManyThreads) {
  constexpr int kThreadCount = 4;
  CertificateTable table;
  std::vector<bssl::UniquePtr<X509>> certificates;
  for (int i = 0; i < 8; ++i) certificates.push_back(FreshCertificate());
  std::atomic<int> mismatch_count{0};
  std::vector<std::thread> threads;

  for (int t = 0; t < kThreadCount; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 400; ++i) {
        X509* certificate = certificates[(t + i) % certificates.size()].get();
        const Facts facts = table.Share(certificate);
        // Whoever asks while it is held gets the same.
        if (facts != table.Share(certificate)) ++mismatch_count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(mismatch_count, 0);
  EXPECT_EQ(table.size(), certificates.size());
}

TEST(ShareCertificateFactsTest, HasOneTableForTheProcess) {
  const Facts first = ShareCertificateFacts(ServerIdentity().certificate());
  const bssl::UniquePtr<X509> copy = Copy(ServerIdentity().certificate());
  EXPECT_EQ(ShareCertificateFacts(copy.get()), first);
  EXPECT_EQ(first->sha256_fingerprint,
            DescribeCertificate(copy.get()).sha256_fingerprint);
}

}  // namespace
}  // namespace tlsd::tls
