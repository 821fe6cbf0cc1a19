#include "client/cli/file_content.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/grpcurl.h"
#include "proto/status/error.h"
#include "tests/unit/client/fake_daemon.h"

namespace tlsd::client::cli {
namespace {

using ::testing::ElementsAre;

class FileContentTest : public ::testing::Test {
 protected:
  std::string File(const std::string& content) {
    const std::string path = absl::StrCat(folder_.path(), "/file");
    std::ofstream(path) << content;
    return path;
  }

  testing::SocketFolder folder_;
  const FileContents read_{FileUse::kRead};
  const FileContents mark_{FileUse::kMark};
};

TEST_F(FileContentTest, ReadsTextAndBytesAsTheyAre) {
  std::string content(200000, 'x');
  content[7] = '\0';
  const std::string path = File(content);

  EXPECT_EQ(read_.Text(path).value(), content);
  EXPECT_EQ(read_.Bytes(path).value(), content);
  EXPECT_EQ(read_.Text(File("")).value(), "");
}

TEST_F(FileContentTest, TakesOneLineEndFromAPassphrase) {
  EXPECT_EQ(read_.Passphrase(File("secret\n")).value(), "secret");
  EXPECT_EQ(read_.Passphrase(File("secret")).value(), "secret");
  EXPECT_EQ(read_.Passphrase(File("a\n\n")).value(), "a\n");
}

TEST_F(FileContentTest, CutsAFileIntoPieces) {
  const std::string path = File("aabbcc");

  EXPECT_THAT(read_.Pieces(path, 2).value(), ElementsAre("aa", "bb", "cc"));
  EXPECT_THAT(read_.Pieces(path, 6).value(), ElementsAre("aabbcc"));
}

TEST_F(FileContentTest, RefusesAFileThatDoesNotCutEvenly) {
  for (const char* content : {"", "a", "aab"}) {
    const absl::Status status = read_.Pieces(File(content), 2).status();

    EXPECT_TRUE(HasReason(status, Reason::kFieldInvalid)) << content;
  }
}

TEST_F(FileContentTest, NamesAFileThatItCannotRead) {
  for (const std::string& path : {std::string("/none"), folder_.path()}) {
    for (const absl::Status& status :
         {read_.Text(path).status(), read_.Passphrase(path).status(),
          read_.Bytes(path).status(), read_.Pieces(path, 2).status()}) {
      EXPECT_TRUE(HasReason(status, Reason::kFieldInvalid));
      EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr(path));
    }
  }
}

TEST_F(FileContentTest, ReadsNothingForMarks) {
  EXPECT_TRUE(mark_.are_marks());
  EXPECT_FALSE(read_.are_marks());
  EXPECT_EQ(mark_.Text("/none").value(), FileContentMark("/none"));
  EXPECT_EQ(mark_.Passphrase("/none").value(), FileLineMark("/none"));
  EXPECT_EQ(mark_.Bytes("/none").value(), FileBytesMark("/none"));
  EXPECT_THAT(mark_.Pieces("/none", 2).value(),
              ElementsAre(FileBytesMark("/none", FileRange{0, 2})));
}

TEST_F(FileContentTest, MarksAsManyPiecesAsTheFileHas) {
  const std::string path = File("aabb");

  EXPECT_THAT(mark_.Pieces(path, 2).value(),
              ElementsAre(FileBytesMark(path, FileRange{0, 2}),
                          FileBytesMark(path, FileRange{2, 2})));
}

}  // namespace
}  // namespace tlsd::client::cli
