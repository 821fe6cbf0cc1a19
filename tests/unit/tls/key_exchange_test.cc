#include "server/tls/key_exchange.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/policy.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/tls/dh_parameters.h"

namespace tlsd::tls {
namespace {

using ::testing::HasSubstr;
using ::tlsd::testing::FailsWith;

TEST(KeyExchangeTest, NoGroupsAndAutoMeanTheDefault) {
  EXPECT_EQ(ParseGroups({}).value(), kGroupList);
  EXPECT_EQ(ParseGroups({"auto"}).value(), kGroupList);
}

TEST(KeyExchangeTest, TakesEveryNameOfAGroup) {
  EXPECT_EQ(ParseGroups(
                {"x25519", "prime256v1", "secp384r1", "secp521r1", "secp224r1"})
                .value(),
            "X25519:P-256:P-384:P-521:P-224");
  EXPECT_EQ(ParseGroups({"secp256r1"}).value(), "P-256");
}

TEST(KeyExchangeTest, TakesListsInOneStringAndKeepsTheOrder) {
  EXPECT_EQ(ParseGroups({"P-384:prime256v1", "X25519"}).value(),
            "P-384:P-256:X25519");
}

TEST(KeyExchangeTest, TheLibraryTakesEveryGroup) {
  for (const std::string& name : SupportedGroups()) {
    const bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
    EXPECT_TRUE(SSL_CTX_set1_groups_list(context.get(),
                                         ParseGroups({name}).value().c_str()))
        << name;
  }
}

TEST(KeyExchangeTest, RefusesOtherGroupsAndSaysWhatThereIs) {
  for (const char* name :
       {"P256KYBER", "P256Kyber768Draft00", "X25519Kyber768Draft00",
        "X25519MLKEM768", "secp256k1", "brainpoolP256r1", "ffdhe2048", "X448",
        "p-256", "false", "", "auto:P-256", " P-256"}) {
    const absl::Status status = ParseGroups({"P-384", name}).status();
    EXPECT_THAT(status, FailsWith(Reason::kGroupUnsupported, "groups[1]"))
        << name;
    EXPECT_THAT(std::string(status.message()), HasSubstr("X25519, P-256"));
  }
  EXPECT_THAT(ParseGroups({"P-256", "auto"}),
              FailsWith(Reason::kGroupUnsupported, "groups[1]"));
}

TEST(KeyExchangeTest, RefusesGroupsNamedTwice) {
  EXPECT_THAT(ParseGroups({"P-256", "P-256"}),
              FailsWith(Reason::kGroupUnsupported, "groups[1]"));
  EXPECT_THAT(ParseGroups({"P-256", "prime256v1"}),
              FailsWith(Reason::kGroupUnsupported, "groups[1]"));
  EXPECT_THAT(ParseGroups({"X25519:P-256:x25519"}),
              FailsWith(Reason::kGroupUnsupported, "groups[0]"));
}

TEST(KeyExchangeTest, SaysWhatToDoInstead) {
  const auto message = [](const char* name) {
    return std::string(ParseGroups({name}).status().message());
  };
  EXPECT_THAT(message("false"), HasSubstr("kRSA"));
  EXPECT_THAT(message("X25519MLKEM768"), HasSubstr("post-quantum"));
  EXPECT_THAT(message("P-257"), Not(HasSubstr("post-quantum")));
}

TEST(KeyExchangeTest, WarnsThatDhParametersHaveNoEffect) {
  for (const char* pem : {kDh1024, kDh2048, "auto"}) {
    const auto warning = CheckDhParams(pem).value();
    ASSERT_TRUE(warning.has_value());
    EXPECT_THAT(*warning, HasSubstr("dh_params: accepted"));
    EXPECT_THAT(*warning, HasSubstr("without effect"));
  }
  EXPECT_THAT(*CheckDhParams(kDh2048).value(), HasSubstr("2048 bits"));
  EXPECT_FALSE(CheckDhParams("").value().has_value());
}

TEST(KeyExchangeTest, RefusesShortDhParameters) {
  const absl::Status status = CheckDhParams(kDh512).status();
  EXPECT_THAT(status, FailsWith(Reason::kDhParamsTooSmall, "dh_params"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("512 bits"));
}

TEST(KeyExchangeTest, DropsMalformedDhParametersWithAWarning) {
  const std::string broken =
      absl::StrReplaceAll(kDh2048, {{"MIIBCAKCAQEA", "AAAAAAAAAAAA"}});
  for (const std::string& pem :
       {std::string("text"), broken, std::string(64 * 1024, 'x')}) {
    const auto warning = CheckDhParams(pem).value();
    ASSERT_TRUE(warning.has_value());
    EXPECT_THAT(*warning, HasSubstr("not understood and dropped"));
  }
  EXPECT_EQ(ERR_peek_error(), 0u);
  EXPECT_THAT(CheckDhParams(std::string(64 * 1024 + 1, 'x')),
              FailsWith(Reason::kFieldInvalid, "dh_params"));
}

}  // namespace
}  // namespace tlsd::tls
