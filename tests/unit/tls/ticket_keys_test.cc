#include "server/tls/ticket_keys.h"

#include <openssl/cipher.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::tls {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::tlsd::testing::FailsWith;
using OpenResult = TicketKeys::OpenResult;

constexpr absl::Time kStart = absl::FromUnixSeconds(365 * 24 * 3600);

std::string KeyBytes(char fill, size_t size = TicketKeys::kKeyBytes) {
  return std::string(size, fill);
}

std::shared_ptr<TicketKeys> Ring(const std::vector<std::string>& keys) {
  auto ring = TicketKeys::FromBytes(keys);
  EXPECT_TRUE(ring.ok()) << ring.status();
  return *std::move(ring);
}

// Sealed is a ticket's content, sealed as BoringSSL does.
struct Sealed {
  std::string name;
  std::string iv;
  std::string ciphertext;
  std::string mac;
};

std::string Mac(HMAC_CTX* hmac, const std::string& text) {
  uint8_t mac[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EXPECT_TRUE(HMAC_Update(hmac, reinterpret_cast<const uint8_t*>(text.data()),
                          text.size()));
  EXPECT_TRUE(HMAC_Final(hmac, mac, &size));
  return std::string(reinterpret_cast<const char*>(mac), size);
}

// The bytes of one block, en- or decrypted.
std::string Crypt(EVP_CIPHER_CTX* cipher, const std::string& text) {
  EVP_CIPHER_CTX_set_padding(cipher, 0);
  std::string out(text.size() + EVP_MAX_BLOCK_LENGTH, '\0');
  int size = 0;
  EXPECT_TRUE(EVP_CipherUpdate(cipher, reinterpret_cast<uint8_t*>(out.data()),
                               &size,
                               reinterpret_cast<const uint8_t*>(text.data()),
                               static_cast<int>(text.size())));
  out.resize(size);
  return out;
}

Sealed Seal(TicketKeys& keys, absl::Time now, const std::string& block,
            absl::Duration session_timeout = absl::Seconds(300)) {
  uint8_t name[TicketKeys::kNameBytes];
  uint8_t iv[EVP_MAX_IV_LENGTH];
  bssl::ScopedEVP_CIPHER_CTX cipher;
  bssl::ScopedHMAC_CTX hmac;
  EXPECT_TRUE(
      keys.Seal(now, session_timeout, name, iv, cipher.get(), hmac.get()));
  Sealed sealed;
  sealed.name.assign(reinterpret_cast<const char*>(name), sizeof(name));
  sealed.iv.assign(reinterpret_cast<const char*>(iv), sizeof(iv));
  sealed.ciphertext = Crypt(cipher.get(), block);
  sealed.mac = Mac(hmac.get(), sealed.ciphertext);
  return sealed;
}

struct Opened {
  OpenResult result;
  std::string block;
  std::string mac;
};

Opened Open(TicketKeys& keys, absl::Time now, const Sealed& sealed) {
  bssl::ScopedEVP_CIPHER_CTX cipher;
  bssl::ScopedHMAC_CTX hmac;
  Opened opened;
  opened.result =
      keys.Open(now, reinterpret_cast<const uint8_t*>(sealed.name.data()),
                reinterpret_cast<const uint8_t*>(sealed.iv.data()),
                cipher.get(), hmac.get());
  if (opened.result == OpenResult::kUnknownKey) return opened;
  opened.block = Crypt(cipher.get(), sealed.ciphertext);
  opened.mac = Mac(hmac.get(), sealed.ciphertext);
  return opened;
}

constexpr char kBlock[] = "sixteen  letters";

TEST(TicketKeysTest, OpensWhatItSeals) {
  const auto given = Ring({KeyBytes('a')});
  const auto automatic = TicketKeys::Automatic();
  for (TicketKeys* ring : {given.get(), automatic.get()}) {
    const Sealed sealed = Seal(*ring, kStart, kBlock);
    EXPECT_NE(sealed.ciphertext, kBlock);
    const Opened opened = Open(*ring, kStart, sealed);
    EXPECT_EQ(opened.result, OpenResult::kOpened);
    EXPECT_EQ(opened.block, kBlock);
    EXPECT_EQ(opened.mac, sealed.mac);
  }
}

TEST(TicketKeysTest, SealsWithAFreshIv) {
  const auto ring = Ring({KeyBytes('a')});
  EXPECT_NE(Seal(*ring, kStart, kBlock).iv, Seal(*ring, kStart, kBlock).iv);
}

TEST(TicketKeysTest, TheFirstSealsAndAllOpen) {
  const auto ring = Ring({KeyBytes('a'), KeyBytes('b')});
  const auto old = Ring({KeyBytes('b')});
  EXPECT_EQ(Seal(*ring, kStart, kBlock).name, std::string(16, 'a'));

  const Opened opened = Open(*ring, kStart, Seal(*old, kStart, kBlock));
  EXPECT_EQ(opened.result, OpenResult::kOpenedByOldKey);
  EXPECT_EQ(opened.block, kBlock);
  EXPECT_EQ(Open(*old, kStart, Seal(*ring, kStart, kBlock)).result,
            OpenResult::kUnknownKey);
}

TEST(TicketKeysTest, TakesNameHmacKeyAndAesKeyInThisOrder) {
  const std::string name(16, 'n');
  const auto whole = Ring({name + std::string(16, 'h') + std::string(16, 'a')});
  const auto other_hmac =
      Ring({name + std::string(16, 'x') + std::string(16, 'a')});
  const auto other_aes =
      Ring({name + std::string(16, 'h') + std::string(16, 'x')});
  const Sealed sealed = Seal(*whole, kStart, kBlock);
  EXPECT_EQ(sealed.name, name);

  EXPECT_EQ(Open(*other_hmac, kStart, sealed).block, kBlock);
  EXPECT_NE(Open(*other_hmac, kStart, sealed).mac, sealed.mac);
  EXPECT_NE(Open(*other_aes, kStart, sealed).block, kBlock);
  EXPECT_EQ(Open(*other_aes, kStart, sealed).mac, sealed.mac);
}

TEST(TicketKeysTest, GivenKeysNeverChange) {
  const auto ring = Ring({KeyBytes('a')});
  const Sealed sealed = Seal(*ring, kStart, kBlock);
  const absl::Time later = kStart + absl::Hours(24 * 1000);
  EXPECT_EQ(Open(*ring, later, sealed).result, OpenResult::kOpened);
  EXPECT_EQ(Seal(*ring, later, kBlock).name, sealed.name);
  EXPECT_FALSE(ring->is_automatic());
}

TEST(TicketKeysTest, RefusesKeysOfAnotherSize) {
  for (const size_t size : {0, 16, 32, 47, 49, 80}) {
    EXPECT_THAT(TicketKeys::FromBytes({KeyBytes('a'), KeyBytes('b', size)}),
                FailsWith(Reason::kTicketKeysInvalid, "ticket_keys[1]"))
        << size;
  }
}

TEST(TicketKeysTest, RefusesKeysOfTheSameName) {
  EXPECT_THAT(TicketKeys::FromBytes({KeyBytes('a'), KeyBytes('a')}),
              FailsWith(Reason::kTicketKeysInvalid, "ticket_keys[1]"));
  std::string same_name = KeyBytes('b');
  same_name.replace(0, 16, 16, 'a');
  EXPECT_THAT(TicketKeys::FromBytes({KeyBytes('a'), KeyBytes('c'), same_name}),
              FailsWith(Reason::kTicketKeysInvalid, "ticket_keys[2]"));
}

TEST(TicketKeysTest, RefusesMoreThanSixteen) {
  std::vector<std::string> keys;
  for (char fill = 'a'; fill < 'a' + 16; ++fill) keys.push_back(KeyBytes(fill));
  EXPECT_TRUE(TicketKeys::FromBytes(keys).ok());
  keys.push_back(KeyBytes('z'));
  EXPECT_THAT(TicketKeys::FromBytes(keys),
              FailsWith(Reason::kTicketKeysInvalid, "ticket_keys"));
}

TEST(TicketKeysTest, ShowsNoKeyInErrors) {
  const std::string text =
      TicketKeys::FromBytes({KeyBytes('k'), KeyBytes('k')}).status().ToString();
  EXPECT_THAT(text, Not(HasSubstr("kkkk")));
}

TEST(TicketKeysTest, OwnKeysAreSecretFromOtherRings) {
  const auto one = TicketKeys::Automatic();
  const auto other = TicketKeys::Automatic();
  EXPECT_TRUE(one->is_automatic());
  EXPECT_EQ(Open(*other, kStart, Seal(*one, kStart, kBlock)).result,
            OpenResult::kUnknownKey);
}

TEST(TicketKeysTest, RenewsItsOwnKeyEachDay) {
  const auto ring = TicketKeys::Automatic();
  const Sealed first = Seal(*ring, kStart, kBlock);
  EXPECT_EQ(
      Seal(*ring, kStart + TicketKeys::kPeriod - absl::Seconds(1), kBlock).name,
      first.name);
  EXPECT_NE(Seal(*ring, kStart + TicketKeys::kPeriod, kBlock).name, first.name);
}

TEST(TicketKeysTest, KeepsAnOldKeyAsLongAsItsSessions) {
  const auto ring = TicketKeys::Automatic();
  Seal(*ring, kStart, kBlock);
  const absl::Time late = kStart + TicketKeys::kPeriod - absl::Seconds(100);
  const Sealed last = Seal(*ring, late, kBlock);
  const absl::Time end = late + absl::Seconds(300);
  EXPECT_EQ(Open(*ring, kStart + TicketKeys::kPeriod, last).result,
            OpenResult::kOpenedByOldKey);
  EXPECT_EQ(Open(*ring, end - absl::Seconds(1), last).result,
            OpenResult::kOpenedByOldKey);
  EXPECT_EQ(Open(*ring, end, last).result, OpenResult::kUnknownKey);
}

TEST(TicketKeysTest, KeepsKeysForTheLongestOfTheirSessions) {
  const auto ring = TicketKeys::Automatic();
  constexpr absl::Duration kWeek = absl::Hours(7 * 24);
  const Sealed first = Seal(*ring, kStart, kBlock, kWeek);
  Seal(*ring, kStart, kBlock, absl::Seconds(1));
  const absl::Time end = kStart + kWeek;
  // A key is made on each day that has handshakes.
  for (absl::Time day = kStart; day < end; day += TicketKeys::kPeriod) {
    Seal(*ring, day, kBlock);
  }
  EXPECT_EQ(Open(*ring, end - absl::Seconds(1), first).result,
            OpenResult::kOpenedByOldKey);
  EXPECT_EQ(Open(*ring, end, first).result, OpenResult::kUnknownKey);
}

TEST(TicketKeysTest, SealsAfterALongSilence) {
  const auto ring = TicketKeys::Automatic();
  const Sealed first = Seal(*ring, kStart, kBlock);
  const absl::Time later = kStart + absl::Hours(24 * 365);
  const Sealed second = Seal(*ring, later, kBlock);
  EXPECT_EQ(Open(*ring, later, second).result, OpenResult::kOpened);
  EXPECT_EQ(Open(*ring, later, first).result, OpenResult::kUnknownKey);
}

}  // namespace
}  // namespace tlsd::tls
