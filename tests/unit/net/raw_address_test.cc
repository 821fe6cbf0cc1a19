#include "server/net/raw_address.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <string>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace tlsd::net {
namespace {

using Family = SocketAddress::Family;

TEST(RawAddressTest, TranslatesIpAddressesBothWays) {
  const SocketAddress ipv4 = {Family::kIpv4, 443, "192.0.2.1"};
  const SocketAddress ipv6 = {Family::kIpv6, 443, "2001:db8::1"};

  EXPECT_EQ(FromRaw(*RawFromIp(ipv4.text, 443)), ipv4);
  EXPECT_EQ(FromRaw(*RawFromIp(ipv6.text, 443)), ipv6);
}

TEST(RawAddressTest, TakesNoNameForAnAddress) {
  for (const absl::string_view text :
       {absl::string_view(""), absl::string_view("localhost"),
        absl::string_view("[::1]"), absl::string_view("fe80::1%lo"),
        absl::string_view("127.0.0.1\0", 10)}) {
    EXPECT_FALSE(RawFromIp(text, 1).has_value()) << text;
  }
}

TEST(RawAddressTest, ShowsAMappedAddressAsIpv4) {
  EXPECT_EQ(FromRaw(*RawFromIp("::ffff:192.0.2.1", 443)),
            (SocketAddress{Family::kIpv4, 443, "192.0.2.1"}));
}

TEST(RawAddressTest, ShowsTheZoneOfALinkLocalAddress) {
  RawAddress raw = *RawFromIp("fe80::1", 443);
  sockaddr_in6 ipv6;
  std::memcpy(&ipv6, &raw.storage, sizeof(ipv6));
  ipv6.sin6_scope_id = 3;
  std::memcpy(&raw.storage, &ipv6, sizeof(ipv6));

  EXPECT_EQ(FromRaw(raw).ip(), "fe80::1%3");
}

TEST(RawAddressTest, TranslatesUnixPathsBothWays) {
  for (const size_t size : {size_t{2}, kUnixPathBytesMax}) {
    const std::string path = "/" + std::string(size - 1, 'a');

    EXPECT_EQ(FromRaw(RawFromPath(path)),
              (SocketAddress{Family::kUnix, 0, path}));
  }
}

TEST(RawAddressTest, ShowsAnUnnamedUnixSocketWithoutPath) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);

  EXPECT_EQ(LocalAddressOf(ends[0]), (SocketAddress{Family::kUnix, 0, ""}));

  close(ends[0]);
  close(ends[1]);
}

TEST(RawAddressTest, ShowsAnAbstractUnixSocketWithAnAtSign) {
  RawAddress raw = RawFromPath("?name");
  reinterpret_cast<char*>(&raw.storage)[offsetof(sockaddr_un, sun_path)] = '\0';
  raw.size = offsetof(sockaddr_un, sun_path) + 5;

  EXPECT_EQ(FromRaw(raw).path(), "@name");
}

TEST(RawAddressTest, KnowsNoOtherFamily) {
  RawAddress raw;
  raw.storage.ss_family = AF_PACKET;

  EXPECT_EQ(FromRaw(raw), SocketAddress());
  EXPECT_EQ(LocalAddressOf(-1), SocketAddress());
}

}  // namespace
}  // namespace tlsd::net
