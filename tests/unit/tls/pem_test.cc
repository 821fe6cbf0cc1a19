#include "server/tls/pem.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::tls {
namespace {

using ::tlsd::testing::FailsWith;

constexpr char kBlock[] = "-----BEGIN THING-----\nAQID\n-----END THING-----\n";

TEST(PemReaderTest, TakesBlocksOneByOne) {
  const std::string text = std::string("before\n") + kBlock + "between\n" +
                           "-----BEGIN OTHER-----\nBA==\n-----END OTHER-----\n";
  PemReader reader(text);

  const auto first = reader.Next();
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->name(), "THING");
  EXPECT_EQ(std::string(first->data(), first->data() + first->size()),
            "\x01\x02\x03");
  const auto second = reader.Next();
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->name(), "OTHER");
  EXPECT_FALSE(reader.Next().has_value());
  EXPECT_FALSE(reader.malformed());
}

TEST(PemReaderTest, FindsNothingInTextWithoutBlocks) {
  for (const char* text : {"", "text", "-----BEGIN", "----- BEGIN X-----"}) {
    PemReader reader(text);
    EXPECT_FALSE(reader.Next().has_value()) << text;
    EXPECT_FALSE(reader.malformed()) << text;
  }
}

TEST(PemReaderTest, TakesLinesThatEndInCrLf) {
  PemReader reader("-----BEGIN X-----\r\nAQID\r\n-----END X-----\r\n");
  EXPECT_TRUE(reader.Next().has_value());
}

TEST(PemReaderTest, SaysThatABlockIsMalformed) {
  for (const char* text : {
           "-----BEGIN X-----\n",
           "-----BEGIN X-----\nAQID\n",
           "-----BEGIN X-----\nAQID\n-----END Y-----\n",
           "-----BEGIN X-----\nA*ID\n-----END X-----\n",
           "-----BEGIN X-----\n-----END X-----\n",
       }) {
    PemReader reader(text);
    EXPECT_FALSE(reader.Next().has_value()) << text;
    EXPECT_TRUE(reader.malformed()) << text;
    EXPECT_FALSE(reader.Next().has_value()) << text;
  }
}

TEST(PemErrorTest, NamesTheField) {
  EXPECT_THAT(PemError("private_key", "is wrong"),
              FailsWith(Reason::kPemInvalid, "private_key"));
}

}  // namespace
}  // namespace tlsd::tls
