#include "server/tls/ech_keys.h"

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/tls/ech_configs.h"

namespace tlsd::tls {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::MetadataOf;

// Of a list: its length, then of the first configuration: version, length, id.
constexpr size_t kConfigIdOffset = 2 + 4;

EchKeyOptions NotForRetry(EchKeyOptions key) {
  key.not_for_retry = true;
  return key;
}

std::shared_ptr<EchKeys> Ring(const std::vector<EchKeyOptions>& keys) {
  auto ring = EchKeys::Create(keys);
  EXPECT_THAT(ring.status(), IsOk());
  return *std::move(ring);
}

void ExpectInvalid(const std::vector<EchKeyOptions>& keys,
                   const std::string& field) {
  const absl::Status status = EchKeys::Create(keys).status();
  EXPECT_THAT(status, FailsWith(Reason::kEchKeyInvalid));
  EXPECT_EQ(MetadataOf(status, "field"), field);
}

TEST(EchKeysTest, HasNothingToLendWithoutKeys) {
  const auto ring = Ring({});
  EXPECT_EQ(ring->config_list(), "");
  EXPECT_EQ(ring->context(), nullptr);
}

TEST(EchKeysTest, ListsWhatIsForRetry) {
  const EchKeyOptions first = MakeEchKey("first.test", 1);
  const EchKeyOptions second = NotForRetry(MakeEchKey("second.test", 2));
  const EchKeyOptions third = MakeEchKey("third.test", 3);
  const auto ring = Ring({first, second, third});
  EXPECT_EQ(ring->config_list(), ConfigListOf({first, third}));
  EXPECT_NE(ring->context(), nullptr);
}

TEST(EchKeysTest, TakesEightKeysAndNoMore) {
  std::vector<EchKeyOptions> keys(8, MakeEchKey("cover.test"));
  EXPECT_EQ(Ring(keys)->config_list(), ConfigListOf(keys));
  keys.push_back(keys[0]);
  ExpectInvalid(keys, "ech_keys");
}

TEST(EchKeysTest, NeedsOneForRetry) {
  ExpectInvalid({NotForRetry(MakeEchKey("cover.test"))}, "ech_keys");
}

TEST(EchKeysTest, RefusesWhatIsNoConfig) {
  const EchKeyOptions good = MakeEchKey("cover.test");
  EchKeyOptions bad = good;
  bad.config = ConfigListOf({good});
  ExpectInvalid({good, bad}, "ech_keys[1].config");
  bad.config = "";
  ExpectInvalid({bad}, "ech_keys[0].config");
  bad.config = good.config.substr(0, good.config.size() - 1);
  ExpectInvalid({bad}, "ech_keys[0].config");
  bad.config = good.config + "x";
  ExpectInvalid({bad}, "ech_keys[0].config");
  // Another version.
  bad.config = good.config;
  bad.config[1] ^= 0x01;
  ExpectInvalid({bad}, "ech_keys[0].config");
}

TEST(EchKeysTest, RefusesWhatIsNotItsKey) {
  EchKeyOptions bad = MakeEchKey("cover.test");
  const std::string secret = bad.private_key;
  bad.private_key = MakeEchKey("cover.test").private_key;
  ExpectInvalid({bad}, "ech_keys[0].private_key");
  for (const size_t size : {0, 31, 33}) {
    bad.private_key = std::string(size, 'k');
    ExpectInvalid({bad}, "ech_keys[0].private_key");
  }
  bad.private_key = secret + "k";
  EXPECT_THAT(std::string(EchKeys::Create({bad}).status().message()),
              Not(HasSubstr(secret)));
}

// Rotation.

TEST(EchKeysTest, RotatesToAKeyOfItsOwn) {
  const auto ring = Ring({});
  EXPECT_EQ(*ring->Rotate("Cover.Test.", 100), 1);
  const std::string list = ring->config_list();
  EXPECT_THAT(list, HasSubstr("\x64\x0a"
                              "cover.test"));
  EXPECT_NE(ring->context(), nullptr);
}

TEST(EchKeysTest, OffersOnlyTheNewestForRetry) {
  const EchKeyOptions given = MakeEchKey("given.test");
  const auto ring = Ring({given});
  EXPECT_EQ(*ring->Rotate("second.test", 64), 2);
  EXPECT_EQ(*ring->Rotate("third.test", 64), 3);
  EXPECT_THAT(ring->config_list(), HasSubstr("third.test"));
  EXPECT_THAT(ring->config_list(), Not(HasSubstr("second.test")));
  EXPECT_THAT(ring->config_list(), Not(HasSubstr("given.test")));
}

TEST(EchKeysTest, KeepsEightKeysWithDifferentIds) {
  const auto ring = Ring({});
  std::set<char> ids;
  for (int count = 1; count <= 8; ++count) {
    EXPECT_EQ(*ring->Rotate("cover.test", 64), count);
    ids.insert(ring->config_list()[kConfigIdOffset]);
  }
  EXPECT_THAT(ids, SizeIs(8));
  EXPECT_EQ(*ring->Rotate("cover.test", 64), 8);
}

TEST(EchKeysTest, LendsTheKeysOfTheMoment) {
  const auto ring = Ring({MakeEchKey("cover.test")});
  const bssl::UniquePtr<SSL_CTX> before = ring->context();
  EXPECT_EQ(ring->context(), before);
  ASSERT_THAT(ring->Rotate("cover.test", 64).status(), IsOk());
  EXPECT_NE(ring->context(), before);
}

TEST(EchKeysTest, RefusesAPublicNameThatIsNone) {
  const auto ring = Ring({});
  EXPECT_THAT(ring->Rotate("", 64).status(), FailsWith(Reason::kFieldRequired));
  for (const char* name :
       {"127.0.0.1", "::1", "a..b", "-a.test", "a_b.test", "a.0x1"}) {
    const absl::Status status = ring->Rotate(name, 64).status();
    EXPECT_THAT(status, FailsWith(Reason::kServerNameInvalid)) << name;
    EXPECT_EQ(MetadataOf(status, "field"), "public_name");
  }
  EXPECT_THAT(ring->config_list(), IsEmpty());
}

TEST(EchKeysTest, RefusesALengthThatIsNone) {
  const auto ring = Ring({});
  for (const int length : {-1, 0, 256}) {
    const absl::Status status = ring->Rotate("cover.test", length).status();
    EXPECT_THAT(status, FailsWith(Reason::kFieldInvalid)) << length;
    EXPECT_EQ(MetadataOf(status, "field"), "max_name_length");
  }
  EXPECT_EQ(*ring->Rotate("cover.test", 1), 1);
  EXPECT_EQ(*ring->Rotate("cover.test", 255), 2);
}

}  // namespace
}  // namespace tlsd::tls
