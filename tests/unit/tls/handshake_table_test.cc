#include "server/tls/handshake_table.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace tlsd::tls {
namespace {

HandshakeFacts FactsOf(const std::string& server_name) {
  HandshakeFacts facts;
  facts.protocol = "TLSv1.3";
  facts.server_name = server_name;
  return facts;
}

TEST(HandshakeTableTest, SharesEqualFacts) {
  HandshakeTable table;

  const auto first = table.Share(FactsOf("a.test"));

  EXPECT_EQ(first->server_name, "a.test");
  EXPECT_EQ(table.Share(FactsOf("a.test")), first);
}

TEST(HandshakeTableTest, KeepsApartWhatDiffersInAnything) {
  HandshakeTable table;
  const auto first = table.Share(FactsOf("a.test"));
  HandshakeFacts other = FactsOf("a.test");
  other.shared_signature_algorithms = {"ed25519"};

  const auto second = table.Share(other);

  EXPECT_NE(second, first);
  EXPECT_EQ(*second, other);
  EXPECT_TRUE(first->shared_signature_algorithms.empty());
}

TEST(HandshakeTableTest, KeepsNoFactsAlive) {
  HandshakeTable table;
  auto held = table.Share(FactsOf("a.test"));
  const std::weak_ptr<const HandshakeFacts> watched = held;

  held.reset();

  EXPECT_TRUE(watched.expired());
  EXPECT_EQ(table.Share(FactsOf("a.test"))->server_name, "a.test");
}

TEST(HandshakeTableTest, TellsRightFactsWhereThereIsNoPlaceForAll) {
  HandshakeTable table;
  std::vector<std::shared_ptr<const HandshakeFacts>> held;
  for (int i = 0; i < 1000; ++i) {
    held.push_back(table.Share(FactsOf(absl::StrCat(i, ".test"))));
  }

  for (int i = 0; i < 1000; ++i) {
    const std::string name = absl::StrCat(i, ".test");
    EXPECT_EQ(held[static_cast<size_t>(i)]->server_name, name);
    EXPECT_EQ(table.Share(FactsOf(name))->server_name, name);
  }
}

TEST(HandshakeTableTest, ServesManyThreads) {
  HandshakeTable table;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&table] {
      for (int i = 0; i < 1000; ++i) {
        const std::string name = absl::StrCat(i % 7, ".test");
        EXPECT_EQ(table.Share(FactsOf(name))->server_name, name);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(ShareHandshakeFactsTest, SharesAcrossTheProcess) {
  const auto first = ShareHandshakeFacts(FactsOf("a.test"));

  EXPECT_EQ(ShareHandshakeFacts(FactsOf("a.test")), first);
  EXPECT_NE(ShareHandshakeFacts(FactsOf("b.test")), first);
}

}  // namespace
}  // namespace tlsd::tls
