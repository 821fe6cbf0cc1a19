#include "server/net/socket_address.h"

#include <string>

#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"

namespace tlsd::net {
namespace {

using ::testing::HasSubstr;
using Family = SocketAddress::Family;

TEST(SocketAddressTest, WritesEachFamilyInItsForm) {
  EXPECT_EQ((SocketAddress{Family::kIpv4, 80, "127.0.0.1"}).ToString(),
            "127.0.0.1:80");
  EXPECT_EQ((SocketAddress{Family::kIpv6, 80, "::1"}).ToString(), "[::1]:80");
  EXPECT_EQ((SocketAddress{Family::kUnix, 0, "/a/b"}).ToString(), "unix:/a/b");
  EXPECT_EQ(SocketAddress().ToString(), "");
}

TEST(EndpointTest, ReadsHostAndPort) {
  for (const absl::string_view host :
       {"localhost", "127.0.0.1", "a-b.example.com", "example.com.", "_x",
        "1a"}) {
    const auto endpoint = ParseEndpoint("address", std::string(host) + ":8443");

    ASSERT_TRUE(endpoint.ok()) << endpoint.status();
    EXPECT_EQ(endpoint->host, host);
    EXPECT_EQ(endpoint->port, 8443);
    EXPECT_FALSE(endpoint->is_unix());
  }
}

TEST(EndpointTest, ReadsAnIpv6AddressInBrackets) {
  for (const absl::string_view host :
       {"::", "::1", "2001:db8::1", "::ffff:1.2.3.4", "fe80::1%eth0"}) {
    const auto endpoint =
        ParseEndpoint("address", "[" + std::string(host) + "]:1");

    ASSERT_TRUE(endpoint.ok()) << endpoint.status();
    EXPECT_EQ(endpoint->host, host);
  }
}

TEST(EndpointTest, ReadsAnEmptyHostAsEveryInterface) {
  const auto endpoint = ParseEndpoint("address", ":0");

  ASSERT_TRUE(endpoint.ok()) << endpoint.status();
  EXPECT_EQ(endpoint->host, "");
  EXPECT_EQ(endpoint->port, 0);
}

TEST(EndpointTest, ReadsAUnixPathOfUpTo107Bytes) {
  for (const size_t size : {2, 106, 107}) {
    const std::string path = "/" + std::string(size - 1, 'a');
    const auto endpoint = ParseEndpoint("address", "unix:" + path);

    ASSERT_TRUE(endpoint.ok()) << endpoint.status();
    EXPECT_EQ(endpoint->path, path);
    EXPECT_TRUE(endpoint->is_unix());
  }
}

TEST(EndpointTest, ReadsPortsUpTo65535) {
  EXPECT_EQ(ParseEndpoint("address", "a:65535")->port, 65535);
  EXPECT_FALSE(ParseEndpoint("address", "a:65536").ok());
}

TEST(EndpointTest, RefusesEverythingElse) {
  for (const absl::string_view text : {"",
                                       ":",
                                       "localhost",
                                       "localhost:",
                                       "localhost:http",
                                       "a:+1",
                                       "a:-1",
                                       "a: 1",
                                       "a:1 ",
                                       "a:000001",
                                       "::1:80",
                                       "::1",
                                       "[::1]",
                                       "[::1:80",
                                       "[::1]80",
                                       "::1]:80",
                                       "[]:80",
                                       "[127.0.0.1]:80",
                                       "[localhost]:80",
                                       "a b:80",
                                       "a/b:80",
                                       "http://a:80",
                                       "user@a:80",
                                       "a:80:90",
                                       "127.1:80",
                                       "1:80",
                                       "...:80",
                                       "ä:80",
                                       "[fe80::1%]:80",
                                       "unix:",
                                       "unix:/",
                                       "unix:relative",
                                       "fe80::1%eth0:80"}) {
    EXPECT_TRUE(HasReason(ParseEndpoint("address", text).status(),
                          Reason::kAddressInvalid))
        << text;
  }
}

TEST(EndpointTest, RefusesWhatIsTooLongOrHoldsANul) {
  for (const std::string& text :
       {"unix:/" + std::string(107, 'a'), std::string("unix:/a\0b", 9),
        std::string("a\0b:80", 6), std::string(254, 'a') + ":80"}) {
    EXPECT_TRUE(HasReason(ParseEndpoint("address", text).status(),
                          Reason::kAddressInvalid))
        << text;
  }
}

TEST(EndpointTest, NamesTheFieldAndTheFormsThatAreAllowed) {
  const absl::Status error = ParseEndpoint("listener.address", "x").status();

  EXPECT_THAT(std::string(error.message()),
              HasSubstr("listener.address: got \"x\""));
  EXPECT_THAT(std::string(error.message()), HasSubstr("host:port"));
}

TEST(EndpointTest, WritesTheFormThatItReads) {
  for (const absl::string_view text :
       {"localhost:80", "127.0.0.1:0", "[::1]:8443", ":8443", "unix:/a/b"}) {
    EXPECT_EQ(ParseEndpoint("address", text)->ToString(), text);
  }
}

TEST(IpEndpointTest, ReadsAnAddressWithOrWithoutAPort) {
  const struct {
    absl::string_view text;
    SocketAddress expected;
  } cases[] = {{"192.0.2.1", {Family::kIpv4, 0, "192.0.2.1"}},
               {"192.0.2.1:80", {Family::kIpv4, 80, "192.0.2.1"}},
               {"0.0.0.0:65535", {Family::kIpv4, 65535, "0.0.0.0"}},
               {"::1", {Family::kIpv6, 0, "::1"}},
               {"::", {Family::kIpv6, 0, "::"}},
               {"[::1]:80", {Family::kIpv6, 80, "::1"}},
               {"[2001:DB8::0:1]:0", {Family::kIpv6, 0, "2001:db8::1"}},
               {"2001:db8::80", {Family::kIpv6, 0, "2001:db8::80"}},
               {"[::ffff:1.2.3.4]:5", {Family::kIpv4, 5, "1.2.3.4"}},
               {"::ffff:1.2.3.4", {Family::kIpv4, 0, "1.2.3.4"}}};
  for (const auto& [text, expected] : cases) {
    const auto address = ParseIpEndpoint("local_address", text);

    ASSERT_TRUE(address.ok()) << address.status();
    EXPECT_EQ(*address, expected) << text;
  }
}

TEST(IpEndpointTest, RefusesEverythingElse) {
  for (const absl::string_view text : {"",
                                       ":",
                                       ":80",
                                       "localhost",
                                       "localhost:80",
                                       "192.0.2.1:",
                                       "192.0.2.1:65536",
                                       "192.0.2.1:-1",
                                       "192.0.2.1:http",
                                       "192.0.2.1 ",
                                       "192.0.2.1:80:90",
                                       "192.0.2",
                                       "192.0.2.256",
                                       "[192.0.2.1]:80",
                                       "[::1]",
                                       "[::1]80",
                                       "[::1]:",
                                       "[::1:80",
                                       "::1]:80",
                                       "[]:80",
                                       "[::1]:80x",
                                       "[[::1]]:80",
                                       "fe80::1%eth0",
                                       "[fe80::1%eth0]:80",
                                       "unix:/a"}) {
    EXPECT_TRUE(HasReason(ParseIpEndpoint("address", text).status(),
                          Reason::kAddressInvalid))
        << text;
  }
  const absl::string_view nul("127.0.0.1\0", 10);
  EXPECT_FALSE(ParseIpEndpoint("address", nul).ok());
}

TEST(IpEndpointTest, NamesTheFieldAndTheFormsThatAreAllowed) {
  const absl::Status error =
      ParseIpEndpoint("local_address", "localhost").status();

  EXPECT_THAT(std::string(error.message()),
              HasSubstr("local_address: got \"localhost\"; allowed: an IP "
                        "address without a zone"));
}

TEST(IsIpAddressTest, KnowsAddressesInTextForm) {
  for (const absl::string_view host : {"127.0.0.1", "::", "::1", "2001:db8::1",
                                       "::ffff:127.0.0.1", "fe80::1%eth0"}) {
    EXPECT_TRUE(IsIpAddress(host)) << host;
  }
}

TEST(IsIpAddressTest, TakesNothingElseForAnAddress) {
  for (const absl::string_view host :
       {absl::string_view(""), absl::string_view("localhost"),
        absl::string_view("1.2.3"), absl::string_view("1.2.3.4.5"),
        absl::string_view("256.0.0.1"), absl::string_view("[::1]"),
        absl::string_view("1.2.3.4%eth0"), absl::string_view("fe80::1%"),
        absl::string_view("::1\0", 4), absl::string_view("127.0.0.1 ")}) {
    EXPECT_FALSE(IsIpAddress(host)) << host;
  }
}

}  // namespace
}  // namespace tlsd::net
