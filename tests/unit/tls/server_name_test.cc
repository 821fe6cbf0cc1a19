#include "server/tls/server_name.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::tls {
namespace {

using ::tlsd::testing::FailsWith;

struct GoodRow {
  const char* name;
  ServerName::Kind kind;
  const char* text;
};

TEST(ServerNameTest, TakesNamesAndAddresses) {
  constexpr auto kDns = ServerName::Kind::kDns;
  constexpr auto kIp = ServerName::Kind::kIpAddress;
  const GoodRow rows[] = {
      {"localhost", kDns, "localhost"},
      {"WWW.Example.COM", kDns, "www.example.com"},
      {"example.com.", kDns, "example.com"},
      {"_sip._tcp.example.com", kDns, "_sip._tcp.example.com"},
      {"xn--bcher-kva.example", kDns, "xn--bcher-kva.example"},
      {"1.example", kDns, "1.example"},
      {"127.0.0.1", kIp, "127.0.0.1"},
      {"::1", kIp, "::1"},
      {"2001:DB8::1", kIp, "2001:db8::1"},
      {"fe80::1%eth0", kIp, "fe80::1"},
  };
  for (const GoodRow& row : rows) {
    ASSERT_OK_AND_ASSIGN(const ServerName name,
                         ParseServerName("server_name", row.name));
    EXPECT_EQ(name.kind, row.kind) << row.name;
    EXPECT_EQ(name.text, row.text) << row.name;
  }
}

TEST(ServerNameTest, RefusesWhatIsNeither) {
  const std::string rows[] = {
      "",
      ".",
      "a..b",
      ".example.com",
      "example.com..",
      "a b.example",
      "*.example.com",
      "http://example.com",
      "example.com:443",
      "[::1]",
      "127.1",
      "1.2.3.4.5",
      "0x7f000001",
      "127.0.0.1%eth0",
      "b\xc3\xbc"
      "cher.example",
      std::string("localhost\0.example.com", 22),
      std::string("127.0.0.1\0", 10),
      std::string(64, 'a') + ".example",
  };
  for (const std::string& name : rows) {
    EXPECT_THAT(ParseServerName("server_names[3]", name),
                FailsWith(Reason::kServerNameInvalid, "server_names[3]"))
        << name;
  }
}

TEST(ServerNameTest, LimitsNamesAndLabels) {
  const std::string label(63, 'a');
  const std::string longest =
      label + "." + label + "." + label + "." + std::string(61, 'a');
  ASSERT_EQ(longest.size(), 253u);

  EXPECT_TRUE(ParseServerName("n", longest).ok());
  EXPECT_TRUE(ParseServerName("n", longest + ".").ok());
  EXPECT_FALSE(ParseServerName("n", longest + "a").ok());
  EXPECT_TRUE(ParseServerName("n", label).ok());
  EXPECT_FALSE(ParseServerName("n", label + "a").ok());
}

TEST(ServerNameTest, EscapesWhatPeersSend) {
  EXPECT_EQ(DisplayServerName("www.example.com"), "www.example.com");
  EXPECT_EQ(DisplayServerName("a\n\xff"), "a\\n\\xff");
}

}  // namespace
}  // namespace tlsd::tls
