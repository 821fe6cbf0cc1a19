#include "server/tls/ticket_keys.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/byte_queue.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::tls {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Optional;
using ::tlsd::testing::FailsWith;

constexpr absl::Time kStart = absl::FromUnixSeconds(365 * 24 * 3600);

std::string KeyBytes(char fill, size_t size = TicketKeys::kKeyBytes) {
  return std::string(size, fill);
}

std::shared_ptr<TicketKeys> Ring(const std::vector<std::string>& keys) {
  auto ring = TicketKeys::FromBytes(keys);
  EXPECT_TRUE(ring.ok()) << ring.status();
  return *std::move(ring);
}

const std::string& SessionText() {
  static const auto& text = *new std::string("what a session has to say");
  return text;
}

std::string NameOf(const std::string& ticket) {
  return ticket.substr(0, TicketKeys::kNameBytes);
}

std::string Seal(TicketKeys& keys, absl::Time now,
                 absl::Duration session_timeout = absl::Seconds(300),
                 const std::string& session = SessionText()) {
  std::string ticket(session.size() + TicketKeys::kOverheadBytes, '\0');
  const std::optional<size_t> size =
      keys.Seal(now, session_timeout, base::AsBytes(session),
                reinterpret_cast<uint8_t*>(ticket.data()));
  EXPECT_TRUE(size.has_value());
  EXPECT_LE(size.value_or(0), ticket.size());
  ticket.resize(size.value_or(0));
  return ticket;
}

std::optional<std::string> Open(TicketKeys& keys, absl::Time now,
                                const std::string& ticket) {
  std::string session(ticket.size(), '\0');
  const std::optional<size_t> size = keys.Open(
      now, base::AsBytes(ticket), reinterpret_cast<uint8_t*>(session.data()));
  if (!size.has_value()) return std::nullopt;
  session.resize(*size);
  return session;
}

TEST(TicketKeysTest, OpensWhatItSeals) {
  const auto given = Ring({KeyBytes('a')});
  const auto automatic = TicketKeys::Automatic();
  for (TicketKeys* ring : {given.get(), automatic.get()}) {
    for (const size_t size : {0, 1, 15, 16, 17, 5000}) {
      const std::string session(size, 's');
      const std::string ticket =
          Seal(*ring, kStart, absl::Seconds(300), session);
      EXPECT_THAT(Open(*ring, kStart, ticket), Optional(session)) << size;
    }
    EXPECT_THAT(Seal(*ring, kStart), Not(HasSubstr(SessionText())));
  }
}

TEST(TicketKeysTest, OpensNothingThatWasAltered) {
  const auto ring = Ring({KeyBytes('a')});
  const std::string ticket = Seal(*ring, kStart);
  for (size_t i = 0; i < ticket.size(); ++i) {
    std::string altered = ticket;
    altered[i] = static_cast<char>(altered[i] ^ 1);
    EXPECT_EQ(Open(*ring, kStart, altered), std::nullopt) << i;
    EXPECT_EQ(Open(*ring, kStart, ticket.substr(0, i)), std::nullopt) << i;
  }
  EXPECT_EQ(Open(*ring, kStart, ticket + "x"), std::nullopt);
}

TEST(TicketKeysTest, NoTwoTicketsAreEqual) {
  const auto ring = Ring({KeyBytes('a')});
  EXPECT_NE(Seal(*ring, kStart), Seal(*ring, kStart));
}

TEST(TicketKeysTest, TheFirstSealsAndAllOpen) {
  const auto ring = Ring({KeyBytes('a'), KeyBytes('b')});
  const auto old = Ring({KeyBytes('b')});
  EXPECT_EQ(NameOf(Seal(*ring, kStart)), std::string(16, 'a'));
  EXPECT_THAT(Open(*ring, kStart, Seal(*old, kStart)), Optional(SessionText()));
  EXPECT_EQ(Open(*old, kStart, Seal(*ring, kStart)), std::nullopt);
}

TEST(TicketKeysTest, TakesNameHmacKeyAndAesKeyInThisOrder) {
  const std::string name(16, 'n');
  const auto whole = Ring({name + std::string(16, 'h') + std::string(16, 'a')});
  const auto other_hmac =
      Ring({name + std::string(16, 'x') + std::string(16, 'a')});
  const auto other_aes =
      Ring({name + std::string(16, 'h') + std::string(16, 'x')});
  const std::string ticket = Seal(*whole, kStart);
  EXPECT_EQ(NameOf(ticket), name);
  EXPECT_EQ(Open(*other_hmac, kStart, ticket), std::nullopt);
  EXPECT_NE(Open(*other_aes, kStart, ticket), std::optional(SessionText()));
}

TEST(TicketKeysTest, GivenKeysDoNotChangeByThemselves) {
  const auto ring = Ring({KeyBytes('a')});
  const std::string ticket = Seal(*ring, kStart);
  const absl::Time later = kStart + absl::Hours(24 * 1000);
  EXPECT_THAT(Open(*ring, later, ticket), Optional(SessionText()));
  EXPECT_EQ(NameOf(Seal(*ring, later)), NameOf(ticket));
  EXPECT_FALSE(ring->is_automatic());
}

TEST(TicketKeysTest, RotationLosesNoTicket) {
  const auto given = Ring({KeyBytes('a')});
  const auto automatic = TicketKeys::Automatic();
  for (TicketKeys* ring : {given.get(), automatic.get()}) {
    const std::string before = Seal(*ring, kStart);
    EXPECT_EQ(ring->Rotate(kStart, KeyBytes('n')).value(), 2);
    EXPECT_EQ(NameOf(Seal(*ring, kStart)), std::string(16, 'n'));
    EXPECT_EQ(ring->Rotate(kStart, "").value(), 3);
    EXPECT_NE(NameOf(Seal(*ring, kStart)), std::string(16, 'n'));
    EXPECT_THAT(Open(*ring, kStart, before), Optional(SessionText()));
  }
}

TEST(TicketKeysTest, RotationDropsTheOldestOfSixteen) {
  const auto ring = Ring({KeyBytes('a')});
  const std::string first = Seal(*ring, kStart);
  for (int i = 0; i < 15; ++i) ASSERT_TRUE(ring->Rotate(kStart, "").ok());
  EXPECT_THAT(Open(*ring, kStart, first), Optional(SessionText()));
  EXPECT_EQ(ring->Rotate(kStart, "").value(), 16);
  EXPECT_EQ(Open(*ring, kStart, first), std::nullopt);
}

TEST(TicketKeysTest, RotationRefusesWhatIsNoNewKey) {
  const auto ring = Ring({KeyBytes('a')});
  EXPECT_THAT(ring->Rotate(kStart, KeyBytes('a')),
              FailsWith(Reason::kTicketKeysInvalid, "key"));
  EXPECT_THAT(ring->Rotate(kStart, KeyBytes('b', 47)),
              FailsWith(Reason::kTicketKeysInvalid, "key"));
  EXPECT_EQ(NameOf(Seal(*ring, kStart)), std::string(16, 'a'));
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
  EXPECT_EQ(Open(*other, kStart, Seal(*one, kStart)), std::nullopt);
}

TEST(TicketKeysTest, RenewsItsOwnKeyEachDay) {
  const auto ring = TicketKeys::Automatic();
  const std::string first = NameOf(Seal(*ring, kStart));
  const absl::Time next_day = kStart + TicketKeys::kPeriod;
  EXPECT_EQ(NameOf(Seal(*ring, next_day - absl::Seconds(1))), first);
  EXPECT_NE(NameOf(Seal(*ring, next_day)), first);
}

TEST(TicketKeysTest, KeepsAnOldKeyAsLongAsItsSessions) {
  const auto ring = TicketKeys::Automatic();
  Seal(*ring, kStart);
  const absl::Time late = kStart + TicketKeys::kPeriod - absl::Seconds(100);
  const std::string last = Seal(*ring, late);
  const absl::Time end = late + absl::Seconds(300);
  EXPECT_THAT(Open(*ring, kStart + TicketKeys::kPeriod, last),
              Optional(SessionText()));
  EXPECT_THAT(Open(*ring, end - absl::Seconds(1), last),
              Optional(SessionText()));
  EXPECT_EQ(Open(*ring, end, last), std::nullopt);
}

TEST(TicketKeysTest, KeepsKeysForTheLongestOfTheirSessions) {
  const auto ring = TicketKeys::Automatic();
  constexpr absl::Duration kWeek = absl::Hours(7 * 24);
  const std::string first = Seal(*ring, kStart, kWeek);
  Seal(*ring, kStart, absl::Seconds(1));
  const absl::Time end = kStart + kWeek;
  // A key is made on each day that has handshakes.
  for (absl::Time day = kStart; day < end; day += TicketKeys::kPeriod) {
    Seal(*ring, day);
  }
  EXPECT_THAT(Open(*ring, end - absl::Seconds(1), first),
              Optional(SessionText()));
  EXPECT_EQ(Open(*ring, end, first), std::nullopt);
}

TEST(TicketKeysTest, SealsAfterALongSilence) {
  const auto ring = TicketKeys::Automatic();
  const std::string first = Seal(*ring, kStart);
  const absl::Time later = kStart + absl::Hours(24 * 365);
  const std::string second = Seal(*ring, later);
  EXPECT_THAT(Open(*ring, later, second), Optional(SessionText()));
  EXPECT_EQ(Open(*ring, later, first), std::nullopt);
}

}  // namespace
}  // namespace tlsd::tls
