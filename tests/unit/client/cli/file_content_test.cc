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

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

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
  EXPECT_EQ(read_.Passphrase(File("secret\r\n")).value(), "secret");
  EXPECT_EQ(read_.Passphrase(File("a\r\r\n")).value(), "a\r");
  EXPECT_EQ(read_.Passphrase(File("a\r\nb")).value(), "a\r\nb");
  EXPECT_EQ(read_.Passphrase(File("\r\n")).value(), "");
}

TEST_F(FileContentTest, TakesTextInUtf8) {
  for (const char* text :
       {"", "~", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF",
        "\xEE\x80\x80", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    const std::string path = File(text);

    EXPECT_EQ(read_.Text(path).value(), text);
    EXPECT_EQ(read_.Passphrase(path).value(), text);
  }
}

TEST_F(FileContentTest, RefusesTextThatIsNotUtf8) {
  // DER and Latin-1; a byte that goes on and none that begins; overlong forms;
  // surrogates; above U+10FFFF; cut off.
  for (const char* bytes :
       {"\x30\x82\x01", "na\xEFve", "\x80", "\xC0\xAF", "\xC1\xBF",
        "\xE0\x9F\xBF", "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80", "\xFF", "\xC2", "\xE2\x82",
        "\xC2\x41"}) {
    const std::string path = File(bytes);

    const absl::Status text = read_.Text(path).status();
    const absl::Status passphrase = read_.Passphrase(path).status();

    EXPECT_TRUE(HasReason(text, Reason::kFieldInvalid)) << bytes;
    EXPECT_THAT(std::string(text.message()),
                AllOf(HasSubstr(path), HasSubstr("-inform DER")));
    EXPECT_TRUE(HasReason(passphrase, Reason::kFieldInvalid)) << bytes;
    EXPECT_THAT(std::string(passphrase.message()),
                AllOf(HasSubstr(path), HasSubstr("a passphrase in UTF-8")));
    EXPECT_EQ(read_.Bytes(path).value(), bytes);
  }
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
      EXPECT_THAT(std::string(status.message()), HasSubstr(path));
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
