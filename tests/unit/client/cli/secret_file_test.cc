#include "client/cli/secret_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "proto/status/error.h"
#include "tests/unit/client/fake_daemon.h"

namespace tlsd::client::cli {
namespace {

using std::filesystem::perms;

class SecretFileTest : public ::testing::Test {
 protected:
  std::string Content() const {
    std::stringstream content;
    content << std::ifstream(path_).rdbuf();
    return content.str();
  }

  perms Permissions() const {
    return std::filesystem::status(path_).permissions();
  }

  testing::SocketFolder folder_;
  const std::string path_ = folder_.path() + "/secret";
  static constexpr perms kOwnerOnly = perms::owner_read | perms::owner_write;
};

TEST_F(SecretFileTest, IsItsOwnersAlone) {
  ASSERT_TRUE(WriteSecretFile(path_, std::string("a\0b", 3)).ok());

  EXPECT_EQ(Content(), std::string("a\0b", 3));
  EXPECT_EQ(Permissions(), kOwnerOnly);
}

TEST_F(SecretFileTest, TakesAFileFromTheOthers) {
  std::ofstream(path_) << "what was there, and longer";
  std::filesystem::permissions(path_, kOwnerOnly | perms::others_read);

  ASSERT_TRUE(WriteSecretFile(path_, "new").ok());

  EXPECT_EQ(Content(), "new");
  EXPECT_EQ(Permissions(), kOwnerOnly);
}

TEST_F(SecretFileTest, AppendsIfToldSo) {
  ASSERT_TRUE(WriteSecretFile(path_, "a").ok());

  absl::StatusOr<SecretFile> file = SecretFile::Open(path_, FileStart::kAppend);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE(file->Write("b").ok());
  EXPECT_EQ(Content(), "ab");
  EXPECT_TRUE(file->Write("c").ok());

  EXPECT_EQ(Content(), "abc");
}

TEST_F(SecretFileTest, WritesToWhatIsNoFileToo) {
  EXPECT_TRUE(WriteSecretFile("/dev/null", "x").ok());
  EXPECT_FALSE(WriteSecretFile("/dev/full", "x").ok());
}

TEST_F(SecretFileTest, NamesAFileThatItCannotWrite) {
  const absl::Status status = WriteSecretFile(folder_.path() + "/no/file", "x");

  EXPECT_TRUE(HasReason(status, Reason::kFieldInvalid));
  EXPECT_NE(status.message().find("/no/file"), std::string::npos);
}

}  // namespace
}  // namespace tlsd::client::cli
