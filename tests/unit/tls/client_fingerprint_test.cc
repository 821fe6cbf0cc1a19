#include "server/tls/client_fingerprint.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tlsd::tls {
namespace {

using ::testing::EndsWith;
using ::testing::StartsWith;

// The worked example of JA4's specification.
ClientHelloNumbers Browser() {
  ClientHelloNumbers hello;
  hello.legacy_version = 0x0303;
  hello.versions = {0x0304, 0x0303};
  hello.cipher_suites = {0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f,
                         0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013,
                         0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
  hello.extensions = {0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017,
                      0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b,
                      0xff01, 0x000b, 0x000a, 0x0015};
  hello.groups = {0x001d, 0x0017, 0x0018};
  hello.point_formats = {0};
  hello.signature_algorithms = {0x0403, 0x0804, 0x0401, 0x0503,
                                0x0805, 0x0501, 0x0806, 0x0601};
  hello.first_alpn_protocol = "h2";
  return hello;
}

// The examples of JA3's description.
TEST(ClientFingerprintTest, MakesJa3AsItsAuthorsDo) {
  ClientHelloNumbers hello;
  hello.legacy_version = 769;
  hello.cipher_suites = {47,    53,    5,  10, 49161, 49162,
                         49171, 49172, 50, 56, 19,    4};
  hello.extensions = {0, 10, 11};
  hello.groups = {23, 24, 25};
  hello.point_formats = {0};
  EXPECT_EQ(Ja3(hello),
            "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,"
            "23-24-25,0");
  EXPECT_EQ(Ja3Hash(Ja3(hello)), "ada70206e40642a3e4461f35503241d5");

  ClientHelloNumbers bare;
  bare.legacy_version = 769;
  bare.cipher_suites = {4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99};
  EXPECT_EQ(Ja3(bare), "769,4-5-10-9-100-98-3-6-19-18-99,,,");
  EXPECT_EQ(Ja3Hash(Ja3(bare)), "de350869b8c85de67a350c8d186f11e6");
}

TEST(ClientFingerprintTest, MakesJa3OfTheLegacyVersion) {
  EXPECT_THAT(Ja3(Browser()), StartsWith("771,4865-"));
}

TEST(ClientFingerprintTest, MakesJa4AsItsSpecificationDoes) {
  EXPECT_EQ(Ja4(Browser()), "t13d1516h2_8daaf6152771_e5627efa2ab1");
}

TEST(ClientFingerprintTest, TheOrderOfSignatureAlgorithmsAloneCounts) {
  ClientHelloNumbers hello = Browser();
  std::swap(hello.cipher_suites.front(), hello.cipher_suites.back());
  std::swap(hello.extensions.front(), hello.extensions.back());
  std::swap(hello.versions.front(), hello.versions.back());
  EXPECT_EQ(Ja4(hello), Ja4(Browser()));
  EXPECT_NE(Ja3(hello), Ja3(Browser()));

  std::swap(hello.signature_algorithms.front(),
            hello.signature_algorithms.back());
  EXPECT_NE(Ja4(hello), Ja4(Browser()));
}

TEST(ClientFingerprintTest, ThePlaceItGoesToLeavesTheHashesAlone) {
  ClientHelloNumbers hello = Browser();
  std::erase(hello.extensions, 0x0000);
  std::erase(hello.extensions, 0x0010);
  hello.first_alpn_protocol = "";
  EXPECT_EQ(Ja4(hello), "t13i151400_8daaf6152771_e5627efa2ab1");

  std::erase(hello.extensions, 0x0015);
  EXPECT_THAT(Ja4(hello), StartsWith("t13i151300_8daaf6152771_"));
  EXPECT_NE(Ja4(hello), "t13i151300_8daaf6152771_e5627efa2ab1");
}

TEST(ClientFingerprintTest, WithoutSignatureAlgorithmsThereIsNoUnderscore) {
  ClientHelloNumbers hello = Browser();
  hello.signature_algorithms.clear();
  EXPECT_THAT(Ja4(hello), EndsWith("_6d807ffa2a79"));
}

TEST(ClientFingerprintTest, HashesOfNothingAreZeros) {
  ClientHelloNumbers hello = Browser();
  hello.cipher_suites.clear();
  hello.extensions = {0x0000, 0x0010};
  EXPECT_EQ(Ja4(hello), "t13d0002h2_000000000000_000000000000");
}

TEST(ClientFingerprintTest, CountsUpToNinetyNine) {
  ClientHelloNumbers hello = Browser();
  const std::vector<std::pair<size_t, std::string>> rows = {
      {1, "01"},  {9, "09"},   {10, "10"},  {98, "98"},
      {99, "99"}, {100, "99"}, {1000, "99"}};
  for (const auto& [count, digits] : rows) {
    hello.cipher_suites.assign(count, 0x1301);
    hello.extensions.assign(count, 0x0000);
    EXPECT_THAT(Ja4(hello), StartsWith(absl::StrCat("t13d", digits, digits)))
        << count;
  }
}

TEST(ClientFingerprintTest, NamesTheHighestVersion) {
  struct Row {
    std::vector<uint16_t> versions;
    const char* code;
  };
  const Row rows[] = {
      {{0x0304}, "13"},         {{0x0303, 0x0304, 0x0302}, "13"},
      {{0x0303}, "12"},         {{0x0302}, "11"},
      {{0x0301}, "10"},         {{0x0300}, "s3"},
      {{0x0002}, "s2"},         {{0xfeff}, "d1"},
      {{0xfefd}, "d2"},         {{0xfefc}, "d3"},
      {{0x0304, 0x0305}, "00"}, {{}, "00"},
  };
  for (const Row& row : rows) {
    ClientHelloNumbers hello;
    hello.versions = row.versions;
    EXPECT_EQ(Ja4(hello),
              absl::StrCat("t", row.code, "i000000_000000000000_000000000000"));
  }
}

// The table of the specification.
TEST(ClientFingerprintTest, NamesTheFirstProtocolByItsEnds) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"", "00"},
      {"h2", "h2"},
      {"http/1.1", "h1"},
      {"x", "xx"},
      {"Hz", "Hz"},
      {"\xab", "ab"},
      {"\x20", "20"},
      {"\xab\xcd", "ad"},
      {"\x20\x61", "21"},
      {"\x30\xab", "3b"},
      {"\x61\x20", "60"},
      {"\x30\x31\xab\xcd", "3d"},
      {"\x30\xab\xcd\x31", "01"},
  };
  for (const auto& [protocol, code] : rows) {
    ClientHelloNumbers hello = Browser();
    hello.first_alpn_protocol = protocol;
    EXPECT_EQ(Ja4(hello),
              absl::StrCat("t13d1516", code, "_8daaf6152771_e5627efa2ab1"));
  }
}

}  // namespace
}  // namespace tlsd::tls
