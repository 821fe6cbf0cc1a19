#include "server/base/utf8.h"

#include <string>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace tlsd::base {
namespace {

TEST(Utf8Test, AcceptsCharactersOfEveryLength) {
  for (const absl::string_view text :
       {absl::string_view(""), absl::string_view("tls"),
        absl::string_view("\0", 1), absl::string_view("\x7F"),
        absl::string_view("\xC2\x80"), absl::string_view("\xDF\xBF"),
        absl::string_view("\xE0\xA0\x80"), absl::string_view("\xED\x9F\xBF"),
        absl::string_view("\xEE\x80\x80"), absl::string_view("\xEF\xBF\xBF"),
        absl::string_view("\xF0\x90\x80\x80"),
        absl::string_view("\xF4\x8F\xBF\xBF"),
        absl::string_view("a\xC3\xA4z\xE2\x82\xAC")}) {
    EXPECT_TRUE(IsValidUtf8(text)) << testing::PrintToString(text);
  }
}

TEST(Utf8Test, RefusesBytesThatBeginNoCharacter) {
  for (const absl::string_view text :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xF5\x80\x80\x80", "\xFE",
        "\xFF", "a\x80"}) {
    EXPECT_FALSE(IsValidUtf8(text)) << testing::PrintToString(text);
  }
}

TEST(Utf8Test, RefusesOverlongForms) {
  for (const absl::string_view text :
       {"\xE0\x80\x80", "\xE0\x9F\xBF", "\xF0\x80\x80\x80",
        "\xF0\x8F\xBF\xBF"}) {
    EXPECT_FALSE(IsValidUtf8(text)) << testing::PrintToString(text);
  }
}

TEST(Utf8Test, RefusesSurrogatesAndWhatIsAboveTheLastCharacter) {
  for (const absl::string_view text :
       {"\xED\xA0\x80", "\xED\xBF\xBF", "\xF4\x90\x80\x80"}) {
    EXPECT_FALSE(IsValidUtf8(text)) << testing::PrintToString(text);
  }
}

TEST(Utf8Test, RefusesACharacterThatIsCutOff) {
  for (const std::string text :
       {"\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x94\x92"}) {
    for (size_t size = 1; size < text.size(); ++size) {
      const std::string cut = text.substr(0, size);
      EXPECT_FALSE(IsValidUtf8(cut)) << testing::PrintToString(cut);
      EXPECT_FALSE(IsValidUtf8(cut + "a")) << testing::PrintToString(cut);
    }
    EXPECT_TRUE(IsValidUtf8(text));
  }
}

}  // namespace
}  // namespace tlsd::base
