#include "server/tls/system_trust_store.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"

namespace tlsd::tls {
namespace {

using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::MetadataOf;
using ::tlsd::testing::OtherRootIdentity;
using ::tlsd::testing::RootIdentity;
using ::tlsd::testing::ServerIdentity;

// The name under which OpenSSL looks for a certificate in a folder.
std::string HashedName(X509* certificate) {
  return absl::StrCat(
      absl::Hex(X509_subject_name_hash(certificate), absl::kZeroPad8), ".0");
}

class SystemTrustStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    Set("/nonexistent/file", "/nonexistent/folder");
  }

  static void Set(const std::string& file, const std::string& folder) {
    setenv("SSL_CERT_FILE", file.c_str(), /*overwrite=*/1);
    setenv("SSL_CERT_DIR", folder.c_str(), /*overwrite=*/1);
  }

  std::string Write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = folder_ / name;
    std::ofstream(path) << text;
    return path.string();
  }

  // Whether the store as it is now vouches for the root of tests.
  static bool TrustsRoot() {
    const bssl::UniquePtr<X509_STORE> store(X509_STORE_new());
    const auto system = SystemTrustStore::Load();
    EXPECT_TRUE(system.ok()) << system.status();
    EXPECT_TRUE((*system)->AddTo(store.get()).ok());
    const bssl::UniquePtr<X509_STORE_CTX> context(X509_STORE_CTX_new());
    EXPECT_TRUE(X509_STORE_CTX_init(context.get(), store.get(),
                                    RootIdentity().certificate(), nullptr));
    return X509_verify_cert(context.get()) == 1;
  }

  std::filesystem::path folder_;
};

TEST_F(SystemTrustStoreTest, ReadsTheFile) {
  const std::string path =
      Write("bundle.pem", "# comment\n" + RootIdentity().CertificatePem() +
                              OtherRootIdentity().CertificatePem());
  Set(path, "/nonexistent");
  ASSERT_OK_AND_ASSIGN(const auto store, SystemTrustStore::Load());
  EXPECT_EQ(store->path(), path);
  EXPECT_EQ(store->certificates().size(), 2u);
  EXPECT_TRUE(TrustsRoot());
}

TEST_F(SystemTrustStoreTest, ReadsAFolderWhenItIsNeeded) {
  Write(HashedName(RootIdentity().certificate()),
        RootIdentity().CertificatePem());
  Set("/nonexistent", folder_.string());
  ASSERT_OK_AND_ASSIGN(const auto store, SystemTrustStore::Load());
  EXPECT_EQ(store->path(), folder_.string());
  EXPECT_EQ(store->certificates().size(), 0u);
  EXPECT_TRUE(TrustsRoot());
}

TEST_F(SystemTrustStoreTest, ReadsSeveralFolders) {
  const std::filesystem::path second = folder_ / "second";
  std::filesystem::create_directories(second);
  Write("second/" + HashedName(RootIdentity().certificate()),
        RootIdentity().CertificatePem());
  Set("/nonexistent", absl::StrCat(folder_.string(), ":", second.string()));
  EXPECT_TRUE(TrustsRoot());
}

TEST_F(SystemTrustStoreTest, UnitesFileAndFolder) {
  const std::string path =
      Write("bundle.pem", OtherRootIdentity().CertificatePem());
  Write(HashedName(RootIdentity().certificate()),
        RootIdentity().CertificatePem());
  Set(path, folder_.string());
  ASSERT_OK_AND_ASSIGN(const auto store, SystemTrustStore::Load());
  EXPECT_EQ(store->path(), absl::StrCat(path, ":", folder_.string()));
  EXPECT_EQ(store->certificates().size(), 1u);
  EXPECT_TRUE(TrustsRoot());
}

TEST_F(SystemTrustStoreTest, DoesNotTrustWhatIsNotThere) {
  Set(Write("bundle.pem", OtherRootIdentity().CertificatePem()),
      "/nonexistent");
  EXPECT_FALSE(TrustsRoot());
}

TEST_F(SystemTrustStoreTest, PassesOverWhatIsDamaged) {
  std::string damaged = RootIdentity().CertificatePem();
  damaged[60] = damaged[60] == 'A' ? 'B' : 'A';
  damaged.insert(damaged.size() / 2, "!");
  const std::string empty =
      "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
  Set(Write("bundle.pem", damaged + ServerIdentity().KeyPem() + empty +
                              OtherRootIdentity().CertificatePem()),
      "/nonexistent");
  ASSERT_OK_AND_ASSIGN(const auto store, SystemTrustStore::Load());
  EXPECT_EQ(store->certificates().size(), 1u);
}

TEST_F(SystemTrustStoreTest, TakesACertificateThatStandsTwice) {
  Set(Write("bundle.pem",
            RootIdentity().CertificatePem() + RootIdentity().CertificatePem()),
      "/nonexistent");
  EXPECT_TRUE(TrustsRoot());
}

TEST_F(SystemTrustStoreTest, ATruncatedFileHasWhatCameBefore) {
  const std::string pem = RootIdentity().CertificatePem();
  Set(Write("bundle.pem", pem + pem.substr(0, pem.size() / 2)), "/nonexistent");
  ASSERT_OK_AND_ASSIGN(const auto store, SystemTrustStore::Load());
  EXPECT_EQ(store->certificates().size(), 1u);
}

TEST_F(SystemTrustStoreTest, WithoutACertificateThereIsNone) {
  Write("root.pem", RootIdentity().CertificatePem());
  Write("0a1b2c3d.r0", "a revocation list");
  const std::string empty = Write("empty.pem", "");
  const std::string text = Write("text.pem", "no certificate\n");
  // A folder can be opened as a file, and never comes to its end.
  for (const std::string& file : {std::string("/nonexistent"), empty, text,
                                  folder_.string(), std::string()}) {
    Set(file, folder_.string());
    const absl::Status status = SystemTrustStore::Load().status();
    EXPECT_THAT(status, FailsWith(Reason::kTrustStoreEmpty, "system")) << file;
    EXPECT_EQ(MetadataOf(status, "file"), file);
    EXPECT_EQ(MetadataOf(status, "folder"), folder_.string());
  }
}

TEST_F(SystemTrustStoreTest, IsReadOnceAsLongAsNothingChanges) {
  Set(Write("bundle.pem", RootIdentity().CertificatePem()), "/nonexistent");
  ASSERT_OK_AND_ASSIGN(const auto first, SystemTrustStore::Load());
  ASSERT_OK_AND_ASSIGN(const auto second, SystemTrustStore::Load());
  EXPECT_EQ(first, second);
}

TEST_F(SystemTrustStoreTest, IsReadAgainWhenTheFileHasChanged) {
  Set(Write("bundle.pem", OtherRootIdentity().CertificatePem()),
      "/nonexistent");
  EXPECT_FALSE(TrustsRoot());
  Write("bundle.pem",
        OtherRootIdentity().CertificatePem() + RootIdentity().CertificatePem());
  EXPECT_TRUE(TrustsRoot());
}

TEST_F(SystemTrustStoreTest, IsReadAgainWhenTheFolderIsNoLongerEmpty) {
  Set(Write("bundle.pem", OtherRootIdentity().CertificatePem()),
      folder_.string());
  EXPECT_FALSE(TrustsRoot());
  Write(HashedName(RootIdentity().certificate()),
        RootIdentity().CertificatePem());
  EXPECT_TRUE(TrustsRoot());
}

TEST_F(SystemTrustStoreTest, ForgetsAFileThatIsGone) {
  const std::string path = Write("bundle.pem", RootIdentity().CertificatePem());
  Set(path, "/nonexistent");
  EXPECT_THAT(SystemTrustStore::Load(), IsOk());
  std::filesystem::remove(path);
  EXPECT_THAT(SystemTrustStore::Load(),
              FailsWith(Reason::kTrustStoreEmpty, "system"));
}

TEST_F(SystemTrustStoreTest, ReadsItsFoldersWhenAsked) {
  Write("0a1b2c3d.0", RootIdentity().CertificatePem());
  Write("0a1b2c3d.1", OtherRootIdentity().CertificatePem());
  Write("unhashed.pem", ServerIdentity().CertificatePem());
  Write("0a1b2c3e.0", "no certificate");
  Set("/nonexistent", folder_.string());
  ASSERT_OK_AND_ASSIGN(const auto store, SystemTrustStore::Load());
  EXPECT_TRUE(store->certificates().empty());
  EXPECT_EQ(store->ReadFolders().size(), 2u);
  // As they are now.
  std::filesystem::remove(folder_ / "0a1b2c3d.1");
  EXPECT_EQ(store->ReadFolders().size(), 1u);
}

}  // namespace
}  // namespace tlsd::tls
