// What is written as a PROXY header, against bytes of the specification and of
// HAProxy 2.6.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/byte_queue.h"
#include "server/net/proxy_header.h"

namespace tlsd::net {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using Family = SocketAddress::Family;

// "\r\n\r\n\0\r\nQUIT\n" in hexadecimal.
constexpr absl::string_view kSignature = "0d0a0d0a000d0a515549540a";

// What HAProxy sends with "send-proxy-v2 proxy-v2-options ssl,cert-cn,
// ssl-cipher,cert-sig,cert-key,authority,crc32c" for a client with a
// certificate.
constexpr absl::string_view kHaproxyTls =
    "0d0a0d0a000d0a515549540a2111007c7f0000017f000001b2f2480b0300043a28f3cd"
    "010008687474702f312e3102000b7365727665722e7465737420004d07000000002100"
    "07544c5376312e3322000b636c69656e742e746573742500075253413230343824000a"
    "5253412d534841323536230016544c535f4145535f3235365f47434d5f534841333834";

SocketAddress Ip(absl::string_view ip, uint16_t port) {
  const bool is_ipv6 = ip.find(':') != absl::string_view::npos;
  return {is_ipv6 ? Family::kIpv6 : Family::kIpv4, port, std::string(ip)};
}

SocketAddress Unix(std::string path) {
  return {Family::kUnix, 0, std::move(path)};
}

ProxyHeader Between(int version, SocketAddress source,
                    SocketAddress destination) {
  ProxyHeader header;
  header.version = version;
  header.source = std::move(source);
  header.destination = std::move(destination);
  return header;
}

std::string Encoded(int version, SocketAddress source,
                    SocketAddress destination) {
  return EncodeProxyHeader(
      Between(version, std::move(source), std::move(destination)));
}

std::string HexOf(const ProxyHeader& header) {
  return absl::BytesToHexString(EncodeProxyHeader(header));
}

// The header as a receiver sees it.
ProxyHeader Received(absl::string_view bytes) {
  ProxyHeaderReader reader;
  const auto taken = reader.Receive(base::AsBytes(bytes));
  EXPECT_TRUE(taken.ok()) << taken.status();
  EXPECT_TRUE(reader.done());
  EXPECT_EQ(taken.value_or(0), bytes.size());
  return reader.header();
}

TEST(ProxyHeaderEncodingTest, WritesTheExampleOfVersion1) {
  // Section 2.1.
  EXPECT_EQ(Encoded(1, Ip("192.168.0.1", 56324), Ip("192.168.0.11", 443)),
            "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n");
}

TEST(ProxyHeaderEncodingTest, WritesTheVersion1OfHaproxy) {
  EXPECT_EQ(Encoded(1, Ip("127.0.0.1", 54572), Ip("127.0.0.1", 18444)),
            "PROXY TCP4 127.0.0.1 127.0.0.1 54572 18444\r\n");
  EXPECT_EQ(Encoded(1, Ip("::1", 54372), Ip("::1", 18446)),
            "PROXY TCP6 ::1 ::1 54372 18446\r\n");
}

TEST(ProxyHeaderEncodingTest, WritesUnknownInVersion1ForWhatItCannotSay) {
  ProxyHeader local = Between(1, Ip("1.2.3.4", 1), Ip("5.6.7.8", 2));
  local.is_local = true;
  EXPECT_EQ(EncodeProxyHeader(local), "PROXY UNKNOWN\r\n");
  EXPECT_EQ(Encoded(1, {}, {}), "PROXY UNKNOWN\r\n");
  EXPECT_EQ(Encoded(1, Ip("1.2.3.4", 1), {}), "PROXY UNKNOWN\r\n");
  EXPECT_EQ(Encoded(1, Unix("/a"), Unix("/b")), "PROXY UNKNOWN\r\n");
  EXPECT_EQ(Encoded(1, Unix("/a"), Ip("1.2.3.4", 1)), "PROXY UNKNOWN\r\n");
  EXPECT_EQ(Encoded(1, Ip("nonsense", 1), Ip("1.2.3.4", 1)),
            "PROXY UNKNOWN\r\n");
}

TEST(ProxyHeaderEncodingTest, WritesMixedFamiliesAsIpv6) {
  // Version 1 knows no dots in IPv6 addresses.
  EXPECT_EQ(Encoded(1, Ip("192.0.2.1", 1), Ip("2001:db8::1", 2)),
            "PROXY TCP6 ::ffff:c000:201 2001:db8::1 1 2\r\n");
  EXPECT_EQ(Encoded(1, Ip("2001:db8::1", 1), Ip("1.2.3.4", 2)),
            "PROXY TCP6 2001:db8::1 ::ffff:102:304 1 2\r\n");

  EXPECT_EQ(
      HexOf(Between(2, Ip("192.0.2.1", 1), Ip("2001:db8::1", 2))),
      absl::StrCat(kSignature, "21210024", "00000000000000000000ffffc0000201",
                   "20010db8000000000000000000000001", "00010002"));
  for (const int version : {1, 2}) {
    const ProxyHeader seen =
        Received(Encoded(version, Ip("192.0.2.1", 1), Ip("2001:db8::1", 2)));
    EXPECT_EQ(seen.source, Ip("192.0.2.1", 1));
    EXPECT_EQ(seen.destination, Ip("2001:db8::1", 2));
  }
}

TEST(ProxyHeaderEncodingTest, LeavesOutTheZoneOfAnAddress) {
  EXPECT_EQ(Encoded(1, Ip("fe80::1%2", 1), Ip("fe80::2%eth0", 2)),
            "PROXY TCP6 fe80::1 fe80::2 1 2\r\n");
}

TEST(ProxyHeaderEncodingTest, WritesTheVersion2OfHaproxy) {
  ProxyHeader ipv4 = Between(2, Ip("127.0.0.1", 36770), Ip("127.0.0.1", 18445));
  ipv4.fields = {{kProxyChecksum, ""}};
  EXPECT_EQ(HexOf(ipv4),
            absl::StrCat(kSignature, "21110013", "7f0000017f0000018fa2480d",
                         "030004a549d302"));

  ProxyHeader ipv6 = Between(2, Ip("::1", 57540), Ip("::1", 18445));
  ipv6.fields = {{kProxyChecksum, "of another header"}};
  EXPECT_EQ(HexOf(ipv6), absl::StrCat(kSignature, "2121002b",
                                      "00000000000000000000000000000001",
                                      "00000000000000000000000000000001",
                                      "e0c4480d", "030004f7f38636"));

  EXPECT_EQ(HexOf(Between(2, {}, {})), absl::StrCat(kSignature, "20000000"));
}

TEST(ProxyHeaderEncodingTest, PassesOnWhatHaproxySays) {
  const std::string bytes = absl::HexStringToBytes(kHaproxyTls);
  ProxyHeader header = Received(bytes);
  EXPECT_EQ(header.source, Ip("127.0.0.1", 45810));
  EXPECT_THAT(header.fields, SizeIs(4));
  EXPECT_EQ(header.fields[1], (ProxyField{kProxyAlpn, "http/1.1"}));
  EXPECT_EQ(header.fields[2], (ProxyField{kProxyAuthority, "server.test"}));
  EXPECT_EQ(header.fields[3].type, kProxySsl);
  EXPECT_EQ(EncodeProxyHeader(header), bytes);

  // The checksum follows what changes.
  header.source = Ip("192.0.2.1", 1);
  EXPECT_EQ(Received(EncodeProxyHeader(header)).source, header.source);
}

TEST(ProxyHeaderEncodingTest, WritesOneChecksum) {
  ProxyHeader header = Between(2, Ip("1.2.3.4", 1), Ip("5.6.7.8", 2));
  header.fields = {{kProxyChecksum, "a"}, {5, "id"}, {kProxyChecksum, "b"}};

  EXPECT_THAT(Received(EncodeProxyHeader(header)).fields,
              ElementsAre(testing::Field(&ProxyField::type, kProxyChecksum),
                          ProxyField{5, "id"}));
}

TEST(ProxyHeaderEncodingTest, WritesPathsInVersion2) {
  const std::string bytes = Encoded(2, Unix("/source"), Unix("@abstract"));
  EXPECT_EQ(bytes.size(), 16 + 2 * 108);
  EXPECT_EQ(absl::BytesToHexString(bytes.substr(12, 4)), "213100d8");
  EXPECT_EQ(bytes.substr(16, 8), std::string("/source\0", 8));
  EXPECT_EQ(bytes.substr(16 + 108, 10), std::string("\0abstract\0", 10));
  EXPECT_EQ(Received(bytes).source, Unix("/source"));
  EXPECT_EQ(Received(bytes).destination, Unix("@abstract"));

  // Clients have no name as a rule.
  const ProxyHeader unnamed = Received(Encoded(2, Unix(""), Unix("/a")));
  EXPECT_FALSE(unnamed.is_local);
  EXPECT_EQ(unnamed.source, Unix(""));
}

TEST(ProxyHeaderEncodingTest, WritesLocalInVersion2WithoutBothAddresses) {
  const std::string local = absl::StrCat(kSignature, "20000000");
  EXPECT_EQ(HexOf(Between(2, {}, Ip("1.2.3.4", 1))), local);
  EXPECT_EQ(HexOf(Between(2, Ip("1.2.3.4", 1), Unix("/a"))), local);
  ProxyHeader header = Between(2, Ip("1.2.3.4", 1), Ip("5.6.7.8", 2));
  header.is_local = true;
  EXPECT_EQ(HexOf(header), local);

  header.fields = {{kProxyAuthority, "name"}};
  const ProxyHeader seen = Received(EncodeProxyHeader(header));
  EXPECT_TRUE(seen.is_local);
  EXPECT_EQ(seen.fields, header.fields);
}

TEST(ProxyHeaderEncodingTest, LeavesOutFieldsThatDoNotFit) {
  constexpr size_t kAddressBytes = 12;
  constexpr size_t kHeadBytes = 3;
  const size_t most = 65535 - kAddressBytes - kHeadBytes;
  ProxyHeader header = Between(2, Ip("1.2.3.4", 1), Ip("5.6.7.8", 2));
  header.fields = {{5, std::string(most, 'x')}};
  EXPECT_EQ(EncodeProxyHeader(header).size(), 16 + 65535);

  header.fields = {{5, std::string(most + 1, 'x')}, {1, "h2"}};
  EXPECT_THAT(Received(EncodeProxyHeader(header)).fields,
              ElementsAre(ProxyField{1, "h2"}));
}

TEST(ProxyHeaderEncodingTest, ReadsWhatItWrites) {
  for (const int version : {1, 2}) {
    for (const auto& [source, destination] :
         {std::pair(Ip("0.0.0.0", 0), Ip("255.255.255.255", 65535)),
          std::pair(Ip("::", 0), Ip("ffff::", 65535))}) {
      ProxyHeader header = Between(version, source, destination);
      if (version == 2) header.fields = {{0xe0, std::string(1000, '\0')}};

      EXPECT_EQ(Received(EncodeProxyHeader(header)), header);
    }
  }
}

std::string Part(uint8_t type, absl::string_view value) {
  return absl::StrCat(std::string({static_cast<char>(type), '\0',
                                   static_cast<char>(value.size())}),
                      value);
}

TEST(ProxySslTest, SaysWhatTlsHasAgreedOn) {
  ProxySsl ssl;
  ssl.version = "TLSv1.3";
  ssl.has_client_certificate = true;
  ssl.is_authorized = true;
  ssl.common_name = "client.test";
  ssl.cipher = "TLS_AES_256_GCM_SHA384";
  ssl.signature_algorithm = "RSA-SHA256";
  ssl.key_algorithm = "RSA2048";
  ssl.client_certificate = "DER";

  const ProxyField field = EncodeProxySsl(ssl);

  EXPECT_EQ(field.type, 0x20);
  EXPECT_EQ(field.value,
            absl::StrCat(std::string("\x07\0\0\0\0", 5), Part(0x21, "TLSv1.3"),
                         Part(0x22, "client.test"),
                         Part(0x23, "TLS_AES_256_GCM_SHA384"),
                         Part(0x24, "RSA-SHA256"), Part(0x25, "RSA2048"),
                         Part(0x28, "DER")));
}

TEST(ProxySslTest, HasThePartsOfHaproxy) {
  const ProxyHeader theirs = Received(absl::HexStringToBytes(kHaproxyTls));
  ProxySsl ssl;
  ssl.version = "TLSv1.3";
  ssl.has_client_certificate = ssl.is_authorized = true;
  ssl.common_name = "client.test";
  ssl.cipher = "TLS_AES_256_GCM_SHA384";
  ssl.signature_algorithm = "RSA-SHA256";
  ssl.key_algorithm = "RSA2048";

  const std::string ours = EncodeProxySsl(ssl).value;

  // In another order.
  const std::string& expected = theirs.fields.back().value;
  EXPECT_EQ(ours.size(), expected.size());
  for (const std::string& part :
       {Part(0x21, ssl.version), Part(0x22, ssl.common_name),
        Part(0x23, ssl.cipher), Part(0x24, ssl.signature_algorithm),
        Part(0x25, ssl.key_algorithm)}) {
    EXPECT_THAT(expected, HasSubstr(part));
    EXPECT_THAT(ours, HasSubstr(part));
  }
}

TEST(ProxySslTest, IsVerifiedOnlyWithACertificateThatIsAuthorized) {
  const auto start = [](bool has_certificate, bool is_authorized) {
    ProxySsl ssl;
    ssl.has_client_certificate = has_certificate;
    ssl.is_authorized = is_authorized;
    return absl::BytesToHexString(EncodeProxySsl(ssl).value);
  };

  EXPECT_EQ(start(true, true), "0700000000");
  EXPECT_EQ(start(true, false), "0700000001");
  EXPECT_EQ(start(false, true), "0100000001");
  EXPECT_EQ(start(false, false), "0100000001");
}

TEST(ProxySslTest, TellsACertificateOfAnEarlierConnectionApart) {
  ProxySsl ssl;
  ssl.has_client_certificate = ssl.is_authorized = true;
  ssl.is_resumed = true;
  EXPECT_EQ(absl::BytesToHexString(EncodeProxySsl(ssl).value), "0500000000");
}

TEST(ProxySslTest, LeavesOutACertificateThatIsTooLong) {
  ProxySsl ssl;
  ssl.version = "TLSv1.3";
  ssl.client_certificate = std::string(60'000, 'x');
  EXPECT_THAT(EncodeProxySsl(ssl).value, HasSubstr("xxx"));

  ssl.client_certificate = std::string(65'000, 'x');
  EXPECT_EQ(
      EncodeProxySsl(ssl).value,
      absl::StrCat(std::string("\x01\0\0\0\x01", 5), Part(0x21, "TLSv1.3")));
}

}  // namespace
}  // namespace tlsd::net
