#include "server/tls/trust_anchors.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"

namespace tlsd::tls {
namespace {

using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::OtherRootIdentity;
using ::tlsd::testing::RootIdentity;
using ::tlsd::testing::ServerIdentity;

class TrustAnchorsTest : public ::testing::Test {
 protected:
  // Each test has a system of its own, without any store.
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(folder_);
    SetSystemStore("/nonexistent/file", "/nonexistent/folder");
  }

  static void SetSystemStore(const std::string& file,
                             const std::string& folder) {
    setenv("SSL_CERT_FILE", file.c_str(), /*overwrite=*/1);
    setenv("SSL_CERT_DIR", folder.c_str(), /*overwrite=*/1);
  }

  std::string Write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = folder_ / name;
    std::ofstream(path) << text;
    return path.string();
  }

  absl::StatusOr<TrustAnchors> Load(
      const TrustAnchorsOptions& options,
      SystemStoreUse use = SystemStoreUse::kRequired) {
    return LoadTrustAnchors(options, {}, {}, authority_, use);
  }

  std::filesystem::path folder_;
  DevelopmentAuthority authority_;
};

TEST_F(TrustAnchorsTest, TakesManyCertificatesInManyStrings) {
  TrustAnchorsOptions options;
  options.pems = {"a comment\n" + RootIdentity().CertificatePem() +
                      OtherRootIdentity().CertificatePem(),
                  ServerIdentity().CertificatePem()};
  ASSERT_OK_AND_ASSIGN(const TrustAnchors anchors, Load(options));
  EXPECT_EQ(anchors.certificates.size(), 3u);
  EXPECT_EQ(anchors.system, nullptr);
  EXPECT_EQ(sk_X509_NAME_num(anchors.names.get()), 3u);
}

TEST_F(TrustAnchorsTest, RefusesStringsWithoutACertificate) {
  TrustAnchorsOptions options;
  options.pems = {RootIdentity().CertificatePem(), "nothing"};
  EXPECT_THAT(Load(options),
              FailsWith(Reason::kPemInvalid, "trust_anchors.pems[1]"));
  options.pems = {RootIdentity().CertificatePem(), ""};
  EXPECT_THAT(Load(options),
              FailsWith(Reason::kPemInvalid, "trust_anchors.pems[1]"));
  options.pems = {RootIdentity().CertificatePem() +
                  "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
                  "\n"};
  EXPECT_THAT(Load(options),
              FailsWith(Reason::kPemInvalid, "trust_anchors.pems[0]"));
  options.pems = {RootIdentity().KeyPem()};
  EXPECT_THAT(Load(options),
              FailsWith(Reason::kPemInvalid, "trust_anchors.pems[0]"));
}

TEST_F(TrustAnchorsTest, LimitsAllStringsTogether) {
  TrustAnchorsOptions options;
  const std::string pem = RootIdentity().CertificatePem();
  options.pems = {pem, std::string((1 << 20) - pem.size(), '\n')};
  EXPECT_THAT(Load(options),
              FailsWith(Reason::kPemInvalid, "trust_anchors.pems[1]"));
  options.pems[1] += '\n';
  EXPECT_THAT(Load(options),
              FailsWith(Reason::kFieldInvalid, "trust_anchors.pems"));
}

TEST_F(TrustAnchorsTest, TrustsTheDevelopmentAuthorityIfTold) {
  TrustAnchorsOptions options;
  options.development = true;
  ASSERT_OK_AND_ASSIGN(const TrustAnchors anchors, Load(options));
  EXPECT_EQ(anchors.certificates.size(), 1u);
}

TEST_F(TrustAnchorsTest, TakesTheSystemsFile) {
  const std::string path =
      Write("bundle.pem", RootIdentity().CertificatePem() +
                              OtherRootIdentity().CertificatePem());
  SetSystemStore(path, "/nonexistent");

  ASSERT_OK_AND_ASSIGN(const TrustAnchors anchors, Load({}));

  EXPECT_EQ(anchors.system->path(), path);
  EXPECT_EQ(anchors.certificates.size(), 2u);
  EXPECT_EQ(sk_X509_NAME_num(anchors.names.get()), 0u);
}

TEST_F(TrustAnchorsTest, TakesTheSystemsFolder) {
  Write("0a1b2c3d.0", RootIdentity().CertificatePem());
  SetSystemStore("/nonexistent", folder_.string());

  ASSERT_OK_AND_ASSIGN(const TrustAnchors anchors, Load({}));

  EXPECT_EQ(anchors.system->path(), folder_.string());
  EXPECT_EQ(anchors.certificates.size(), 0u);
}

TEST_F(TrustAnchorsTest, AFolderWithoutHashedNamesIsNoStore) {
  Write("root.pem", RootIdentity().CertificatePem());
  SetSystemStore("/nonexistent", folder_.string());
  EXPECT_THAT(Load({}),
              FailsWith(Reason::kTrustStoreEmpty, "trust_anchors.system"));
}

TEST_F(TrustAnchorsTest, AnEmptySystemStoreIsAnErrorOnlyIfNeeded) {
  EXPECT_THAT(Load({}),
              FailsWith(Reason::kTrustStoreEmpty, "trust_anchors.system"));
  EXPECT_THAT(Load({}, SystemStoreUse::kIfPresent), IsOk());
  TrustAnchorsOptions options;
  options.system = true;
  EXPECT_THAT(Load(options, SystemStoreUse::kIfPresent),
              FailsWith(Reason::kTrustStoreEmpty, "trust_anchors.system"));
  options.pems = {RootIdentity().CertificatePem()};
  EXPECT_THAT(Load(options, SystemStoreUse::kIfPresent),
              FailsWith(Reason::kTrustStoreEmpty, "trust_anchors.system"));
  options.system = false;
  EXPECT_THAT(Load(options), IsOk());
}

TEST_F(TrustAnchorsTest, UnitesItsSources) {
  const std::string path =
      Write("bundle.pem", OtherRootIdentity().CertificatePem());
  SetSystemStore(path, "/nonexistent");
  TrustAnchorsOptions options;
  options.pems = {RootIdentity().CertificatePem()};
  options.system = true;
  options.development = true;

  ASSERT_OK_AND_ASSIGN(const TrustAnchors anchors, Load(options));

  EXPECT_EQ(anchors.certificates.size(), 3u);
  EXPECT_EQ(anchors.system->path(), path);
}

TEST_F(TrustAnchorsTest, LeavesTheSystemsStoreOutIfOthersAreGiven) {
  const std::string path =
      Write("bundle.pem", OtherRootIdentity().CertificatePem());
  SetSystemStore(path, "/nonexistent");
  TrustAnchorsOptions options;
  options.pems = {RootIdentity().CertificatePem()};

  ASSERT_OK_AND_ASSIGN(const TrustAnchors anchors, Load(options));

  EXPECT_EQ(anchors.certificates.size(), 1u);
  EXPECT_EQ(anchors.system, nullptr);
}

TEST_F(TrustAnchorsTest, DigestsTellStoresApart) {
  TrustAnchorsOptions one;
  one.pems = {RootIdentity().CertificatePem()};
  TrustAnchorsOptions other;
  other.pems = {OtherRootIdentity().CertificatePem()};
  EXPECT_EQ(Load(one).value().digest, Load(one).value().digest);
  EXPECT_NE(Load(one).value().digest, Load(other).value().digest);
}

}  // namespace
}  // namespace tlsd::tls
