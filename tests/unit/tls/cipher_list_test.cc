#include "server/tls/cipher_list.h"

#include <openssl/err.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/policy.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::tls {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::tlsd::testing::FailsWith;
using Tls13Suites = CipherList::Tls13Suites;

CipherList Parse(absl::string_view text) {
  absl::StatusOr<CipherList> list = ParseCipherList(text, /*strict=*/false);
  EXPECT_TRUE(list.ok()) << text << ": " << list.status();
  return list.ok() ? *std::move(list) : CipherList();
}

absl::Status ErrorOf(absl::string_view text, bool strict = false) {
  return ParseCipherList(text, strict).status();
}

// What a context with `text` can negotiate from TLS 1.2 on.
std::vector<std::string> Effective(absl::string_view text) {
  const CipherList list = Parse(text);
  const bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
  EXPECT_TRUE(SetCipherList(list, context.get()).ok());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(context.get(), TLS1_3_VERSION);
  return EffectiveCiphers(context.get(), list.tls13_suites);
}

// Those below TLS 1.3.
std::vector<std::string> Older(absl::string_view text) {
  std::vector<std::string> names = Effective(text);
  names.erase(names.begin(), names.begin() + 3);
  return names;
}

// The default of Node's classic documentation.
constexpr absl::string_view kModuleDefault =
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "DHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA256:"
    "DHE-RSA-AES128-SHA256:ECDHE-RSA-AES256-SHA384:"
    "DHE-RSA-AES256-SHA384:ECDHE-RSA-AES256-SHA256:DHE-RSA-AES256-SHA256:HIGH:"
    "!aNULL:!eNULL:!EXPORT:!DES:!RC4:!MD5:!PSK:!SRP:!CAMELLIA";

TEST(CipherListTest, EmptyAndDefaultMeanTheDefault) {
  EXPECT_EQ(Effective(""), Effective("DEFAULT"));
  EXPECT_EQ(Effective(""), Effective(kCipherList));
  EXPECT_THAT(Parse("").ignored_tokens, IsEmpty());
  EXPECT_THAT(Parse("").warnings, IsEmpty());
  for (const std::string& name : Effective("")) {
    EXPECT_FALSE(absl::StrContains(name, "PSK")) << name;
    EXPECT_FALSE(absl::StrContains(name, "DES")) << name;
  }
}

TEST(CipherListTest, DefaultStandsOnlyAtTheBeginning) {
  EXPECT_EQ(Older("DEFAULT:!AES256:!CHACHA20").size(),
            Older("AES128:!PSK:!aPSK").size());
  EXPECT_THAT(Parse("AES128:DEFAULT").ignored_tokens, ElementsAre("DEFAULT"));
}

TEST(CipherListTest, TakesTheModulesDefaultAndSaysWhatItIgnores) {
  const CipherList list = Parse(kModuleDefault);
  EXPECT_THAT(list.ignored_tokens,
              ElementsAre("DHE-RSA-AES128-GCM-SHA256",
                          "ECDHE-RSA-AES128-SHA256", "DHE-RSA-AES128-SHA256",
                          "ECDHE-RSA-AES256-SHA384", "DHE-RSA-AES256-SHA384",
                          "ECDHE-RSA-AES256-SHA256", "DHE-RSA-AES256-SHA256"));
  EXPECT_THAT(list.warnings, ElementsAre(HasSubstr("3DES")));
  const std::vector<std::string> names = Older(kModuleDefault);
  EXPECT_EQ(names[0], "ECDHE-RSA-AES128-GCM-SHA256");
  EXPECT_EQ(names[1], "ECDHE-ECDSA-AES128-GCM-SHA256");
  EXPECT_THAT(names, Contains("DES-CBC3-SHA"));
  EXPECT_THAT(names, Not(Contains(HasSubstr("PSK"))));
}

TEST(CipherListTest, WarnsOfTripleDesOnlyIfItIsSelected) {
  EXPECT_THAT(Parse("AES128:3DES").warnings, ElementsAre(HasSubstr("3DES")));
  EXPECT_THAT(Parse("HIGH:!3DES").warnings, IsEmpty());
}

TEST(CipherListTest, KeepsTheOrder) {
  EXPECT_THAT(Older("ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256"),
              ElementsAre("ECDHE-RSA-AES256-GCM-SHA384",
                          "ECDHE-RSA-AES128-GCM-SHA256"));
  EXPECT_THAT(Older("ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384"),
              ElementsAre("ECDHE-RSA-AES128-GCM-SHA256",
                          "ECDHE-RSA-AES256-GCM-SHA384"));
  EXPECT_THAT(Older("ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:"
                    "@STRENGTH"),
              ElementsAre("ECDHE-RSA-AES256-GCM-SHA384",
                          "ECDHE-RSA-AES128-GCM-SHA256"));
}

TEST(CipherListTest, TakesEverySeparator) {
  for (const absl::string_view text :
       {"AES128-SHA:AES256-SHA", "AES128-SHA AES256-SHA",
        "AES128-SHA,AES256-SHA", "AES128-SHA;AES256-SHA",
        ":AES128-SHA: ,AES256-SHA:"}) {
    EXPECT_THAT(Older(text), ElementsAre("AES128-SHA", "AES256-SHA")) << text;
  }
}

TEST(CipherListTest, TakesIntersectionsRemovalsAndMoves) {
  EXPECT_THAT(Older("ECDHE+aRSA+AESGCM"),
              ElementsAre("ECDHE-RSA-AES128-GCM-SHA256",
                          "ECDHE-RSA-AES256-GCM-SHA384"));
  EXPECT_THAT(Older("kRSA+AES:-SHA1"),
              ElementsAre("AES128-GCM-SHA256", "AES256-GCM-SHA384"));
  EXPECT_THAT(Older("AES128-SHA:AES256-SHA:+AES128"),
              ElementsAre("AES256-SHA", "AES128-SHA"));
}

TEST(CipherListTest, TakesGroupsOfEqualPreference) {
  const absl::string_view text =
      "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]:AES128-SHA";
  EXPECT_THAT(Older(text),
              ElementsAre("ECDHE-RSA-AES128-GCM-SHA256",
                          "ECDHE-RSA-CHACHA20-POLY1305", "AES128-SHA"));
  EXPECT_THAT(Parse(text).ignored_tokens, IsEmpty());
}

TEST(CipherListTest, LeavesPskOutBesideGroupsToo) {
  EXPECT_THAT(Older("[ECDHE-RSA-AES128-GCM-SHA256]:CHACHA20"),
              Not(Contains(HasSubstr("PSK"))));
  EXPECT_THAT(Older("CHACHA20"), Not(Contains(HasSubstr("PSK"))));
  EXPECT_THAT(Older("[ECDHE-RSA-AES128-GCM-SHA256|PSK-AES128-CBC-SHA]"),
              ElementsAre("ECDHE-RSA-AES128-GCM-SHA256"));
}

TEST(CipherListTest, RefusesToMixGroupsWithRemovals) {
  const absl::Status status =
      ErrorOf("[AES128-SHA|AES256-SHA]:!ECDHE", /*strict=*/false);
  EXPECT_THAT(status, FailsWith(Reason::kCiphersInvalid, "ciphers"));
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("MIXED_SPECIAL_OPERATOR_WITH_GROUPS"));
}

TEST(CipherListTest, IgnoresWhatItDoesNotKnowUnlessStrict) {
  for (const absl::string_view token :
       {"FOO", "!FOO", "-FOO", "+FOO", "ECDHE+FOO", "@SECLEVEL=0", "CAMELLIA",
        "LOW", "[AES128-SHA|FOO]", "[AES128-SHA", "AES128-SHA]",
        "dhe-rsa-aes128-sha"}) {
    const std::string text = absl::StrCat("AES128-SHA:", token);
    EXPECT_THAT(Parse(text).ignored_tokens, ElementsAre(token));
    EXPECT_THAT(Older(text), ElementsAre("AES128-SHA")) << token;
    const absl::Status status = ErrorOf(text, /*strict=*/true);
    EXPECT_THAT(status, FailsWith(Reason::kCiphersInvalid, "ciphers"));
    EXPECT_EQ(tlsd::testing::MetadataOf(status, "got"), token);
  }
  EXPECT_TRUE(ErrorOf("AES128-SHA:!3DES:@STRENGTH", /*strict=*/true).ok());
}

TEST(CipherListTest, RemovalsOfWhatIsAbsentAreFulfilled) {
  for (const absl::string_view removal :
       {"!aNULL", "!eNULL", "!EXPORT", "!DES", "!RC4", "-MD5", "!SRP",
        "!CAMELLIA", "!DSS", "!kDHE", "!DHE+RC4", "!LOW", "!MEDIUM"}) {
    const std::string text = absl::StrCat("AES128-SHA:", removal);
    EXPECT_THAT(Parse(text).ignored_tokens, IsEmpty()) << removal;
    EXPECT_TRUE(ErrorOf(text, /*strict=*/true).ok()) << removal;
  }
}

TEST(CipherListTest, ChoosesAmongTheSuitesOfTls13) {
  struct Row {
    absl::string_view text;
    Tls13Suites suites;
    std::vector<std::string> effective;
  };
  const std::string aes128 = "TLS_AES_128_GCM_SHA256";
  const std::string aes256 = "TLS_AES_256_GCM_SHA384";
  const std::string chacha20 = "TLS_CHACHA20_POLY1305_SHA256";
  const Row rows[] = {
      {"AES128-SHA", Tls13Suites::kAll, {aes128, aes256, chacha20}},
      {"TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384:"
       "TLS_AES_128_GCM_SHA256:AES128-SHA",
       Tls13Suites::kAll,
       {aes128, aes256, chacha20}},
      {"TLS_AES_256_GCM_SHA384:AES128-SHA:TLS_AES_128_GCM_SHA256",
       Tls13Suites::kAesGcm,
       {aes128, aes256}},
      {"TLS_AES_256_GCM_SHA384:AES128-SHA", Tls13Suites::kAes256Gcm, {aes256}},
  };
  for (Row row : rows) {
    EXPECT_EQ(Parse(row.text).tls13_suites, row.suites) << row.text;
    row.effective.push_back("AES128-SHA");
    EXPECT_EQ(Effective(row.text), row.effective) << row.text;
  }
}

TEST(CipherListTest, RefusesChoicesOfTls13ThatTheLibraryHasNot) {
  for (const absl::string_view text :
       {"TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256",
        "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256",
        "AES128-SHA:TLS_AES_128_GCM_SHA256"}) {
    EXPECT_THAT(ErrorOf(text), FailsWith(Reason::kCiphersInvalid, "ciphers"))
        << text;
  }
}

TEST(CipherListTest, HasNoRulesIfAllSuitesAreOfTls13) {
  for (const absl::string_view text :
       {"TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384:!RC4",
        "TLS_AES_256_GCM_SHA384:!3DES:@STRENGTH",
        "TLS_AES_256_GCM_SHA384:FOO"}) {
    EXPECT_EQ(Parse(text).rules, "") << text;
  }
  EXPECT_NE(Parse("TLS_AES_256_GCM_SHA384:AES128").rules, "");
}

TEST(CipherListTest, DoesNotPretendToRemoveSuitesOfTls13) {
  for (const absl::string_view token :
       {"!TLS_CHACHA20_POLY1305_SHA256", "-TLS_AES_128_GCM_SHA256",
        "!AEAD-AES128-GCM-SHA256", "AEAD-AES256-GCM-SHA384"}) {
    EXPECT_THAT(Parse(absl::StrCat("AES128-SHA:", token)).ignored_tokens,
                ElementsAre(token));
  }
}

TEST(CipherListTest, RefusesListsThatSelectNothing) {
  for (const absl::string_view text :
       {":", "FOO", "!AES", "AES128-SHA:!AES128", "RC4:!aNULL", "!RC4",
        "AEAD-AES128-GCM-SHA256"}) {
    EXPECT_THAT(ErrorOf(text), FailsWith(Reason::kCiphersInvalid, "ciphers"))
        << text;
  }
}

TEST(CipherListTest, RefusesPskAlone) {
  for (const absl::string_view text :
       {"PSK", "aPSK", "ECDHE-PSK-AES128-CBC-SHA", "[PSK-AES128-CBC-SHA]"}) {
    const absl::Status status = ErrorOf(text);
    EXPECT_THAT(status, FailsWith(Reason::kCiphersInvalid, "ciphers")) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("PSK")) << text;
  }
  EXPECT_THAT(Older("PSK:AES128-SHA"), ElementsAre("AES128-SHA"));
}

TEST(CipherListTest, LimitsTheLength) {
  std::string text = "AES128-SHA";
  text.resize(4096, ':');
  EXPECT_THAT(Older(text), ElementsAre("AES128-SHA"));
  EXPECT_THAT(ErrorOf(text + ":"),
              FailsWith(Reason::kCiphersInvalid, "ciphers"));
}

TEST(CipherListTest, CountsOnlySuitesOfTheVersionsThatAreOn) {
  const CipherList list = Parse("AES128-GCM-SHA256:AES128-SHA");
  const bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
  ASSERT_TRUE(SetCipherList(list, context.get()).ok());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context.get(), TLS1_1_VERSION);
  EXPECT_THAT(EffectiveCiphers(context.get(), list.tls13_suites),
              ElementsAre("AES128-SHA"));
  SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
  EXPECT_THAT(EffectiveCiphers(context.get(), list.tls13_suites),
              ElementsAre("AES128-GCM-SHA256", "AES128-SHA"));
  SSL_CTX_set_max_proto_version(context.get(), TLS1_3_VERSION);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  EXPECT_EQ(EffectiveCiphers(context.get(), list.tls13_suites).size(), 3u);
}

TEST(CipherListTest, LeavesNoErrorBehind) {
  ASSERT_FALSE(ErrorOf("FOO").ok());
  EXPECT_EQ(ERR_peek_error(), 0u);
}

}  // namespace
}  // namespace tlsd::tls
